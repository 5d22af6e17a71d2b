"""Time and memory of a command in a process of its own, for the other benchmarks."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

# A process that has forked counts its parent's memory as its own, so a small one stands between.
_MEASURE = """
import resource, subprocess, sys, tempfile, time
with tempfile.TemporaryFile() as errors:
    began = time.perf_counter()
    code = subprocess.run(sys.argv[1:], stderr=errors).returncode
    seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    errors.seek(0)
    if code:
        sys.exit(f"{errors.read().decode(errors='replace')}exit code {code}")
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""

_LAST_LINES = 10


class ProcessCost(NamedTuple):
    """Seconds, processor seconds of all threads, and peak memory of a process; and its output."""

    seconds: float
    processor_seconds: float
    megabytes: float
    output: str


def run_measured(*words: str) -> ProcessCost:
    """Run Python with some arguments in a new process.

    Raises:
        RuntimeError: It fails; the message ends with the last lines of its stderr.
    """
    measure = [sys.executable, "-c", _MEASURE, sys.executable, *words]
    done = subprocess.run(measure, check=False, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.splitlines()[-_LAST_LINES:]
        raise RuntimeError("\n".join([f"{' '.join(words)} failed:", *lines]))
    *output, last = done.stdout.splitlines()
    seconds, processor_seconds, peak = map(float, last.split())
    megabytes = peak / (1e6 if sys.platform == "darwin" else 1e3)
    return ProcessCost(seconds, processor_seconds, megabytes, "\n".join(output))
