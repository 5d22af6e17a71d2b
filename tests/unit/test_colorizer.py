from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from rechroma.batch import colorize_many
from rechroma.color import lightness, srgb_to_lab
from rechroma.color.render import adjust_chroma, render_srgb
from rechroma.colorizer import Colorizer, Result
from rechroma.engines import input_shape
from rechroma.errors import (
    HintError,
    InvalidChromaError,
    ModelFeatureError,
    ModelNotFoundError,
    OptionError,
    TargetError,
    TargetExistsError,
    UnsupportedImageError,
)
from rechroma.hints import Hint, hint_map
from rechroma.imaging import ChromaUpsampler
from rechroma.options import Adjustments
from tests.support.fake_engine import FakeEngine
from tests.support.images import gray_ramp, write_image
from tests.support.models import write_constant_model, write_model
from tests.support.xmp_packets import packet_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from rechroma.color.lab import Float

AB = (6.0, 9.0)  # mild enough for the whole of a mid-gray image to be within sRGB


@pytest.fixture
def colorizer() -> Colorizer:
    return Colorizer(engine=FakeEngine(AB), threads=2)


def _chroma(rgb: np.ndarray) -> np.ndarray:
    return srgb_to_lab(rgb)[..., 1:]


def _assert_colored(rgb: np.ndarray, gray: np.ndarray) -> None:
    assert np.abs(lightness(rgb) - lightness(gray)).mean() < 0.15
    wanted = np.array(AB) * lightness(gray).mean() / 100
    np.testing.assert_allclose(_chroma(rgb).mean(axis=(0, 1)), wanted, atol=0.3)


