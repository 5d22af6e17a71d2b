"""`rechroma demo`: sample photographs in gray, colored, and in their original color."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import model_options
from rechroma.cli.progress import write_jpeg
from rechroma.errors import TargetExistsError
from rechroma.options import RESULT_SUFFIX
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
    _check_folder(folder, sheet)
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
        gray = Image.fromarray(read_photo(path).gray)
        write_jpeg(gray, before, quality=92, overwrite=True)
        after = colorizer.colorize_file(before, overwrite=True).target
        original = _read_pixels(path) if sample.has_color else None
        rows.append((_read_pixels(before), _read_pixels(after), original))
    rendered = contact_sheet(rows, HEADINGS, missing="never was in color")
    write_jpeg(rendered, sheet, quality=92, overwrite=True)
    click.echo(f"{sheet}: {len(rows)} photographs, before and after")
    click.echo(_NEXT if find_spec("apiflask") else _NEXT + _INSTALL_PAGE)


def _check_folder(folder: Path, sheet: Path) -> None:
    """Check that the demo replaces no other files than those of an earlier demo.

    Raises:
        TargetExistsError: It would.
    """
    names = (f"{sample.name}{end}.jpg" for sample in SAMPLES for end in ("", RESULT_SUFFIX))
    existing = [folder / name for name in names if (folder / name).exists()]
    if existing and not sheet.exists():
        raise TargetExistsError(
            f"{existing[0]} already exists, and is not of an earlier demo",
            hint="Choose another folder with -o.",
        )


def _read_pixels(path: Path) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
