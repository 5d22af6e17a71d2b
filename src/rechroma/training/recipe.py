"""Training recipes: frozen structs read from a TOML file.

Every key of a recipe is a field below, with its range; an unknown key is an error, so that a typing
mistake never trains silently with a default.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from rechroma.datasets import CropConfig
from rechroma.errors import RecipeError
from rechroma.networks.config import convert_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Fraction = Annotated[float, Meta(ge=0, le=1)]
PositiveFraction = Annotated[float, Meta(gt=0, le=1)]
NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Decay = Annotated[float, Meta(ge=0, lt=1)]
Count = Annotated[int, Meta(ge=0)]
PositiveCount = Annotated[int, Meta(ge=1)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # the range that torch and NumPy share

_LISTS = (("data", "train"), ("data", "val"), ("optimizer", "only"))  # or a single string

_IMAGE_TERMS = ("distillation", "delta_e", "hue", "perceptual", "colorfulness", "upsampling")


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    """The architecture and the weights that it starts from.

    Attributes:
        name: An architecture of :mod:`rechroma.networks`, or `package.module:Class`.
        options: Fields of its configuration that differ from the defaults.
        encoder_weights: Initial weights of the encoder: a safetensors file of pretrained weights,
            or a checkpoint or color model, named or as a file, with such an encoder; empty to start
            from scratch.
        init_from: A checkpoint (its averaged weights) or a color model, named or as a file, that
            the whole network starts from; empty for none.
    """

    name: str = "rechroma"
    options: dict[str, Any] = {}
    encoder_weights: str = ""
    init_from: str = ""


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """The images of a run.

    Attributes:
        train: Shards to train on: tar files, folders of them or glob patterns.
        val: Shards to validate on.
        features: A feature store of `rechroma data features` to train on in place of `train`;
            empty for none.
    """

    train: tuple[str, ...] = ()
    val: tuple[str, ...] = ()
    features: str = ""


class Loss(Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of the loss terms (see :mod:`rechroma.training.losses`) and their settings.

    Attributes:
        bins: Weight of the classification into color bins.
        ab: Weight of the Huber loss on the regression head.
        classes: Weight of the classification of what the image shows.
        distillation: Weight of the encoder's distance to itself as published and seeing color.
        delta_e: Weight of the color difference of the decoded chroma.
        hue: Weight of the missed hues of the decoded chroma.
        perceptual: Weight of the perceptual loss.
        colorfulness: Weight of the two-sided difference in colorfulness.
        distance: Weight of the distance of the blended a*b* to the true one.
        moments: Weight of the differences in mean and spread of the blended a*b* of an image.
        gradient: Weight of the differences of the blended a*b* between nearby locations.
        upsampling: Weight of the distance of the decoded chroma at full output size.
        bins_fraction: Fraction of the locations, drawn at random, at which `bins` is computed.
        soft_label_neighbors: Bins that share the true color (Zhang 2016: 5).
        rebalance_lambda: Share of the uniform distribution in the rebalancing prior: near 0 weights
            by the inverse frequency, 1 not at all (Zhang 2016: 0.5).
    """

    bins: NonNegative = 1.0
    ab: NonNegative = 0.3
    classes: NonNegative = 0.0
    distillation: NonNegative = 0.0
    delta_e: NonNegative = 0.0
    hue: NonNegative = 0.0
    perceptual: NonNegative = 0.0
    colorfulness: NonNegative = 0.0
    distance: NonNegative = 0.0
    moments: NonNegative = 0.0
    gradient: NonNegative = 0.0
    upsampling: NonNegative = 0.0
    bins_fraction: PositiveFraction = 1.0
    soft_label_neighbors: PositiveCount = 5
    rebalance_lambda: PositiveFraction = 0.5


class Optimizer(Struct, frozen=True, forbid_unknown_fields=True):
    """AdamW with a linear warm-up and a cosine to zero.

    Attributes:
        lr: Peak learning rate of everything but the encoder.
        encoder_lr: Peak learning rate of the encoder.
        freeze_encoder_fraction: Fraction of the steps before the encoder begins to learn.
        warmup: Steps of warm-up.
        weight_decay: Of AdamW.
        grad_clip_norm: Maximum norm of the gradient.
        ema: Decay of the moving average of the weights, which is what gets exported.
        only: Train only parameters whose names start with one of these; empty for all. Everything
            else stays as it is, the statistics of its batch normalization included: they would
            drift away from the weights that go with them.
    """

    lr: Positive = 2e-3
    encoder_lr: NonNegative = 3e-4
    freeze_encoder_fraction: Fraction = 0.15
    warmup: Count = 100
    weight_decay: NonNegative = 0.01
    grad_clip_norm: Positive = 5.0
    ema: Decay = 0.998
    only: tuple[str, ...] = ()


