"""EfficientNet-Lite2 against a plain reference with TensorFlow's padding and unfolded norms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from experiments.convert_efficientnet_lite import fold_batch_norm
from rechroma.color import srgb_to_lab
from rechroma.networks.encoders.base import srgb_gray
from rechroma.networks.encoders.efficientnet_lite import EfficientNetLite2

# Of every block: channels in and out, expansion, kernel, stride; written out from the table.
BLOCKS = [
    (32, 16, 1, 3, 1),
    *[(16, 24, 6, 3, 2), (24, 24, 6, 3, 1), (24, 24, 6, 3, 1)],
    *[(24, 48, 6, 5, 2), (48, 48, 6, 5, 1), (48, 48, 6, 5, 1)],
    *[(48, 88, 6, 3, 2), *[(88, 88, 6, 3, 1)] * 3],
    *[(88, 120, 6, 5, 1), *[(120, 120, 6, 5, 1)] * 3],
    *[(120, 208, 6, 5, 2), *[(208, 208, 6, 5, 1)] * 4],
    (208, 352, 6, 3, 1),
]


def published() -> dict[str, Tensor]:
    """Random weights under the published names."""
    rng = torch.Generator().manual_seed(0)
    weights: dict[str, Tensor] = {}

    def add(conv: str, norm: str, outputs: int, inputs: int, kernel: int) -> None:
        scale = math.sqrt(2 / (inputs * kernel**2))
        shape = (outputs, inputs, kernel, kernel)
        weights[f"{conv}.weight"] = torch.randn(shape, generator=rng) * scale
        weights[f"{norm}.weight"] = torch.rand(outputs, generator=rng) + 0.5
        weights[f"{norm}.bias"] = torch.randn(outputs, generator=rng) / 4
        weights[f"{norm}.running_mean"] = torch.randn(outputs, generator=rng) / 4
        weights[f"{norm}.running_var"] = torch.rand(outputs, generator=rng) + 0.5

    add("_conv_stem", "_bn0", 32, 3, 3)
    for number, (inputs, outputs, expansion, kernel, _) in enumerate(BLOCKS):
        name, wide = f"_blocks.{number}", inputs * expansion
        if expansion > 1:
            add(f"{name}._expand_conv", f"{name}._bn0", wide, inputs, 1)
        add(f"{name}._depthwise_conv", f"{name}._bn1", wide, 1, kernel)
        add(f"{name}._project_conv", f"{name}._bn2", outputs, wide, 1)
    add("_conv_head", "_bn1", 1280, 352, 1)
    weights["_fc.weight"] = torch.randn(1280, 1000, generator=rng).T
    weights["_fc.bias"] = torch.randn(1000, generator=rng)
    return weights


def reference(weights: dict[str, Tensor], image: Tensor) -> list[Tensor]:
    """Features before every halving, at the end, and the pooled head."""

    def layer(x: Tensor, conv: str, norm: str, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = weights[f"{conv}.weight"]
        pads = [
            max((math.ceil(side / stride) - 1) * stride + kernel.shape[-1] - side, 0)
            for side in (x.shape[3], x.shape[2])
        ]
        x = F.pad(x, [part for pad in pads for part in (pad // 2, pad - pad // 2)])
        x = F.conv2d(x, kernel, stride=stride, groups=groups)
        kinds = ("running_mean", "running_var", "weight", "bias")
        mean, variance, gain, shift = (weights[f"{norm}.{kind}"] for kind in kinds)
        return F.batch_norm(x, mean, variance, gain, shift, eps=1e-3)

    x = F.relu6(layer((image * 255 - 127) / 128, "_conv_stem", "_bn0", 2))
    features = []
    for number, (inputs, outputs, expansion, _, stride) in enumerate(BLOCKS):
        name = f"_blocks.{number}"
        if stride == 2:
            features.append(x)
        y = x if expansion == 1 else F.relu6(layer(x, f"{name}._expand_conv", f"{name}._bn0"))
        y = F.relu6(layer(y, f"{name}._depthwise_conv", f"{name}._bn1", stride, y.shape[1]))
        y = layer(y, f"{name}._project_conv", f"{name}._bn2")
        x = x + y if stride == 1 and inputs == outputs else y
    head = F.relu6(layer(x, "_conv_head", "_bn1"))
    return [*features, x, head.mean(dim=(2, 3))]


def test_features_equal_those_of_a_plain_reference() -> None:
    weights, image = published(), torch.rand(2, 3, 96, 64)
    encoder = EfficientNetLite2().eval()
    folded = fold_batch_norm(weights)
    encoder.load_state_dict({k: v for k, v in folded.items() if not k.startswith("classifier.")})
    assert folded["classifier.weight"].shape == (1000, 1280)
    with torch.inference_mode():
        features = encoder(image)
        found = [*features, encoder.pooled_head(features[-1])]
        expected = reference(weights, image)
    assert found[-1].shape == (2, encoder.head_channels)
    for mine, theirs in zip(found, expected, strict=True):
        scale = float(theirs.abs().max())
        torch.testing.assert_close(mine / scale, theirs / scale, atol=1e-4, rtol=0)


@pytest.mark.parametrize("level", [0, 1, 9, 10, 60, 128, 200, 255])
def test_srgb_gray_undoes_lightness(level: int) -> None:
    rgb = np.full((1, 1, 3), level, np.uint8)
    lightness = torch.from_numpy(srgb_to_lab(rgb)[..., :1]).movedim(2, 0)[None]
    gray = srgb_gray(lightness)
    assert gray.shape == (1, 3, 1, 1)
    assert gray[0, :, 0, 0].tolist() == pytest.approx([level / 255] * 3, abs=2e-4)
