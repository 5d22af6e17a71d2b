from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import socket
from typing import TYPE_CHECKING

import pytest

from rechroma.models import find_model, index
from tests.support.command import MakePhoto, Run, is_colored
from tests.support.disk import room_for
from tests.support.local_http_server import Host, file_route, serving
from tests.support.models import write_model
from tests.support.networks import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from rechroma.networks import ColorizationNetwork


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty shelf, without a proxy to the network."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("rechroma.models.download.time.sleep", lambda _: None)
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("RECHROMA_MODELS", str(folder))
    return folder


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A checkpoint of siggraph17, much narrower than published, accepted as the published one."""
    import torch

    from rechroma.networks import create_network

    def small(name: str, _: object) -> ColorizationNetwork:
        return create_network(name, SMALL[name])

    monkeypatch.setattr("rechroma.networks.checkpoint_io.create_network", small)
    path = tmp_path / "weights.pth"
    torch.save(small("siggraph17", {}).state_dict(), path)
    return path.read_bytes()


@pytest.fixture
def publish(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Publish a file as siggraph17 in an index of its own."""
    entry = dataclasses.asdict(index.published_models()["siggraph17"])
    monkeypatch.setattr(index, "INDEX", tmp_path / "index.json")

    def call(content: bytes, *, breaks_at: int | None = None, **fields: object) -> None:
        host.routes["/net.pth"] = file_route(content, breaks_at=breaks_at)
        known = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        changed = {**entry, "url": host.url("/net.pth"), **known, **fields}
        index.INDEX.write_text(json.dumps({"format": 1, "models": [changed]}))

    return call


def assert_error(result: Result, code: int, *parts: str) -> None:
    """Assert an exit code, one line of error, and one of advice, with the given parts."""
    assert result.exit_code == code, result.output
    error, hint = [line for line in result.stderr.splitlines() if "SHA-256 from" not in line]
    assert error.startswith("rechroma: error: ")
    assert hint.startswith("hint: ")
    for part in parts:
        assert part in f"{error}\n{hint}"


def test_added_file_is_listed_used_and_removed(
    run: Run, shelf: Path, tmp_path: Path, photo: MakePhoto
) -> None:
    write_model(tmp_path / "x.onnx", name="portraits", license="MIT")
    added = run("models", "add", "x.onnx")
    assert added.exit_code == 0, added.output
    assert added.stdout == f"portraits is on the shelf: {shelf / 'portraits.onnx'}\n"
    rows = [line.split() for line in run("models", "list").stdout.splitlines()]
    assert ["portraits", "1", "64", "px", "no", "MIT", "shelf"] in [row[:7] for row in rows]
    assert "bundled" in next(row for row in rows if find_model().stem in row)
    assert str(shelf / "portraits.onnx") in "".join(
        run("models", "info", "portraits").stdout.split()
    )
    colored = run(photo("p.png"), "--model", "portraits", "-o", "c.png")
    assert colored.exit_code == 0, colored.output
    assert is_colored(tmp_path / "c.png")
    assert run("models", "remove", "portraits").stdout == f"removed {shelf / 'portraits.onnx'}\n"
    assert list(shelf.iterdir()) == []
    assert_error(run("models", "remove", "portraits"), 78, "no model 'portraits' on the shelf")


def test_address_is_added_and_its_hash_shown(
    run: Run, shelf: Path, tmp_path: Path, host: Host
) -> None:
    content = write_model(tmp_path / "x.onnx").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    host.routes["/x.onnx"] = file_route(content)
    added = run("models", "add", host.url("/x.onnx"), "--as", "far")
    assert added.exit_code == 0, added.output
    assert f"SHA-256 (not verified): {digest}" in added.stdout
    checked = run("models", "add", host.url("/x.onnx"), "--as", "near", "--sha256", digest.upper())
    assert checked.exit_code == 0, checked.output
    assert "SHA-256" not in checked.stdout
    assert sorted(path.name for path in shelf.iterdir()) == ["far.onnx", "near.onnx"]


