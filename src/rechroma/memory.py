"""Return of freed memory to the system.

The C library keeps what threads have freed, for each thread apart: a third of the memory of a
process that has loaded a model, and half a gigabyte of an idle server after forty photographs.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from typing import Any


def trim_memory() -> None:
    """Return freed memory to the system, in a few milliseconds; only glibc needs it, and can."""
    if trim := _find_trim():
        trim(0)


@cache
def _find_trim() -> Any:  # noqa: ANN401 - a C function
    with suppress(AttributeError, OSError, TypeError):
        return ctypes.CDLL(None).malloc_trim
    return None
