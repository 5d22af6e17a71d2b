"""Agreement with a classifier's answer to the truth, on answers counted by hand."""

from __future__ import annotations

import math

import pytest

from rechroma.evaluation.metrics import agreement, recovered


def test_agreement_is_the_share_of_same_answers() -> None:
    assert agreement([1, 2, 3, 4], [1, 2, 0, 0]) == 0.5
    assert math.isnan(agreement([], []))


def test_recovered_goes_from_gray_to_the_truth() -> None:
    assert recovered(0.6, 0.6) == 0
    assert recovered(0.8, 0.6) == pytest.approx(0.5)
    assert recovered(1, 0.6) == 1
    assert recovered(0.5, 0.6) == pytest.approx(-0.25)


def test_where_gray_lost_nothing_nothing_can_be_recovered() -> None:
    assert math.isnan(recovered(1, 1))
