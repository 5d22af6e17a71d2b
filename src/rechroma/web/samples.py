"""Sample photographs to try: those that lie inside the scikit-image package; none is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """A photograph of scikit-image.

    Attributes:
        name: What it shows, and the name of the files made of it.
        file: Its file in scikit-image's data folder.
        has_color: Whether the original is in color, to compare with.
    """

    name: str
    file: str
    has_color: bool = True


SAMPLES = (
    Sample("astronaut", "astronaut.png"),
    Sample("cat", "chelsea.png"),
    Sample("coffee", "coffee.png"),
    Sample("rocket", "rocket.jpg"),
    Sample("motorcycle", "motorcycle_left.png"),
    Sample("photographer", "camera.png", has_color=False),
)


def sample_file(sample: Sample) -> Path | None:
    """Where a sample lies; None without scikit-image, which is not imported for it."""
    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0], "data", sample.file)
    return path if path.is_file() else None
