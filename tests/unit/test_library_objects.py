"""Objects of the library in a console, in process pools, and the attributes of their files."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from rechroma import Colorizer, list_models
from rechroma.errors import OptionError
from rechroma.imaging import Metadata, read_photo
from tests.support.fake_engine import FakeEngine
from tests.support.images import gray_ramp, write_image
from tests.support.models import write_model

MAX_REPR = 400


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.onnx")


def color_file(colorizer: Colorizer, source: Path) -> Path:
    return colorizer.colorize_file(source).target


def test_objects_have_a_short_repr(model: Path, tmp_path: Path) -> None:
    colorizer = Colorizer(model, threads=2)
    source = write_image(tmp_path / "a.png")
    image = source.read_bytes()
    objects = {
        "Colorizer('tiny', threads=2)": colorizer,
        "ModelCard('tiny', ": colorizer.card,
        "ModelCard('rechroma": list_models()[0],
        "EncodedImage(format='PNG', was_color=False": colorizer.colorize_bytes(image),
        "Result(source=": colorizer.colorize_file(source),
        "Photo(120 x 90, uint8, PNG)": read_photo(image),
        "Metadata(dpi=None": Metadata(exif=bytes(5000), icc=bytes(500), xmp=bytes(500)),
    }
    for start, each in objects.items():
        assert repr(each).startswith(start)
        assert len(repr(each)) < MAX_REPR
        assert "\n" not in repr(each)


def test_colorizer_can_be_pickled(model: Path) -> None:
    colorizer = Colorizer(model, threads=2)
    copy = pickle.loads(pickle.dumps(colorizer))
    np.testing.assert_array_equal(copy.colorize(gray_ramp()), colorizer.colorize(gray_ramp()))
    assert (copy.threads, copy.card) == (2, colorizer.card)


def test_colorizer_works_in_spawned_processes(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    colorizer = Colorizer(model.name, threads=1)
    sources = [write_image(tmp_path / f"{number}.png") for number in range(2)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        targets = pool.starmap(color_file, [(colorizer, source) for source in sources])
    assert [path.name for path in targets] == ["0.color.png", "1.color.png"]
    assert all(path.is_file() for path in targets)


@pytest.mark.skipif(os.name != "posix", reason="the system has no such permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_result_has_the_permissions_of_the_photograph(tmp_path: Path, mode: int) -> None:
    source = write_image(tmp_path / "a.jpg")
    source.chmod(mode)
    colorizer = Colorizer(engine=FakeEngine())
    target = colorizer.colorize_file(source).target
    assert target.stat().st_mode & 0o777 == mode
    target.chmod(0o666)
    colorizer.colorize_file(source, overwrite=True)
    assert target.stat().st_mode & 0o777 == mode


def test_result_keeps_the_time_on_request(tmp_path: Path) -> None:
    source = write_image(tmp_path / "a.jpg")
    os.utime(source, ns=(10**18, 10**18 + 123_456_789))
    colorizer = Colorizer(engine=FakeEngine())
    target = colorizer.colorize_file(source).target
    assert target.stat().st_mtime_ns > 10**18 + 10**17
    colorizer.colorize_file(source, overwrite=True, keep_time=True)
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    with pytest.raises(OptionError):
        colorizer.colorize_file(source, keeptime=True)  # type: ignore[call-arg]
