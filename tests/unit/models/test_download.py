from __future__ import annotations

import hashlib
import socket
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rechroma.errors import FetchError, ModelIntegrityError, OptionError, TargetError
from rechroma.models.download import download, resolve_address
from tests.support.disk import room_for
from tests.support.local_http_server import Host, Request, file_route, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()

get = partial(download, backoff=0.0)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


def requests(host: Host) -> list[dict[str, str]]:
    return [headers for _, _, headers in host.asked]


def test_download_yields_the_file_and_deletes_it_afterwards(host: Host, folder: Path) -> None:
    host.routes["/a%20b.bin"] = file_route(CONTENT)
    seen: list[tuple[int, int | None]] = []
    with get(
        host.url("/a b.bin"),
        folder,
        sha256=DIGEST,
        size=len(CONTENT),
        on_progress=lambda done, total: seen.append((done, total)),
    ) as (path, digest):
        assert path.name == "a b.bin"
        assert path.read_bytes() == CONTENT
        assert digest == DIGEST
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not folder.exists()


def test_broken_connection_is_resumed_within_one_call(host: Host, folder: Path) -> None:
    host.routes["/a"] = file_route(CONTENT, breaks_at=len(CONTENT) // 3)
    with get(host.url("/a"), folder, sha256=DIGEST) as (path, _):
        assert path.read_bytes() == CONTENT
    asked = [headers.get("Range") for headers in requests(host)]
    third = len(CONTENT) // 3
    assert asked[:3] == [None, f"bytes={third}-", f"bytes={2 * third}-"]
    assert requests(host)[1]["If-Range"] == '"1"'


def test_next_call_continues_where_the_last_one_stopped(host: Host, folder: Path) -> None:
    host.routes["/a"] = file_route(CONTENT, breaks_at=1000)
    with (
        pytest.raises(FetchError, match=r"broke after 0\.0 of 1\.0 MB") as caught,
        get(host.url("/a"), folder),
    ):
        pass
    assert "continues" in str(caught.value.hint)
    assert [path.stat().st_size for path in folder.rglob("part")] == [4000]
    host.routes["/a"] = file_route(CONTENT)
    with get(host.url("/a"), folder, sha256=DIGEST):
        pass
    assert requests(host)[-1]["Range"] == "bytes=4000-"
    assert not folder.exists()


@pytest.mark.parametrize("tag", ['"2"', "", 'W/"1"'])
def test_changed_file_is_downloaded_from_the_start(host: Host, folder: Path, tag: str) -> None:
    host.routes["/a"] = file_route(b"old " * 3000, breaks_at=1000)
    with pytest.raises(FetchError), get(host.url("/a"), folder):
        pass
    host.routes["/a"] = file_route(CONTENT, tag=tag)
    with get(host.url("/a"), folder, sha256=DIGEST):
        pass


def test_refused_range_starts_again(host: Host, folder: Path) -> None:
    host.routes["/a"] = file_route(CONTENT, breaks_at=1000)
    with pytest.raises(FetchError), get(host.url("/a"), folder):
        pass

    def refuse(request: Request) -> None:
        if request.headers.get("Range"):
            request.answer(status=416)
        else:
            request.answer(CONTENT)

    host.routes["/a"] = refuse
    with get(host.url("/a"), folder, sha256=DIGEST):
        pass


def test_interrupted_use_keeps_the_file(host: Host, folder: Path) -> None:
    host.routes["/a"] = file_route(CONTENT)
    with pytest.raises(KeyboardInterrupt), get(host.url("/a"), folder):
        raise KeyboardInterrupt
    with get(host.url("/a"), folder, sha256=DIGEST):
        pass
    assert host.count("/a") == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("content", "size", "message"),
    [
        (b"other", None, rf"its SHA-256 is {hashlib.sha256(b'other').hexdigest()}, but {DIGEST}"),
        (CONTENT[:-9], len(CONTENT), rf"has {len(CONTENT) - 9} bytes instead of {len(CONTENT)}"),
        (b"\n<!DOCTYPE html><p>Log in", None, "a web page instead of the file"),
    ],
)
def test_other_file_is_rejected_and_deleted(
    host: Host, folder: Path, content: bytes, size: int | None, message: str
) -> None:
    host.routes["/a"] = file_route(content)
    with (
        pytest.raises(ModelIntegrityError, match=message),
        get(host.url("/a"), folder, sha256=DIGEST, size=size),
    ):
        pass
    assert not folder.exists()


