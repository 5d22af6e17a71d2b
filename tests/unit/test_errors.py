from __future__ import annotations

import pytest

from rechroma.errors import (
    BrokenImageError,
    ImageTooLargeError,
    InvalidChromaError,
    MissingExtraError,
    OptionError,
    RechromaError,
    TargetError,
    error_context,
)


@pytest.mark.parametrize(
    "kind", [BrokenImageError, InvalidChromaError, OptionError, MissingExtraError]
)
def test_error_context_prefixes_the_name(kind: type[RechromaError]) -> None:
    with pytest.raises(kind, match=r"^a\.jpg: no good$") as caught, error_context("a.jpg"):
        raise kind("no good", hint="Try another.") from KeyError("why")
    assert caught.value.hint == "Try another."
    assert isinstance(caught.value.__cause__, KeyError)


def test_memory_error_becomes_image_too_large() -> None:
    with pytest.raises(ImageTooLargeError, match=r"^a\.jpg: .*memory"), error_context("a.jpg"):
        raise MemoryError


def test_errors_that_name_their_file_are_unchanged() -> None:
    with pytest.raises(TargetError, match=r"^b\.jpg: full$"), error_context("a.jpg"):
        raise TargetError("b.jpg: full")
