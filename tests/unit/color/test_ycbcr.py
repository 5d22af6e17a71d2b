from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.color import deltaE_ciede2000

from rechroma.color import lightness, map_to_gamut, srgb_to_lab
from rechroma.color.render import render_srgb
from rechroma.color.ycbcr import Planes, YcbcrTable


def _rendered(gray: np.ndarray, chroma: np.ndarray) -> Planes:
    table = YcbcrTable(chroma)
    return table.render(gray, table.steps.copy())


def _full_size(chroma: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.repeat(np.repeat(chroma, 2, axis=0), 2, axis=1)[: shape[0], : shape[1]]


def _decoded(planes: Planes) -> np.ndarray:
    """Decode planes with chroma of full or half size."""
    shape = planes.luma.shape
    blue, red = (
        plane if plane.shape == shape else _full_size(plane, shape) for plane in planes[1:]
    )
    return cv2.cvtColor(np.dstack([planes.luma, red, blue]), cv2.COLOR_YCrCb2RGB)


def _exact(gray: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Render each pixel, then store and decode the picture with chroma of half the size."""
    rgb = render_srgb(gray, _full_size(chroma, gray.shape))
    height, width = gray.shape
    even = cv2.copyMakeBorder(rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    luma, red, blue = cv2.split(cv2.cvtColor(even, cv2.COLOR_RGB2YCrCb))
    size = (luma.shape[1] // 2, luma.shape[0] // 2)
    blue, red = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (blue, red))
    planes: Any = (luma[:height, :width], blue, red)
    return _decoded(Planes(*planes))


def _difference(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    colors = (srgb_to_lab(rgb).astype(np.float64) for rgb in (found, wanted))
    return np.asarray(deltaE_ciede2000(*colors))


def _vivid(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Draw patches of vivid colors, as by hints, for a picture of a shape."""
    size = (-(-shape[1] // 2), -(-shape[0] // 2))
    patches = np.random.default_rng(seed).uniform(-60, 60, (3, 4, 2)).astype(np.float32)
    return cv2.resize(patches, size, interpolation=cv2.INTER_LINEAR).reshape(*size[::-1], 2)


def _photograph(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a photograph of scikit-image as gray and the chroma of its blocks, which is smooth."""
    with Image.open(Path(skimage.__file__).parent / "data" / name) as image:
        rgb = np.asarray(image.convert("RGB"))
    size = (-(-rgb.shape[1] // 2), -(-rgb.shape[0] // 2))
    chroma = cv2.resize(srgb_to_lab(rgb)[..., 1:], (40, 30), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.resize(chroma, size)


def _edges(shape: tuple[int, int], dark: int, light: int) -> np.ndarray:
    stripes = np.indices(shape).sum(axis=0) // 3 % 2
    return np.where(stripes, light, dark).astype(np.uint8)


HARD = {
    "every level": np.tile(np.arange(256, dtype=np.uint8), (60, 1)),
    "black": np.zeros((40, 60), np.uint8),
    "white": np.full((40, 60), 255, np.uint8),
    "black on white": _edges((60, 80), 0, 255),
    "edges": _edges((61, 81), 40, 200),
    "17 x 31": _edges((17, 31), 20, 90),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_pictures_with_vivid_colors_look_like_the_exact_ones(name: str) -> None:
    gray = HARD[name]
    chroma = _vivid(gray.shape)
    off = _difference(_decoded(_rendered(gray, chroma)), _exact(gray, chroma))
    assert off.mean() < 0.6
    assert np.percentile(off, 99) < 3


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "chelsea.png"])
@pytest.mark.parametrize("saturation", [1, 2])
def test_photographs_are_as_close_to_the_true_colors_as_the_exact_ones(
    name: str, saturation: float
) -> None:
    gray, chroma = _photograph(name)
    chroma *= np.float32(saturation)
    lab = np.dstack([lightness(gray), _full_size(chroma, gray.shape)])
    true = map_to_gamut(lab.astype(np.float32)).astype(np.float64)
    found, exact = _decoded(_rendered(gray, chroma)), _exact(gray, chroma)
    errors, exact_errors = (
        deltaE_ciede2000(srgb_to_lab(rgb).astype(np.float64), true) for rgb in (found, exact)
    )
    assert errors.mean() < 1.06 * exact_errors.mean()
    assert np.percentile(errors, 99) < 1.06 * np.percentile(exact_errors, 99)
    assert np.abs(lightness(found) - lightness(gray)).mean() < 0.4
    off = _difference(found, exact)
    assert off.mean() < 0.7
    assert np.percentile(off, 99) < 2.5


@given(
    gray=st.integers(0, 255),
    ab=st.tuples(st.floats(-30, 30, width=32), st.floats(-30, 30, width=32)),
)
def test_an_even_surface_is_as_close_as_its_rounded_color(
    gray: int, ab: tuple[float, float]
) -> None:
    surface = np.full((2, 2), gray, np.uint8)
    chroma = np.full((1, 1, 2), ab, np.float32)
    luma, red, blue = cv2.cvtColor(render_srgb(surface[:1, :1], chroma), cv2.COLOR_RGB2YCrCb)[0, 0]
    planes = _rendered(surface, chroma)
    assert np.ptp(planes.luma) == 0
    assert abs(int(planes.luma[0, 0]) - int(luma)) <= 4
    assert abs(int(planes.blue[0, 0]) - int(blue)) <= 8
    assert abs(int(planes.red[0, 0]) - int(red)) <= 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (6, 1), (17, 31), (64, 64)])
def test_gray_without_chroma_stays_as_it_is(shape: tuple[int, int]) -> None:
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    small = (-(-shape[0] // 2), -(-shape[1] // 2))
    planes = _rendered(gray, np.zeros((*small, 2), np.float32))
    np.testing.assert_array_equal(planes.luma, gray)
    np.testing.assert_array_equal(planes.blue, np.full(small, 128))
    np.testing.assert_array_equal(planes.red, np.full(small, 128))


def test_the_picture_is_not_changed() -> None:
    gray = _edges((40, 60), 30, 200)
    before = gray.copy()
    _rendered(gray, _vivid(gray.shape))
    np.testing.assert_array_equal(gray, before)


def test_strips_are_parts_of_the_picture() -> None:
    gray, chroma = _photograph("astronaut.png")
    table = YcbcrTable(chroma)
    whole = table.render(gray, table.steps.copy())
    part = table.render(gray[32:64], table.steps[16:32].copy())
    np.testing.assert_array_equal(part.luma, whole.luma[32:64])
    np.testing.assert_array_equal(part.blue, whole.blue[16:32])
    np.testing.assert_array_equal(part.red, whole.red[16:32])


def test_colors_beyond_the_table_take_its_nearest() -> None:
    gray = np.full((4, 4), 120, np.uint8)
    chroma = np.full((2, 2, 2), 20, np.float32)
    table = YcbcrTable(chroma)
    for beyond in (-100, 100):  # as the overshoot of bicubic upsampling
        planes = table.render(gray, table.steps + np.float32(beyond))
        assert _difference(_decoded(planes), _exact(gray, chroma)).max() < 12
