from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.color import srgb_to_lab
from rechroma.errors import HintError, SourceError
from rechroma.hints import MAX_HINTS, Hint, hint_map, hints_from_json, hints_to_json, read_hints

TEXT = '{"format": 1, "hints": [{"x": 0.4, "y": 0.3, "color": "#c04030"}]}'
places = st.floats(0, 1)
colors = st.from_regex("#[0-9a-fA-F]{6}", fullmatch=True)
radii = st.none() | st.floats(0, 1, exclude_min=True)
hints = st.builds(Hint, places, places, colors, radii, st.booleans())


def text_with(**fields: Any) -> str:
    """Change fields of the hint in the JSON text; None removes one."""
    hint = {"x": 0.4, "y": 0.3, "color": "#c04030"} | fields
    kept = {name: value for name, value in hint.items() if value is not None}
    return json.dumps({"format": 1, "hints": [{"x": 0, "y": 1, "color": "#000000"}, kept]})


class TestHint:
    @given(colors)
    def test_hint_has_the_chroma_of_its_color(self, color: str) -> None:
        rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
        assert Hint(0, 0, color).ab == tuple(srgb_to_lab(rgb)[1:].tolist())

    def test_hint_chroma_equals_known_colors(self) -> None:
        assert Hint(0, 0, "#FF0000").ab == pytest.approx((80.1, 67.2), abs=0.1)
        assert Hint(0, 0, "#777777").ab == pytest.approx((0, 0), abs=0.01)

    @pytest.mark.parametrize("place", [-0.01, 1.01, float("nan"), float("inf"), "0.5", None, True])
    def test_hint_outside_the_image_is_rejected(self, place: Any) -> None:
        with pytest.raises(HintError, match=r"^x must be a number from 0 to 1, not"):
            Hint(place, 0.5, "#c04030")
        with pytest.raises(HintError, match=r"^y must be a number from 0 to 1, not"):
            Hint(0.5, place, "#c04030")

    @pytest.mark.parametrize(
        "color",
        ["red", "c04030", "#c0403", "#c040300", "#c0403g", " #c04030", "#c04030\n", 3, None],
    )
    def test_invalid_color_is_rejected(self, color: Any) -> None:
        with pytest.raises(HintError, match=r'^color must be like "#c04030", not'):
            Hint(0.5, 0.5, color)

    @pytest.mark.parametrize("radius", [0, -0.1, 1.5, float("nan"), "0.1", True])
    def test_hint_rejects_a_radius_out_of_range(self, radius: Any) -> None:
        with pytest.raises(HintError, match=r"^radius must be a number above 0 and at most 1, not"):
            Hint(0.5, 0.5, "#c04030", radius=radius)

    @pytest.mark.parametrize("only_here", [1, None, "yes"])
    def test_hint_rejects_only_here_that_is_no_bool(self, only_here: Any) -> None:
        with pytest.raises(HintError, match=r"^only_here must be true or false, not"):
            Hint(0.5, 0.5, "#c04030", only_here=only_here)

    def test_hint_error_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="x must be"):
            Hint(2, 0.5, "#c04030")


class TestJson:
    def test_hints_from_json_reads_the_documented_format(self) -> None:
        assert hints_from_json(TEXT) == (Hint(0.4, 0.3, "#c04030"),)
        assert hints_to_json([Hint(0.4, 0.3, "#c04030")]) == TEXT
        assert hints_from_json('{"format": 1, "hints": []}') == ()

    @given(st.lists(hints, max_size=5))
    def test_hints_round_trip(self, given: list[Hint]) -> None:
        assert hints_from_json(hints_to_json(given)) == tuple(given)

    def test_hints_to_json_accepts_numpy_numbers(self) -> None:
        hint = Hint(np.float32(0.5), np.float64(0.25), "#c04030")  # type: ignore[arg-type]
        assert hints_from_json(hints_to_json([hint])) == (Hint(0.5, 0.25, "#c04030"),)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "not JSON"),
            ("not json", "not JSON"),
            (TEXT[:-1], "not JSON"),
            ("[" * 100_000, "not JSON"),
            (b"\xff\xfe{}", "not text in UTF-8"),
            ("[]", r"must be an object, not \[\]"),
            ("{}", 'missing key "format"; expected format, hints'),
            ('{"format": 2, "places": []}', '"format" must be 1, not 2'),
            ('{"format": 1.0, "hints": []}', '"format" must be 1, not 1.0'),
            ('{"format": true, "hints": []}', '"format" must be 1, not true'),
            ('{"format": 1}', 'missing key "hints"; expected format, hints'),
            (
                '{"format": 1, "hints": [], "image": 3}',
                'unknown key "image"; expected format, hints',
            ),
            ('{"format": 1, "hints": {}}', r'"hints" must be a list, not \{\}'),
            ('{"format": 1, "hints": [3]}', "hint 1: must be an object, not 3"),
            (text_with(x=None), 'hint 2: missing key "x"; expected x, y, color'),
            (text_with(z=1), 'hint 2: unknown key "z"; expected x, y, color'),
            (text_with(x="0.4"), 'hint 2: x must be a number from 0 to 1, not "0.4"'),
            ('{"format": null, "hints": []}', '"format" must be 1, not null'),
            (text_with(y=True), "hint 2: y must be a number from 0 to 1, not true"),
            (text_with(x=-0.1), "hint 2: x must be a number from 0 to 1, not -0.1"),
            (text_with(y=float("nan")), "hint 2: y must be a number from 0 to 1, not NaN"),
            (text_with(y=float("inf")), "hint 2: y must be a number from 0 to 1, not Infinity"),
            (text_with(x=10**400), "hint 2: x must be a number from 0 to 1, not 1000"),
            (text_with(color="red"), 'hint 2: color must be like "#c04030", not "red"'),
            (text_with(color=[192, 64, 48]), 'hint 2: color must be like "#c04030", not'),
        ],
    )
    def test_hints_from_json_names_what_is_invalid(self, text: str | bytes, said: str) -> None:
        with pytest.raises(HintError, match=f"^{said}") as caught:
            hints_from_json(text)
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 200

    def test_too_many_hints_are_rejected(self) -> None:
        assert len(hints_from_json(hints_to_json([Hint(0, 0, "#c04030")] * MAX_HINTS))) == 256
        with pytest.raises(HintError, match="257 hints exceed the limit of 256"):
            hints_from_json(hints_to_json([Hint(0, 0, "#c04030")] * (MAX_HINTS + 1)))


