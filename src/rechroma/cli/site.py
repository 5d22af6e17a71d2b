"""`rechroma site`: the page as a static site, with the model running in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.terminal import echo_err


@click.command("site", short_help="Write the page as a static site.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    required=True,
    help="Folder of the site; one that is there is updated.",
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="A model listed by 'rechroma models list', or the path of a model file.",
)
@click.option(
    "--threads",
    is_flag=True,
    help="Let browsers run the model in several threads, from the second visit on.",
)
@debug_option
def site_command(out: Path, model: str, threads: bool) -> None:
    """Write the page as a folder of files that any host serves, such as GitHub Pages.

    \b
      rechroma site -o site/
      python -m http.server --directory site

    Visitors need nothing installed: the model runs in their browser, and no photograph leaves it.
    How to publish the folder: docs/site.md.
    """
    from rechroma.models import find_model
    from rechroma.web.site import write_site

    site = write_site(out, find_model(model), threads=threads)
    size, first = (f"{count / 1e6:.1f} MB" for count in (site.size, site.first_visit))
    echo_err(f"rechroma: the site is in {site.folder} ({size}; a first visit loads {first})")
