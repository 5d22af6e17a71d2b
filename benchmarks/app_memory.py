"""Memory of `rechroma app` while it colors many photographs, and when it is idle afterwards.

    python benchmarks/app_memory.py [--photographs N] [--megapixels N] [--clients N]

It starts `rechroma app` and asks it on loopback for what the page asks for: the chroma of each
photograph, its full-size result, and suggestions of colors. Linux only: sizes are those of /proc.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import numpy as np
import skimage
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUESTS = ("chroma?gray=1024", "colorize", "suggestions?x=0.5&y=0.5")
_STEP = 40
_IDLE_SECONDS = 15


def main() -> None:
    """Measure and print resident memory after every 40 photographs."""
    arguments = _arguments()
    photographs = [_create_photo(arguments.megapixels * scale) for scale in (0.5, 1, 1.5)]
    with _app() as (url, process_id), ThreadPoolExecutor(arguments.clients) as clients:

        def color(number: int) -> None:
            for request in _REQUESTS:
                body = photographs[number % len(photographs)]
                with urlopen(Request(f"{url}/v1/{request}", body)) as answer:
                    answer.read()

        _print_memory("start", process_id)
        for first in range(0, arguments.photographs, _STEP):
            numbers = range(first, min(first + _STEP, arguments.photographs))
            list(clients.map(color, numbers))
            _print_memory(f"{numbers[-1] + 1} photographs", process_id)
        time.sleep(_IDLE_SECONDS)
        _print_memory(f"{_IDLE_SECONDS} s later", process_id)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photographs", type=int, default=200)
    parser.add_argument("--megapixels", type=float, default=2)
    parser.add_argument("--clients", type=int, default=4, help="requests at a time")
    return parser.parse_args()


def _create_photo(megapixels: float) -> bytes:
    gray = Image.fromarray(skimage.data.astronaut()).convert("L")
    side = round(np.sqrt(megapixels * 1e6))
    file = BytesIO()
    gray.resize((side, side)).save(file, "JPEG", quality=92)
    return file.getvalue()


@contextmanager
def _app() -> Iterator[tuple[str, int]]:
    """Run `rechroma app`, and give its address and process id."""
    command = [sys.executable, "-m", "rechroma", "app", "--no-browser", "--port", "0"]
    app = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = app.stderr.readline() if app.stderr else ""
        found = re.search(r"http://\S+", line)
        yield found[0] if found else sys.exit(line), app.pid
    finally:
        app.terminate()
        app.communicate()


def _print_memory(moment: str, process_id: int) -> None:
    status = Path(f"/proc/{process_id}/status").read_text("utf-8")
    now, peak = (
        int(re.findall(rf"{name}:\s+(\d+)", status)[0]) / 1000 for name in ("VmRSS", "VmHWM")
    )
    print(f"{moment:>16}: {now:4.0f} MB (peak {peak:4.0f} MB)", flush=True)


if __name__ == "__main__":
    main()
