"""`rechroma` with a predictor that fails as the name of the image says.

Run it as `python -m tests.support.faulty_worker worker`.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from rechroma.cli import main
from rechroma.service.inference import limits
from rechroma.service.inference.predictor import Predictor

_colorize = Predictor.colorize


def _fail_or_colorize(*words: Any, name: str, **options: Any) -> Any:
    match name:
        case "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        case "long":
            time.sleep(1)
        case "slow":
            time.sleep(60)
        case "stuck":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            time.sleep(60)
    return _colorize(*words, name=name, **options)


if __name__ == "__main__":
    Predictor.colorize = _fail_or_colorize  # type: ignore[method-assign, assignment]
    limits.GRACE_SECONDS = 1
    main()
