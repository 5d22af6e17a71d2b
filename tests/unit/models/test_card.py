from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.errors import ModelContractError
from rechroma.models import DataSource, ModelCard
from tests.support.models import CARD

names = st.text(min_size=1, max_size=20)
strides = st.integers(1, 512)
numbers = st.floats(-1e6, 1e6)
values = st.booleans() | numbers | names | st.lists(st.integers(), max_size=3)
networks = st.fixed_dictionaries(
    {"name": names, "options": st.dictionaries(names, values, max_size=3)}
)
cards = st.builds(
    ModelCard,
    name=names,
    version=names,
    stride=strides,
    scale=strides,
    size=st.integers(32, 4096),
    license=names,
    authors=st.lists(names, max_size=3).map(tuple),
    data=st.lists(st.builds(DataSource, names, names, names), max_size=3).map(tuple),
    hints=st.booleans(),
    bins=st.lists(st.tuples(numbers, numbers), max_size=3).map(tuple),
    metrics=st.dictionaries(names, numbers, max_size=3),
    commit=st.text(max_size=40),
    description=st.text(max_size=40),
    network=st.just({}) | networks,
)


@given(cards)
def test_card_round_trips_through_json(card: ModelCard) -> None:
    assert ModelCard.from_json(card.to_json()) == card


def test_optional_fields_can_be_omitted() -> None:
    optional = {"hints", "metrics", "commit", "description"}
    card = ModelCard.from_json(json.dumps({k: v for k, v in CARD.items() if k not in optional}))
    assert card.hints is False
    assert card.bins == ()
    assert card.network == {}


@pytest.mark.parametrize(
    "field", ["name", "version", "stride", "scale", "size", "license", "authors", "data", "format"]
)
def test_missing_field_is_named(field: str) -> None:
    with pytest.raises(ModelContractError, match=f"'{field}'"):
        ModelCard.from_json(json.dumps({k: v for k, v in CARD.items() if k != field}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 3),
        ("name", ""),
        ("license", None),
        ("stride", 0),
        ("stride", "32"),
        ("stride", True),
        ("scale", 4.0),
        ("stride", 513),
        ("scale", 0),
        ("size", -1),
        ("size", 31),
        ("size", 4097),
        ("hints", 1),
        ("authors", "someone"),
        ("authors", [3]),
        ("data", {}),
        ("data", ["a set"]),
        ("data", [{"name": "a set"}]),
        ("data", [{"name": "a set", "license": "CC0-1.0", "size": "3"}]),
        ("data", [{"name": "a set", "license": 0}]),
        ("metrics", [1]),
        ("metrics", {"auc": "good"}),
        ("metrics", {"auc": float("nan")}),
        ("bins", [[float("inf"), 0.0]]),
        ("bins", [[0, 10**400]]),
        ("bins", [[1, 2, 3]]),
        ("bins", [["a", "b"]]),
        ("bins", 3),
        ("network", "rechroma"),
        ("network", {"name": "rechroma"}),
        ("network", {"name": "rechroma", "options": {}, "more": 1}),
        ("network", {"name": 3, "options": {}}),
        ("network", {"name": "rechroma", "options": []}),
        ("format", 0),
        ("format", "1"),
        ("color", "blue"),
    ],
)
def test_invalid_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(ModelContractError, match=f"'{field}") as caught:
        ModelCard.from_json(json.dumps(CARD | {field: value}))
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_newer_format_asks_for_an_update() -> None:
    with pytest.raises(ModelContractError, match="newer") as caught:
        ModelCard.from_json(json.dumps(CARD | {"format": 2}))
    assert "upgrade" in str(caught.value.hint)


@given(
    st.text(max_size=30) | st.sampled_from(["[]", "3", "null", '"card"', "{", "{}", "[" * 10**5])
)
def test_other_text_is_rejected(text: str) -> None:
    with pytest.raises(ModelContractError):
        ModelCard.from_json(text)
