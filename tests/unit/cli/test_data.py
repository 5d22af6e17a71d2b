"""`rechroma data`: fetch, pack and inspect by commands alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import pytest
from PIL import Image

from tests.support.command import Run
from tests.support.local_http_server import Host, Request, serving
from tests.support.shards import synthetic_image, write_shard
from tests.support.tiny_encoders import write_encoder

HEAVY = {"torch", "onnxruntime", "skimage", "onnx"}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host of five photographs."""
    with serving() as host:
        for number in range(5):
            data = cv2.imencode(".jpg", synthetic_image(number, 96, 128)[..., ::-1])[1].tobytes()
            host.routes[f"/{number}.jpg"] = partial(Request.answer, body=data)
        yield host


@pytest.fixture
def listed(host: Host, tmp_path: Path) -> Path:
    """A list of its photographs and a missing one."""
    lines = [f"{host.url(f'/{number}.jpg')},CC0,Ann,{number % 2}" for number in range(6)]
    (tmp_path / "list.csv").write_text("url,license,author,label\n" + "\n".join(lines))
    return tmp_path / "list.csv"


def test_fetch_pack_and_inspect_work_together(run: Run, listed: Path) -> None:
    words = ("data", "fetch", listed, "-o", "in", "--per-host", 100, "--allow-private")
    fetched = run(*words)
    assert fetched.exit_code == 0, fetched.output
    assert "5 fetched, 0 already present, 1 failed" in fetched.output
    assert "1 x HTTP status 404" in fetched.output
    again = json.loads(run(*words, "--json").output)
    assert again == {"fetched": 0, "present": 5, "unwanted": 0, "failed": {"HTTP status 404": 1}}

    packed = run(
        "data", "pack", "in", "-o", "out", "--min-side", 64, "--size", 64, "--val-share", 0
    )
    assert packed.exit_code == 0, packed.output
    assert "out: 5 of 5 images in 1 shards; 5 for training" in packed.output
    assert "2 classes" in packed.output

    seen = run("data", "inspect", "out", "--sheet", "sheet.jpg")
    assert seen.exit_code == 0, seen.output
    assert "5 images in 1 shards, 0 damaged" in seen.output
    assert "licenses: 5 CC0" in seen.output
    with Image.open("sheet.jpg") as sheet:
        assert sheet.format == "JPEG"
    again = run("data", "inspect", "out", "--sheet", "sheet.jpg")
    assert again.exit_code == 73
    assert "replace it with --overwrite" in again.stderr
    assert run("data", "inspect", "out", "--sheet", "sheet.jpg", "--overwrite").exit_code == 0
    assert json.loads(run("data", "inspect", "out", "--json").output)["classes"] == {"0": 3, "1": 2}


def test_pack_lists_what_it_drops(run: Run, tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / f"in/class{number}/a.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(synthetic_image(number, 96, 96)).save(path)
    Image.new("L", (96, 96)).save(tmp_path / "in/class0/gray.png")
    options = ("--min-side", 64, "--val-share", 1, "--license", "CC0", "--source", "mine")
    packed = run("data", "pack", "in", "-o", "out", *options)
    assert "dropped: 1 gray" in packed.output
    assert "without training images: class0, class1, class2" in packed.output
    again = run("data", "pack", "in", "-o", "out")
    assert again.exit_code == 73
    assert again.output.startswith("rechroma: error: out: this folder is not empty")
    report = json.loads(
        run("data", "pack", "in", "-o", "b", *options, "--no-labels", "--json").output
    )
    assert report["config"]["source"] == "mine"
    assert report["classes"] == []


def test_inspect_names_damage_and_exits_with_65(run: Run, tmp_path: Path) -> None:
    path = write_shard(tmp_path / "s.tar", 2)
    data = bytearray(path.read_bytes())
    data[512:1024] = bytes(512)
    path.write_bytes(data)
    answer = run("data", "inspect", path)
    assert answer.exit_code == 65
    assert "1 images in 1 shards, 1 damaged" in answer.stdout
    assert answer.stderr == f"rechroma: error: {path}:00000: does not decode\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("pack", "absent", "-o", "out"), 66, "absent: no such folder"),
        (("pack", ".", "-o", "out", "--quality", 0), 2, "quality must be 1 to 100, not 0"),
        (
            ("pack", ".", "-o", "out", "--labels", "x.csv", "--no-labels"),
            2,
            "cannot be used together",
        ),
        (("fetch", "absent.csv", "-o", "out"), 65, "absent.csv: cannot be read: No such file"),
        (
            ("fetch", "absent.csv", "-o", "out", "--per-host", 0),
            2,
            "per_host must be 0.001 to 1000, not 0",
        ),
        (("inspect", "absent.tar"), 66, "absent.tar: no shards found"),
    ],
)
def test_errors_end_in_one_line(
    run: Run, words: tuple[object, ...], code: int, message: str
) -> None:
    answer = run("data", *words)
    assert answer.exit_code == code
    assert answer.output.startswith("rechroma: error: ")
    assert message in answer.output


