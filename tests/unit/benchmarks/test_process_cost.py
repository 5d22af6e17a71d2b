from __future__ import annotations

import pytest
from benchmarks.process_cost import run_measured


def test_cost_and_output_of_a_process() -> None:
    cost = run_measured("-c", "print('first'); print('second')")
    assert cost.output == "first\nsecond"
    assert cost.seconds > 0
    assert cost.megabytes > 1


def test_failure_shows_the_last_lines_of_stderr() -> None:
    lines = "import sys; print(*range(50), sep='\\n', file=sys.stderr); sys.exit('no model')"
    with pytest.raises(RuntimeError, match="no model") as caught:
        run_measured("-c", lines)
    assert "exit code 1" in str(caught.value)
    assert "\n49\n" in str(caught.value)
    assert "\n5\n" not in str(caught.value)
