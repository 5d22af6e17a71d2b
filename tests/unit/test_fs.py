from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from rechroma.errors import OptionError, TargetError, TargetExistsError
from rechroma.fs import check_target, is_disk_full, translate_os_errors, write_atomically


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_write_atomically_creates_missing_folders(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.bin"
    write_atomically(target, b"content", overwrite=False)
    assert target.read_bytes() == b"content"
    assert names_in(target.parent) == ["a.bin"]


def test_write_atomically_calls_a_writer_function(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"

    def write(file: BinaryIO) -> None:
        file.write(b"....tail")
        file.seek(0)
        file.write(b"head")

    write_atomically(target, write, overwrite=False)
    assert target.read_bytes() == b"headtail"


def test_write_atomically_overwrites_only_if_allowed(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(TargetExistsError, match=r"a\.bin already exists"):
        write_atomically(target, b"new", overwrite=False)
    assert target.read_bytes() == b"old"
    write_atomically(target, b"new", overwrite=True)
    assert target.read_bytes() == b"new"


def test_write_atomically_keeps_a_file_created_in_the_meantime(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with pytest.raises(TargetExistsError):
        write_atomically(target, lambda _file: target.write_bytes(b"theirs"), overwrite=False)
    assert target.read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["a.bin"]


def test_write_atomically_works_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    write_atomically(tmp_path / "a.bin", b"content", overwrite=False)
    assert (tmp_path / "a.bin").read_bytes() == b"content"
    assert names_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OptionError("no")])
def test_write_atomically_leaves_nothing_after_a_failure(
    tmp_path: Path, error: BaseException | type[BaseException]
) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises((KeyboardInterrupt, OptionError)):
        write_atomically(target, write, overwrite=True)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits to a file's size are POSIX")
def test_write_atomically_reports_a_full_disk_and_leaves_nothing(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from rechroma.errors import TargetError
from rechroma.fs import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path(sys.argv[1], "a.bin"), bytes(100_000), overwrite=False)
except TargetError as error:
    print(error, "|", error.hint)
"""
    run = subprocess.run(
        [sys.executable, "-B", "-c", script, tmp_path], capture_output=True, text=True, check=True
    )
    assert "a.bin: File too large | " in run.stdout
    assert names_in(tmp_path) == []


def test_write_atomically_rejects_a_folder(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(TargetError, match="taken"):
        write_atomically(tmp_path / "taken", b"content", overwrite=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
@pytest.mark.parametrize("overwrite", [False, True])
def test_write_atomically_never_replaces_what_is_not_a_regular_file(
    tmp_path: Path, *, overwrite: bool
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for target in (pipe, tmp_path / "link", Path(os.devnull)):
        with pytest.raises(TargetError, match=f"{target} is not a regular file"):
            check_target(target, overwrite=overwrite)
        with pytest.raises(TargetError, match=f"{target} is not a regular file"):
            write_atomically(target, b"content", overwrite=overwrite)
    assert pipe.is_fifo()
    assert sorted(names_in(tmp_path)) == ["link", "pipe"]


@pytest.mark.parametrize("there", [True, False])
def test_write_atomically_writes_the_file_a_link_points_to(tmp_path: Path, *, there: bool) -> None:
    (tmp_path / "folder").mkdir()
    file, link = tmp_path / "folder" / "a.bin", tmp_path / "link"
    if there:
        file.write_bytes(b"old")
    link.symlink_to(file)
    with pytest.raises(TargetExistsError):
        write_atomically(link, b"new", overwrite=False)
    write_atomically(link, b"new", overwrite=True)
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert names_in(tmp_path / "folder") == ["a.bin"]


def test_write_atomically_rejects_an_invalid_file_name() -> None:
    with pytest.raises(TargetError, match=r"'a\\x00\.bin' is not a valid file name"):
        write_atomically(Path("a\0.bin"), b"content", overwrite=False)


def test_check_target_reports_an_inaccessible_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    monkeypatch.setattr(Path, "exists", locked)
    with pytest.raises(TargetError, match=r"a\.bin: Permission denied"):
        check_target(target, overwrite=True)


def test_write_atomically_rejects_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TargetError, match="file"):
        write_atomically(tmp_path / "file" / "a.bin", b"content", overwrite=False)


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
def test_access_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "ours", b"", overwrite=False)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)],
)
def test_is_disk_full_follows_the_causes(number: int, expected: bool, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught, translate_os_errors(tmp_path):
        raise OSError(number, "refused")
    assert is_disk_full(caught.value) is expected
    assert not is_disk_full(None)


def test_write_atomically_syncs_a_durable_file_before_and_its_folder_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced = tmp_path / "a.bin", []

    def sync(descriptor: int) -> None:
        state = os.fstat(descriptor)
        size = None if stat.S_ISDIR(state.st_mode) else state.st_size
        synced.append((size, target.exists()))

    monkeypatch.setattr(os, "fsync", sync)
    write_atomically(target, b"content", overwrite=False)
    assert synced == []
    target.unlink()
    write_atomically(target, lambda file: file.write(b"content"), overwrite=True, durable=True)
    assert synced == [(7, False), (None, True)]
