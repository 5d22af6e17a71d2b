from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.fuzz_formats import fuzz

from tests.support.models import write_model


@pytest.mark.timeout(600)
def test_damaged_files_are_colored_or_rejected_with_nothing_left_behind(tmp_path: Path) -> None:
    summary = fuzz(200, seed=3, model=str(write_model(tmp_path / "tiny.onnx")))
    assert summary.findings == []
    assert summary.counts.total() == 200
    assert summary.counts["colored"] > 20
    assert summary.counts["BrokenImageError"] > 20


def test_what_goes_wrong_is_found(tmp_path: Path) -> None:
    model = write_model(tmp_path / "nan.onnx", ab=(float("nan"), 0))
    summary = fuzz(20, seed=3, model=str(model), keep=tmp_path / "kept")
    assert summary.findings
    assert all("InvalidChromaError" in finding for _, _, finding in summary.findings)
    number, kind, _ = summary.findings[0]
    assert (tmp_path / "kept" / f"{number}-{kind}").is_file()
