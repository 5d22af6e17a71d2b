"""The networks keep what the loop and the export ask of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rechroma.errors import CheckpointError, RecipeError
from rechroma.networks import ColourNetwork, build, find, load_encoder
from rechroma.networks.mobilenet_v2 import MobileNetV2
from rechroma.networks.rechroma import annealed_mean

SMALL = {"widths": [16, 8, 8, 8]}


@pytest.fixture
def network() -> ColourNetwork:
    torch.manual_seed(0)
    return build("rechroma", SMALL).eval()


@pytest.mark.parametrize("options", [{}, {"film": False}, {"attention": False}, {"grid": 20}])
def test_every_variant_gives_colour_at_a_quarter_of_the_size(options: dict[str, object]) -> None:
    network = build("rechroma", SMALL | options).eval()
    with torch.inference_mode():
        prediction = network(torch.rand(2, 1, 64, 96) * 100)
        chroma = network.chroma(prediction)
    assert prediction.logits.shape == (2, len(network.centres), 16, 24)
    assert prediction.ab.shape == chroma.shape == (2, 2, 16, 24)


def test_encoder_normalisation_never_learns_statistics(network: ColourNetwork) -> None:
    network.train()
    before = {k: v.clone() for k, v in network.encoder.state_dict().items() if "running" in k}
    network(torch.rand(2, 1, 32, 32) * 100)
    after = network.encoder.state_dict()
    assert before
    assert all(after[key].equal(value) for key, value in before.items())


def test_every_weight_learns(network: ColourNetwork) -> None:
    network.train()
    for _ in range(2):  # FiLM and attention start as the identity and pass gradients from then on
        prediction = network(torch.rand(2, 1, 64, 64) * 100)
        (prediction.logits.square().mean() + prediction.ab.square().mean()).backward()
        for weights in network.parameters():
            assert weights.grad is not None
            weights.data -= 0.01 * weights.grad
    assert [n for n, w in network.named_parameters() if w.grad is None or not w.grad.any()] == []


def test_annealing_goes_from_the_mean_to_the_mode() -> None:
    centres = torch.tensor([[0.0, 0.0], [60.0, 20.0]])
    logits = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    share = torch.sigmoid(torch.tensor(1.0)).item()
    assert annealed_mean(logits, centres, 1.0)[0, 0].item() == pytest.approx(60 * share, rel=1e-5)
    assert annealed_mean(logits, centres, 0.05)[0, :, 0, 0].tolist() == pytest.approx([60, 20])


def test_the_mix_of_heads_is_linear(network: ColourNetwork) -> None:
    lightness = torch.rand(1, 1, 32, 32) * 100
    half = build("rechroma", {**SMALL, "regression_share": 0.5}).eval()
    half.load_state_dict(network.state_dict())
    with torch.inference_mode():
        prediction = network(lightness)
        expected = (network.chroma(prediction) + prediction.ab) / 2
        torch.testing.assert_close(half.chroma(half(lightness)), expected)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError) as caught:
        find("rechrome")
    assert "rechroma" in str(caught.value.hint)
    with pytest.raises(RecipeError, match="no option 'width'"):
        build("rechroma", {"width": 3})


def test_encoder_weights_load_strictly_but_for_a_classifier(
    network: ColourNetwork, tmp_path: Path
) -> None:
    weights = {k: torch.full_like(v, 0.5) for k, v in network.encoder.state_dict().items()}
    save_file({**weights, "classifier.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    load_encoder(network.encoder, tmp_path / "w.safetensors")
    assert network.encoder.get_parameter("features.0.0.weight").eq(0.5).all()


def test_weights_that_do_not_fit_are_refused(network: ColourNetwork, tmp_path: Path) -> None:
    weights = {k: v.clone() for k, v in network.encoder.state_dict().items()}
    gone = dict(weights)
    del gone["features.3.conv.0.0.weight"]
    save_file(gone, tmp_path / "gone.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks .*features\.3\.conv\.0\.0\.weight"):
        load_encoder(network.encoder, tmp_path / "gone.safetensors")
    save_file({**weights, "features.0.0.weight": torch.zeros(1)}, tmp_path / "bent.safetensors")
    with pytest.raises(CheckpointError, match="does not fit"):
        load_encoder(network.encoder, tmp_path / "bent.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_encoder(network.encoder, tmp_path / "text.safetensors")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_encoder(network.encoder, tmp_path / "absent.safetensors")


def shared_weights() -> Path:
    """The published encoder, where a checkout has it beside it."""
    path = Path(__file__).parents[4] / "shared/weights/mobilenet_v2_1.0.safetensors"
    if not path.exists():
        pytest.skip("the published MobileNetV2 weights are not beside this checkout")
    return path


def test_the_published_encoder_sees_what_it_should() -> None:
    network = build("rechroma", SMALL).eval()
    load_encoder(network.encoder, shared_weights())
    with torch.inference_mode():
        features = network.encoder(torch.zeros(1, 3, 64, 64))
    assert [f.shape[1] for f in features] == list(MobileNetV2.channels)
    assert all(torch.isfinite(f).all() and f.std() > 0 for f in features)
