"""The encoders: declared features and published weights."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rechroma.errors import CheckpointError, SourceError
from rechroma.networks import Encoder, load_encoder
from rechroma.networks.encoders.mobilenet_edgetpu import MobileNetEdgeTPU
from rechroma.networks.encoders.mobilenet_v2 import MobileNetV2
from rechroma.networks.encoders.resnet import ResNet50
from rechroma.networks.encoders.vgg import VGG19
from tests.support.published import shared

PUBLISHED = {
    MobileNetV2: "mobilenet_v2_1.0.safetensors",
    MobileNetEdgeTPU: "mobilenet_edgetpu_1.0.safetensors",
    ResNet50: "resnet50_v2_stages1-3.safetensors",
}
# ImageNet classes, the background being 0
SHOWN = {"n03445777": 575, "n03000684": 492, "n03417042": 570}  # golf ball, chain saw, refuse lorry


@pytest.fixture(params=[*PUBLISHED, VGG19], ids=lambda kind: kind.__name__)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    torch.manual_seed(0)
    kind: type[Encoder] = request.param
    return kind().eval()


def test_features_have_the_declared_channels_and_halve_in_size(encoder: Encoder) -> None:
    with torch.inference_mode():
        features = encoder(torch.rand(2, 3, 64, 96))
    halves = [(64 >> level, 96 >> level) for level in range(1, len(encoder.channels) + 1)]
    shapes = [(2, channels, *half) for channels, half in zip(encoder.channels, halves, strict=True)]
    assert [tuple(level.shape) for level in features] == shapes


def test_frozen_batch_norm_never_updates_statistics(encoder: Encoder) -> None:
    encoder.train()
    before = {key: value.clone() for key, value in encoder.named_buffers()}
    encoder(torch.rand(2, 3, 32, 32))
    assert any("running" in key for key in before) or isinstance(encoder, VGG19)
    assert all(value.equal(before[key]) for key, value in encoder.named_buffers())


def test_edgetpu_pads_at_the_end_as_in_training() -> None:
    stem = MobileNetEdgeTPU().eval().convs[0]
    weight = stem.get_parameter("conv.weight")
    image = torch.rand(1, 3, 6, 8)
    with torch.inference_mode():
        weight.zero_()
        weight[0, 0, 0, 0] = weight[1, 0, 2, 2] = 1  # the first and the last tap of the 3 x 3
        first, last = stem(image)[0, :2] * (1 + 1e-3) ** 0.5  # of a normalization with variance 1
    torch.testing.assert_close(first, image[0, 0, ::2, ::2])
    torch.testing.assert_close(last[:-1, :-1], image[0, 0, 2::2, 2::2])
    assert last[-1].eq(0).all()


def test_load_encoder_ignores_only_a_classifier(encoder: Encoder, tmp_path: Path) -> None:
    weights = {key: torch.full_like(v, 0.5) for key, v in encoder.state_dict().items()}
    save_file({**weights, "head.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    load_encoder(encoder, tmp_path / "w.safetensors")
    assert all(weights.eq(0.5).all() for weights in encoder.parameters())


def test_load_encoder_rejects_weights_that_do_not_fit(encoder: Encoder, tmp_path: Path) -> None:
    weights = {key: value.clone() for key, value in encoder.state_dict().items()}
    last, _ = list(encoder.named_parameters())[-1]
    save_file({k: v for k, v in weights.items() if k != last}, tmp_path / "gone.safetensors")
    with pytest.raises(CheckpointError, match=f"lacks .*{last}"):
        load_encoder(encoder, tmp_path / "gone.safetensors")
    save_file({**weights, last: torch.zeros(1)}, tmp_path / "bent.safetensors")
    with pytest.raises(CheckpointError, match="does not fit"):
        load_encoder(encoder, tmp_path / "bent.safetensors")


def test_load_encoder_rejects_other_files(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_encoder(MobileNetV2(), tmp_path / "text.safetensors")
    with pytest.raises(SourceError, match="cannot be read"):
        load_encoder(MobileNetV2(), tmp_path / "absent.safetensors")


@pytest.mark.parametrize("encoder", PUBLISHED, indirect=True, ids=lambda kind: kind.__name__)
def test_published_weights_load_and_activate(encoder: Encoder) -> None:
    load_encoder(encoder, shared(f"weights/{PUBLISHED[type(encoder)]}"))
    with torch.inference_mode():
        features = encoder(torch.rand(1, 3, 64, 64))
    assert all(torch.isfinite(level).all() and level.std() > 0 for level in features)


def test_edgetpu_classifies_photographs() -> None:
    path = shared("weights/mobilenet_edgetpu_1.0.safetensors")
    images, classes = labeled_images(shared("data/train-0000.tar"), 20)
    encoder = MobileNetEdgeTPU().eval()
    load_encoder(encoder, path)
    head = load_file(path)
    with torch.inference_mode():
        pooled = encoder(images)[-1].mean(dim=(2, 3))
        logits = pooled @ head["head.weight"].float().T + head["head.bias"].float()
    assert logits.argmax(dim=1).eq(classes).sum() >= 14


def labeled_images(shard: Path, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (count, 3, 224, 224) in 0..1, and the ImageNet classes in their files' names."""
    images: list[torch.Tensor] = []
    classes: list[int] = []
    with tarfile.open(shard) as archive:
        names = [member.name for member in archive if member.name.endswith(".json")]
        for name in names:
            kind = json.loads(read(archive, name))["file"].partition("_")[0]
            if kind in SHOWN and len(images) < count:
                images.append(square(read(archive, name.replace(".json", ".webp"))))
                classes.append(SHOWN[kind])
    return torch.stack(images), torch.tensor(classes)


def read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


def square(data: bytes) -> torch.Tensor:
    rgb = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert rgb is not None
    return (
        torch.from_numpy(cv2.resize(rgb, (224, 224), interpolation=cv2.INTER_CUBIC)).permute(
            2, 0, 1
        )
        / 255
    )
