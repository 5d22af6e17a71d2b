"""Contact sheets: images side by side under common headings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, ImageOps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_GAP, _HEADER = 10, 40
_BACKGROUND, _INK, _FAINT = (250, 249, 246), (45, 45, 45), (150, 148, 142)


def contact_sheet(
    samples: Sequence[Sequence[NDArray[np.uint8] | None]],
    headings: Sequence[str],
    *,
    panel: tuple[int, int] = (300, 225),
    samples_per_row: int = 2,
    missing: str = "",
) -> Image.Image:
    """Lay out samples, each a group of images side by side under the same headings.

    Args:
        samples: The images of each sample, (H, W, 3) or (H, W) uint8, one per heading; None
            leaves a note.
        headings: What each image of a sample shows.
        panel: Width and height of an image on the sheet; images are cropped to its shape.
        samples_per_row: The number of samples side by side.
        missing: The note in place of an image that is None.

    Returns:
        An RGB image.
    """
    per_row = min(samples_per_row, max(1, len(samples)))
    block = len(headings) * (panel[0] + _GAP) + _GAP
    rows = -(-len(samples) // per_row)
    size = (per_row * block, _HEADER + rows * (panel[1] + _GAP))
    sheet = Image.new("RGB", size, _BACKGROUND)
    for number, images in enumerate(samples):
        row, column = divmod(number, per_row)
        for index, image in enumerate(images):
            left = column * block + _GAP + index * (panel[0] + _GAP)
            top = _HEADER + row * (panel[1] + _GAP)
            center = left + panel[0] // 2
            if row == 0:
                _write(sheet, headings[index], (center, _HEADER // 2), _INK, 20)
            if image is None:
                _write(sheet, missing, (center, top + panel[1] // 2), _FAINT, 16)
            else:
                # Heads are in the upper half of portraits, so the crop leans upwards.
                rgb = Image.fromarray(image).convert("RGB")
                sheet.paste(ImageOps.fit(rgb, panel, centering=(0.5, 0.3)), (left, top))
    return sheet


def _write(
    sheet: Image.Image, text: str, center: tuple[int, int], ink: tuple[int, int, int], size: int
) -> None:
    font = ImageFont.load_default(size)
    ImageDraw.Draw(sheet).text(center, text, ink, font, anchor="mm")
