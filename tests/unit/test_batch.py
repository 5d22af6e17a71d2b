"""Colorization of many files: results, failures and laziness."""

from __future__ import annotations

import gc
import itertools
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rechroma.batch import Failure, colorize_many
from rechroma.colorizer import Colorizer, Result
from rechroma.errors import (
    EmptyImageError,
    EngineError,
    ImageTooLargeError,
    InternalError,
    OptionError,
    SourceError,
    TargetError,
)
from tests.support.fake_engine import FakeEngine
from tests.support.images import gray_ramp, write_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rechroma.color.lab import Float


@pytest.fixture
def colorizer() -> Colorizer:
    return Colorizer(engine=FakeEngine(), threads=2)


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    return [write_image(tmp_path / f"{number}.png", gray_ramp(40, 50)) for number in range(10)]


@pytest.mark.parametrize("jobs", [None, 1, 4])
def test_colorize_many_gives_one_result_per_file(
    colorizer: Colorizer, sources: list[Path], jobs: int | None
) -> None:
    results = list(colorize_many(colorizer, sources, jobs=jobs))
    assert {result.source for result in results} == set(sources)
    assert all(isinstance(result, Result) for result in results)
    assert all(result.target.exists() for result in results)


def test_colorize_many_continues_after_an_unreadable_file(
    colorizer: Colorizer, sources: list[Path]
) -> None:
    sources[3].write_bytes(b"")
    sources[5].unlink()
    failures = {
        result.source: result.error
        for result in colorize_many(colorizer, sources)
        if isinstance(result, Failure)
    }
    assert {path: type(error) for path, error in failures.items()} == {
        sources[3]: EmptyImageError,
        sources[5]: SourceError,
    }
    assert sum(path.with_suffix(".color.png").exists() for path in sources) == 8


def test_colorize_many_continues_after_an_unexpected_error(sources: list[Path]) -> None:
    class Troubled(FakeEngine):
        def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
            if lightness.max() < 1:
                raise MemoryError
            if lightness.min() > 99:
                raise ZeroDivisionError("division by zero\nin line two")
            return super().chroma(lightness, hints)

    write_image(sources[2], np.full((40, 50), 0, np.uint8))
    write_image(sources[4], np.full((40, 50), 255, np.uint8))
    bad = [Path(), Path("a\0.png")]
    results = colorize_many(Colorizer(engine=Troubled()), [*sources, *bad])
    failures = {o.source: o.error for o in results if isinstance(o, Failure)}
    assert {path: type(error) for path, error in failures.items()} == {
        sources[2]: ImageTooLargeError,
        sources[4]: InternalError,
        bad[0]: SourceError,
        bad[1]: TargetError,
    }
    foreseen = "unexpected ZeroDivisionError: division by zero"
    assert failures[sources[4]].message == f"{sources[4]}: {foreseen}"
    assert isinstance(failures[sources[4]].__cause__, ZeroDivisionError)
    assert len(list(sources[0].parent.glob("*.color.png"))) == 8


def test_colorize_many_takes_pairs_of_source_and_target(
    colorizer: Colorizer, sources: list[Path], tmp_path: Path
) -> None:
    pairs = [(source, tmp_path / "out" / source.name) for source in sources]
    for result in colorize_many(colorizer, pairs, blend=0.5):
        assert (result.source, result.target) in pairs
    assert len(list((tmp_path / "out").iterdir())) == len(sources)


def test_colorize_many_consumes_sources_lazily_until_closed(
    colorizer: Colorizer, sources: list[Path]
) -> None:
    taken = itertools.count()

    def endless() -> Iterator[Path]:
        for number in taken:
            yield write_image(sources[0].parent / "many" / f"{number}.png", gray_ramp(10, 10))

    results = colorize_many(colorizer, endless(), jobs=2)
    assert isinstance(next(iter(results)), Result)
    results.close()
    assert next(taken) < 20


@pytest.mark.parametrize(
    ("jobs", "options"),
    [
        (0, {}),
        (1.5, {}),
        (1, {"saturation": 9.0}),
        (1, {"quality": 0}),
        (1, {"quality": 1.5}),
        (1, {"format": "xcf"}),
        (1, {"hints": ["#c04030"]}),
        (1, {"saturaton": 1.0}),
    ],
)
def test_colorize_many_raises_invalid_options_before_reading_files(
    colorizer: Colorizer, sources: list[Path], jobs: Any, options: Any
) -> None:
    with pytest.raises(OptionError):
        colorize_many(colorizer, sources, jobs=jobs, **options)
    assert not list(sources[0].parent.glob("*.color.*"))


def test_failure_releases_its_image(tmp_path: Path) -> None:
    source = write_image(tmp_path / "photo.png", gray_ramp(40, 60))
    kept: list[weakref.ref[Float]] = []

    class Failing(FakeEngine):
        def chroma(self, lightness: Float, hints: Float | None = None) -> Float:  # noqa: ARG002
            kept.append(weakref.ref(lightness))
            raise EngineError("the model failed")

    (failure,) = colorize_many(Colorizer(engine=Failing()), [source])
    assert isinstance(failure, Failure)
    assert failure.error.__traceback__ is not None
    gc.collect()
    assert [reference() for reference in kept] == [None]


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_colorize_many_rejects_a_single_path(
    colorizer: Colorizer, sources: list[Path], kind: Callable[[Path], Any]
) -> None:
    with pytest.raises(OptionError, match="is one path"):
        colorize_many(colorizer, kind(sources[0]))


@pytest.mark.parametrize("sources", [None, 3])
def test_colorize_many_rejects_what_is_not_iterable(colorizer: Colorizer, sources: Any) -> None:
    with pytest.raises(OptionError, match="sources must be paths"):
        colorize_many(colorizer, sources)


def test_target_of_two_sources_is_an_error_before_any_work(
    colorizer: Colorizer, sources: list[Path], tmp_path: Path
) -> None:
    first, second, *_ = sources
    one = tmp_path / "one.png"
    (tmp_path / "link").symlink_to(tmp_path)
    for given in (
        [first, second, first],
        [(first, one), (second, one)],
        ((first, one), (second, tmp_path / "link" / "one.png")),
    ):
        with pytest.raises(OptionError, match="would both become"):
            colorize_many(colorizer, given)
    assert not one.exists()
    assert not list(tmp_path.glob("*.color.*"))


def test_target_that_an_iterator_repeats_is_a_failure(
    colorizer: Colorizer, sources: list[Path], tmp_path: Path
) -> None:
    pairs = ((source, tmp_path / "one.png") for source in sources[:2])
    done, failed = sorted(
        colorize_many(colorizer, pairs, jobs=1, overwrite=True),
        key=lambda result: isinstance(result, Failure),
    )
    assert isinstance(done, Result)
    assert isinstance(failed, Failure)
    assert isinstance(failed.error, OptionError)
