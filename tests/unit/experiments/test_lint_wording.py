"""Limits of experiments/lint_wording.py: standard terms, imperative docstrings, few helpers."""

from __future__ import annotations

import pytest

from experiments.lint_wording import Measure, measures


@pytest.mark.parametrize("measure", measures(), ids=lambda measure: measure.name)
def test_language_measure_stays_below_its_limit(measure: Measure) -> None:
    assert measure.value <= measure.limit, "\n".join(measure.places)
