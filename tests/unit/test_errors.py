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
def test_the_name_comes_first_and_the_rest_stays(kind: type[RechromaError]) -> None:
    with pytest.raises(kind, match=r"^a\.jpg: no good$") as caught, error_context("a.jpg"):
        raise kind("no good", hint="Try another.") from KeyError("why")
    assert caught.value.hint == "Try another."
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_lack_of_memory_is_a_picture_that_is_too_large() -> None:
    with pytest.raises(ImageTooLargeError, match=r"^a\.jpg: .*memory"), error_context("a.jpg"):
        raise MemoryError


def test_errors_that_name_their_file_pass() -> None:
    with pytest.raises(TargetError, match=r"^b\.jpg: full$"), error_context("a.jpg"):
        raise TargetError("b.jpg: full")
