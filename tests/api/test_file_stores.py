"""File stores, in a folder and behind a URL."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import fsspec
import pytest
from werkzeug.exceptions import ClientDisconnected

from rechroma.errors import EmptyImageError, OptionError, SourceError, TargetError
from rechroma.service import Settings, service_of
from rechroma.service.jobs import (
    FileStore,
    ImageRecord,
    JobState,
    LocalFileStore,
    OpenFile,
    make_files,
)
from rechroma.service.jobs.object_store import RemoteFileStore
from tests.api.conftest import MakeApp
from tests.support.redis_and_worker import RedisServer, Worker, environment_of
from tests.support.service import (
    RESULT_INFO,
    assert_problem,
    form,
    has_color,
    photo_file,
    wait_for_end,
    wait_until,
)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an object store with the API of S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "local", "s3"])
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The value of `RECHROMA_FILES`."""
    match request.param:
        case "folder":
            yield str(tmp_path / "shared")
        case "local":
            (tmp_path / "shared").mkdir()
            yield f"local://{tmp_path}/shared"
        case _:
            monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            fsspec.get_filesystem_class("s3").clear_instance_cache()
            bucket = f"b{uuid4().hex}"
            fsspec.filesystem("s3").mkdir(bucket)
            yield f"s3://{bucket}/jobs"


@pytest.fixture
def files(url: str) -> FileStore:
    return RemoteFileStore(url) if "://" in url else LocalFileStore(Path(url))


def held(content: Path | OpenFile) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    with content.stream as stream:
        data = stream.read()
    assert content.size == len(data)
    return data


def test_file_store_returns_what_was_stored(files: FileStore) -> None:
    kept = files.put_source("a", 1, BytesIO(b"source"))
    assert kept.size == 6
    source = files.get_source("a", 1)
    assert (source.read_bytes() if isinstance(source, Path) else source) == b"source"
    files.put_result("a", 1, lambda file: file.write(b"first"))
    files.put_result("a", 1, lambda file: file.write(b"result"))
    assert held(files.get_result("a", 1)) == b"result"
    files.delete_sources("a", [1, 2])
    assert held(files.get_result("a", 1)) == b"result"
    files.delete("a")
    files.delete("a")
    with pytest.raises(FileNotFoundError):
        held(files.get_result("a", 1))


def test_put_result_is_atomic(files: FileStore) -> None:
    def half(file: BinaryIO) -> None:
        file.write(b"half")
        raise TargetError("the disk is full")

    with pytest.raises(TargetError):
        files.put_result("a", 1, half)
    with pytest.raises(FileNotFoundError):
        held(files.get_result("a", 1))
    with pytest.raises(EmptyImageError):
        files.put_source("a", 1, BytesIO())


