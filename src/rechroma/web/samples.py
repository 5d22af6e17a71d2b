"""Sample photographs: those inside the scikit-image package, so that nothing is downloaded.

Without scikit-image, smaller copies of those in the public domain or under CC0 take their place:
the astronaut (NASA), the rocket (SpaceX), the cat (Stefan van der Walt), the coffee (Rachel
Michetti) and the photographer (Lav Varshney).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

COPIES = Path(__file__).parent / "photographs"
"""The folder of the copies, which anyone may publish."""


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
    """Find the file of a sample, or its copy, without importing scikit-image.

    Returns:
        The original if scikit-image is installed; None if there is neither.
    """
    found = find_spec("skimage")
    folders = found.submodule_search_locations if found else None
    paths = [Path(folder, "data", sample.file) for folder in folders or ()]
    paths.append(COPIES / f"{sample.name}.jpg")
    return next((path for path in paths if path.is_file()), None)