class TestTakesAndGivesBack:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    @pytest.mark.parametrize("shape", [(90, 120), (33, 200), (7, 5), (2, 2), (2, 300), (300, 2)])
    def test_colorize_accepts_arrays(
        self, colorizer: Colorizer, dtype: type, shape: tuple[int, int]
    ) -> None:
        gray = gray_ramp(*shape, dtype)
        rgb = colorizer.colorize(gray)
        assert rgb.shape == (*shape, 3)
        assert rgb.dtype == dtype
        _assert_colored(rgb, gray)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_colorize_accepts_float_arrays(self, colorizer: Colorizer, dtype: type) -> None:
        gray: np.ndarray = (gray_ramp(dtype=np.uint16) / 65535).astype(dtype)
        rgb = colorizer.colorize(gray)
        assert rgb.dtype == dtype
        assert 0 <= rgb.min() < rgb.max() <= 1
        _assert_colored(rgb, gray)

    @pytest.mark.parametrize(("channels", "out"), [(1, 3), (2, 4), (3, 3), (4, 4)])
    def test_colorize_accepts_arrays_with_channels(
        self, colorizer: Colorizer, channels: int, out: int
    ) -> None:
        gray = gray_ramp()
        array = np.repeat(gray[..., None], channels, axis=2)
        if channels in (2, 4):
            array[..., -1] = 77
        rgb = colorizer.colorize(array)
        assert rgb.shape == (*gray.shape, out)
        _assert_colored(rgb[..., :3], gray)
        assert (rgb[..., 3:] == 77).all()

    @pytest.mark.parametrize(("format", "suffix"), [("JPEG", "jpg"), ("PNG", "png")])
    def test_colorize_accepts_bytes(
        self,
        colorizer: Colorizer,
        format: str,  # noqa: A002
        suffix: str,
        tmp_path: Path,
    ) -> None:
        source = write_image(tmp_path / f"photo.{suffix}")
        result = colorizer.colorize(source.read_bytes())
        with Image.open(io.BytesIO(result)) as image:
            assert image.format == format
            assert image.mode == "RGB"
            assert np.abs(_chroma(np.asarray(image))).mean() > 1

    @pytest.mark.parametrize("kind", [str, Path])
    def test_colorize_rejects_paths_and_writes_nothing(
        self, colorizer: Colorizer, tmp_path: Path, kind: Callable[[Path], Any]
    ) -> None:
        source = write_image(tmp_path / "photo.png")
        for call in (colorizer.colorize, colorizer.predict):
            with pytest.raises(OptionError, match="is a path") as caught:
                call(kind(source))
            assert "colorize_file" in str(caught.value.hint)
        assert list(tmp_path.iterdir()) == [source]

    def test_colorize_file_never_replaces_by_default(
        self, colorizer: Colorizer, tmp_path: Path
    ) -> None:
        source = write_image(tmp_path / "photo.png")
        before = source.read_bytes()
        target = colorizer.colorize_file(str(source)).target
        assert target == tmp_path / "photo.color.png"
        assert source.read_bytes() == before
        with Image.open(target) as image:
            _assert_colored(np.asarray(image), gray_ramp())
        with pytest.raises(TargetExistsError, match=r"photo\.color\.png"):
            colorizer.colorize_file(source)

    @pytest.mark.parametrize(("mode", "out"), [("L", "RGB"), ("RGB", "RGB"), ("LA", "RGBA")])
    def test_colorize_accepts_pillow_images(
        self, colorizer: Colorizer, mode: str, out: str
    ) -> None:
        image = Image.fromarray(gray_ramp()).convert(mode)
        image.info["dpi"] = (300, 300)
        result = colorizer.colorize(image)
        assert result.mode == out
        assert result.size == image.size
        assert result.info["dpi"] == (300, 300)
        _assert_colored(np.asarray(result)[..., :3], gray_ramp())

    def test_pillow_images_of_16_bit_come_back_in_8(self, colorizer: Colorizer) -> None:
        result = colorizer.colorize(Image.fromarray(gray_ramp(dtype=np.uint16)))
        assert result.mode == "RGB"
        _assert_colored(np.asarray(result), gray_ramp())

    def test_pillow_images_keep_their_exif_and_come_back_upright(
        self, colorizer: Colorizer
    ) -> None:
        image = Image.fromarray(gray_ramp(60, 100))
        exif = image.getexif()
        exif[0x0112], exif[0x010F] = 6, "Leica"
        stored = io.BytesIO()
        image.save(stored, "JPEG", exif=exif)
        result = colorizer.colorize(Image.open(stored))
        assert result.size == (60, 100)
        assert result.getexif().get(0x010F) == "Leica"
        assert result.getexif().get(0x0112, 1) == 1

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_pillow_images_can_be_colored_again(
        self, colorizer: Colorizer, file_format: str
    ) -> None:
        tiff = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
        packet = packet_with(f'<rdf:Description {tiff} tiff:Orientation="6"/>').decode()
        exif = Image.Exif()
        exif[0x0112] = 6
        stored = io.BytesIO()
        Image.fromarray(gray_ramp(60, 100)).save(stored, file_format, exif=exif)
        image = Image.open(stored)
        image.info["XML:com.adobe.xmp"] = packet
        first, second = colorizer.colorize(image), colorizer.colorize(image)
        assert first.size == (60, 100)
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
        assert b"x:xmpmeta" in first.info["xmp"]
        assert b'Orientation="6"' not in first.info["xmp"]
        assert b"Orientation>6<" not in first.info["xmp"]
        np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(first)), np.asarray(first))

    @pytest.mark.parametrize("image", [None, 3, [[1, 2], [3, 4]], io.BytesIO()])
    def test_other_sources_are_rejected(self, colorizer: Colorizer, image: Any) -> None:
        with pytest.raises(UnsupportedImageError, match="cannot be given"):
            colorizer.colorize(image)