def test_rejected_addition_leaves_nothing(
    run: Run, shelf: Path, tmp_path: Path, host: Host
) -> None:
    content = write_model(tmp_path / "x.onnx").read_bytes()
    host.routes["/x.onnx"] = file_route(content)
    host.routes["/net.pth"] = file_route(b"weights")
    url = host.url("/x.onnx")
    assert_error(run("models", "add", url, "--sha256", "0" * 64), 78, "SHA-256", "Nothing was kept")
    assert_error(run("models", "add", host.url("/net.pth")), 78, "net.pth", "models import")
    assert_error(run("models", "add", host.url("/gone")), 69, "HTTP status 404")
    assert_error(run("models", "add", "hf://team"), 2, "hf://OWNER/NAME/FILE")
    assert_error(run("models", "add", url, "--as", find_model().stem), 2, "reserved")
    assert run("models", "add", url, "--sha256", "abc").exit_code == 2
    with room_for(100):
        assert_error(run("models", "add", url), 73, "part: ")
    assert list(shelf.iterdir()) == []


def test_published_models_are_listed(run: Run) -> None:
    stdout = run("models", "list", "--published").stdout
    assert "siggraph17: Real-time user-guided" in stdout
    assert "BSD-2-Clause, 137 MB, https://github.com/richzhang/colorization" in stdout
    listed = json.loads(run("models", "list", "--published", "--json").stdout)
    assert [entry["name"] for entry in listed] == list(index.published_models())


