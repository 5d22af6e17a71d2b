"""`rechroma` with a predictor that fails as the name of the image says.

Run it as `python -m tests.support.faulty_worker worker`. If the environment variable `FAULT` names
a file, the process that deletes it cannot start.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from rechroma.cli import main
from rechroma.service.inference import fault_policy
from rechroma.service.inference.predictor import Predictor
from rechroma.service.jobs.worker import Worker

_colorize = Predictor.colorize
_open = Worker.open


def _fail_or_colorize(*words: Any, name: str, **options: Any) -> Any:
    match Path(name).stem:
        case "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        case "long":
            time.sleep(1)
        case "slow":
            time.sleep(60)
        case "stuck":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            time.sleep(60)
    return _colorize(*words, name=name, **options)


def _fail_once_or_open(worker: Worker) -> None:
    with suppress(FileNotFoundError):
        Path(os.environ.get("FAULT", "no fault")).unlink()
        raise MemoryError
    _open(worker)


if __name__ == "__main__":
    Worker.open = _fail_once_or_open  # type: ignore[method-assign, assignment]
    Predictor.colorize = _fail_or_colorize  # type: ignore[method-assign, assignment]
    fault_policy.GRACE_SECONDS = 1
    main()