class TestPicture:
    def test_chroma_keeps_its_position(self) -> None:
        # Light squares on dark: the fake's chroma follows lightness, so color must sit on them.
        gray = np.full((213, 377), 40, np.uint8)
        gray[20:60, 300:360] = 220
        gray[150:200, 30:90] = 220
        rgb = Colorizer(engine=FakeEngine(AB)).colorize(gray)
        b = _chroma(rgb)[..., 1]
        light = lightness(gray) > 50
        assert b[light].min() > 2 * np.median(b[~light])
        smooth = np.corrcoef(b.ravel(), lightness(gray).ravel())[0, 1]
        assert smooth > 0.9

    @pytest.mark.parametrize("stride", [4, 32, 128])
    def test_padding_leaves_no_trace(self, stride: int) -> None:
        gray = gray_ramp(70, 203)
        rgb = Colorizer(engine=FakeEngine(AB, stride=stride, size=203)).colorize(gray)
        plain = Colorizer(engine=FakeEngine(AB, stride=4, size=203)).colorize(gray)
        np.testing.assert_array_equal(rgb, plain)

    def test_black_and_white_are_unchanged(self, tmp_path: Path) -> None:
        model = write_constant_model(tmp_path / "constant.onnx", (30, 60))
        gray = np.repeat(np.array([[0, 255]], np.uint8), 20, axis=0).repeat(20, axis=1)
        rgb = Colorizer(model).colorize(gray)
        np.testing.assert_array_equal(rgb, np.repeat(gray[..., None], 3, axis=2))

    def test_result_does_not_depend_on_threads(self) -> None:
        gray = gray_ramp(700, 500)
        one, three = (Colorizer(engine=FakeEngine(AB), threads=n).colorize(gray) for n in (1, 3))
        np.testing.assert_array_equal(one, three)

    def test_colorizer_is_thread_safe(self, tmp_path: Path) -> None:
        colorizer = Colorizer(write_model(tmp_path / "tiny.onnx", ab=AB), threads=2)
        images = [gray_ramp(60 + 7 * n, 90) for n in range(8)]
        alone = [colorizer.colorize(image) for image in images]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(colorizer.colorize, images))
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, other)


class TestAdjustments:
    def test_saturation_scales_the_chroma(self, colorizer: Colorizer) -> None:
        plain, twice = (
            _chroma(colorizer.colorize(gray_ramp(), saturation=value)).mean() for value in (1, 2)
        )
        assert twice == pytest.approx(2 * plain, rel=0.05)

    @pytest.mark.parametrize("options", [{"saturation": 0.0}, {"blend": 0.0}])
    def test_zero_saturation_gives_gray_at_any_warmth(
        self, colorizer: Colorizer, options: Any
    ) -> None:
        gray = gray_ramp()
        rgb = colorizer.colorize(gray, warmth=1.0, **options)
        np.testing.assert_array_equal(rgb, np.repeat(gray[..., None], 3, axis=2))

    def test_half_blend_is_halfway_to_gray(self, colorizer: Colorizer) -> None:
        plain, half = (
            _chroma(colorizer.colorize(gray_ramp(), blend=value)).mean() for value in (1, 0.5)
        )
        assert half == pytest.approx(plain / 2, rel=0.05)

    def test_warmth_shifts_toward_yellow_and_back(self, colorizer: Colorizer) -> None:
        cool, plain, warm = (
            _chroma(colorizer.colorize(gray_ramp(), warmth=value))[..., 1].mean()
            for value in (-1, 0, 1)
        )
        assert cool + 1 < plain < warm - 1

    @given(st.floats(0, 3), st.floats(-1, 1), st.floats(0, 1))
    def test_neutral_stays_neutral(self, saturation: float, warmth: float, blend: float) -> None:
        neutral = np.zeros((2, 2, 2), np.float32)
        assert not adjust_chroma(neutral, Adjustments(saturation, warmth, blend)).any()

    @pytest.mark.parametrize(
        "options",
        [
            {"saturation": -0.1},
            {"saturation": 3.1},
            {"saturation": float("nan")},
            {"warmth": 1.1},
            {"warmth": -1.1},
            {"blend": -0.1},
            {"blend": 1.1},
            {"saturation": "1"},
            {"blend": None},
            {"size": 63},
            {"size": "256"},
            {"size": 100.5},
            {"size": 2049},
        ],
    )
    def test_options_out_of_range_are_rejected(self, colorizer: Colorizer, options: Any) -> None:
        with pytest.raises(OptionError, match=next(iter(options))):
            colorizer.colorize(gray_ramp(), **options)


