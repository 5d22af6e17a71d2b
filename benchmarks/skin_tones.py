"""Color errors on the skin of faces, by thirds of skin lightness.

    python benchmarks/skin_tones.py SHARDS... [--model NAME_OR_PATH] [--source NAME] [--json]

SHARDS hold face crops of one source: faces that fill the frame. Skin is found by the color of the
*truth*: inside the ellipse that a face fills in the middle of the image, pixels with L* of 15 to
95, C* of 8 to 50 and a hue of 20 to 80 degrees, which covers skin from very dark to very light
under usual white balance, and leaves out eyes, teeth, make-up and most hair. Images with less than
a third of such pixels in the ellipse are skipped (gray, tinted or strongly lit images), as are the
others of the shards. An image's skin lightness is the median L* of its skin. It is a measure of
the photograph, exposure included, and not of the person.

Columns: images, range of skin lightness, the hue error (degrees between the mean a*b* of predicted
and true skin), the chroma error (predicted minus true mean C*), and CIEDE2000 of skin for gray and
for the model, with their ratio. A fair model has about the same in every row.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rechroma.color import srgb_to_lab
from rechroma.datasets import Shards
from rechroma.engines import OnnxEngine
from rechroma.evaluation import EvalPredictor, to_gray
from rechroma.evaluation.metrics.full_reference import ciede2000
from rechroma.models import find_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float

SOURCE = "muhammadhaider02/CNN-Facial-Expression-Recognition"
LIGHTNESS, CHROMA, HUE = (15, 95), (8, 50), (20, 80)  # hue in degrees
MIN_SKIN = 1 / 3  # of the ellipse
THIRDS = ("darkest", "middle", "lightest")


class SkinErrors(NamedTuple):
    """Errors on the skin of one image, or their means."""

    lightness: float
    hue: float
    chroma: float
    gray: float
    model: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--model", default="default")
    parser.add_argument("--source", default=SOURCE)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    predictor = EvalPredictor(OnnxEngine(find_model(arguments.model)))
    images = Shards(arguments.shards)
    errors = sorted(measure(predictor, images, arguments.source))
    if len(errors) < len(THIRDS):
        parser.error(f"only {len(errors)} images of {arguments.source} show enough skin")
    rows = dict(zip(THIRDS, np.array_split(np.array(errors), len(THIRDS)), strict=True))
    rows["all"] = np.array(errors)
    table = {name: summarize(group) for name, group in rows.items()}
    print(json.dumps(table, indent=2) if arguments.json else as_markdown(table))


def measure(predictor: EvalPredictor, images: Shards, source: str) -> Iterator[SkinErrors]:
    """Yield the errors of each image of a source that shows enough skin."""
    for index in range(len(images)):
        if images.metadata(index).get("source") != source:
            continue
        truth = srgb_to_lab(images[index])
        skin, enough = find_skin(truth)
        if not enough:
            continue
        predicted = srgb_to_lab(predictor.colorize(to_gray(images[index])))[skin]
        true = truth[skin]
        gray = true * np.array([1, 0, 0], np.float32)
        yield SkinErrors(
            float(np.median(true[:, 0])),
            hue_difference(predicted[:, 1:].mean(axis=0), true[:, 1:].mean(axis=0)),
            float(np.hypot(*predicted[:, 1:].T).mean() - np.hypot(*true[:, 1:].T).mean()),
            float(ciede2000(gray, true).mean()),
            float(ciede2000(predicted, true).mean()),
        )


def find_skin(lab: Float) -> tuple[NDArray[np.bool_], bool]:
    """Find skin in a face crop (H, W, 3); returns its mask (H, W) and whether it is enough."""
    height, width = lab.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    ellipse = (x / 0.7) ** 2 + (y / 0.9) ** 2 <= 1
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    ranges = ((lab[..., 0], LIGHTNESS), (chroma, CHROMA), (hue, HUE))
    skin = ellipse.copy()
    for values, (low, high) in ranges:
        skin &= (low <= values) & (values <= high)
    return skin, bool(skin.sum() >= MIN_SKIN * ellipse.sum())


def hue_difference(first: Float, second: Float) -> float:
    """Compute the angle between two a*b* vectors in degrees, 0..180."""
    angle = np.arctan2(first[1], first[0]) - np.arctan2(second[1], second[0])
    return float(abs(np.degrees((angle + np.pi) % (2 * np.pi) - np.pi)))


def summarize(errors: NDArray[np.float64]) -> dict[str, float]:
    """Average the errors (N, 5) of a group of images."""
    mean = SkinErrors(*errors.mean(axis=0).tolist())
    return {
        "images": len(errors),
        "lightness_min": float(errors[:, 0].min()),
        "lightness_max": float(errors[:, 0].max()),
        "hue_error": mean.hue,
        "chroma_error": mean.chroma,
        "ciede2000_gray": mean.gray,
        "ciede2000": mean.model,
        "ciede2000_of_gray": mean.model / mean.gray,
    }


def as_markdown(table: dict[str, dict[str, float]]) -> str:
    """Format the groups as a Markdown table."""
    header = (
        "| skin | images | L* | hue error | chroma error | gray's CIEDE2000 | model's | ratio |"
    )
    return "\n".join([header, "|---|---|---|---|---|---|---|---|", *_rows(table)])


def _rows(table: dict[str, dict[str, float]]) -> Sequence[str]:
    return [
        f"| {name} | {row['images']} | {row['lightness_min']:.0f} to {row['lightness_max']:.0f} "
        f"| {row['hue_error']:.1f} | {row['chroma_error']:+.1f} | {row['ciede2000_gray']:.2f} "
        f"| {row['ciede2000']:.2f} | {row['ciede2000_of_gray']:.2f} |"
        for name, row in table.items()
    ]


if __name__ == "__main__":
    main()
