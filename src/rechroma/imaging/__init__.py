"""Decoding, encoding and metadata of photographs, and the upsampling of chroma.

`read_photo` turns any supported input into a `Photo` (gray pixels plus everything that has to
survive coloring); `write_photo` turns a `Photo` and its colors back into a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.lazy import lazy_names

if TYPE_CHECKING:
    from rechroma.imaging.codecs.decode import (
        photo_of_array,
        read_photo,
        read_rgb_thumbnail,
        sniff,
        turn_stored,
    )
    from rechroma.imaging.codecs.encode import (
        can_write_subsampled,
        encode_photo,
        encode_preview,
        write_photo,
        write_subsampled,
    )
    from rechroma.imaging.codecs.formats import (
        FORMATS,
        SUFFIXES,
        is_built_in,
        output_format,
        parse_format,
    )
    from rechroma.imaging.codecs.kept_luma import (
        Luma,
        read_gray_jpeg,
        read_luma,
        restore_luma,
        write_around_luma,
    )
    from rechroma.imaging.codecs.open_image import is_image_file, read_content
    from rechroma.imaging.contact_sheet import contact_sheet
    from rechroma.imaging.paths import default_target, resolve_format
    from rechroma.imaging.photo import Damage, Metadata, Photo, UIntImage
    from rechroma.imaging.upsample import ChromaUpsampler
else:
    # Names and formats of files are needed before there is one to decode, and without OpenCV.
    __getattr__ = lazy_names(
        __name__,
        {
            "codecs.decode": "photo_of_array read_photo read_rgb_thumbnail sniff turn_stored",
            "codecs.encode": "can_write_subsampled encode_photo encode_preview "
            "write_photo write_subsampled",
            "codecs.formats": "FORMATS SUFFIXES is_built_in output_format parse_format",
            "codecs.kept_luma": "Luma read_gray_jpeg read_luma restore_luma write_around_luma",
            "codecs.open_image": "is_image_file read_content",
            "contact_sheet": "contact_sheet",
            "paths": "default_target resolve_format",
            "photo": "Damage Metadata Photo UIntImage",
            "upsample": "ChromaUpsampler",
        },
    )

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "ChromaUpsampler",
    "Damage",
    "Luma",
    "Metadata",
    "Photo",
    "UIntImage",
    "can_write_subsampled",
    "contact_sheet",
    "default_target",
    "encode_photo",
    "encode_preview",
    "is_built_in",
    "is_image_file",
    "output_format",
    "parse_format",
    "photo_of_array",
    "read_content",
    "read_gray_jpeg",
    "read_luma",
    "read_photo",
    "read_rgb_thumbnail",
    "resolve_format",
    "restore_luma",
    "sniff",
    "turn_stored",
    "write_around_luma",
    "write_photo",
    "write_subsampled",
]
