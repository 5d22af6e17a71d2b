"""Kinds of files that are not read, so that each is rejected by its name.

They are recognized by their first bytes, never by the name of the file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rechroma.errors import InputError, NotAnImageError, UnsupportedImageError

HEAD_BYTES = 4096
"""How many first bytes of a file :func:`kind_error` needs."""


class _Kind(NamedTuple):
    """A kind of file.

    Attributes:
        key: Its name for programs.
        name: Its name in errors, with an article if it needs one.
        hint: What to do with such a file.
        is_picture: Whether the file holds a picture, although none that is read.
    """

    key: str
    name: str
    hint: str
    is_picture: bool = True


_CONVERT = "Save it as a TIFF, PNG or JPEG first."
_EXPORT = "Export the page or picture as a TIFF, PNG or JPEG first."
_DATA = "Export the picture as a PNG or TIFF with 8 or 16 bits per channel first."
_VIDEO_HINT = "Export single frames as PNG or JPEG; films are not colored."

_RAW = _Kind(
    "raw", "a camera's raw file (such as DNG, NEF or CR2)", "Develop it to a TIFF or JPEG first."
)
_JPEG_XL = _Kind("jpeg-xl", "JPEG XL", _CONVERT)
_PHOTOSHOP = _Kind("photoshop", "a Photoshop file (PSD or PSB)", _CONVERT)
_POSTSCRIPT = _Kind("postscript", "PostScript (EPS or AI)", _EXPORT)
_NETPBM = _Kind("netpbm", "Netpbm (PBM, PGM, PPM or PAM)", _CONVERT)
_HDR = _Kind("hdr", "a high dynamic range image (OpenEXR or Radiance HDR)", _DATA)
_VIDEO = _Kind("video", "a video", _VIDEO_HINT)
_TARGA = _Kind("targa", "Targa", _CONVERT)
_SOUND = _Kind("sound", "a sound file", "Choose a photograph.", is_picture=False)
_SVG = _Kind("svg", "a drawing (SVG)", _EXPORT)
_ARCHIVE = _Kind(
    "archive",
    "an archive (such as ZIP)",
    "Unpack it and color the images inside.",
    is_picture=False,
)
_WEB_PAGE = _Kind(
    "web-page",
    "a web page",
    "It was saved in place of the photograph: download that itself.",
    is_picture=False,
)
_TEXT = _Kind(
    "text",
    "a text file",
    "Check whether the photograph was saved under another name.",
    is_picture=False,
)
_COMPANION = _Kind(
    "companion",
    "a companion file of macOS",
    "Color the file of the same name without '._'.",
    is_picture=False,
)
_OFFICE = _Kind("office", "an Office document or a cache of thumbnails", _EXPORT, is_picture=False)
_LFS_POINTER = _Kind(
    "lfs-pointer", "a pointer of Git LFS", "Fetch the file itself: git lfs pull.", is_picture=False
)
_ZEROS = _Kind(
    "zeros",
    "a file of zeros",
    "Its content was lost, such as in a failed copy: copy it again.",
    is_picture=False,
)

_SIGNATURES: tuple[tuple[int, bytes, _Kind], ...] = (
    (0, b"\xff\x0a", _JPEG_XL),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", _JPEG_XL),
    (0, b"II\xbc", _Kind("jpeg-xr", "JPEG XR", _CONVERT)),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    *((0, prefix, _RAW) for prefix in (b"IIRO", b"IIRS", b"MMOR")),  # ORF
    (0, b"IIU\0", _RAW),  # RW2
    (0, b"FOVb", _RAW),  # X3F
    (0, b"\0MRM", _RAW),
    (6, b"HEAPCCDR", _RAW),  # CRW
    (0, b"8BPS", _PHOTOSHOP),
    (0, b"%PDF-", _Kind("pdf", "a PDF", _EXPORT)),
    (0, b"%!PS", _POSTSCRIPT),
    (0, b"\xc5\xd0\xd3\xc6", _POSTSCRIPT),
    (0, b"gimp xcf", _Kind("gimp", "a GIMP file (XCF)", _CONVERT)),
    (128, b"DICM", _Kind("dicom", "a medical image (DICOM)", _DATA)),
    (0, b"SIMPLE  =", _Kind("fits", "an astronomical image (FITS)", _DATA)),
    (0, b"v/1\x01", _HDR),
    (0, b"#?RADIANCE", _HDR),
    (0, b"#?RGBE", _HDR),
    (0, b"AT&TFORM", _Kind("djvu", "a scanned document (DjVu)", _EXPORT)),
    *((0, b"P%d" % number + end, _NETPBM) for number in range(1, 8) for end in (b"\n", b" ")),
    (0, b"\0\0\1\0", _Kind("icon", "an icon (ICO)", _CONVERT)),
    *((0, bytes((0, 0, number, 0)), _TARGA) for number in (2, 3, 10, 11)),
    (0, b"\x0a\x05\x01\x08", _Kind("pcx", "PCX", _CONVERT)),
    (8, b"ILBM", _Kind("ilbm", "an Amiga picture (ILBM)", _CONVERT)),
    (2048, b"PCD_IPI", _Kind("photo-cd", "Photo CD", _CONVERT)),
    (0, b"BPG\xfb", _Kind("bpg", "BPG", _CONVERT)),
    (0, b"qoif", _Kind("qoi", "QOI", _CONVERT)),
    (0, b"DDS ", _Kind("dds", "a texture (DDS)", _CONVERT)),
    (8, b"AVI ", _VIDEO),
    (8, b"WAVE", _SOUND),
    (0, b"ID3", _SOUND),
    (0, b"\x1a\x45\xdf\xa3", _VIDEO),  # Matroska, WebM
    (0, b"\0\0\1\xba", _VIDEO),  # MPEG
    (0, b"\0\0\1\xb3", _VIDEO),
    (0, b"FLV\1", _VIDEO),
    (0, b"OggS", _VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _VIDEO),  # WMV
    *((4, box, _VIDEO) for box in (b"moov", b"mdat", b"wide", b"pnot")),  # old MOV
    (0, b"PK\x03\x04", _ARCHIVE),
    (0, b"PK\x05\x06", _ARCHIVE),
    (0, b"Rar!\x1a\x07", _ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (0, b"\x1f\x8b\x08", _ARCHIVE),
    (257, b"ustar", _ARCHIVE),
    (0, b"\0\5\x16\7", _COMPANION),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE),
    (0, b"version https://git-lfs", _LFS_POINTER),
)
_BRANDS = {  # of ISO base media files; the others are videos
    b"crx ": _RAW,  # CR3
    b"jxl ": _JPEG_XL,
    b"M4A ": _SOUND,
    **dict.fromkeys((b"avif", b"avis"), _Kind("avif", "AVIF with this build of Pillow", _CONVERT)),
    **dict.fromkeys((b"mif1", b"msf1", b"miaf"), _Kind("heif", "HEIF of this kind", _CONVERT)),
}
_MARKUP = (
    (re.compile(rb"<svg[\s>]"), _SVG),
    (re.compile(rb"<(?:!doctype html|html|head|body|script)[\s>]"), _WEB_PAGE),
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MIN_ZEROS = 64
_MIN_TEXT = 4


def kind_error(head: bytes) -> InputError:
    """Return the error that rejects a file in none of the supported formats, by its kind.

    Args:
        head: The first `HEAD_BYTES` bytes of the file, or all if it has fewer.
    """
    kind = _kind_of(head)
    if kind is None:
        return NotAnImageError(
            "this is not an image in a known format",
            hint="JPEG, PNG, TIFF, WebP, AVIF, JPEG 2000, BMP and GIF are supported, and HEIC with "
            "the extra 'heif'.",
        )
    if kind.is_picture:
        return _unsupported(kind)
    message = f"this is {kind.name}, not a photograph"
    return NotAnImageError(message, hint=kind.hint, kind=kind.key)


def raw_error() -> InputError:
    """Return the error that rejects a camera's raw file."""
    return _unsupported(_RAW)


def _unsupported(kind: _Kind) -> UnsupportedImageError:
    return UnsupportedImageError(f"{kind.name} is not supported", hint=kind.hint, kind=kind.key)


def _kind_of(head: bytes) -> _Kind | None:
    for at, magic, kind in _SIGNATURES:
        if head.startswith(magic, at):
            return kind
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], _VIDEO)
    if len(head) >= _MIN_ZEROS and not any(head):
        return _ZEROS
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> _Kind | None:
    """Return the kind of a text; None if it is none."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16
        head = head.decode("utf-16", "ignore").encode()
    text = head.removeprefix(_BYTE_ORDER_MARK)
    if len(text) < _MIN_TEXT or _CONTROL.search(text):
        return None
    if text.lstrip().startswith(b"<"):
        for pattern, kind in _MARKUP:
            if pattern.search(text.lower()):
                return kind
    return _TEXT
