from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rechroma.engines import input_shape


class TestNetworkShape:
    @given(st.integers(2, 5000), st.integers(2, 5000), st.integers(64, 2048), st.integers(1, 8))
    def test_input_shape_fits_the_size_and_the_stride(
        self, height: int, width: int, size: int, scale: int
    ) -> None:
        shape = input_shape((height, width), size, scale)
        assert all(side % scale == 0 and side >= scale for side in shape)
        assert max(shape) <= size + scale
        assert max(shape) <= max(height, width, 96) + scale
        for small, side in zip(shape, (height, width), strict=True):
            exact = side * min(size, max(height, width, 96)) / max(height, width)
            assert abs(small - exact) <= scale

    def test_input_shape_of_a_usual_photograph(self) -> None:
        assert input_shape((3000, 4000), 256, 4) == (192, 256)

    def test_input_shape_does_not_enlarge_small_images(self) -> None:
        assert input_shape((120, 160), 256, 4) == (120, 160)
        assert input_shape((30, 40), 256, 4) == (72, 96)
