"""Recipes: what they read, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from rechroma.errors import RecipeError
from rechroma.training import load_recipe
from rechroma.training.recipe import recipe_from, recipe_values

RECIPES = sorted((Path(__file__).parents[3] / "recipes").rglob("*.toml"))


@pytest.mark.parametrize("shipped", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_that_ship_are_valid_and_go_there_and_back(shipped: Path) -> None:
    recipe = load_recipe(shipped)
    assert recipe_from(recipe_values(recipe)) == recipe


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recipe that says little."""
    (tmp_path / "short.toml").write_text("steps = 10\n[network.options]\nattention = true\n")
    return tmp_path / "short.toml"


def test_keys_are_overridden_by_toml_values_or_bare_words(path: Path) -> None:
    recipe = load_recipe(
        path,
        [
            "steps=7",
            "optimizer.rate=1",
            "data.train=a/*.tar",
            "crops.sizes=[64]",
            "crops.size_shares=[1]",
            "network.options.film=false",
        ],
    )
    assert recipe.steps == 7
    assert recipe.optimizer.rate == 1.0
    assert recipe.data.train == ("a/*.tar",)
    assert recipe.crops.sizes == (64,)
    assert recipe.network.options == {"attention": True, "film": False}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stepz=3", "unknown key 'stepz'"),
        ("optimizer.speed=3", r"unknown key optimizer\.'speed'"),
        ("steps=many", "steps: expected int, got 'many'"),
        ("steps=0", "steps: outside its range"),
        ("crops.sizes=[0]", r"crops\.sizes: outside its range"),
        ("optimizer.rate=-1", r"optimizer\.rate: outside its range"),
        ("crops.aged=1.5", r"crops\.aged: outside its range"),
        ("crops.hinted=-0.1", r"crops\.hinted: outside its range"),
        ("loss.teacher=-1", r"loss\.teacher: outside its range"),
        ("precision=float16", "precision: outside its range"),
        ("adversary.after=0.8", r"adversary\.alone: outside its range"),
        ("optimizer=3", "optimizer: expected a table"),
        ("steps.more=3", "steps is no section"),
        ("steps", "not of the form key=value"),
    ],
)
def test_what_does_not_fit_is_named(path: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(path, [override])


@pytest.mark.parametrize(
    ("override", "meant"),
    [("stepz=3", "steps"), ("optimizer.rat=1", "rate"), ("optimizer.rate=1", "optimizer")],
)
def test_what_was_meant_is_named(path: Path, override: str, meant: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, [override])
    assert caught.value.hint == f"Did you mean '{meant}'?"


def test_a_file_that_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(RecipeError, match="not TOML"):
        load_recipe(tmp_path / "bad.toml")
