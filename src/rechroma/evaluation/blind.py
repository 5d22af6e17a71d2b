"""Blind tests: an HTML page on which people choose between the colors of two models.

The page holds neither names nor an order that gives them away: images are named by a salted hash,
and pairs and sides are shuffled. A separate key holds the salt and the seed, without which nobody
can recompute them from guessed names, and tells which image is of which model.
"""

from __future__ import annotations

import base64
import json
import secrets
from hashlib import blake2b, sha256
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
        key: The content of the key: `study`, a hash of the page's questions and images; `salt` and
            `seed`; the `questions`; and by image its `model` and `photograph`.
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
    seed: int | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> BlindTest:
    """Make a page with one question for each photograph and pair of models.

    Args:
        models: Color model files, or folders of finished results, by name; at least two.
        images: The photographs.
        indices: Photographs to use.
        seed: Of the order of questions and of the sides; None for a random one. Voters who know it
            can tell which images are of the same model.
        on_image: Called after each photograph.

    Raises:
        ModelError: A model cannot be used.
        EngineError: The process of a model failed.
        DataError: A photograph is damaged, or a result is missing or does not fit.
    """
    seed = secrets.randbits(64) if seed is None else seed
    salt = secrets.token_bytes(16)
    jpegs, key, pairs = dict[str, str](), {}, []
    with open_contestants(models, images, indices) as contestants:
        for turn, index in enumerate(indices):
            photograph, named = images.key(index), {}
            colored = color_in_turn(contestants, to_gray(images[index]), photograph, turn)
            for name, rgb in colored.items():
                identity = json.dumps([index, photograph, name]).encode()
                image = named[name] = blake2b(identity, key=salt, digest_size=8).hexdigest()
                jpegs[image] = base64.b64encode(encode_jpeg(rgb, _SIDE, _QUALITY)).decode()
                key[image] = {"model": name, "photograph": photograph}
            pairs += list(combinations(named.values(), 2))
            on_image()
    rng = np.random.default_rng(seed)
    questions = [rng.permutation(pair).tolist() for pair in rng.permutation(pairs)]
    study = {"questions": questions, "images": dict(sorted(jpegs.items()))}
    study_id = sha256(json.dumps(study).encode()).hexdigest()[:16]
    template = Template(Path(__file__).with_name("blind.html").read_text("utf-8"))
    page = template.substitute(study=json.dumps({"id": study_id, **study}))
    content = {"format": KEY_FORMAT, "study": study_id, "seed": seed, "salt": salt.hex()}
    return BlindTest(page, content | {"questions": questions, "images": key}, len(pairs))
