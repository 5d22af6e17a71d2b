from __future__ import annotations

from collections import Counter

from experiments.data_card import as_data_field
from rechroma.models.card import DataSource


def test_as_data_field_gives_sources_of_a_model_card_largest_first() -> None:
    counts = Counter({("cats", "CC0-1.0"): 2, ("dogs", "research"): 1500})
    sources = [DataSource(**source) for source in as_data_field(counts)]
    assert sources == [
        DataSource("dogs, 1,500 images", "research"),
        DataSource("cats, 2 images", "CC0-1.0"),
    ]
