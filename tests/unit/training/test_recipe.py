"""Recipes: valid and invalid files."""

from __future__ import annotations

from pathlib import Path

import pytest

from rechroma.errors import RecipeError
from rechroma.training import load_recipe
from rechroma.training.recipe import recipe_from, recipe_values

RECIPES = sorted((Path(__file__).parents[3] / "recipes").rglob("*.toml"))


@pytest.mark.parametrize("shipped", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid_and_survive_a_round_trip(shipped: Path) -> None:
    recipe = load_recipe(shipped)
    assert recipe_from(recipe_values(recipe)) == recipe


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A minimal recipe."""
    (tmp_path / "short.toml").write_text("steps = 10\n[network.options]\nattention = true\n")
    return tmp_path / "short.toml"


def test_load_recipe_overrides_keys_by_toml_values_or_bare_words(path: Path) -> None:
    recipe = load_recipe(
        path,
        [
            "steps=7",
            "optimizer.lr=1",
            "data.train=a/*.tar",
            "crops.sizes=[64]",
            "crops.size_shares=[1]",
            "network.options.film=false",
        ],
    )
    assert recipe.steps == 7
    assert recipe.optimizer.lr == 1.0
    assert recipe.data.train == ("a/*.tar",)
    assert recipe.crops.sizes == (64,)
    assert recipe.network.options == {"attention": True, "film": False}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stepz=3", "stepz: unknown key"),
        ("optimizer.speed=3", r"optimizer\.speed: unknown key"),
        ("steps=many", "steps: expected int, got str"),
        ("optimizer.lr=nan", r"optimizer\.lr: expected float > 0"),
        ("crops.sizes=[]", r"crops\.sizes: expected array of length >= 1"),
        ("crops.size_shares=[0.5, 0.5]", r"crops\.size_shares: expected one share"),
        ("steps=0", "steps: expected int >= 1"),
        ("crops.sizes=[0]", r"crops\.sizes\[0\]: expected int >= 1"),
        ("optimizer.lr=-1", r"optimizer\.lr: expected float > 0"),
        ("crops.degrade_prob=1.5", r"crops\.degrade_prob: expected float <= 1"),
        ("crops.hint_prob=-0.1", r"crops\.hint_prob: expected float >= 0"),
        ("loss.distillation=-1", r"loss\.distillation: expected float >= 0"),
        ("precision=float16", "precision: invalid enum value 'float16'"),
        ("adversary.start_fraction=0.8", r"adversary\.critic_only_fraction: exceeds"),
        ("optimizer=3", "optimizer: expected object, got int"),
        ("steps.more=3", "steps is no section"),
        ("steps", "not of the form key=value"),
    ],
)
def test_load_recipe_names_the_key_that_does_not_fit(
    path: Path, override: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(path, [override])


@pytest.mark.parametrize(
    ("override", "meant"),
    [("stepz=3", "steps"), ("optimizer.lrr=1", "lr"), ("optimiser.lr=1", "optimizer")],
)
def test_load_recipe_suggests_the_nearest_key(path: Path, override: str, meant: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, [override])
    assert caught.value.hint == f"Did you mean '{meant}'?"


def test_load_recipe_rejects_a_file_that_is_not_toml(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(RecipeError, match="not TOML"):
        load_recipe(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["loss.hue=0.1"], r"loss\.hue: needs images"),
        (["adversary.weight=0.1"], r"adversary\.weight: needs images"),
        (["crops.sizes=[64, 128]", "crops.size_shares=[0.5, 0.5]"], r"crops\.sizes: stored"),
    ],
)
def test_stored_features_allow_no_terms_on_images(
    path: Path, overrides: list[str], message: str
) -> None:
    assert load_recipe(path, ["data.features=store"]).data.features == "store"
    with pytest.raises(RecipeError, match=message):
        load_recipe(path, ["data.features=store", *overrides])
