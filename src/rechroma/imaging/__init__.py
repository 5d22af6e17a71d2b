"""Reading, writing and the metadata of photographs, and the upsampling of chroma."""

from __future__ import annotations

from rechroma.imaging.files import check_target, write_atomically
from rechroma.imaging.formats import FORMATS, SUFFIXES, asked_format, result_format
from rechroma.imaging.naming import named
from rechroma.imaging.photo import Levels, Metadata, Photo
from rechroma.imaging.reading import MAX_PIXELS, photo_of_array, read_photo
from rechroma.imaging.sheet import contact_sheet
from rechroma.imaging.upsample import ChromaUpsampler
from rechroma.imaging.writing import QUALITY, encode_photo, write_photo

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "QUALITY",
    "SUFFIXES",
    "ChromaUpsampler",
    "Levels",
    "Metadata",
    "Photo",
    "asked_format",
    "check_target",
    "contact_sheet",
    "encode_photo",
    "named",
    "photo_of_array",
    "read_photo",
    "result_format",
    "write_atomically",
    "write_photo",
]
