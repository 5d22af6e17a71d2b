"""The model in the browser against the package, on the same gray pixels."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from rechroma import Colorizer, Hint
from rechroma.hints import hints_to_json
from tests.support.page_driver import make_photo
from tests.support.site_backend import SiteBackend

TOLERANCE = 0.01  # units of a* and b*
SIZES = [(451, 300), (300, 451), (1024, 1024), (1711, 1003), (96, 40), (61, 90), (2400, 37)]
HINTS = (
    Hint(0.5, 0.45, "#3060c0"),
    Hint(0.2, 0.8, "#c04030", only_here=True),
    Hint(0.7, 0.2, "#c04030", radius=0.2),
    Hint(0.9, 0.9, "#208040", radius=0.5),
)


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer(provider="cpu", threads=1)


def photo_of(size: tuple[int, int]) -> bytes:
    return make_photo("chelsea.png", "PNG", size=size, icc_profile=None)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_chroma_equals_that_of_the_package(
    backend: SiteBackend, colorizer: Colorizer, size: tuple[int, int]
) -> None:
    photo = photo_of(size)
    found = backend.call("predictChroma", photo)
    assert found["size"] == list(size)
    expected = colorizer.predict(photo)
    assert np.abs(np.reshape(found["data"], found["shape"]) - expected).max() < TOLERANCE


def test_chroma_of_a_tiny_photograph_is_close(backend: SiteBackend, colorizer: Colorizer) -> None:
    photo = photo_of((20, 3))  # enlarged, for which OpenCV rounds as its builds differ
    found = backend.call("predictChroma", photo)
    expected = colorizer.predict(photo)
    assert np.abs(np.reshape(found["data"], found["shape"]) - expected).max() < 1


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(451, 300), (1003, 1711)], ids=str)
def test_hints_act_as_in_the_package(
    backend: SiteBackend, colorizer: Colorizer, size: tuple[int, int], count: int
) -> None:
    photo, hints = photo_of(size), HINTS[:count]
    found = backend.call("predictChroma", photo, hints=hints_to_json(hints))
    expected = colorizer.predict(photo, hints=hints)
    assert np.abs(np.reshape(found["data"], found["shape"]) - expected).max() < TOLERANCE
    assert np.abs(expected - colorizer.predict(photo)).max() > 5


@pytest.mark.parametrize(("x", "y"), [(0.5, 0.5), (0, 0), (1, 1), (0.31, 0.77)])
def test_suggestions_are_those_of_the_package(
    backend: SiteBackend, colorizer: Colorizer, x: float, y: float
) -> None:
    photo = photo_of((451, 300))
    hints = HINTS[:1]
    found = backend.call("suggestColors", photo, x=x, y=y, hints=hints_to_json(hints))
    expected = colorizer.suggest_colors(photo, x, y, hints=hints)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one["probability"] == pytest.approx(other.probability, abs=1e-4)
        channels = [
            np.frombuffer(bytes.fromhex(c[1:]), np.uint8) for c in (one["color"], other.color)
        ]
        assert np.abs(channels[0] - channels[1].astype(int)).max() <= 2


def test_toned_photograph_has_the_gray_of_the_package(
    backend: SiteBackend, colorizer: Colorizer
) -> None:
    with Image.open(BytesIO(make_photo("coffee.png", "PNG", size=(300, 200)))) as gray:
        toned = Image.merge("RGB", [gray.point(lambda v, f=f: int(v * f)) for f in (1, 0.8, 0.6)])
    file = BytesIO()
    toned.save(file, "PNG")
    found = backend.call("predictChroma", file.getvalue())
    difference = np.reshape(found["data"], found["shape"]) - colorizer.predict(file.getvalue())
    assert np.abs(difference).mean() < 0.1  # a few levels of the gray are rounded otherwise
