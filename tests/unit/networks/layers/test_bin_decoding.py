"""Decoding of color bins."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from rechroma.color import bin_centers
from rechroma.networks.layers.bin_decoding import decode, probabilities


def config(**fields: float) -> SimpleNamespace:
    return SimpleNamespace(
        **{"temperature": 0.5, "regression_share": 0.4, "saturation": 1.0} | fields
    )


def test_decode_mixes_the_heads_by_their_share() -> None:
    centers = torch.tensor([[10.0, 0.0], [0.0, 20.0]])
    logits = torch.tensor([40.0, 0.0]).reshape(1, 2, 1, 1)
    ab = torch.tensor([0.0, 50.0]).reshape(1, 2, 1, 1)
    found = decode(logits, ab, None, centers, config(regression_share=0.25))
    torch.testing.assert_close(found.flatten(), torch.tensor([7.5, 12.5]))


@pytest.mark.parametrize("stray", [833.0, -833.0])
def test_decode_clips_a_regression_beyond_all_colors(stray: float) -> None:
    centers = torch.tensor(bin_centers(10))
    logits = torch.zeros(1, len(centers), 1, 1)
    ab = torch.full((1, 2, 1, 1), stray)
    found = decode(logits, ab, None, centers, config(regression_share=1.0))
    assert found.abs().max() == 110


def test_decode_applies_saturation_to_what_is_not_hinted() -> None:
    centers = torch.tensor([[10.0, -10.0]])
    logits, ab = (
        torch.zeros(1, 1, 1, 2),
        torch.tensor([10.0, -10.0]).reshape(1, 2, 1, 1).repeat(1, 1, 1, 2),
    )
    weight = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    found = decode(logits, ab, weight, centers, config(saturation=1.5))
    torch.testing.assert_close(found[0, :, 0], torch.tensor([[15.0, 10.0], [-15.0, -10.0]]))


def test_probabilities_are_the_softmax() -> None:
    logits, centers = torch.randn(2, 7, 3, 4) * 30, torch.zeros(7, 2)
    torch.testing.assert_close(probabilities(logits, centers), logits.softmax(dim=1))
