"""One picture of many answers, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rechroma.evaluation.aggregate import GRAY, TRUTH
from rechroma.evaluation.predictor import gray_level, in_rgb
from rechroma.evaluation.report import MODEL
from rechroma.imaging import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL.Image import Image

    from rechroma.colorizer import Colorizer
    from rechroma.evaluation.predictor import Picture


def sheet(colorizer: Colorizer, truths: Iterable[Picture], size: int | None = None) -> Image:
    """A contact sheet: gray, the model's colors, the truth.

    Args:
        colorizer: The model.
        truths: Photographs (H, W, 3) in color.
        size: Long side that the network sees; without, the model's own.
    """
    samples = []
    for truth in truths:
        gray = gray_level(truth)
        model = np.asarray(colorizer.colorize(gray, size=size), np.uint8)
        samples.append((in_rgb(gray), model, truth))
    return contact_sheet(samples, (GRAY, MODEL, TRUTH), panel=(192, 144), samples_per_row=3)