def test_get_downloads_checks_and_imports(
    run: Run, shelf: Path, weights: bytes, publish: Callable[..., None], photo: MakePhoto
) -> None:
    publish(weights, breaks_at=len(weights) // 2)  # so that it has to continue
    got = run("models", "get", "siggraph17")
    assert got.exit_code == 0, got.output
    assert "siggraph17 is on the shelf: rechroma photo.jpg --model siggraph17" in got.stdout
    assert [path.name for path in shelf.iterdir()] == ["siggraph17.onnx"]
    card = json.loads(run("models", "info", "siggraph17", "--json").stdout)
    assert (card["name"], card["license"]) == ("siggraph17", "BSD-2-Clause")
    colored = run(photo("p.png"), "--model", "siggraph17", "-o", "c.png")
    assert colored.exit_code == 0, colored.output
    assert_error(run("models", "get", "siggraph17"), 73, "rechroma models remove siggraph17")


def test_get_stores_the_weights_as_requested(
    run: Run,
    shelf: Path,
    weights: bytes,
    publish: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rechroma.export._LARGE", 100)  # all layers of this network are small
    publish(weights)
    sizes = []
    for kind in ("float32", "float16"):
        got = run("models", "get", "siggraph17", "--weights", kind)
        assert got.exit_code == 0, got.output
        sizes.append((shelf / "siggraph17.onnx").stat().st_size)
        run("models", "remove", "siggraph17")
    assert sizes[1] < 0.7 * sizes[0]


def test_index_names_networks_with_their_licenses() -> None:
    from rechroma.networks import get_architecture

    for entry in index.published_models().values():
        assert get_architecture(entry.architecture).license == entry.license


def test_get_shows_a_hash_that_the_index_lacks(
    run: Run, weights: bytes, publish: Callable[..., None]
) -> None:
    publish(weights, sha256=None, sha256_from="", size=None)
    got = run("models", "get", "siggraph17")
    assert got.exit_code == 0, got.output
    digest = hashlib.sha256(weights).hexdigest()
    assert f"SHA-256 (the index has none): {digest}" in got.stdout


def test_get_continues_an_interrupted_download(
    run: Run, shelf: Path, weights: bytes, publish: Callable[..., None], host: Host
) -> None:
    publish(weights, breaks_at=1000)
    broken = run("models", "get", "siggraph17")
    by_hand = f"rechroma models import FILE --as siggraph17 -o {shelf / 'siggraph17.onnx'}"
    assert_error(broken, 69, "the connection broke after", host.url("/net.pth"), by_hand)
    assert [path.name for path in shelf.iterdir()] == [".downloads"]
    publish(weights)
    assert run("models", "get", "siggraph17").exit_code == 0
    assert host.asked[-1][2]["Range"] == "bytes=4000-"
    assert [path.name for path in shelf.iterdir()] == ["siggraph17.onnx"]


class Harmful:
    """An object whose pickle creates a file when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("executed", "w")


def test_rejected_download_leaves_nothing(
    run: Run, shelf: Path, tmp_path: Path, weights: bytes, publish: Callable[..., None]
) -> None:
    publish(weights, sha256="0" * 64)
    assert_error(run("models", "get", "siggraph17"), 78, "SHA-256", "Nothing was kept")
    publish(weights[:-10], size=len(weights))
    assert_error(run("models", "get", "siggraph17"), 78, f"instead of {len(weights)}")
    publish(weights[:-1000])  # damaged by its author, so that size and hash are right
    assert_error(run("models", "get", "siggraph17"), 65, "net.pth: not a file of weights alone")
    publish(pickle.dumps({"model": Harmful()}))
    assert_error(run("models", "get", "siggraph17"), 65, "net.pth: not a file of weights alone")
    assert not (tmp_path / "executed").exists()
    publish(weights)
    with room_for(len(weights) - 10_000):
        assert_error(run("models", "get", "siggraph17"), 73, "part: ")
    assert list(shelf.iterdir()) == []


def test_weights_of_another_network_are_named(
    run: Run, shelf: Path, weights: bytes, publish: Callable[..., None]
) -> None:
    publish(weights, architecture="eccv16")
    hint = "These are the weights of siggraph17."
    assert_error(run("models", "get", "siggraph17"), 65, "lacks the network's", hint)
    assert list(shelf.iterdir()) == []


def test_get_offline_tells_the_manual_way(
    run: Run, shelf: Path, publish: Callable[..., None]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/net.pth"
        publish(b"", url=url)
        by_hand = "rechroma models import FILE --as siggraph17 -o "
        assert_error(run("models", "get", "siggraph17"), 69, "no connection", url, by_hand)
    assert list(shelf.iterdir()) == []


def test_get_of_an_unknown_name_gets_a_suggestion(run: Run) -> None:
    assert_error(run("models", "get", "sigraph17"), 78, "Did you mean 'siggraph17'?")


def test_names_are_checked_before_the_extra(
    run: Run, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechroma.cli.preflight.find_spec", lambda _: None)
    assert_error(run("models", "get", "sigraph17"), 78, "Did you mean 'siggraph17'?")
    (shelf / "eccv16.onnx").touch()
    assert_error(run("models", "get", "eccv16"), 73, "there is a model 'eccv16' already")
    assert_error(run("models", "get", "siggraph17"), 69, "needs torch", "rechroma[train]")


def test_name_of_a_published_model_is_no_file(run: Run, shelf: Path) -> None:
    hint = "rechroma models get ddcolor-tiny"
    assert_error(run("models", "add", "ddcolor-tiny"), 66, "ddcolor-tiny: cannot be read", hint)
    words = ("import", "ddcolor-tiny", "--as", "ddcolor-tiny")
    assert_error(run("models", *words), 66, "ddcolor-tiny: cannot be read", hint)
    assert list(shelf.iterdir()) == []


def test_name_in_the_card_can_be_changed(run: Run, shelf: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "x.onnx", name=find_model().stem)
    error = "which is the name in its card, is reserved for the bundled model"
    assert_error(run("models", "add", "x.onnx"), 2, error, "--as NAME")
    assert run("models", "add", "x.onnx", "--as", "mine").exit_code == 0
    assert [path.name for path in shelf.iterdir()] == ["mine.onnx"]


def test_long_addresses_are_no_internal_errors(run: Run, host: Host) -> None:
    long = "x" * 300 + ".onnx"
    assert_error(run("models", "add", host.url(f"/{long}")), 69, "HTTP status 404")
    host.routes[f"/{long}"] = file_route(b"no model")
    assert_error(run("models", "add", host.url(f"/{long}")), 78, "not a model")
    assert_error(run("models", "add", host.url("/\udcff.onnx")), 2, "UTF-8")
    assert_error(run("models", "add", f"https://{long}/a.onnx"), 69, "name of the host")
    assert_error(run("models", "info", long), 78, "no model file")
    for words in (("export", long), ("data", "inspect", long)):
        assert_error(run(*words), 66, "File name too long")
