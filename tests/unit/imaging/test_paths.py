from __future__ import annotations

from pathlib import Path

import pytest

from rechroma.errors import OptionError
from rechroma.imaging import default_target, resolve_format


@pytest.mark.parametrize(
    ("source", "format", "target"),
    [
        ("a/photo.jpg", None, "a/photo.color.jpg"),
        ("PHOTO.JPEG", None, "PHOTO.color.JPEG"),
        ("photo.tiff", "TIFF", "photo.color.tiff"),
        ("photo.jpg", "png", "photo.color.png"),
        ("photo.gif", None, "photo.color.png"),
        ("photo", None, "photo.color"),
        ("my.old.photo.png", None, "my.old.photo.color.png"),
        ("nowhere", None, "nowhere.color"),
        ("nowhere", "png", "nowhere.color.png"),
    ],
)
def test_default_target_is_beside_the_source(source: str, format: str | None, target: str) -> None:  # noqa: A002
    assert default_target(Path(source), format) == Path(target)


@pytest.mark.parametrize(
    ("target", "format", "source", "written"),
    [
        ("a.jpg", None, None, "JPEG"),
        ("a.JPG", "jpeg", None, "JPEG"),
        ("a", None, None, None),
        ("a", "png", None, "PNG"),
        ("a.scan", None, "b.scan", None),
        ("a.scan", "tif", "b.SCAN", "TIFF"),
    ],
)
def test_resolve_format_reads_the_suffix_and_the_request(
    target: str,
    format: str | None,  # noqa: A002
    source: str | None,
    written: str | None,
) -> None:
    photograph = None if source is None else Path(source)
    assert resolve_format(Path(target), format, source=photograph) == written


@pytest.mark.parametrize(
    ("target", "format", "message"),
    [
        ("a.scan", None, r"^a\.scan: cannot write the format '\.scan'"),
        ("a.gif", None, r"^a\.gif: cannot write the format '\.gif'"),
        ("a.png", "jpeg", r"^a\.png: the name implies PNG, but JPEG was requested"),
        ("a", "gif", "cannot write the format 'gif'"),
    ],
)
def test_resolve_format_rejects_names_of_other_formats(
    target: str,
    format: str | None,  # noqa: A002
    message: str,
) -> None:
    with pytest.raises(OptionError, match=message):
        resolve_format(Path(target), format, source=Path("photo.jpg"))
