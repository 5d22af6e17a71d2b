"""Reading, writing and the metadata of photographs, hints, and the upsampling of chroma."""

from __future__ import annotations

from rechroma.imaging.files import check_target, refusals, write_atomically
from rechroma.imaging.formats import (
    FORMATS,
    SUFFIXES,
    asked_format,
    result_format,
    target_format,
)
from rechroma.imaging.hints import (
    MOST_HINTS,
    Hint,
    check_hints,
    hint_map,
    hints_from_json,
    hints_to_json,
    pixels_at,
    read_hints,
)
from rechroma.imaging.naming import named
from rechroma.imaging.photo import Levels, Metadata, Photo
from rechroma.imaging.placing import default_target
from rechroma.imaging.reading import MAX_PIXELS, photo_of_array, read_photo
from rechroma.imaging.sheet import contact_sheet
from rechroma.imaging.small import read_small, sniff
from rechroma.imaging.upsample import ChromaUpsampler
from rechroma.imaging.writing import QUALITY, encode_photo, encode_small, write_photo

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "MOST_HINTS",
    "QUALITY",
    "SUFFIXES",
    "ChromaUpsampler",
    "Hint",
    "Levels",
    "Metadata",
    "Photo",
    "asked_format",
    "check_hints",
    "check_target",
    "contact_sheet",
    "default_target",
    "encode_photo",
    "encode_small",
    "hint_map",
    "hints_from_json",
    "hints_to_json",
    "named",
    "photo_of_array",
    "pixels_at",
    "read_hints",
    "read_photo",
    "read_small",
    "refusals",
    "result_format",
    "sniff",
    "target_format",
    "write_atomically",
    "write_photo",
]