class TestHints:
    RED = Hint(0.8, 0.25, "#c04030")

    @pytest.fixture
    def tiny(self, tmp_path: Path) -> Colorizer:
        path = write_model(tmp_path / "tiny.onnx", ab=AB, hints=True, stride=64, size=256)
        return Colorizer(path, threads=1)

    @pytest.mark.parametrize("shape", [(90, 120), (300, 410), (410, 300), (20, 200), (15, 12)])
    def test_hint_colors_only_its_position(self, tiny: Colorizer, shape: tuple[int, int]) -> None:
        gray = np.full(shape, 130, np.uint8)
        plain, hinted = (_chroma(tiny.colorize(gray, hints=h)) for h in ([], [self.RED]))
        change = np.linalg.norm(hinted - plain, axis=-1)
        y, x = np.indices(shape)[:, change > change.max() / 2].mean(axis=1) + 0.5
        assert abs(y - 0.25 * shape[0]) < 0.03 * max(shape)
        assert abs(x - 0.8 * shape[1]) < 0.03 * max(shape)
        a, b = hinted[change > change.max() / 2].mean(axis=0)
        assert b / a == pytest.approx(self.RED.ab[1] / self.RED.ab[0], rel=0.1)
        far = np.abs(np.arange(shape[1]) - x) > 0.2 * max(shape)
        np.testing.assert_array_equal(hinted[:, far], plain[:, far])

    def test_lightness_is_that_of_the_photograph(self, tiny: Colorizer) -> None:
        rgb = tiny.colorize(
            gray_ramp(), hints=[Hint(0.5, 0.5, "#000040"), Hint(0.2, 0.5, "#ffff00")]
        )
        assert np.abs(lightness(rgb) - lightness(gray_ramp())).max() < 0.5

    @pytest.mark.parametrize("stride", [4, 64, 128])
    def test_hint_positions_ignore_the_padding(self, stride: int) -> None:
        class Spy(FakeEngine):
            seen: Float

            def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
                if hints is not None:
                    self.seen = hints
                return super().chroma(lightness, hints)

        spy = Spy(stride=stride, size=200)
        corner = [self.RED, Hint(1, 1, "#4060c0")]
        Colorizer(engine=spy).colorize(gray_ramp(140, 200), hints=corner)
        (seen,) = spy.seen
        assert seen.shape == (3, -(-140 // stride) * stride, -(-200 // stride) * stride)
        np.testing.assert_array_equal(seen[:, :140, :200], hint_map(corner, 140, 200))
        assert not seen[:, 140:].any()
        assert not seen[:, :, 200:].any()

    def test_corrections_of_an_image_predict_it_without_hints_once(self) -> None:
        class CountingEngine(FakeEngine):
            plain = 0

            def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
                self.plain += hints is None
                return super().chroma(lightness, hints)

        engine = CountingEngine()
        colorizer = Colorizer(engine=engine)
        images = [gray_ramp(40, 60), gray_ramp(60, 40), gray_ramp(40, 60)]
        results = [
            [
                colorizer.colorize(image, hints=[Hint(0.5, 0.5, color)])
                for color in ("#ff0000", "#0000ff")
            ]
            for image in images
        ]
        assert engine.plain == len(images)
        for image, pair in zip(images, results, strict=True):
            for color, result in zip(("#ff0000", "#0000ff"), pair, strict=True):
                fresh = Colorizer(engine=FakeEngine()).colorize(
                    image, hints=[Hint(0.5, 0.5, color)]
                )
                np.testing.assert_array_equal(result, fresh)

    def test_every_kind_of_source_supports_hints(self, tiny: Colorizer, tmp_path: Path) -> None:
        gray = gray_ramp()
        source = write_image(tmp_path / "photo.png", gray)
        wanted = tiny.colorize(gray, hints=(self.RED,))
        assert not np.array_equal(wanted, tiny.colorize(gray))
        results = [
            tiny.colorize(Image.fromarray(gray), hints=[self.RED]),
            Image.open(io.BytesIO(tiny.colorize(source.read_bytes(), hints=[self.RED]))),
            Image.open(tiny.colorize_file(source, hints=[self.RED]).target),
        ]
        (batched,) = colorize_many(tiny, [write_image(tmp_path / "c.png", gray)], hints=[self.RED])
        results.append(Image.open(batched.target))
        for result in results:
            np.testing.assert_array_equal(np.asarray(result), wanted)

    def test_adjustments_apply_to_hinted_colors(self, tiny: Colorizer) -> None:
        rgb = tiny.colorize(gray_ramp(), hints=[self.RED], saturation=0)
        np.testing.assert_array_equal(rgb, np.repeat(gray_ramp()[..., None], 3, axis=2))

    def test_model_without_hint_support_raises(self, tmp_path: Path) -> None:
        source = write_image(tmp_path / "photo.png")
        colorizer = Colorizer(engine=FakeEngine(hints=False))
        with pytest.raises(ModelFeatureError, match="does not support hints"):
            colorizer.colorize_file(source, hints=[self.RED])
        with pytest.raises(ModelFeatureError, match="does not support hints"):
            colorize_many(colorizer, [source], hints=[self.RED])
        assert list(tmp_path.iterdir()) == [source]
        assert colorizer.colorize_file(source, hints=[]).target.exists()

    @pytest.mark.parametrize(
        "hints",
        [None, RED, "#c04030", [(0.5, 0.5, "#c04030")], [RED, None], iter([RED]), [RED] * 1001],
    )
    def test_invalid_hints_are_rejected(self, colorizer: Colorizer, hints: Any) -> None:
        with pytest.raises(HintError, match="hints"):
            colorizer.colorize(gray_ramp(), hints=hints)


class TestChroma:
    def test_adjusted_and_rendered_chroma_equals_colorize(self, colorizer: Colorizer) -> None:
        gray = gray_ramp()
        chroma = colorizer.predict(gray)
        assert chroma.shape == (22, 30, 2)
        turned = adjust_chroma(chroma, Adjustments(saturation=0.5, warmth=0.4))
        full = ChromaUpsampler(turned, gray.shape).strip(slice(0, len(gray)))
        expected = render_srgb(gray, full)
        assert np.array_equal(expected, colorizer.colorize(gray, saturation=0.5, warmth=0.4))

    def test_predict_has_the_chroma_of_a_hint_at_its_position(self, colorizer: Colorizer) -> None:
        hint = Hint(0.5, 0.5, "#c04030")
        chroma = colorizer.predict(gray_ramp(), hints=[hint])
        assert np.allclose(chroma[11, 15], hint.ab, atol=1e-4)

    @pytest.mark.parametrize("size", [None, 200])
    def test_drawn_hint_map_is_not_limited(self, tmp_path: Path, size: int | None) -> None:
        hint, gray = Hint(0.5, 0.5, "#c04030"), gray_ramp()
        colorizer = Colorizer(write_model(tmp_path / "tiny.onnx", hints=True))
        shape = input_shape(gray.shape, size or colorizer.card.size, colorizer.card.scale)
        drawn = hint_map([hint], *shape)
        plain = colorizer.predict(gray, size=size)
        limited = colorizer.predict(gray, size=size, hints=[hint])
        unlimited = colorizer.predict(gray, size=size, hints=drawn)
        assert np.abs(unlimited - plain).max() >= np.abs(limited - plain).max() > 1
        with pytest.raises(HintError, match="of shape"):
            colorizer.predict(gray, size=size, hints=drawn[:, 1:])


class TestRender:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_predict_and_render_give_what_colorize_gives(
        self, colorizer: Colorizer, dtype: type
    ) -> None:
        gray = gray_ramp(dtype=dtype)
        rendered = colorizer.render(gray, colorizer.predict(gray), Adjustments(saturation=0.5))
        assert np.array_equal(rendered, colorizer.colorize(gray, saturation=0.5))

    def test_render_takes_the_chroma_of_another_image(self, colorizer: Colorizer) -> None:
        gray, chroma = gray_ramp(), np.full((2, 3, 2), 5.0, np.float32)
        ab = _chroma(colorizer.render(gray, chroma))
        np.testing.assert_allclose(ab.mean(axis=(0, 1)), [5, 5], atol=0.3)
        neutral = colorizer.render(gray, np.zeros_like(chroma))
        assert np.array_equal(neutral, np.repeat(gray[..., None], 3, axis=2))

    @pytest.mark.parametrize(
        "chroma",
        [
            None,
            3.0,
            [[[1.0, 2.0]]],
            np.zeros((4, 4), np.float32),
            np.zeros((4, 4, 3), np.float32),
            np.zeros((0, 4, 2), np.float32),
            np.zeros((4, 4, 2), np.int32),
        ],
    )
    def test_render_rejects_other_arrays(self, colorizer: Colorizer, chroma: Any) -> None:
        with pytest.raises(OptionError, match="chroma must be a float array"):
            colorizer.render(gray_ramp(), chroma)

    def test_render_rejects_chroma_that_is_not_finite(self, colorizer: Colorizer) -> None:
        with pytest.raises(InvalidChromaError, match="finite"):
            colorizer.render(gray_ramp(), np.full((4, 4, 2), np.nan, np.float32))

    def test_render_rejects_other_adjustments(self, colorizer: Colorizer) -> None:
        adjustments: Any = {"saturation": 1}
        with pytest.raises(OptionError, match="adjustments must be Adjustments, not dict"):
            colorizer.render(gray_ramp(), np.zeros((4, 4, 2), np.float32), adjustments)


class TestWrongArguments:
    @pytest.mark.parametrize("image", [None, 3, [[1, 2]], object()])
    def test_images_of_other_types_are_input_errors(self, colorizer: Colorizer, image: Any) -> None:
        chroma = np.zeros((4, 4, 2), np.float32)
        for call in (
            lambda: colorizer.predict(image),
            lambda: colorizer.render(image, chroma),
            lambda: colorizer.colorize(image),
            lambda: colorizer.suggest_colors(image, 0.5, 0.5),
        ):
            with pytest.raises(UnsupportedImageError, match="cannot be given as"):
                call()

    def test_unknown_keywords_are_option_errors(self, colorizer: Colorizer) -> None:
        gray, typo = gray_ramp(), cast("Any", {"saturaton": 1.0})
        for call in (
            lambda: colorizer.colorize(gray, **typo),
            lambda: colorizer.colorize_bytes(b"", **typo),
            lambda: colorizer.colorize_file("photo.jpg", **typo),
        ):
            with pytest.raises(OptionError, match="unknown option 'saturaton'") as caught:
                call()
            assert caught.value.hint == "Did you mean 'saturation'?"
        with pytest.raises(OptionError, match="unknown option 'warmth'"):
            colorizer.predict(gray, **cast("Any", {"warmth": 0.5}))

    @pytest.mark.parametrize("path", [None, 3, b"photo.jpg", ""])
    def test_invalid_paths_are_option_errors(self, colorizer: Colorizer, path: Any) -> None:
        with pytest.raises(OptionError, match="is not a path"):
            colorizer.colorize_file(path)

    @pytest.mark.parametrize("options", [{"badge": 1}, {"provenance": "no"}, {"max_pixels": 0}])
    def test_output_options_are_checked(self, colorizer: Colorizer, options: Any) -> None:
        with pytest.raises(OptionError, match=next(iter(options))):
            colorizer.colorize_bytes(b"", **options)

    @pytest.mark.parametrize(("argument", "value"), [("model", None), ("provider", None)])
    def test_constructor_arguments_are_checked(self, argument: str, value: Any) -> None:
        with pytest.raises(OptionError):
            Colorizer(**{argument: value})


class TestColorSuggestions:
    def test_suggest_colors_sorts_by_probability_at_the_lightness(self) -> None:
        colorizer = Colorizer(engine=FakeEngine((0.0, 40.0)))
        gray = np.full((64, 64), 70, np.uint8)
        gray[:, 32:] = 200
        dark, light = (colorizer.suggest_colors(gray, x, 0.5) for x in (0.2, 0.8))
        assert [found.color for found in dark] == ["#464646", dark[1].color]
        assert light[1].color == "#c8c8c8"
        assert light[0].probability == pytest.approx(lightness(gray)[0, -1] / 100, abs=1e-4)
        assert sum(found.probability for found in dark) == pytest.approx(1, abs=1e-5)
        for found, level in ((dark[1], 70), (light[0], 200)):
            lab = srgb_to_lab(np.frombuffer(bytes.fromhex(found.color[1:]), np.uint8))
            assert lab[0] == pytest.approx(
                float(lightness(np.full((1, 1), level, np.uint8))[0, 0]), abs=0.6
            )
            assert lab[2] > 20

    def test_suggest_colors_respects_the_limit(self, colorizer: Colorizer) -> None:
        assert len(colorizer.suggest_colors(gray_ramp(), 0, 1, count=1)) == 1

    @pytest.mark.parametrize(
        ("place", "count"), [((1.1, 0), 6), ((0, -0.1), 6), ((0, float("nan")), 6), ((0, 0), 0)]
    )
    def test_suggest_colors_rejects_invalid_arguments(
        self, colorizer: Colorizer, place: tuple[float, float], count: int
    ) -> None:
        with pytest.raises(OptionError):
            colorizer.suggest_colors(gray_ramp(), *place, count=count)

    def test_suggest_colors_needs_a_distribution(self, tmp_path: Path) -> None:
        colorizer = Colorizer(write_constant_model(tmp_path / "model.onnx", (1.0, 2.0)))
        with pytest.raises(ModelFeatureError, match="no distribution"):
            colorizer.suggest_colors(gray_ramp(), 0.5, 0.5)


class TestFiles:
    def test_colorize_file_returns_a_result(self, colorizer: Colorizer, tmp_path: Path) -> None:
        source = write_image(tmp_path / "photo.jpg")
        result = colorizer.colorize_file(source, tmp_path / "new" / "out.png", saturation=1.5)
        assert result == Result(
            source, tmp_path / "new" / "out.png", 120, 90, result.seconds, was_color=False
        )
        assert result.seconds > 0
        with Image.open(result.target) as image:
            assert (image.format, image.size) == ("PNG", (120, 90))

    def test_format_beats_the_suffix_of_the_source(
        self, colorizer: Colorizer, tmp_path: Path
    ) -> None:
        result = colorizer.colorize_file(write_image(tmp_path / "photo.jpg"), format="png")
        assert result.target == tmp_path / "photo.color.png"
        with Image.open(result.target) as image:
            assert image.format == "PNG"

    def test_sepia_is_turned_gray_first(self, colorizer: Colorizer, tmp_path: Path) -> None:
        sepia = (gray_ramp()[..., None] * np.array([1, 0.8, 0.6])).astype(np.uint8)
        result = colorizer.colorize_file(write_image(tmp_path / "sepia.png", sepia))
        assert result.was_color
        with Image.open(result.target) as image:
            hue = _chroma(np.asarray(image)).mean(axis=(0, 1))
        assert hue[1] / hue[0] == pytest.approx(AB[1] / AB[0], rel=0.1)

    def test_existing_target_needs_overwrite(self, colorizer: Colorizer, tmp_path: Path) -> None:
        source, target = write_image(tmp_path / "photo.png"), tmp_path / "there.png"
        target.write_text("precious")
        with pytest.raises(TargetExistsError, match=r"there\.png"):
            colorizer.colorize_file(source, target)
        assert target.read_text() == "precious"
        colorizer.colorize_file(source, target, overwrite=True)
        with Image.open(target) as image:
            assert image.mode == "RGB"

    def test_source_is_never_replaced(self, colorizer: Colorizer, tmp_path: Path) -> None:
        source = write_image(tmp_path / "photo.png")
        before = source.read_bytes()
        (tmp_path / "link.png").symlink_to(source)
        for target in (source, tmp_path / "link.png"):
            with pytest.raises(TargetExistsError, match="never replaced"):
                colorizer.colorize_file(source, target, overwrite=True)
        assert source.read_bytes() == before

    def test_name_too_long_for_the_suffix_is_an_error(
        self, colorizer: Colorizer, tmp_path: Path
    ) -> None:
        source = write_image(tmp_path / f"{'x' * 250}.png")
        with pytest.raises(TargetError):
            colorizer.colorize_file(source)

    @pytest.mark.parametrize("quality", [0, 101, 1.5, "92"])
    def test_quality_out_of_range_is_rejected(
        self, colorizer: Colorizer, tmp_path: Path, quality: Any
    ) -> None:
        with pytest.raises(OptionError, match="quality"):
            colorizer.colorize_file(write_image(tmp_path / "photo.jpg"), quality=quality)

    @pytest.mark.parametrize(
        ("target", "format", "said"),
        [
            ("x.pdf", None, "cannot write the format '.pdf'"),
            ("x.gif", None, "cannot write the format '.gif'"),
            ("x.pdf", "png", "cannot write the format '.pdf'"),
            ("x.png", "jpeg", "the name implies PNG, but JPEG was requested"),
            ("x.png", "gif", "cannot write the format 'gif'"),
            ("", None, "is not a path"),
        ],
    )
    def test_target_of_another_format_is_rejected(
        self,
        colorizer: Colorizer,
        tmp_path: Path,
        target: str,
        format: str,  # noqa: A002
        said: str,
    ) -> None:
        source = write_image(tmp_path / "photo.jpg")
        with pytest.raises(OptionError, match=said):
            colorizer.colorize_file(source, target and tmp_path / target, format=format)
        assert list(tmp_path.iterdir()) == [source]

    @pytest.mark.parametrize(
        ("target", "format", "written"),
        [
            ("out", None, "JPEG"),
            ("out", "png", "PNG"),
            ("out.TIFF", "tif", "TIFF"),
            ("out.jpeg", ".JPG", "JPEG"),
            ("out.scan", None, "JPEG"),
        ],
    )
    def test_valid_targets_are_written(
        self,
        colorizer: Colorizer,
        tmp_path: Path,
        target: str,
        format: str,  # noqa: A002
        written: str,
    ) -> None:
        source = write_image(tmp_path / "photo.jpg").rename(tmp_path / "photo.scan")
        result = colorizer.colorize_file(source, tmp_path / target, format=format)
        with Image.open(result.target) as image:
            assert image.format == written

    def test_empty_path_is_an_option_error(self, colorizer: Colorizer) -> None:
        with pytest.raises(OptionError, match="is not a path"):
            colorizer.colorize_file("")

    def test_error_while_coloring_names_the_image(self, tmp_path: Path) -> None:
        source = write_image(tmp_path / "photo.png", gray_ramp(2, 16_400))
        model = write_constant_model(tmp_path / "nan.onnx", (float("nan"), 0))
        with pytest.raises(InvalidChromaError, match=f"^{source}: "):
            Colorizer(model).colorize_file(source)
        with pytest.raises(OptionError, match=f"^{source}: .*WEBP"):
            Colorizer(engine=FakeEngine()).colorize_file(source, format="webp")

    def test_failing_network_writes_nothing(self, tmp_path: Path) -> None:
        model = write_constant_model(tmp_path / "nan.onnx", (float("nan"), 0))
        source = write_image(tmp_path / "photos" / "photo.png")
        with pytest.raises(InvalidChromaError):
            Colorizer(model).colorize_file(source)
        assert list(source.parent.iterdir()) == [source]

    def test_failing_network_never_returns_gray(self, tmp_path: Path) -> None:
        model = write_constant_model(tmp_path / "nan.onnx", (float("nan"), 0))
        with pytest.raises(InvalidChromaError):
            Colorizer(model).colorize(gray_ramp())


class TestConstruction:
    def test_model_can_be_a_path(self, tmp_path: Path) -> None:
        colorizer = Colorizer(write_model(tmp_path / "tiny.onnx", ab=AB))
        assert colorizer.card.name == "tiny"
        _assert_colored(colorizer.colorize(gray_ramp()), gray_ramp())

    def test_unknown_model_is_rejected(self) -> None:
        with pytest.raises(ModelNotFoundError, match="nonesuch"):
            Colorizer("nonesuch")

    @pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
    def test_too_few_threads_are_rejected(self, threads: Any) -> None:
        with pytest.raises(OptionError, match="threads"):
            Colorizer(engine=FakeEngine(), threads=threads)
