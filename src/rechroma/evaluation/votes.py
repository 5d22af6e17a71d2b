"""Bradley-Terry scores of models from the votes of a blind test.

The model is that of Davidson (1970), "On extending the Bradley-Terry model to accommodate ties in
paired comparison experiments", Journal of the American Statistical Association 65: with scores s
and a tie parameter v, P(i preferred) : P(j preferred) : P(tie) is
exp(s_i) : exp(s_j) : exp(v + (s_i + s_j) / 2). Its log-likelihood is concave. A normal prior on
every score and on v keeps the estimate finite where one model wins all its pairs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rechroma.errors import DataError, SourceError
from rechroma.evaluation.blind import KEY_FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_PRIOR_SD = 2.0  # one prior standard deviation above the mean is preferred in 88 % of pairs
_NORMAL_95 = 1.959964
_MAX_STEPS = 200


class Vote(NamedTuple):
    """A choice between two models.

    Attributes:
        first: A model.
        second: Another model.
        choice: 1 if the first is preferred, -1 if the second is, 0 for no difference.
    """

    first: str
    second: str
    choice: int


@dataclass(frozen=True)
class Score:
    """Bradley-Terry score of a model.

    Attributes:
        score: Log-strength; the mean of all models is 0. Without ties, a model is preferred to
            another with odds of exp(difference).
        low: Lower end of the 95 % confidence interval.
        high: Upper end.
        wins: Votes for the model.
        losses: Votes for its opponents.
        ties: Votes for no difference.
    """

    score: float
    low: float
    high: float
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True)
class Ranking:
    """Models ranked by votes.

    Attributes:
        votes: Number of votes.
        scores: By model, the best first.
        wins: wins[a][b] is the number of votes for model a over model b.
        ties: ties[a][b] is the number of votes for no difference between them.
    """

    votes: int
    scores: dict[str, Score]
    wins: dict[str, dict[str, int]]
    ties: dict[str, dict[str, int]]


def read_votes(key: Path, files: Iterable[Path]) -> list[Vote]:
    """Read the votes of several people.

    A person's file that was saved last replaces the earlier ones whole, in any order of the files:
    browsers name a second download `votes (1).json`, which patterns list before `votes.json`.

    Args:
        key: The key of the blind test.
        files: Files saved on its page.

    Raises:
        SourceError: A file cannot be read.
        DataError: A file is damaged, or belongs to another page.
    """
    answers = _read_json(key, "a key of 'rechroma compare --blind'")
    try:
        models = {image: str(known["model"]) for image, known in answers["images"].items()}
        study, pairs = answers["study"], set(map(frozenset, answers["questions"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{key}: not a key of 'rechroma compare --blind'", hint=_KEY) from error
    newest: dict[str, tuple[datetime, list[Vote]]] = {}
    for file in files:
        content = _read_json(file, "votes saved by the page")
        if content.get("study") != study:
            raise DataError(
                f"{file}: these votes were saved by a different page than the one {key} belongs to",
                hint=_KEY,
            )
        votes: dict[frozenset[str], Vote] = {}
        try:
            voter = str(content["voter"])
            saved = datetime.fromisoformat(content["saved"]).astimezone(UTC)
            for vote in content["votes"]:
                left, right = vote["left"], vote["right"]
                if (pair := frozenset((left, right))) not in pairs:
                    raise ValueError("not a pair of the page")
                choice = {"left": 1, "none": 0, "right": -1}[vote["choice"]]
                votes[pair] = Vote(models[left], models[right], choice)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{file}: the votes are damaged",
                hint="Save them on the page again, and use the file as it is.",
            ) from error
        if voter not in newest or newest[voter][0] <= saved:
            newest[voter] = saved, list(votes.values())
    return [vote for _, found in newest.values() for vote in found]


_KEY = "The key is written next to the page, as NAME.key.json; keep the two together."


def _read_json(path: Path, expected: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text", hint=f"Give {expected}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}", hint=f"Give {expected}.") from error
    if not isinstance(content, dict) or content.get("format") != KEY_FORMAT:
        raise DataError(f"{path}: not {expected}", hint=_KEY)
    return content


def rank_votes(votes: Sequence[Vote]) -> Ranking:
    """Rank models by Bradley-Terry scores.

    Raises:
        DataError: There are no votes.
    """
    if not votes:
        raise DataError("there are no votes", hint="Vote on the page, save, and give the file.")
    names = sorted({name for vote in votes for name in (vote.first, vote.second)})
    wins = np.zeros((len(names), len(names)), int)
    ties = np.zeros_like(wins)
    for first, second, choice in votes:
        a, b = names.index(first), names.index(second)
        if choice:
            wins[(a, b) if choice > 0 else (b, a)] += 1
        else:
            ties[a, b] += 1
            ties[b, a] += 1
    scores, errors = fit_scores(wins, ties)
    order = sorted(range(len(names)), key=lambda number: (-scores[number], names[number]))
    return Ranking(
        votes=len(votes),
        scores={
            names[n]: Score(
                score=float(scores[n]),
                low=float(scores[n] - _NORMAL_95 * errors[n]),
                high=float(scores[n] + _NORMAL_95 * errors[n]),
                wins=int(wins[n].sum()),
                losses=int(wins[:, n].sum()),
                ties=int(ties[n].sum()),
            )
            for n in order
        },
        wins={names[a]: {names[b]: int(wins[a, b]) for b in order if a != b} for a in order},
        ties={names[a]: {names[b]: int(ties[a, b]) for b in order if a != b} for a in order},
    )


def fit_scores(
    wins: NDArray[np.int64], ties: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit Davidson's model by maximum a posteriori, with Newton's method.

    Args:
        wins: (M, M); wins[i, j] is the number of times that i was preferred to j.
        ties: (M, M), symmetric; the number of ties.

    Returns:
        (M,) scores with a mean of 0, and (M,) their standard errors from the Fisher information,
        which takes votes as independent.
    """
    count = len(wins)
    pairs = list(combinations(range(count), 2))
    features = np.zeros((len(pairs), 3, count + 1))  # of the outcomes i, j and tie; v is the last
    counts = np.zeros((len(pairs), 3))
    for number, (i, j) in enumerate(pairs):
        features[number, 0, i] = features[number, 1, j] = features[number, 2, -1] = 1
        features[number, 2, [i, j]] = 0.5
        counts[number] = wins[i, j], wins[j, i], ties[i, j]
    precision = np.eye(count + 1) / _PRIOR_SD**2
    estimate = np.zeros(count + 1)
    for _ in range(_MAX_STEPS):
        logits = features @ estimate
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        expected = weights * counts.sum(axis=1, keepdims=True)
        mean = np.einsum("pk,pkm->pm", weights, features)
        centered = features - mean[:, None]
        information = np.einsum("pk,pkm,pkn->mn", expected, centered, centered) + precision
        gradient = np.einsum("pk,pkm->m", counts - expected, features) - precision @ estimate
        step = np.linalg.solve(information, gradient)
        estimate += step / max(1.0, float(np.abs(step).max()))  # far off, Newton's step is too long
        if np.abs(step).max() < 1e-9:
            break
    centering = np.eye(count) - 1 / count  # the level of all scores is known by the prior alone
    covariance = centering @ np.linalg.inv(information)[:count, :count] @ centering
    return centering @ estimate[:count], np.sqrt(covariance.diagonal())
