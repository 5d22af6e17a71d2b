"""Top-1 agreement with the truth, on hand-counted cases."""

from __future__ import annotations

import math

import pytest

from rechroma.evaluation.metrics import gap_recovered, top1_agreement


def test_top1_agreement_is_the_share_of_equal_classes() -> None:
    assert top1_agreement([1, 2, 3, 4], [1, 2, 0, 0]) == 0.5
    assert math.isnan(top1_agreement([], []))


def test_gap_recovered_goes_from_gray_to_the_truth() -> None:
    assert gap_recovered(0.6, 0.6) == 0
    assert gap_recovered(0.8, 0.6) == pytest.approx(0.5)
    assert gap_recovered(1, 0.6) == 1
    assert gap_recovered(0.5, 0.6) == pytest.approx(-0.25)


def test_gap_recovered_is_undefined_without_a_gap() -> None:
    assert math.isnan(gap_recovered(1, 1))