class Adversary(Struct, frozen=True, forbid_unknown_fields=True):
    """The adversarial stage (see :mod:`rechroma.training.adversarial`).

    Attributes:
        weight: Of the adversarial term in the network's loss; 0 for no critic.
        lr: The critic's learning rate.
        start_fraction: Fraction of the steps before the critic comes in.
        critic_only_fraction: Fraction of the steps from then on in which only the critic learns.
    """

    weight: NonNegative = 0.0
    lr: Positive = 4e-4
    start_fraction: Fraction = 0.0
    critic_only_fraction: Decay = 0.3


class ValidationConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Validation and early stopping (see :mod:`rechroma.training.validation`).

    Attributes:
        interval: Steps between two evaluations; 0 for none.
        images: Maximum number of images.
        patience: Evaluations without an improvement before the run stops early; 0 for never.
    """

    interval: Count = 0
    images: PositiveCount = 200
    patience: Count = 0


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides what a training run does.

    Attributes:
        steps: Optimizer steps of the whole run.
        batch_size: Images in a batch of the first crop size, over all processes; batches of larger
            crops are smaller.
        seed: Of the initial weights, the order of the images and the crops.
        checkpoint_interval: Steps between checkpoints.
        workers: Processes that prepare images.
        threads: CPU threads of torch; 0 leaves its own choice.
        precision: Of the network's arithmetic (weights stay float32). A processor that would have
            to emulate bfloat16 uses float32.
    """

    network: Network = Network()
    data: Data = Data()
    crops: CropConfig = CropConfig()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    adversary: Adversary = Adversary()
    validation: ValidationConfig = ValidationConfig()
    steps: PositiveCount = 2000
    batch_size: PositiveCount = 32
    seed: Seed = 0
    checkpoint_interval: PositiveCount = 100
    workers: Count = 1
    threads: Count = 0
    precision: Literal["float32", "bfloat16"] = "float32"


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
    return _override(values, overrides)


def changed_recipe(recipe: Recipe, overrides: Iterable[str]) -> Recipe:
    """Copy a recipe with some keys changed, given as for :func:`load_recipe`.

    Raises:
        RecipeError: A key or value does not fit.
    """
    return _override(recipe_values(recipe), overrides)


def recipe_from(values: Mapping[str, Any]) -> Recipe:
    """Build a recipe from nested mappings, as TOML or a checkpoint gives them.

    Raises:
        RecipeError: A key is unknown, a value has the wrong type or range, or two keys contradict
            each other.
    """
    values = dict(values)
    for section, key in _LISTS:
        table = values.get(section)
        if isinstance(table, dict) and isinstance(table.get(key), str):
            values[section] = {**table, key: (table[key],)}
    recipe = convert_values(values, Recipe)
    crops, adversary, validation = recipe.crops, recipe.adversary, recipe.validation
    if len(crops.size_shares) != len(crops.sizes) or abs(sum(crops.size_shares) - 1) > 1e-6:
        raise RecipeError("crops.size_shares: expected one share for each size, 1 in all")
    if adversary.critic_only_fraction > 1 - adversary.start_fraction:
        raise RecipeError("adversary.critic_only_fraction: exceeds what start_fraction leaves")
    if recipe.data.features:
        _check_feature_training(recipe)
    if validation.interval and not recipe.data.val:
        raise RecipeError(
            "validation.interval: there is nothing to measure on, data.val is missing",
            hint="Name shards with data.val, or set validation.interval=0.",
        )
    if validation.patience and not validation.interval:
        raise RecipeError(
            "validation.patience: has no effect without validation",
            hint="It needs validation.interval, the steps between two evaluations.",
        )
    return recipe


def _check_feature_training(recipe: Recipe) -> None:
    """Refuse what needs images where a store holds features and a*b* alone."""
    wanted = {f"loss.{term}": getattr(recipe.loss, term) for term in _IMAGE_TERMS}
    wanted["adversary.weight"] = recipe.adversary.weight
    if unfit := [key for key, weight in wanted.items() if weight]:
        raise RecipeError(
            f"{unfit[0]}: needs images, and data.features holds none",
            hint="Set it to 0, or train on data.train.",
        )
    if len(recipe.crops.sizes) > 1:
        raise RecipeError("crops.sizes: stored features have one size, that of their views")


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """Convert a recipe to nested plain mappings; :func:`recipe_from` reads them back."""
    values: dict[str, Any] = msgspec.to_builtins(recipe)
    return values


def _override(values: dict[str, Any], overrides: Iterable[str]) -> Recipe:
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise RecipeError(f"{override!r} is not of the form key=value")
        *sections, last = key.strip().split(".")
        table = values
        for section in sections:
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                raise RecipeError(f"{key}: {section} is no section")
        try:
            table[last] = tomllib.loads(f"value = {text.strip()}")["value"]
        except tomllib.TOMLDecodeError:
            table[last] = text.strip()
    return recipe_from(values)
