"""Contact sheets of gray input, prediction and truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rechroma.evaluation.aggregate import GRAY, TRUTH
from rechroma.evaluation.predictor import gray_to_rgb, to_gray
from rechroma.evaluation.report import MODEL
from rechroma.imaging import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image as PillowImage

    from rechroma.colorizer import Colorizer
    from rechroma.evaluation.predictor import Image


def draw_sheet(
    colorizer: Colorizer, truths: Iterable[Image], size: int | None = None
) -> PillowImage.Image:
    """Draw a contact sheet of gray images, predictions and truths.

    Args:
        colorizer: The model.
        truths: Color photographs (H, W, 3).
        size: Long side of the network's input; by default the model's own.
    """
    samples = []
    for truth in truths:
        gray = to_gray(truth)
        model = np.asarray(colorizer.colorize(gray, size=size), np.uint8)
        samples.append((gray_to_rgb(gray), model, truth))
    return contact_sheet(samples, (GRAY, MODEL, TRUTH), panel=(192, 144), samples_per_row=3)
