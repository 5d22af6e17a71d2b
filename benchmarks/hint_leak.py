"""Share of an image that a hint changes outside its object, and inside it.

    python benchmarks/hint_leak.py FOLDER [--model NAME_OR_PATH] [--twice] [--limit N] [--json]

FOLDER holds photographs NAME.jpg, each with NAME.png: the number of its object at each pixel, 0 for
the background. Up to three objects of a photograph, of at least 1 % of its area, get one hint each:
at the place farthest from the object's edge, in a color of another hue than the model's own there.
With --twice, the photograph and its mirror image stand side by side, and one object is hinted: all
of the other half is outside.

Columns: hints; `outside`, the mean share of pixels beyond the object that move by more than 5 in
a*b*; `inside`, the mean share of the object's pixels that come at least half of the way to the
hint's color. The row `network` is without the limit of the reach (a hint map in place of hints).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from rechroma import Colorizer, Hint
from rechroma.color import lab_to_srgb, map_to_gamut
from rechroma.engines import input_shape
from rechroma.hints import hint_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rechroma.color.lab import Float

MIN_AREA = 0.01
MOVED = 5.0  # a*b*
HINT_CHROMA = 40.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--limit", type=int, help="photographs at most")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    colorizer = Colorizer(arguments.model)
    shares: dict[str, list[tuple[float, float]]] = {"network": [], "limited": []}
    for path in sorted(arguments.folder.glob("*.jpg"))[: arguments.limit]:
        gray = np.asarray(Image.open(path).convert("L"))
        labels = np.asarray(Image.open(path.with_suffix(".png")))
        if arguments.twice:
            gray = np.hstack([gray, gray[:, ::-1]])
            labels = np.hstack([labels, np.zeros_like(labels)])
        for row, share in _measure(colorizer, gray, labels, 1 if arguments.twice else 3):
            shares[row].append(share)
    means = {row: np.nanmean(values, axis=0).tolist() for row, values in shares.items()}
    if arguments.json:
        print(json.dumps({"hints": len(shares["limited"]), **means}))
        return
    print(f"{len(shares['limited'])} hints  outside  inside")
    for row, (outside, inside) in means.items():
        print(f"{row:9}  {outside:7.2%}  {inside:6.1%}")


def _measure(
    colorizer: Colorizer, gray: NDArray[np.uint8], labels: NDArray[np.uint8], most: int
) -> Iterator[tuple[str, tuple[float, float]]]:
    rng = np.random.default_rng(int(labels.sum()))
    plain = colorizer.predict(gray)
    height, width = plain.shape[:2]
    objects = [n for n in np.unique(labels) if n and np.mean(labels == n) > MIN_AREA]
    for number in rng.permutation(objects)[:most]:
        mask = np.asarray(labels == number, np.uint8)
        hint = _contrasting_hint(gray, mask, plain, rng)
        share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        shape = input_shape(gray.shape, colorizer.card.size, colorizer.card.scale)
        for row, hints in (("network", hint_map([hint], *shape)), ("limited", [hint])):
            hinted = colorizer.predict(gray, hints=hints)
            yield row, _shares(plain, hinted, hint, share)


def _contrasting_hint(
    gray: NDArray[np.uint8], mask: NDArray[np.uint8], plain: Float, rng: np.random.Generator
) -> Hint:
    """Make a hint at the innermost place of an object, of a hue far from the predicted one."""
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    y, x = (row + 0.5) / gray.shape[0], (column + 0.5) / gray.shape[1]
    a, b = plain[int(y * plain.shape[0]), int(x * plain.shape[1])]
    hue = np.arctan2(b, a) + np.pi * rng.uniform(0.6, 1.4)
    ab = HINT_CHROMA * np.array([np.cos(hue), np.sin(hue)])
    lab = np.array([[gray[row, column] / 2.55, *ab]], np.float32)
    return Hint(float(x), float(y), f"#{bytes(lab_to_srgb(map_to_gamut(lab), np.uint8)[0]).hex()}")


def _shares(plain: Float, hinted: Float, hint: Hint, share: Float) -> tuple[float, float]:
    """Compute the changed shares outside and inside an object that covers `share` of each pixel."""
    moved = np.linalg.norm(hinted - plain, axis=2) > MOVED
    before, after = (np.linalg.norm(np.array(hint.ab) - ab, axis=2) for ab in (plain, hinted))
    inner = share > 0.95
    reached = np.mean(after[inner] < before[inner] / 2) if inner.any() else np.nan
    return float(np.mean(moved[share < 0.05])), float(reached)


if __name__ == "__main__":
    main()