def test_failed_use_deletes_the_file(host: Host, folder: Path) -> None:
    host.routes["/a"] = file_route(CONTENT)
    with pytest.raises(ValueError, match="not a model"), get(host.url("/a"), folder):
        raise ValueError("not a model")
    assert not folder.exists()


def test_full_disk_leaves_nothing(host: Host, folder: Path) -> None:
    host.routes["/a"] = file_route(CONTENT)
    with room_for(100_000), pytest.raises(TargetError, match="part: "), get(host.url("/a"), folder):
        pass
    assert not folder.exists()


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, 4)])
def test_error_status_is_reported(host: Host, folder: Path, status: int, asked: int) -> None:
    host.routes["/a"] = lambda request: request.answer(status=status)
    with pytest.raises(FetchError, match=f"HTTP status {status}"), get(host.url("/a"), folder):
        pass
    assert host.count("/a") == asked
    assert not folder.exists()


def test_unreachable_host_is_not_asked_again(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with (
            pytest.raises(FetchError, match="no connection: Connection refused"),
            download(f"http://127.0.0.1:{port}/a", folder, backoff=100.0),
        ):
            pass
    assert not folder.exists()


def test_two_processes_do_not_download_the_same_file(host: Host, folder: Path) -> None:
    host.routes["/a"] = file_route(CONTENT)
    with (
        get(host.url("/a"), folder),
        pytest.raises(TargetError, match="another process"),
        get(host.url("/a"), folder),
    ):
        pass
    assert not folder.exists()


def test_proxy_of_the_environment_is_used(
    host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", host.url(""))
    host.routes["http://models.invalid/a"] = file_route(CONTENT)
    with get("http://models.invalid/a", folder, sha256=DIGEST):
        pass


def test_redirect_is_followed_without_the_token(
    host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", host.url("/"))
    monkeypatch.setenv("HF_TOKEN", "secret")
    host.routes["/team/net/resolve/v1/b/c.bin"] = lambda request: request.answer(
        status=302, Location=host.url("/store/42")
    )
    host.routes["/store/42"] = file_route(CONTENT)
    with get("hf://team/net@v1/b/c.bin", folder, sha256=DIGEST) as (path, _):
        assert path.name == "c.bin"
    first, second = requests(host)
    assert first["Authorization"] == "Bearer secret"
    assert "Authorization" not in second


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/a", "file:///etc/passwd"])
def test_redirect_to_another_scheme_is_refused(host: Host, folder: Path, target: str) -> None:
    host.routes["/a"] = lambda request: request.answer(status=302, Location=target)
    with pytest.raises(FetchError), get(host.url("/a"), folder):
        pass


def test_hub_addresses_are_resolved() -> None:
    base = "https://huggingface.co/team/net_1/resolve"
    assert resolve_address("hf://team/net_1/a/b c.onnx") == (f"{base}/main/a/b%20c.onnx", {})
    assert resolve_address("hf://team/net_1@refs/pr/1/a.onnx")[0] == f"{base}/refs/pr/1/a.onnx"


@pytest.mark.parametrize(
    "address",
    [
        "hf://team/net",
        "hf://team",
        "file:///etc/passwd",
        "ftp://a/b",
        "https://a:b@c/d",
        "https://",
    ],
)
def test_other_addresses_are_rejected(address: str) -> None:
    with pytest.raises(OptionError) as caught:
        resolve_address(address)
    assert "hf://" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["part", "state.json", "complete"])
def test_unfinished_download_is_not_taken_for_a_complete_one(
    host: Host, folder: Path, name: str
) -> None:
    host.routes[f"/{name}"] = file_route(CONTENT, breaks_at=1000)
    with pytest.raises(FetchError), get(host.url(f"/{name}"), folder):
        pass
    host.routes[f"/{name}"] = file_route(CONTENT)
    with get(host.url(f"/{name}"), folder) as (path, digest):
        assert path.name == name
        assert digest == DIGEST


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".onnx", "%F0%9F%8E%A8" * 100 + ".onnx", "..", "%2e%2e", ".onnx"]
)
def test_any_published_name_is_stored(host: Host, folder: Path, name: str) -> None:
    host.routes[f"/{name}"] = file_route(CONTENT)
    with get(host.url(f"/{name}"), folder) as (path, _):
        assert path.read_bytes() == CONTENT
        assert path.suffix == (".onnx" if len(name) > 10 else "")
    assert not folder.exists()
