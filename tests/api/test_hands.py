"""Pictures are colored in processes that may crash, hang or be killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rechroma.errors import BrokenImageError
from rechroma.service import Settings
from rechroma.service.errors import OverloadedError, PoisonImageError, ProcessingTimeoutError
from rechroma.service.inference import worker_pool as service_hands
from rechroma.service.inference.predictor import Painter, Painting
from rechroma.service.inference.worker_pool import WorkerPool, make_hands
from rechroma.service.schemas import ColorizeRequest
from tests.api.conftest import StartServer
from tests.support.service import Server, figures, has_color, photo_file, wait_until

MakeHands = Callable[..., WorkerPool]


@pytest.fixture
def make(model: str) -> Iterator[MakeHands]:
    made: list[WorkerPool] = []

    def start(**settings: Any) -> WorkerPool:
        usual: dict[str, Any] = {"model": model, "workers": 1}
        made.append(make_hands(Settings(**(usual | settings))))
        return made[-1]

    yield start
    for hands in made:
        hands.close()


def paint(hands: WorkerPool, data: bytes = b"", **options: Any) -> Painting:
    with hands.turn(0) as painter:
        return painter.paint(data or photo_file(), ColorizeRequest(), max_pixels=10**8, **options)


def kill(hands: WorkerPool) -> None:
    (pid,) = hands.process_ids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not command_of(pid))


def children_of(server: Server) -> set[int]:
    """The processes that a server has started."""
    path = Path(f"/proc/{server.process.pid}/task")
    words = " ".join((task / "children").read_text() for task in path.iterdir())
    return set(map(int, words.split()))


def painters_of(server: Server) -> set[int]:
    """Those of them that color: multiprocessing may have a keeper of its own."""
    return {pid for pid in children_of(server) if b"spawn_main" in command_of(pid)}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_the_same_as_in_this_process(make: MakeHands, model: str, tmp_path: Path) -> None:
    here = Painter(Settings(model=model)).paint(photo_file(), ColorizeRequest(), max_pixels=10**8)
    assert paint(make()) == here
    (tmp_path / "photo").write_bytes(photo_file())
    with make(isolate=False).turn(0) as painter:
        assert painter.paint(tmp_path / "photo", ColorizeRequest(), max_pixels=10**8) == here


def test_what_is_wrong_with_a_picture(make: MakeHands) -> None:
    hands = make()
    with pytest.raises(BrokenImageError, match="grandma"):
        paint(hands, photo_file()[:60], name="grandma")
    assert has_color(paint(hands).content)


def test_one_picture_for_each(make: MakeHands) -> None:
    hands = make(workers=2)
    with hands.turn(0), hands.turn(None), pytest.raises(OverloadedError), hands.turn(0.01):
        pass
    assert has_color(paint(hands).content)


def test_killed_while_idle(make: MakeHands) -> None:
    hands = make()
    kill(hands)
    assert has_color(paint(hands).content)


def test_deaf_but_still_alive(make: MakeHands) -> None:
    """As one that is being killed is for a moment."""
    hands = make(attempts=2)
    (pid,) = hands.process_ids()
    os.kill(pid, signal.SIGSTOP)
    with hands.turn(0) as hand:
        hand._connection.close()  # type: ignore[attr-defined]
    assert has_color(paint(hands).content)
    assert hands.process_ids() != [pid]


def test_killed_once_in_a_picture(make: MakeHands) -> None:
    hands = make()
    (pid,) = hands.process_ids()
    os.kill(pid, signal.SIGSTOP)  # so that it surely has the picture in hand
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    assert has_color(paint(hands).content)


def test_killed_again_and_again(make: MakeHands) -> None:
    hands = make(attempts=2)
    over = threading.Event()

    def kill_on() -> None:
        while not over.wait(0.05):
            for pid in hands.process_ids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_on)
    killer.start()
    with pytest.raises(PoisonImageError, match="grandma"):
        paint(hands, name="grandma")
    over.set()
    killer.join()
    assert has_color(paint(hands).content)


def test_killed_before_it_had_heard_what_to_do(
    make: MakeHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = make(attempts=4)
    kill(hands)
    begin, faults = service_hands._begin, iter([BrokenPipeError(), BlockingIOError()])

    def begin_badly(settings: Settings) -> Any:
        for fault in faults:
            raise fault
        return begin(settings)

    monkeypatch.setattr(service_hands, "_begin", begin_badly)
    assert has_color(paint(hands).content)
    assert len(hands.process_ids()) == 1


def test_a_picture_that_hangs(make: MakeHands) -> None:
    hands = make(seconds=1)
    (pid,) = hands.process_ids()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ProcessingTimeoutError, match="grandma: took longer than 1 seconds"):
        paint(hands, name="grandma")
    assert has_color(paint(hands).content)


def test_jobs_end_whatever_is_killed(start_server: StartServer) -> None:
    server = start_server(RECHROMA_ATTEMPTS="20")
    urls = []
    for _ in range(6):
        answer = server.ask("POST", "/v1/jobs", photo_file((900, 700)))
        urls.append(answer.headers["Location"])
        for pid in painters_of(server):
            os.kill(pid, signal.SIGKILL)
    assert [server.wait_for_end(url)["state"] for url in urls] == ["done"] * 6


def test_none_outlives_its_server(start_server: StartServer) -> None:
    for end in (Server.stop, Server.kill):
        server = start_server()
        painters = painters_of(server)
        assert painters
        end(server)
        wait_until(lambda: not any(b"spawn_main" in command_of(pid) for pid in painters))  # noqa: B023


def test_what_they_take_is_told(start_server: StartServer) -> None:
    server = start_server()
    assert has_color(server.ask("POST", "/v1/colorize", photo_file()).body)
    before = figures_of(server)
    assert before["rechroma_hands_memory_bytes"] > 50e6
    assert before["rechroma_hands_cpu_seconds_total"] > 0.1
    for pid in painters_of(server):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: figures_of(server)["rechroma_hands_memory_bytes"] == 0)


def figures_of(server: Server) -> dict[str, float]:
    return figures(server.ask("GET", "/metrics").body.decode())