def test_put_source_discards_interrupted_uploads(files: FileStore) -> None:
    class HungUp(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ClientDisconnected
            return super().read(min(size or 10, 10))

    with pytest.raises(ClientDisconnected):  # and not as a fault of where it goes
        files.put_source("a", 1, HungUp(bytes(100)))
    if isinstance(files, LocalFileStore):
        assert not files.get_source("a", 1).exists()
    else:
        with pytest.raises(SourceError):
            files.get_source("a", 1)


def test_remote_store_reports_unreachable_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    files = RemoteFileStore("s3://bucket/jobs")
    with pytest.raises(TargetError, match=r"^the file store failed: [A-Za-z]+$"):
        files.put_source("a", 1, BytesIO(b"source"))
    with pytest.raises(SourceError):
        files.get_result("a", 1)
    files.delete("a")


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_remote_store_does_not_create_buckets(url: str) -> None:
    with pytest.raises(TargetError):
        RemoteFileStore("s3://another-bucket/jobs").put_source("a", 1, BytesIO(b"source"))
    assert not fsspec.filesystem("s3").exists("another-bucket")
    assert RemoteFileStore(url).put_source("a", 1, BytesIO(b"source"))


def test_get_archive_returns_the_same_zip_again(files: FileStore) -> None:
    images = [ImageRecord(number, "", JobState.DONE, RESULT_INFO) for number in (1, 3)]
    for image in images:
        files.put_result("a", image.number, lambda file: file.write(b"x" * 2_000_000))
    first, again = (held(files.get_archive("a", images)) for _ in range(2))
    assert first == again
    with zipfile.ZipFile(BytesIO(first)) as archive:
        assert archive.namelist() == ["001-image.color.png", "003-image.color.png"]
    with pytest.raises(SourceError):
        files.get_archive("b", images)


def test_list_orphans_spares_young_files(files: FileStore) -> None:
    assert list(files.list_orphans("a")) == []
    files.put_source("a", 1, BytesIO(b"source"))
    assert list(files.list_orphans("a")) == []


def test_list_orphans_lists_files_untouched_for_long(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = RemoteFileStore(url) if "://" in url else LocalFileStore(Path(url))
    files.put_source("a-1", 1, BytesIO(b"source"))
    files.put_source("b-1", 1, BytesIO(b"source"))
    let_all_be_old(monkeypatch)
    assert list(files.list_orphans("a-")) == ["a-1"]


def let_all_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("files", "object_store"):
        monkeypatch.setattr(f"rechroma.service.jobs.{module}.ORPHANED_AFTER", -60.0)


def logged_messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    records = caplog.records
    return [record.getMessage() for record in records if record.name.startswith("rechroma.")]


def test_cleanup_spares_files_of_other_services(
    make_app: MakeApp,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = (make_app(files=url, data=tmp_path / name) for name in ("first", "second"))
    system, root = fsspec.url_to_fs(url)
    for folder in ("holiday-2019", "rechroma-jobs/by-hand"):
        system.makedirs(f"{root}/{folder}", exist_ok=True)
        system.pipe_file(f"{root}/{folder}/beach.jpg", b"beach")
    job = first.test_client().post("/v1/jobs", **form(photo_file())).headers["Location"]
    wait_for_end(first.test_client(), job)
    wait_until(lambda: not any(name.endswith(".source") for name in system.find(root)))
    lost = f"{service_of(first).store.id_prefix()}lost"
    make_files(Settings(files=url)).put_source(lost, 1, BytesIO(b"source"))
    let_all_be_old(monkeypatch)
    before = set(system.find(root))
    service_of(second).job_service.cleanup()
    assert set(system.find(root)) == before
    assert logged_messages(caplog) == []
    service_of(first).job_service.cleanup()
    assert before - set(system.find(root)) == {f"{root}/rechroma-jobs/{lost}/1.source"}
    (message,) = logged_messages(caplog)
    assert lost in message
    assert first.test_client().get(f"{job}/result").status_code == 200


def test_jobs_work_with_every_file_store(make_app: MakeApp, url: str) -> None:
    client = make_app(files=url).test_client()
    many = client.post("/v1/jobs", **form(photo_file(), photo_file())).headers["Location"]
    one = client.post("/v1/jobs?format=tiff", **form(photo_file())).headers["Location"]
    assert wait_for_end(client, many)["done"] == 2
    assert wait_for_end(client, one)["done"] == 1
    assert has_color(client.get(f"{one}/result").data)
    whole = client.get(f"{many}/result")
    assert whole.content_length == len(whole.data)
    part = client.get(f"{many}/result", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, whole.data[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.data)}"
    assert_problem(client.get(f"{many}/result", headers={"Range": "bytes=99999999-"}), 416)
    again = client.get(f"{many}/result", headers={"If-None-Match": part.headers["ETag"]})
    assert again.status_code == 304
    assert client.delete(many).status_code == 204
    assert_problem(client.get(f"{many}/result"), 404)


def test_local_store_works_next_to_the_server(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = make_app(files="shared").test_client()
    url = client.post("/v1/jobs", **form(photo_file())).headers["Location"]
    wait_for_end(client, url)
    assert client.get(f"{url}/result").status_code == 200
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["rechroma-jobs"]


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_worker_shares_files_with_the_server(
    make_app: MakeApp, url: str, redis_server: RedisServer, model: str, tmp_path: Path
) -> None:
    settings = {"redis": redis_server.url, "files": url, "model": model}
    words = ("--workers", "1", "--data", str(tmp_path / "another"))
    worker = Worker(tmp_path / "worker.log", *words, **environment_of(settings))
    try:
        client = make_app(**settings).test_client()
        job = client.post("/v1/jobs", **form(photo_file(), photo_file())).headers["Location"]
        assert wait_for_end(client, job)["done"] == 2
        assert client.get(f"{job}/result").status_code == 200
        assert worker.stop() == 0
        assert worker.log.count("\n") == 1
    finally:
        worker.kill()


def test_remote_store_rejects_unknown_protocols() -> None:
    with pytest.raises(OptionError, match="nowhere"):
        RemoteFileStore("nowhere://user:secret@host/jobs")


def test_remote_store_keeps_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-1").mkdir()  # the folder of an upload that is about to begin
    files = RemoteFileStore(f"local://{tmp_path}")
    let_all_be_old(monkeypatch)
    assert list(files.list_orphans("a-")) == []


def test_local_store_skips_orphans_that_another_server_deletes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, usual = LocalFileStore(tmp_path), Path.glob
    for name in ("a-1", "a-2"):
        files.put_source(name, 1, BytesIO(b"source"))
    let_all_be_old(monkeypatch)

    def glob_and_delete(folder: Path, pattern: str) -> list[Path]:
        found = sorted(usual(folder, pattern))
        files.delete("a-1")
        return found

    monkeypatch.setattr(Path, "glob", glob_and_delete)
    assert list(files.list_orphans("a-")) == ["a-2"]


def test_local_store_reports_uploads_that_it_cannot_delete(tmp_path: Path) -> None:
    files = LocalFileStore(tmp_path)
    (tmp_path / "a" / "1.source").mkdir(parents=True)
    with pytest.raises(TargetError, match=r"1\.source"):
        files.delete_sources("a", [1])
