from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.imaging.codecs.encode import draw_badge


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([np.uint8, np.uint16]))
def test_draw_badge_crops_to_small_images(
    height: int, width: int, dtype: type[np.unsignedinteger]
) -> None:
    rgb = np.zeros((height, width, 3), dtype)
    alpha = np.zeros((height, width), dtype)
    draw_badge(rgb, alpha)
    assert ((alpha > 0) | ~rgb.any(axis=-1)).all()
    if min(height, width) >= 12:
        assert min(alpha.max(), rgb.max()) > 0.9 * np.iinfo(dtype).max


def test_draw_badge_looks_the_same_at_8_and_16_bits() -> None:
    shallow = np.full((300, 400, 3), 77, np.uint8)
    deep = shallow.astype(np.uint16) * 257
    for rgb in (shallow, deep):
        draw_badge(rgb)
    assert np.abs(np.rint(deep / 257) - shallow).max() <= 1


@pytest.mark.parametrize(("shape", "side"), [((100, 3000), 12), ((1000, 2000), 45)])
def test_draw_badge_scales_with_the_image(shape: tuple[int, int], side: int) -> None:
    rgb = np.zeros((*shape, 3), np.uint8)
    draw_badge(rgb)
    rows, columns, _ = np.nonzero(rgb)
    assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == side
    margins = shape[0] - 1 - rows.max(), shape[1] - 1 - columns.max()
    assert margins == (round(0.4 * side), round(0.4 * side))
