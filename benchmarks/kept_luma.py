"""What keeping the luma of gray JPEGs changes: in lightness, color, bytes and time.

    python benchmarks/kept_luma.py [FOLDER] [--saturation 1.0] [--model NAME]

Each photograph of a folder, by default those of scikit-image, is saved as a gray JPEG, colored with
and without `keep_luma`, and restored. The coefficients of the luma are compared if jpeglib is
installed.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from rechroma import Colorizer, restore_file
from rechroma.color import lightness, srgb_to_lab
from rechroma.web.samples import SAMPLES, sample_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_QUALITY = 90


class Row(NamedTuple):
    """What was measured of a photograph.

    Attributes:
        kept: Mean distance in L* of the result from the gray, with the luma kept.
        usual: The same without.
        difference: Mean distance in L*a*b* between the two.
        chroma: Mean chroma.
        grown: Bytes of the result over those of the gray JPEG, with the luma kept.
        usual_grown: The same without.
        slower: Time with the luma kept over that without.
    """

    kept: float
    usual: float
    difference: float
    chroma: float
    grown: float
    usual_grown: float
    slower: float


def measure(colorizer: Colorizer, source: Path, folder: Path, saturation: float) -> Row:
    """Color a gray JPEG both ways; fails if it is not restored."""
    gray = lightness(_pixels(source)[..., 0])
    labs, seconds, grown = [], [], []
    for keep_luma in (True, False):
        target = folder / f"{source.stem}.{keep_luma}.jpg"
        start = perf_counter()
        colorizer.colorize_file(source, target, keep_luma=keep_luma, saturation=saturation)
        seconds.append(perf_counter() - start)
        labs.append(srgb_to_lab(_pixels(target)))
        grown.append(target.stat().st_size / source.stat().st_size)
        if keep_luma:
            restored = restore_file(target).target
            assert restored.read_bytes() == source.read_bytes()
            _check_coefficients(source, target)
    kept, usual = (float(np.abs(lab[..., 0] - gray).mean()) for lab in labs)
    return Row(
        kept=kept,
        usual=usual,
        difference=float(np.linalg.norm(labs[0] - labs[1], axis=-1).mean()),
        chroma=float(np.linalg.norm(labs[0][..., 1:], axis=-1).mean()),
        grown=grown[0],
        usual_grown=grown[1],
        slower=seconds[0] / seconds[1],
    )


def _check_coefficients(source: Path, target: Path) -> None:
    with suppress(ImportError):
        import jpeglib

        one, other = (jpeglib.read_dct(str(path)) for path in (source, target))
        assert np.array_equal(one.Y, other.Y)
        assert np.array_equal(one.qt[0], other.qt[0])


def _pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def photographs(folder: Path | None) -> list[tuple[str, bytes]]:
    """Encode the photographs as gray JPEGs, each with its name."""
    if folder is None:
        paths = [path for sample in SAMPLES if (path := sample_file(sample))]
    else:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    encoded = []
    for path in paths:
        with suppress(OSError), Image.open(path) as image:
            file = BytesIO()
            image.convert("L").save(file, "JPEG", quality=_QUALITY)
            encoded.append((path.stem, file.getvalue()))
    return encoded


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row per photograph, and the mean."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--saturation", type=float, default=1.0)
    parser.add_argument("--model", default="default")
    options = parser.parse_args(arguments)
    colorizer = Colorizer(options.model)
    rows = []
    print(f"{'':24}" + "".join(f"{name:>12}" for name in Row._fields))
    with tempfile.TemporaryDirectory() as name:
        for number, (stem, data) in enumerate(photographs(options.folder)):
            source = Path(name, f"{number}.jpg")
            source.write_bytes(data)
            rows.append(measure(colorizer, source, Path(name), options.saturation))
            print(f"{stem[:23]:24}" + "".join(f"{value:12.2f}" for value in rows[-1]))
    if rows:
        print(f"{'mean':24}" + "".join(f"{value:12.2f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
