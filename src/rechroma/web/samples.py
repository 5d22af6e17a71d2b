"""Sample photographs: those inside the scikit-image package, so that nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SamplePhoto:
    """A photograph of scikit-image.

    Attributes:
        name: Its subject, and the stem of files made from it.
        file: The name in the data folder of scikit-image.
        has_color: Whether the original is in color, for comparisons.
    """

    name: str
    file: str
    has_color: bool = True


SAMPLES = (
    SamplePhoto("astronaut", "astronaut.png"),
    SamplePhoto("cat", "chelsea.png"),
    SamplePhoto("coffee", "coffee.png"),
    SamplePhoto("rocket", "rocket.jpg"),
    SamplePhoto("motorcycle", "motorcycle_left.png"),
    SamplePhoto("photographer", "camera.png", has_color=False),
)


def sample_file(sample: SamplePhoto) -> Path | None:
    """Find the file of a sample without importing scikit-image; None if that is not installed."""
    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0], "data", sample.file)
    return path if path.is_file() else None
