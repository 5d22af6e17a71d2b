"""`rechroma` with a painter that heeds the names of pictures: for tests of what goes wrong.

Run it as `python -m tests.support.fragile worker`.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from rechroma.cli import main
from rechroma.service.inference import limits
from rechroma.service.inference.predictor import Painter

_usual = Painter.paint


def _paint(*words: Any, name: str, **options: Any) -> Any:
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
    return _usual(*words, name=name, **options)


if __name__ == "__main__":
    Painter.paint = _paint  # type: ignore[method-assign, assignment]
    limits.GRACE_SECONDS = 1
    main()
