"""Training recipes: frozen dataclasses filled from a TOML file.

Every key of a recipe is a field below; a key that is not is an error, so that a typing mistake
never trains silently with a default.
"""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rechroma.datasets import Crops
from rechroma.errors import RecipeError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PRECISIONS = ("float32", "bfloat16")
_LOSS_PARTS = (
    *("bins", "ab", "classes", "teacher"),
    *("difference", "hue", "features", "colorfulness"),
)


@dataclass(frozen=True)
class Network:
    """Which network, and the file that its encoder starts from.

    Attributes:
        name: An architecture of :mod:`rechroma.networks`.
        options: Fields of its configuration that differ from the defaults.
        encoder_weights: What the encoder starts from: a safetensors file of pretrained weights, or
            a checkpoint or color model, named or as a file, with such an encoder; empty to start
            from scratch.
        start: A checkpoint (its averaged weights) or a color model, named or as a file, that all
            of the network starts from; empty for none.
    """

    name: str = "rechroma"
    options: dict[str, Any] = field(default_factory=dict)
    encoder_weights: str = ""
    start: str = ""


@dataclass(frozen=True)
class Data:
    """Shards to train on and to look at: tar files, folders of them or glob patterns."""

    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loss:
    """Weights of the loss's parts (see :mod:`rechroma.training.losses`) and their settings.

    Attributes:
        bins: Weight of the classification into color bins.
        ab: Weight of the Huber loss on the regression head.
        classes: Weight of the classification of what the picture shows.
        teacher: Weight of the encoder's likeness to itself as published, when that sees color.
        difference: Weight of the color difference of the decoded chroma.
        hue: Weight of the missed hues of the decoded chroma.
        features: Weight of the perceptual loss.
        colorfulness: Weight of the two-sided difference in colorfulness.
        neighbors: Bins that share the true color (Zhang 2016: 5).
        uniform_share: Rebalancing: 0 weights by the inverse frequency, 1 not at all (0.5).
    """

    bins: float = 1.0
    ab: float = 0.3
    classes: float = 0.0
    teacher: float = 0.0
    difference: float = 0.0
    hue: float = 0.0
    features: float = 0.0
    colorfulness: float = 0.0
    neighbors: int = 5
    uniform_share: float = 0.5


@dataclass(frozen=True)
class Optimizer:
    """AdamW with a linear warm-up and a cosine to zero.

    Attributes:
        rate: Highest learning rate of everything but the encoder.
        encoder_rate: Highest learning rate of the encoder.
        frozen: Share of the steps before the encoder begins to learn.
        warmup: Steps of warm-up.
        weight_decay: Of AdamW.
        clip: Greatest norm of the gradient.
        ema: Decay of the moving average of the weights, which is what gets exported.
    """

    rate: float = 2e-3
    encoder_rate: float = 3e-4
    frozen: float = 0.15
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 5.0
    ema: float = 0.998


@dataclass(frozen=True)
class Adversary:
    """The adversarial stage (see :mod:`rechroma.training.adversarial`).

    Attributes:
        weight: Of the critic's dislike in the network's loss; 0 for no critic.
        rate: The critic's learning rate.
        after: Share of the steps before the critic comes in.
        alone: Share of the steps from then on in which it learns and the network does not.
    """

    weight: float = 0.0
    rate: float = 4e-4
    after: float = 0.0
    alone: float = 0.3


@dataclass(frozen=True)
class Validation:
    """Measuring on the development pictures (see :mod:`rechroma.training.validation`).

    Attributes:
        every: Steps between two measurements; 0 for none.
        pictures: How many are measured at most.
        patience: Measurements without a better one before the run ends early; 0 for never.
    """

    every: int = 0
    pictures: int = 200
    patience: int = 0


@dataclass(frozen=True)
class Recipe:
    """All that decides what a training run does.

    Attributes:
        steps: Optimizer steps of the whole run.
        batch: Pictures in a batch of the first crop size, over all processes; larger crops come
            in fewer.
        seed: Of the initial weights, the order of the pictures and the crops.
        checkpoint_every: Steps between checkpoints.
        workers: Processes that prepare pictures.
        threads: CPU threads of torch; 0 leaves its own choice.
        precision: Of the network's arithmetic: "float32" or "bfloat16" (weights stay float32).
    """

    network: Network = field(default_factory=Network)
    data: Data = field(default_factory=Data)
    crops: Crops = field(default_factory=Crops)
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    adversary: Adversary = field(default_factory=Adversary)
    validation: Validation = field(default_factory=Validation)
    steps: int = 2000
    batch: int = 32
    seed: int = 0
    checkpoint_every: int = 100
    workers: int = 1
    threads: int = 0
    precision: str = "float32"


