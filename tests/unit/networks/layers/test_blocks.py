from __future__ import annotations

import torch

from rechroma.networks.layers.blocks import FiLM


def test_film_is_the_identity_at_the_start() -> None:
    x = torch.rand(2, 3, 4, 5)
    assert FiLM(3, 7)(x, torch.rand(2, 7)).equal(x)


def test_film_scales_and_shifts_each_channel_of_each_image() -> None:
    film, x, context = FiLM(3, 2), torch.rand(2, 3, 4, 5), torch.eye(2)
    film.dense.weight.data = torch.tensor([[1.0, 0], [0, 2], [3, 0], [0, 4], [5, 0], [0, 6]])
    out = film(x, context)
    torch.testing.assert_close(out[0, 0], x[0, 0] * 2)
    torch.testing.assert_close(out[0, 1], x[0, 1] + 5)
    torch.testing.assert_close(out[1, 1], x[1, 1] * 3)
    torch.testing.assert_close(out[1, 2], x[1, 2] + 6)
