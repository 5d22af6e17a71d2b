"""Folders of images: photographs to color, and the finished results of other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from rechroma.color import lightness, srgb_to_lab
from rechroma.color.render import render_srgb
from rechroma.errors import DataError, SourceError
from rechroma.fs import is_clutter
from rechroma.imaging import SUFFIXES, read_rgb_thumbnail
from rechroma.options import RESULT_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.evaluation.predictor import Image

_FULL_SIZE = 1 << 30  # pixels
_MAX_DISTORTION = 0.02  # of the aspect ratio, for sizes that were rounded


class PhotoFolder:
    """The photographs in a folder, sorted by name, with the interface of shards.

    Results of `rechroma`, such as `photo.color.jpg`, are not photographs.

    Raises:
        SourceError: The folder cannot be read.
        DataError: It contains no photographs, or two that differ only in their suffix.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = [
            path for path in list_images(folder) if not path.stem.endswith(RESULT_SUFFIX)
        ]
        stems = [path.stem for path in self._paths]
        if not stems:
            raise DataError(
                f"{folder}: no photographs found",
                hint="Name a folder with images directly in it; folders in it are not searched.",
            )
        if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
            raise DataError(
                f"{folder}: several files are named {twice[0]}",
                hint="Results are matched by name: give each photograph a name of its own.",
            )

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Image:
        return read_rgb_thumbnail(self._paths[number], _FULL_SIZE)

    def key(self, number: int) -> str:
        """Return the name of a photograph without its suffix."""
        return self._paths[number].stem

    def metadata(self, _number: int) -> dict[str, Any]:
        """Return no metadata."""
        return {}


class ResultFolder:
    """Finished results of another system, matched to photographs by file name.

    Their chroma is rendered at the lightness of the photograph, as for models: only color is
    compared.

    Args:
        folder: Images named like the photographs; another suffix, or `.color` before it, is fine.

    Attributes:
        lightness_shifts: By photograph so far, the mean absolute difference in L* of its result
            from it, which rendering discards.

    Raises:
        SourceError: The folder cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        images = list_images(folder)
        self._folder = folder
        self._paths = {path.stem.removesuffix(RESULT_SUFFIX): path for path in images}
        self._paths |= {path.stem: path for path in images}
        self.lightness_shifts: dict[str, float] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._paths

    def missing_error(self, key: str, count: int) -> DataError:
        """Return the error that `count` photographs, such as `key`, have no result."""
        return DataError(
            f"{self._folder}: photographs without a result: {count}, such as {key}",
            hint=f"Results are matched by name: {key}.png or {key}.jpg.",
        )

    def colorize(self, gray: Image, key: str) -> Image:
        """Color a photograph (H, W) with the chroma of its result; returns (H, W, 3).

        Raises:
            InputError: The result is damaged.
            DataError: It has another aspect ratio.
        """
        path, (height, width) = self._paths[key], gray.shape
        result = read_rgb_thumbnail(path, _FULL_SIZE)
        distortion = result.shape[0] * width / (result.shape[1] * height)
        if abs(distortion - 1) > _MAX_DISTORTION:
            found, expected = (f"{a.shape[1]} x {a.shape[0]}" for a in (result, gray))
            raise DataError(
                f"{path}: is {found} pixels, not in the shape of the photograph ({expected})",
                hint="Results may be smaller than the photograph, but not cropped or distorted.",
            )
        smaller = result.shape[0] > height
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        lab = cv2.resize(srgb_to_lab(result), (width, height), interpolation=interpolation)
        self.lightness_shifts[key] = float(np.abs(lab[..., 0] - lightness(gray)).mean())
        return np.asarray(render_srgb(gray, np.ascontiguousarray(lab[..., 1:])), np.uint8)


def list_images(folder: Path) -> list[Path]:
    """List the images directly in a folder, sorted by name, without hidden files.

    Raises:
        SourceError: The folder cannot be read.
    """
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not is_clutter(path.name)
        )
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {error.strerror}") from error
