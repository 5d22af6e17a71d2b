"""Bradley-Terry scores: they recover known strengths, and stay finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.errors import DataError
from rechroma.evaluation.votes import Vote, fit_scores, rank_votes

NAMES = "abcd"
VOTES = st.lists(
    st.builds(
        lambda pair, choice: Vote(pair[0], pair[1], choice),
        st.permutations(NAMES).map(lambda names: names[:2]),
        st.sampled_from([-1, 0, 1]),
    ),
    min_size=1,
    max_size=40,
)


def simulated_votes(strengths: list[float], tie: float, count: int, seed: int) -> list[Vote]:
    """Draw `count` votes for each pair from Davidson's model, in the paper's own form."""
    rng, votes = np.random.default_rng(seed), []
    powers = dict(zip(NAMES, np.exp(strengths), strict=False))
    for i, first in enumerate(powers):
        for second in list(powers)[i + 1 :]:
            p, q = powers[first], powers[second]
            shares = np.array([p, tie * np.sqrt(p * q), q])
            drawn = rng.choice([1, 0, -1], size=count, p=shares / shares.sum())
            votes += [Vote(first, second, int(choice)) for choice in drawn]
    return votes


@pytest.mark.parametrize("tie", [0.0, 0.5, 2.0])
def test_scores_recover_known_strengths(tie: float) -> None:
    strengths = [0.9, 0.3, -0.2, -1.0]
    ranking = rank_votes(simulated_votes(strengths, tie, 3000, seed=1))
    assert list(ranking.scores) == list(NAMES)
    for name, strength in zip(NAMES, strengths, strict=True):
        assert ranking.scores[name].score == pytest.approx(strength, abs=0.1)


def test_intervals_cover_the_truth_in_most_studies() -> None:
    strengths = [0.5, 0.0, -0.5]
    covered = [
        each.low <= strength <= each.high
        for seed in range(200)
        for name, each in rank_votes(simulated_votes(strengths, 0.5, 60, seed)).scores.items()
        for strength in [strengths[NAMES.index(name)]]
    ]
    assert 0.91 < np.mean(covered) < 0.99


def test_two_models_without_ties_have_the_log_odds() -> None:
    wins, ties = np.array([[0, 300], [100, 0]]), np.zeros((2, 2), int)
    scores, errors = fit_scores(wins, ties)
    assert scores[0] - scores[1] == pytest.approx(np.log(3), abs=0.01)
    # The delta method gives sqrt(1 / 300 + 1 / 100) for the difference, twice the error of each.
    assert 2 * errors[0] == pytest.approx(np.sqrt(1 / 300 + 1 / 100), rel=0.01)


@given(VOTES, st.randoms())
def test_order_of_votes_and_sides_does_not_matter(votes: list[Vote], random: object) -> None:
    shuffled = [Vote(vote.second, vote.first, -vote.choice) for vote in votes]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    expected, found = rank_votes(votes), rank_votes(shuffled)
    assert found.wins == expected.wins
    for name, score in expected.scores.items():
        assert found.scores[name].score == pytest.approx(score.score, abs=1e-6)
        assert found.scores[name].high == pytest.approx(score.high, abs=1e-6)


@given(VOTES)
def test_scores_have_a_mean_of_zero_and_finite_intervals(votes: list[Vote]) -> None:
    scores = rank_votes(votes).scores.values()
    assert sum(each.score for each in scores) == pytest.approx(0, abs=1e-6)
    assert all(-20 < each.low < each.score < each.high < 20 for each in scores)


@pytest.mark.parametrize("count", [1, 30, 100_000])
def test_separated_votes_stay_finite_and_uncertain(count: int) -> None:
    wins = np.array([[0, count, count], [0, 0, count], [0, 0, 0]])
    scores, errors = fit_scores(wins, np.zeros((3, 3), int))
    assert np.all(np.diff(scores) < 0)
    assert np.abs(scores).max() < 15
    assert errors.min() > 0.25


def test_ties_alone_give_equal_scores() -> None:
    scores, _ = fit_scores(np.zeros((2, 2), int), np.array([[0, 50], [50, 0]]))
    assert scores == pytest.approx([0, 0], abs=1e-9)


def test_no_votes_are_an_error() -> None:
    with pytest.raises(DataError, match="there are no votes"):
        rank_votes([])
