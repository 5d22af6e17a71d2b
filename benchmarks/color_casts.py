"""Color casts of a model on photographs, such as historical ones, whose true colors are unknown.

    python benchmarks/color_casts.py SHARDS... [--model NAME_OR_PATH] [--truth] [--limit N] [--json]

In nearly every photograph something is gray: shirts, paper, clouds, asphalt, shadows. Under a cast
nothing is. So the cast of an image is the distance from gray, in a*b*, of the mean color of its
least colorful quarter: the quarter of its pixels with the lowest C*. With --truth the photographs
themselves are measured, which shows how often light, film or subject do this on their own.

Columns: images; `mean` and `median` cast; the number of images whose cast is above 6 (visible in
what should be white) and above 10 (a veil over the image).
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import numpy as np

from rechroma.color import srgb_to_lab
from rechroma.datasets import Shards, evenly_spaced
from rechroma.engines import OnnxEngine
from rechroma.evaluation import EvalPredictor, to_gray
from rechroma.models import find_model

if TYPE_CHECKING:
    from rechroma.color.lab import Float

VISIBLE, VEIL = 6.0, 10.0  # a*b*
_LEAST = 0.25


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--model", default="default")
    parser.add_argument("--truth", action="store_true", help="measure the photographs themselves")
    parser.add_argument("--limit", type=int, help="photographs at most")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    images = Shards(arguments.shards)
    predictor = None if arguments.truth else EvalPredictor(OnnxEngine(find_model(arguments.model)))
    casts = []
    for index in evenly_spaced(len(images), arguments.limit):
        rgb = images[index]
        casts.append(cast(srgb_to_lab(predictor.colorize(to_gray(rgb)) if predictor else rgb)))
    found = {
        "images": len(casts),
        "mean": float(np.mean(casts)),
        "median": float(np.median(casts)),
        f"above {VISIBLE:g}": int(np.sum(np.array(casts) > VISIBLE)),
        f"above {VEIL:g}": int(np.sum(np.array(casts) > VEIL)),
    }
    if arguments.json:
        print(json.dumps({**found, "casts": casts}))
        return
    print("  ".join(f"{name} {round(value, 1):g}" for name, value in found.items()))


def cast(lab: Float) -> float:
    """Measure how far the mean color of the least colorful quarter of an image is from gray.

    Args:
        lab: (H, W, 3) L*a*b*.
    """
    ab = lab[..., 1:].reshape(-1, 2)
    chroma = np.hypot(*ab.T)
    return float(np.hypot(*ab[chroma <= np.quantile(chroma, _LEAST)].mean(axis=0)))


if __name__ == "__main__":
    main()
