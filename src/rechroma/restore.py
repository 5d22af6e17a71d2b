"""Restoring of the gray JPEG in a result whose luma was kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rechroma.errors import error_context
from rechroma.fs import check_is_other_file, check_target, to_path, write_atomically
from rechroma.imaging import read_content, restore_luma
from rechroma.options import RESULT_SUFFIX

if TYPE_CHECKING:
    import os
    from pathlib import Path

RESTORED_SUFFIX = ".gray"
"""Inserted before the file suffix of a restored photograph, in place of `.color`."""


@dataclass(frozen=True)
class Restored:
    """A restored gray JPEG.

    Attributes:
        source: The colorized file.
        target: The file that was written.
        exact: Whether it is the original, byte for byte, by its SHA-256; otherwise the source has
            no record of the original, and the target has the luma and the metadata of the source.
    """

    source: Path
    target: Path
    exact: bool


def restore_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
) -> Restored:
    """Restore the gray JPEG from a result of ``colorize_file(..., keep_luma=True)``.

    Args:
        source: The result; never changed.
        target: The file to write; None for `photo.gray.jpg` next to `photo.color.jpg`.
        overwrite: Whether to replace an existing target.

    Raises:
        UnsupportedImageError: There is no kept luma in the source.
        BrokenImageError: The source is damaged; nothing is written.
        FileError: The source cannot be read, or the target not written.
        OptionError: An argument is no path.
    """
    source = to_path(source)
    target = restored_target(source) if target is None else to_path(target)
    check_target(target, overwrite=overwrite)
    check_is_other_file(target, source)
    content = read_content(source, str(source))
    with error_context(source):
        kept = restore_luma(content)
    write_atomically(target, kept.content, overwrite=overwrite, like=source)
    return Restored(source, target, kept.exact)


def restored_target(source: Path, folder: Path | None = None) -> Path:
    """Return the path of the file restored from `photo.color.jpg`.

    That is `photo.gray.jpg` next to it, or `photo.jpg` in another folder.
    """
    stem = source.stem.removesuffix(RESULT_SUFFIX)
    if folder is not None:
        return folder / f"{stem}{source.suffix}"
    return source.with_name(f"{stem}{RESTORED_SUFFIX}{source.suffix}")
