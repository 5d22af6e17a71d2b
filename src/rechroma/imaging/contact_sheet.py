"""Contact sheets: pictures side by side, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, ImageOps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_GAP, _HEADER = 10, 40
_PAPER, _INK, _FAINT = (250, 249, 246), (45, 45, 45), (150, 148, 142)


def contact_sheet(
    samples: Sequence[Sequence[NDArray[np.uint8] | None]],
    headings: Sequence[str],
    *,
    panel: tuple[int, int] = (300, 225),
    samples_per_row: int = 2,
    missing: str = "",
) -> Image.Image:
    """Lay out samples, each as pictures side by side under the same headings.

    Args:
        samples: For each sample its pictures, (H, W, 3) or (H, W) uint8, as many as there are
            headings; None leaves a note.
        headings: What each picture of a sample is.
        panel: Width and height of a picture on the sheet; pictures are cropped to its shape.
        samples_per_row: How many samples stand beside each other.
        missing: The note where a picture is None.

    Returns:
        An RGB picture.
    """
    per_row = min(samples_per_row, max(1, len(samples)))
    block = len(headings) * (panel[0] + _GAP) + _GAP
    rows = -(-len(samples) // per_row)
    size = (per_row * block, _HEADER + rows * (panel[1] + _GAP))
    sheet = Image.new("RGB", size, _PAPER)
    for number, pictures in enumerate(samples):
        row, column = divmod(number, per_row)
        for place, picture in enumerate(pictures):
            left = column * block + _GAP + place * (panel[0] + _GAP)
            top = _HEADER + row * (panel[1] + _GAP)
            _paste(sheet, picture, (left, top), panel, missing)
            if row == 0:
                _write(sheet, headings[place], (left + panel[0] // 2, _HEADER // 2), _INK, 20)
    return sheet


def _paste(
    sheet: Image.Image,
    picture: NDArray[np.uint8] | None,
    corner: tuple[int, int],
    panel: tuple[int, int],
    missing: str,
) -> None:
    if picture is None:
        middle = (corner[0] + panel[0] // 2, corner[1] + panel[1] // 2)
        _write(sheet, missing, middle, _FAINT, 16)
        return
    # Heads are in the upper half of portraits, so the crop leans upwards.
    fitted = ImageOps.fit(Image.fromarray(picture).convert("RGB"), panel, centering=(0.5, 0.3))
    sheet.paste(fitted, corner)


def _write(
    sheet: Image.Image, text: str, middle: tuple[int, int], ink: tuple[int, int, int], size: int
) -> None:
    font = ImageFont.load_default(size)
    ImageDraw.Draw(sheet).text(middle, text, ink, font, anchor="mm")