def test_fetch_rejects_private_addresses(run: Run, host: Host, listed: Path) -> None:
    answer = run("data", "fetch", listed, "-o", "in")
    assert answer.exit_code == 69
    assert "is not a public address" in answer.output
    assert "no image could be downloaded" in answer.output
    assert host.asked == []
    assert "--allow-private" not in run("data", "fetch", "--help").output


def test_data_commands_do_not_import_torch(tmp_path: Path) -> None:
    write_shard(tmp_path / "s.tar", 1)
    code = f"""
import sys
sys.argv = ["rechroma", "data", "inspect", {str(tmp_path / "s.tar")!r}]
from rechroma.cli import main
try:
    main()
finally:
    from rechroma.datasets.build import download, pack
    print(sorted({HEAVY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C in another way")
@pytest.mark.usefixtures("default_signal_handlers")
def test_fetch_can_be_interrupted_and_resumed(
    run: Run, host: Host, listed: Path, tmp_path: Path
) -> None:
    words = ["data", "fetch", str(listed), "-o", "in", "--per-host", "3", "--allow-private"]
    process = subprocess.Popen(
        [sys.executable, "-m", "rechroma", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while not host.count("/1.jpg"):
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "rechroma: interrupted\n")
    lines = (tmp_path / "in/attribution.csv").read_text().splitlines()
    made = sorted(path for path in (tmp_path / "in").iterdir() if path.suffix == ".jpg")
    assert 1 <= len(made) < 5
    assert len(lines) - 1 == len(made)
    for path in made:
        with Image.open(path) as image:
            image.load()
    assert not list((tmp_path / "in").glob("*.part"))
    again = run("data", "fetch", listed, "-o", "in", "--per-host", 100, "--allow-private")
    assert f"{5 - len(made)} fetched, {len(made)} already present" in again.output


def test_features_resumes_after_a_kill(run: Run, tmp_path: Path) -> None:
    """A killed build leaves whole chunks and no worker; the same command finishes the store."""
    for number in range(4):
        write_shard(tmp_path / f"s-{number}.tar", 30, first=100 * number)
    write_encoder(tmp_path / "tiny.onnx")
    words = ["data", "features", *sorted(map(str, tmp_path.glob("s-*.tar")))]
    words += ["--weights", str(tmp_path / "tiny.onnx"), "--encoder", "tiny", "--size", "64"]
    words += ["--views", "8", "--degrade-prob", "1", "--jobs", "2", "--json", "-o"]
    store, whole = tmp_path / "store", tmp_path / "whole"
    command = [sys.executable, "-m", "rechroma", *words, str(store)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as build:
        while not list(store.glob("*.npy")) and build.poll() is None:
            time.sleep(0.02)
        build.kill()
    finished = {path.name: path.read_bytes() for path in store.glob("*.npy")}
    assert finished
    summary = json.loads(run(*words, store).output)
    assert summary["views"] == 4 * 30 * 8
    assert run(*words, whole).exit_code == 0
    assert {path.name for path in store.iterdir()} == {path.name for path in whole.iterdir()}
    for path in whole.iterdir():
        assert (store / path.name).read_bytes() == path.read_bytes()
    for name, data in finished.items():
        assert (store / name).read_bytes() == data


def test_features_of_unreadable_weights_is_an_error(run: Run, tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "s.tar", 1)
    done = run("data", "features", shard, "--weights", "none.onnx", "-o", "store")
    assert done.exit_code == 66
    assert "none.onnx: cannot be read" in done.output
    assert not (tmp_path / "store").exists()
