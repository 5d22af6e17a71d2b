"""`rechroma demo`: sample photographs turned gray, colored, and set side by side.

The samples are those that lie inside the scikit-image package; none is downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import model_options
from rechroma.cli.training_common import need_extra
from rechroma.errors import SourceError
from rechroma.web.samples import SAMPLES, Sample, sample_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from rechroma.colorizer import Colorizer

HEADINGS = ("gray", "Rechroma", "original")


@click.command("demo", short_help="Color a few sample photographs.")
@click.option(
    "-o",
    "--out",
    metavar="FOLDER",
    default="rechroma-demo",
    show_default=True,
    help="Where the pictures go.",
)
@model_options
@debug_option
def demo_command(out: str, model: str, provider: str) -> None:
    """Color a few sample photographs and set before and after side by side.

    The samples come with scikit-image (pip install "rechroma[app]"). The folder also gets each of
    them in gray, to try the knobs on:

    \b
      rechroma demo
      rechroma rechroma-demo/cat.jpg --saturation 1.4 -o vivid-cat.jpg
    """
    photographs = [(sample, _file_of(sample)) for sample in SAMPLES]
    folder, sheet = Path(out), Path(out, "before-after.jpg")
    from rechroma.colorizer import Colorizer
    from rechroma.imaging.contact_sheet import contact_sheet

    colorizer = Colorizer(model, provider=provider)
    rows = [_make(sample, path, folder, colorizer) for sample, path in photographs]
    _write_jpeg(contact_sheet(rows, HEADINGS, missing="there is none in color"), sheet)
    click.echo(f"{sheet}: {len(rows)} photographs, before and after")


def _make(
    sample: Sample, path: Path, folder: Path, colorizer: Colorizer
) -> list[NDArray[np.uint8] | None]:
    """Write a sample in gray and in color; gives its row of the sheet."""
    from PIL import Image

    from rechroma.imaging import read_photo

    before = folder / f"{sample.name}.jpg"
    _write_jpeg(Image.fromarray(read_photo(path).gray), before)
    after = colorizer.colorize_file(before, overwrite=True).target
    return [_pixels(before), _pixels(after), _pixels(path) if sample.has_color else None]


def _pixels(path: Path) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _write_jpeg(image: Image, path: Path) -> None:
    from io import BytesIO

    from rechroma.fs import write_atomically

    jpeg = BytesIO()
    image.save(jpeg, "JPEG", quality=92)
    write_atomically(path, jpeg.getvalue(), overwrite=True)


def _file_of(sample: Sample) -> Path:
    need_extra("app", "skimage")
    path = sample_file(sample)
    if path is None:
        raise SourceError(f"scikit-image lacks its picture {sample.file}")
    return path
