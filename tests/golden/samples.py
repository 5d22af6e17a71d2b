"""The shipped model's colors of scikit-image's photographs, as coarse grids.

`python -m tests.golden.samples` writes them again for a new model: first inspect the images of
`rechroma demo`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from skimage import data

from rechroma import Colorizer
from rechroma.color import srgb_to_lab
from rechroma.evaluation import to_gray

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN = Path(__file__).with_name("colors.json")
NAMES = ("astronaut", "camera", "chelsea", "coffee", "rocket")
_GRID = (8, 6)  # columns and rows


def colors_of(name: str, colorizer: Colorizer) -> NDArray[np.float32]:
    """Color a sample from gray and average a*b* over a grid (6, 8, 2)."""
    image = np.asarray(getattr(data, name)())
    gray = image if image.ndim == 2 else to_gray(image)
    chroma = srgb_to_lab(np.asarray(colorizer.colorize(gray)))[..., 1:]
    return np.asarray(cv2.resize(chroma, _GRID, interpolation=cv2.INTER_AREA), np.float32)


def main() -> None:
    """Write the colors of the current default model."""
    colorizer = Colorizer()
    grids = {name: np.rint(colors_of(name, colorizer)).astype(int).tolist() for name in NAMES}
    golden = {"model": f"{colorizer.card.name} {colorizer.card.version}", "colors": grids}
    GOLDEN.write_text(json.dumps(golden) + "\n", "utf-8")


if __name__ == "__main__":
    main()