class TestFile:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    @pytest.mark.parametrize("kind", [str, Path])
    def test_read_hints_reads_a_file(self, tmp_path: Path, encoding: str, kind: type) -> None:
        path = tmp_path / "hints.json"
        path.write_text(TEXT, encoding)
        assert read_hints(kind(path)) == (Hint(0.4, 0.3, "#c04030"),)

    def test_read_hints_names_the_invalid_file(self, tmp_path: Path) -> None:
        path = tmp_path / "hints.json"
        path.write_text(text_with(x=7))
        with pytest.raises(HintError, match=r"hints\.json: hint 2: x must be"):
            read_hints(path)
        path.write_text("")
        with pytest.raises(HintError, match=r"hints\.json: not JSON") as caught:
            read_hints(path)
        assert TEXT in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("name", "said"), [("no.json", "No such file"), (".", "directory"), ("a\0b", "null")]
    )
    def test_read_hints_rejects_unreadable_files(
        self, tmp_path: Path, name: str, said: str
    ) -> None:
        with pytest.raises(SourceError, match=said):
            read_hints(tmp_path / name)


class TestMap:
    def test_hint_map_has_a_square_of_the_chroma(self) -> None:
        hint = Hint(0.5, 0.25, "#c04030")
        drawn = hint_map([hint], 192, 256)
        assert drawn.shape == (3, 192, 256)
        assert drawn.dtype == np.float32
        rows, columns = np.nonzero(drawn[2])
        assert (rows.min(), rows.max()) == (48 - 3, 48 + 3)
        assert (columns.min(), columns.max()) == (128 - 3, 128 + 3)
        assert len(rows) == 7 * 7
        np.testing.assert_allclose(drawn[:, 48, 128], [*hint.ab, 1], rtol=1e-6)
        assert not drawn[:2, drawn[2] == 0].any()

    def test_hint_map_is_empty_without_hints(self) -> None:
        assert not hint_map([], 20, 30).any()

    @pytest.mark.parametrize(
        ("long_side", "side"), [(1024, 28), (256, 7), (96, 3), (40, 1), (4, 1)]
    )
    def test_hint_size_follows_the_image_size(self, long_side: int, side: int) -> None:
        for shape in ((long_side, long_side), (long_side, long_side // 2)):
            assert hint_map([Hint(0.5, 0.5, "#c04030")], *shape)[2].sum() == side**2

    @given(hints, st.integers(1, 300), st.integers(1, 300))
    def test_hint_lies_at_its_position(self, hint: Hint, height: int, width: int) -> None:
        drawn = hint_map([hint], height, width)
        row, column = min(int(hint.y * height), height - 1), min(int(hint.x * width), width - 1)
        assert drawn[2, row, column] == 1
        assert drawn[2].sum() <= max(1, round(max(height, width) * 7 / 256)) ** 2

    def test_hint_is_clipped_at_a_corner(self) -> None:
        drawn = hint_map([Hint(0, 0, "#c04030"), Hint(1, 1, "#c04030")], 256, 256)
        assert drawn[2, :4, :4].all()
        assert drawn[2, -4:, -4:].all()
        assert drawn[2].sum() == 2 * 4 * 4

    def test_later_hints_override_earlier_ones(self) -> None:
        red, blue = Hint(0.5, 0.5, "#c04030"), Hint(0.51, 0.5, "#3040c0")
        drawn = hint_map([red, blue], 256, 256)
        at = (slice(0, 2), 128, int(0.51 * 256))
        np.testing.assert_allclose(drawn[at], blue.ab, rtol=1e-6)
        np.testing.assert_allclose(hint_map([blue, red], 256, 256)[at], red.ab, rtol=1e-6)
        np.testing.assert_allclose(drawn[:2, 128, 125], red.ab, rtol=1e-6)
