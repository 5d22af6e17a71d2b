"""The pool of inference workers, whose processes are killed, stopped or broken."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from rechroma.colorizer import EncodedImage
from rechroma.errors import BrokenImageError, InternalError, ModelError, RechromaError
from rechroma.service import Settings
from rechroma.service.errors import OverloadedError, PoisonImageError, ProcessingTimeoutError
from rechroma.service.inference import worker_pool
from rechroma.service.inference.predictor import Predictor
from rechroma.service.inference.worker_pool import WorkerPool
from rechroma.service.schemas import ColorizeRequest
from tests.api.conftest import StartServer
from tests.support.service import Server, figures, has_color, photo_file, wait_until

MakePool = Callable[..., WorkerPool]


@pytest.fixture
def make(model: str) -> Iterator[MakePool]:
    made: list[WorkerPool] = []

    def make_pool(**settings: Any) -> WorkerPool:
        usual: dict[str, Any] = {"model": model, "workers": 1}
        made.append(WorkerPool(Settings(**(usual | settings))))
        return made[-1]

    yield make_pool
    for pool in made:
        pool.close()


def colorize(pool: WorkerPool, data: bytes = b"", **options: Any) -> EncodedImage:
    with pool.acquire(0) as worker:
        return worker.colorize(data or photo_file(), ColorizeRequest(), max_pixels=10**8, **options)


def kill(pool: WorkerPool) -> None:
    (pid,) = pool.process_ids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not command_of(pid))


def children_of(server: Server) -> set[int]:
    """List the child processes of a server."""
    path = Path(f"/proc/{server.process.pid}/task")
    words = " ".join((task / "children").read_text() for task in path.iterdir())
    return set(map(int, words.split()))


def workers_of(server: Server) -> set[int]:
    """List the worker processes; multiprocessing can have a resource tracker besides them."""
    return {pid for pid in children_of(server) if b"spawn_main" in command_of(pid)}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_worker_returns_the_same_as_a_predictor_in_this_process(
    make: MakePool, model: str, tmp_path: Path
) -> None:
    here = Predictor(Settings(model=model)).colorize(
        photo_file(), ColorizeRequest(), max_pixels=10**8
    )
    assert colorize(make()) == here
    (tmp_path / "photo").write_bytes(photo_file())
    with make(isolate=False).acquire(0) as worker:
        assert worker.colorize(tmp_path / "photo", ColorizeRequest(), max_pixels=10**8) == here


def test_error_of_a_worker_names_the_image_and_leaves_it_alive(make: MakePool) -> None:
    pool = make()
    with pytest.raises(BrokenImageError, match="grandma"):
        colorize(pool, photo_file()[:60], name="grandma")
    assert has_color(colorize(pool).content)


def test_acquire_raises_when_all_workers_are_busy(make: MakePool) -> None:
    pool = make(workers=2)
    with pool.acquire(0), pool.acquire(None), pytest.raises(OverloadedError), pool.acquire(0.01):
        pass
    assert has_color(colorize(pool).content)


def test_worker_killed_while_idle_is_replaced(make: MakePool) -> None:
    pool = make()
    kill(pool)
    assert has_color(colorize(pool).content)


def test_worker_that_lost_its_connection_is_replaced_while_its_process_lives(
    make: MakePool,
) -> None:
    pool = make(attempts=2)
    (pid,) = pool.process_ids()
    os.kill(pid, signal.SIGSTOP)
    with pool.acquire(0) as worker:
        worker._connection.close()  # type: ignore[attr-defined]
    assert has_color(colorize(pool).content)
    assert pool.process_ids() != [pid]


def test_worker_killed_during_an_image_is_replaced_and_the_image_retried(make: MakePool) -> None:
    pool = make()
    (pid,) = pool.process_ids()
    os.kill(pid, signal.SIGSTOP)  # so that it certainly has the image
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    assert has_color(colorize(pool).content)


def test_worker_reaped_by_another_thread_is_replaced(make: MakePool) -> None:
    pool = make()
    (pid,) = pool.process_ids()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)  # as multiprocessing does in any thread that starts a process
    assert has_color(colorize(pool).content)
    assert pool.process_ids() != [pid]


def test_image_whose_workers_are_always_killed_is_poison(make: MakePool) -> None:
    pool = make(attempts=2)
    done = threading.Event()

    def keep_killing() -> None:
        while not done.wait(0.05):
            for pid in pool.process_ids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=keep_killing)
    killer.start()
    with pytest.raises(PoisonImageError, match="grandma"):
        colorize(pool, name="grandma")
    done.set()
    killer.join()
    assert has_color(colorize(pool).content)


def test_worker_killed_at_start_is_replaced(
    make: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make(attempts=4)
    kill(pool)
    start, faults = worker_pool._start_child, iter([BrokenPipeError(), BlockingIOError()])

    def start_with_faults(settings: Settings) -> Any:
        for fault in faults:
            raise fault
        return start(settings)

    monkeypatch.setattr(worker_pool, "_start_child", start_with_faults)
    assert has_color(colorize(pool).content)
    assert len(pool.process_ids()) == 1


def test_image_that_hangs_times_out(make: MakePool) -> None:
    pool = make(seconds=1)
    (pid,) = pool.process_ids()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(
        ProcessingTimeoutError, match="grandma: this image took longer than 1 seconds"
    ):
        colorize(pool, name="grandma")
    assert has_color(colorize(pool).content)


def test_jobs_finish_although_workers_are_killed(start_server: StartServer) -> None:
    server = start_server(RECHROMA_ATTEMPTS="20")
    urls = []
    for _ in range(6):
        answer = server.ask("POST", "/v1/jobs", photo_file((900, 700)))
        urls.append(answer.headers["Location"])
        for pid in workers_of(server):
            os.kill(pid, signal.SIGKILL)
    ended = [server.wait_for_end(url) for url in urls]
    assert [job["state"] for job in ended] == ["done"] * 6, ended  # with the problem of each image


def test_workers_exit_with_their_server(start_server: StartServer) -> None:
    for end in (Server.stop, Server.kill):
        server = start_server()
        workers = workers_of(server)
        assert workers
        end(server)
        wait_until(lambda: not any(b"spawn_main" in command_of(pid) for pid in workers))  # noqa: B023


def test_metrics_report_memory_and_time_of_workers(start_server: StartServer) -> None:
    server = start_server()
    assert has_color(server.ask("POST", "/v1/colorize", photo_file()).body)
    before = figures_of(server)
    assert before["rechroma_workers_memory_bytes"] > 50e6
    assert before["rechroma_workers_cpu_seconds_total"] > 0.1
    for pid in workers_of(server):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: figures_of(server)["rechroma_workers_memory_bytes"] == 0)


def figures_of(server: Server) -> dict[str, float]:
    return figures(server.ask("GET", "/metrics").body.decode())


def broken_worker(connection: Any, settings: Settings) -> None:
    """Run a worker process with a predictor that fails unexpectedly."""
    with patch.object(worker_pool, "Predictor", side_effect=MemoryError("no room")):
        worker_pool.worker_main(connection, settings)


def dying_worker(*_: Any) -> None:
    os._exit(1)


def hanging_worker(*_: Any) -> None:
    threading.Event().wait()


@pytest.mark.parametrize(
    ("main", "kind", "message"),
    [
        (broken_worker, InternalError, "unexpected MemoryError: no room"),
        (dying_worker, ModelError, "could not load the model"),
        (hanging_worker, ModelError, "could not load the model"),
    ],
)
def test_pool_reports_workers_that_cannot_start(
    make: MakePool,
    monkeypatch: pytest.MonkeyPatch,
    main: Callable[..., None],
    kind: type[RechromaError],
    message: str,
) -> None:
    monkeypatch.setattr(worker_pool, "worker_main", main)
    if main is hanging_worker:
        monkeypatch.setattr("rechroma.service.inference.fault_policy.LOAD_SECONDS", 0.5)
    with pytest.raises(kind, match=message):
        make()
