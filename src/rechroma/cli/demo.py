"""`rechroma demo`: sample photographs in gray, colored, and in their original color."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import model_options
from rechroma.cli.progress import write_jpeg
from rechroma.web.samples import SAMPLES, sample_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NEXT = """
Next, with photographs of yours:
  rechroma photo.jpg            writes photo.color.jpg next to it
  rechroma photos/ -o colored/  colors a whole folder
  rechroma app                  opens a page to correct colors"""
_INSTALL_PAGE = ' (pip install "rechroma[app]")'
HEADINGS = ("gray", "Rechroma", "original")


@click.command("demo", short_help="Color a few sample photographs.")
@click.option(
    "-o",
    "--out",
    metavar="FOLDER",
    default="rechroma-demo",
    show_default=True,
    help="Output folder.",
)
@model_options
@debug_option
def demo_command(out: str, model: str, provider: str) -> None:
    """Color a few sample photographs and show them before and after, side by side.

    The folder also gets each of them in gray, to try the options on:

    \b
      rechroma demo
      rechroma rechroma-demo/cat.jpg --saturation 1.4 -o vivid-cat.jpg
    """
    folder, sheet = Path(out), Path(out, "before-after.jpg")
    from PIL import Image

    from rechroma.colorizer import Colorizer
    from rechroma.imaging import contact_sheet, read_photo

    colorizer = Colorizer(model, provider=provider)
    rows = []
    for sample in SAMPLES:
        path = sample_file(sample)
        if path is None:  # without scikit-image
            continue
        before = folder / f"{sample.name}.jpg"
        write_jpeg(Image.fromarray(read_photo(path).gray), before, quality=92)
        after = colorizer.colorize_file(before, overwrite=True).target
        original = _read_pixels(path) if sample.has_color else None
        rows.append((_read_pixels(before), _read_pixels(after), original))
    write_jpeg(contact_sheet(rows, HEADINGS, missing="never was in color"), sheet, quality=92)
    click.echo(f"{sheet}: {len(rows)} photographs, before and after")
    click.echo(_NEXT if find_spec("apiflask") else _NEXT + _INSTALL_PAGE)


def _read_pixels(path: Path) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
