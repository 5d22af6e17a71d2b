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

from rechroma.evaluation.comparison import open_contestants
from rechroma.evaluation.report_output import encode_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rechroma.errors import RechromaError
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
        left_out: For each photograph that could not be used, the reason.
    """

    page: str
    key: dict[str, Any]
    questions: int
    left_out: tuple[str, ...]


def make_blind_test(
    models: Mapping[str, Path],
    images: Photographs,
    indices: Sequence[int],
    *,
    seed: int | None = None,
    on_image: Callable[[], None] = lambda: None,
    on_left_out: Callable[[RechromaError], object] = lambda _: None,
) -> BlindTest:
    """Make a page with one question for each photograph and pair of models.

    Args:
        models: Color model files, or folders of finished results, by name; at least two.
        images: The photographs.
        indices: Photographs to use.
        seed: Of the order of questions and of the sides; None for a random one. Voters who know it
            can tell which images are of the same model.
        on_image: Called after each photograph.
        on_left_out: Called with the error of each photograph that is left out, because it, or a
            finished result for it, cannot be used.

    Raises:
        ModelError: A model cannot be used.
        EngineError: The process of a model failed.
        DataError: A result is missing, or no photograph is left.
    """
    seed = secrets.randbits(64) if seed is None else seed
    salt = secrets.token_bytes(16)
    jpegs, key, pairs = dict[str, str](), {}, []
    with open_contestants(models, images, indices, on_image, on_left_out) as contestants:
        for each in contestants.color():
            index = indices[each.place]
            photograph, named = images.key(index), {}
            for name, rgb in each.colored.items():
                identity = json.dumps([index, photograph, name]).encode()
                image = named[name] = blake2b(identity, key=salt, digest_size=8).hexdigest()
                jpegs[image] = base64.b64encode(encode_jpeg(rgb, _SIDE, _QUALITY)).decode()
                key[image] = {"model": name, "photograph": photograph}
            pairs += list(combinations(named.values(), 2))
    rng = np.random.default_rng(seed)
    questions = [rng.permutation(pair).tolist() for pair in rng.permutation(pairs)]
    study = {"questions": questions, "images": dict(sorted(jpegs.items()))}
    study_id = sha256(json.dumps(study).encode()).hexdigest()[:16]
    template = Template(Path(__file__).with_name("blind.html").read_text("utf-8"))
    page = template.substitute(study=json.dumps({"id": study_id, **study}))
    content = {"format": KEY_FORMAT, "study": study_id, "seed": seed, "salt": salt.hex()}
    content |= {"questions": questions, "images": key}
    return BlindTest(page, content, len(pairs), tuple(contestants.left_out))
