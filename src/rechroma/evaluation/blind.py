"""Blind tests: an HTML page on which people choose between the colors of two models.

The page holds neither names nor an order that gives them away: images are named by a hash, pairs
and sides are shuffled. A separate key tells which image is of which model.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rechroma.evaluation.comparison import color_in_turn, open_contestants
from rechroma.evaluation.predictor import to_gray
from rechroma.evaluation.report_output import encode_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rechroma.evaluation.comparison import Photographs

KEY_FORMAT = 1
_SIDE, _QUALITY = 1024, 90


class BlindTest(NamedTuple):
    """A blind test.

    Attributes:
        page: The HTML page for voters.
        key: The content of the key: `study`, the page's id, and by image its `model` and
            `photograph`.
        questions: Number of pairs to vote on.
    """

    page: str
    key: dict[str, Any]
    questions: int


def make_blind_test(
    models: Mapping[str, Path],
    images: Photographs,
    indices: Sequence[int],
    *,
    seed: int = 0,
    on_image: Callable[[], None] = lambda: None,
) -> BlindTest:
    """Make a page with one question for each photograph and pair of models.

    Args:
        models: Color model files, or folders of finished results, by name; at least two.
        images: The photographs.
        indices: Photographs to use.
        seed: Of the order of questions and of the sides.
        on_image: Called after each photograph.

    Raises:
        ModelError: A model cannot be used.
        EngineError: The process of a model failed.
        DataError: A photograph is damaged, or a result is missing or does not fit.
    """
    jpegs, key, pairs = dict[str, str](), {}, []
    with open_contestants(models, images, indices) as contestants:
        for turn, index in enumerate(indices):
            photograph, named = images.key(index), {}
            colored = color_in_turn(contestants, to_gray(images[index]), photograph, turn)
            for name, rgb in colored.items():
                secret = json.dumps([seed, index, photograph, name])
                image = named[name] = sha256(secret.encode()).hexdigest()[:16]
                jpegs[image] = base64.b64encode(encode_jpeg(rgb, _SIDE, _QUALITY)).decode()
                key[image] = {"model": name, "photograph": photograph}
            pairs += list(combinations(named.values(), 2))
            on_image()
    rng = np.random.default_rng(seed)
    questions = [rng.permutation(pair).tolist() for pair in rng.permutation(pairs)]
    study = {
        "id": sha256(json.dumps(questions).encode()).hexdigest()[:16],
        "questions": questions,
        "images": dict(sorted(jpegs.items())),
    }
    template = Template(Path(__file__).with_name("blind.html").read_text("utf-8"))
    page = template.substitute(study=json.dumps(study))
    return BlindTest(page, {"format": KEY_FORMAT, "study": study["id"], "images": key}, len(pairs))