def load_recipe(path: Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe from a TOML file.

    Args:
        path: The file.
        overrides: `section.key=value` each, the value in TOML (or a bare word as a string).

    Raises:
        RecipeError: The file is missing or not TOML, or a key or value does not fit.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not TOML: {error}") from error
    return _changed(values, overrides)


def changed_recipe(recipe: Recipe, overrides: Iterable[str]) -> Recipe:
    """A recipe with some keys changed, given as for :func:`load_recipe`.

    Raises:
        RecipeError: A key or value does not fit.
    """
    return _changed(recipe_values(recipe), overrides)


def _changed(values: dict[str, Any], overrides: Iterable[str]) -> Recipe:
    for override in overrides:
        _override(values, override)
    return recipe_from(values)


def recipe_from(values: Mapping[str, Any]) -> Recipe:
    """Make a recipe of nested mappings, as TOML or a checkpoint gives them.

    Raises:
        RecipeError: A key is unknown or a value has the wrong type or range.
    """
    recipe: Recipe = _build(Recipe, values, "")
    _check_ranges(recipe)
    return recipe


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """The recipe as nested plain mappings; :func:`recipe_from` reads them back."""
    return dataclasses.asdict(recipe)


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise RecipeError(f"{override!r} is not of the form key=value")
    *sections, last = key.strip().split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise RecipeError(f"{key}: {section} is no section")
    values[last] = _toml_value(text.strip())


def _toml_value(text: str) -> Any:  # noqa: ANN401 - TOML values are of any type
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _build(kind: type[Any], values: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
    if not isinstance(values, dict):
        raise RecipeError(f"{where.rstrip('.') or 'recipe'}: expected a table of keys")
    hints = typing.get_type_hints(kind)
    if unknown := set(values) - set(hints):
        key = min(unknown)
        raise RecipeError(f"unknown key {where}{key!r}", hint=did_you_mean(key, sorted(hints)))
    return kind(**{k: _value(hints[k], v, f"{where}{k}") for k, v in values.items()})


def _value(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), value, f"{where}.")
    if typing.get_origin(hint) is tuple:
        items = value if isinstance(value, (list, tuple)) else [value]
        return tuple(_value(typing.get_args(hint)[0], item, where) for item in items)
    plain = typing.get_origin(hint) or hint
    if plain is float and type(value) is int:
        return float(value)
    if type(value) is not plain:
        raise RecipeError(f"{where}: expected {plain.__name__}, got {value!r}")
    return value


def _check_ranges(recipe: Recipe) -> None:
    crops = recipe.crops
    checks = {
        "steps": recipe.steps >= 1,
        "batch": recipe.batch >= 1,
        "checkpoint_every": recipe.checkpoint_every >= 1,
        "seed": 0 <= recipe.seed < 1 << 63,  # what torch and NumPy both take
        "workers": recipe.workers >= 0,
        "crops.sizes": len(crops.sizes) > 0 and min(crops.sizes) > 0,
        "crops.size_shares": len(crops.size_shares) == len(crops.sizes)
        and abs(sum(crops.size_shares) - 1) < 1e-6
        and min(crops.size_shares) >= 0,
        "crops.area": 0 < crops.area <= 1,
        "crops.aged": 0 <= crops.aged <= 1,
        "loss.uniform_share": 0 < recipe.loss.uniform_share <= 1,
        "loss.neighbors": recipe.loss.neighbors >= 1,
        "crops.hinted": 0 <= crops.hinted <= 1,
        "precision": recipe.precision in PRECISIONS,
        **{f"loss.{part}": getattr(recipe.loss, part) >= 0 for part in _LOSS_PARTS},
        "adversary.weight": recipe.adversary.weight >= 0,
        "adversary.rate": recipe.adversary.rate > 0,
        "adversary.after": 0 <= recipe.adversary.after <= 1,
        "adversary.alone": 0 <= recipe.adversary.alone <= 1 - recipe.adversary.after
        and recipe.adversary.alone < 1,
        "validation.every": recipe.validation.every >= 0,
        "validation.pictures": recipe.validation.pictures >= 1,
        "validation.patience": recipe.validation.patience >= 0,
        "optimizer.rate": recipe.optimizer.rate > 0,
        "optimizer.encoder_rate": recipe.optimizer.encoder_rate >= 0,
        "optimizer.warmup": recipe.optimizer.warmup >= 0,
        "optimizer.weight_decay": recipe.optimizer.weight_decay >= 0,
        "optimizer.clip": recipe.optimizer.clip > 0,
        "optimizer.frozen": 0 <= recipe.optimizer.frozen <= 1,
        "optimizer.ema": 0 <= recipe.optimizer.ema < 1,
    }
    if wrong := [name for name, fine in checks.items() if not fine]:
        raise RecipeError(f"{wrong[0]}: outside its range")
    _check_validation(recipe)


def _check_validation(recipe: Recipe) -> None:
    validation = recipe.validation
    if validation.every and not recipe.data.dev:
        raise RecipeError(
            "validation.every: there is nothing to measure on, data.dev is missing",
            hint="Name shards with data.dev, or set validation.every=0.",
        )
    if validation.patience and not validation.every:
        raise RecipeError(
            "validation.patience: outside its range while nothing is measured",
            hint="It needs validation.every, the steps between two measurements.",
        )
