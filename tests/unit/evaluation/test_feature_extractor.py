"""The feature extractor: recognition of the network, features and classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from rechroma.errors import CheckpointError, SourceError
from rechroma.evaluation import FeatureNetwork
from rechroma.networks import Encoder
from rechroma.networks.encoders.mobilenet_edgetpu import MobileNetEdgeTPU
from rechroma.networks.encoders.mobilenet_v2 import MobileNetV2
from rechroma.networks.encoders.resnet import ResNet50
from rechroma.networks.encoders.vgg import VGG19
from tests.support.shards import synthetic_image


def write_weights(path: Path, encoder: Encoder, **more: torch.Tensor) -> Path:
    weights = {key: value.half() for key, value in encoder.state_dict().items()}
    save_file(weights | {key.replace("_", "."): value for key, value in more.items()}, path)
    return path


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MobileNetEdgeTPU, "mobilenet_edgetpu"),
        (MobileNetV2, "mobilenet_v2"),
        (ResNet50, "resnet_50"),
        (VGG19, "vgg_19"),
    ],
)
def test_feature_extractor_recognizes_the_network(
    kind: type[Encoder], name: str, tmp_path: Path
) -> None:
    encoder = kind()
    network = FeatureNetwork(write_weights(tmp_path / "w.safetensors", encoder))
    seen = network([synthetic_image(1)])
    assert network.name == name
    assert seen.features.shape == (1, encoder.channels[-1])
    assert seen.classes is None


def test_features_are_means_over_the_whole_image(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = MobileNetV2().half().float().eval()
    network = FeatureNetwork(write_weights(tmp_path / "w.safetensors", encoder))
    squares = [synthetic_image(seed, 224, 224) for seed in (1, 2)]
    shown = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        expected = encoder(shown)[-1].mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(network(squares).features, expected, rtol=1e-3, atol=1e-5)
    wide = network([synthetic_image(1, 300, 500), synthetic_image(1, 50, 40)]).features
    assert wide.shape == (2, 320)


def test_classes_need_a_head(tmp_path: Path) -> None:
    weight, bias = torch.zeros(5, 320), torch.zeros(5)
    bias[3] = 1
    path = tmp_path / "w.safetensors"
    network = FeatureNetwork(write_weights(path, MobileNetV2(), head_weight=weight, head_bias=bias))
    np.testing.assert_array_equal(network([synthetic_image(1), synthetic_image(2)]).classes, [3, 3])
    write_weights(path, MobileNetV2(), head_weight=torch.zeros(5, 8), head_bias=bias)
    with pytest.raises(CheckpointError, match=r"head\.weight is \(5, 8\), not \(K, 320\)"):
        FeatureNetwork(path)


def test_other_files_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(SourceError, match="cannot be read"):
        FeatureNetwork(path)
    path.write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="cannot be read"):
        FeatureNetwork(path)
    save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="none of the known encoders"):
        FeatureNetwork(path)
    weights = MobileNetV2().state_dict()
    save_file({next(iter(weights)): next(iter(weights.values()))}, path)
    with pytest.raises(CheckpointError, match="none of the known encoders") as caught:
        FeatureNetwork(path)
    assert "vgg-19" in str(caught.value.hint)


def test_published_weights_classify_photographs() -> None:
    path = Path(__file__).parents[4] / "shared/weights/mobilenet_edgetpu_1.0.safetensors"
    if not path.exists():
        pytest.skip("the published weights are not here")
    seen = FeatureNetwork(path)([data.chelsea(), data.coffee()])
    assert seen.classes is not None
    cat, coffee = seen.classes
    assert 282 <= cat <= 286  # ImageNet's domestic cats, where the background is class 0
    assert coffee == 968  # espresso
