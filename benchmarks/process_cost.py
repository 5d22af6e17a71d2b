"""Time and memory of a command in a process of its own, for the other benchmarks."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

# A process that has forked counts its parent's memory as its own, so a small one stands between.
_MEASURE = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL)
seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


class ProcessCost(NamedTuple):
    """Seconds, processor seconds of all threads, and peak memory of a process; and its output."""

    seconds: float
    processor_seconds: float
    megabytes: float
    output: str


def run_measured(*words: str) -> ProcessCost:
    """Run Python with some arguments in a new process."""
    measure = [sys.executable, "-c", _MEASURE, sys.executable, *words]
    printed = subprocess.run(measure, check=True, capture_output=True, text=True).stdout
    *output, last = printed.splitlines()
    seconds, processor_seconds, peak = map(float, last.split())
    megabytes = peak / (1e6 if sys.platform == "darwin" else 1e3)
    return ProcessCost(seconds, processor_seconds, megabytes, "\n".join(output))
