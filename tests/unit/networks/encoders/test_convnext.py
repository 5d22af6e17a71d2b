"""ConvNeXt: sizes of the features, and blocks that begin as the identity."""

from __future__ import annotations

import torch

from rechroma.networks.encoders.convnext import ConvNeXt, LayerNorm2d


def test_features_have_the_declared_channels_and_begin_at_a_quarter() -> None:
    encoder = ConvNeXt((4, 8, 12, 16), (1, 1, 2, 1)).eval()
    with torch.inference_mode():
        features = encoder(torch.rand(2, 3, 64, 96))
    assert [tuple(level.shape) for level in features] == [
        (2, channels, 64 >> level, 96 >> level)
        for level, channels in enumerate(encoder.channels, start=2)
    ]


def test_blocks_are_nearly_the_identity_at_the_start() -> None:
    block = ConvNeXt((8, 8), (1, 1)).stages[0]
    x = torch.randn(1, 8, 8, 8)
    torch.testing.assert_close(block(x), x, atol=1e-5, rtol=0)


def test_layer_norm_2d_normalizes_the_channels_of_each_location() -> None:
    normalized = LayerNorm2d(16)(5 + 3 * torch.randn(2, 16, 4, 6))
    torch.testing.assert_close(normalized.mean(dim=1), torch.zeros(2, 4, 6), atol=1e-5, rtol=0)
    deviation = normalized.std(dim=1, correction=0)
    torch.testing.assert_close(deviation, torch.ones(2, 4, 6), atol=1e-4, rtol=0)
