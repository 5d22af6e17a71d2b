"""The networks of Kang et al.: published sizes and names, position encoding, options."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from rechroma import Colorizer
from rechroma.errors import CheckpointError, RecipeError
from rechroma.export import export_model
from rechroma.networks import (
    ARCHITECTURES,
    create_network,
    load_published,
    network_config,
    no_hints,
)
from rechroma.networks.layers.attention import sine_positions
from tests.support.icc_profiles import a_profile
from tests.support.networks import SMALL, card, learned

XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Headline="The attic"/>\
</rdf:RDF></x:xmpmeta>"""
PUBLISHED_WEIGHTS = {"ddcolor": 227_866_256, "ddcolor-tiny": 55_005_104}


@pytest.mark.parametrize("name", PUBLISHED_WEIGHTS)
def test_default_options_have_the_published_number_of_weights(name: str) -> None:
    with torch.device("meta"):
        network = create_network(name, {})
    assert sum(weights.numel() for weights in network.parameters()) == PUBLISHED_WEIGHTS[name]


def test_two_names_share_a_class_and_differ_in_the_encoder() -> None:
    for name in PUBLISHED_WEIGHTS:
        network = create_network(name, SMALL[name])
        assert network_config(network)["name"] == name
    assert ARCHITECTURES["ddcolor"].module is ARCHITECTURES["ddcolor-tiny"].module


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 24}, "width: must be a multiple of 16"),
        ({"queries": 0}, "queries: must be above 0"),
        ({"depths": [1, 0, 1, 1]}, "depths: must be above 0"),
    ],
)
def test_options_outside_their_range_are_rejected(options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        create_network("ddcolor-tiny", SMALL["ddcolor-tiny"] | options)


def test_published_names_load_and_other_sizes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = learned("ddcolor-tiny")
    monkeypatch.setattr(
        "rechroma.networks.checkpoint_io.create_network",
        lambda name, _: create_network(name, SMALL[name]),
    )
    state = network.state_dict()
    published = {
        "mean": torch.zeros(1, 3, 1, 1),
        "encoder.arch.norm.weight": torch.ones(32),
        "refine_net.0.0.weight_orig": state.pop("refine.parametrizations.weight.original"),
        "refine_net.0.0.weight_u": state.pop("refine.parametrizations.weight.0._u"),
        "refine_net.0.0.weight_v": state.pop("refine.parametrizations.weight.0._v"),
        "decoder.color_decoder.query_feat.weight": state.pop("color_decoder.query_feat"),
        "encoder.arch.norm3.bias": state.pop("norms.3.bias"),
    }
    torch.save({"params": state | published}, tmp_path / "net.pth")
    again = load_published("ddcolor-tiny", tmp_path / "net.pth")
    lightness = torch.rand(1, 1, 64, 96) * 100
    with torch.inference_mode():
        first, second = (each(lightness, no_hints(lightness)).ab for each in (network, again))
    torch.testing.assert_close(first, second)
    del published["encoder.arch.norm3.bias"]
    torch.save({"params": state | published}, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"net\.pth: lacks the network's 'norms\.3\.bias'"):
        load_published("ddcolor-tiny", tmp_path / "net.pth")


def test_large_photograph_keeps_its_size_and_metadata(tmp_path: Path) -> None:
    network = learned("ddcolor-tiny")
    export_model(network, card(network), tmp_path / "tiny.onnx", weights="float32")
    source, target = tmp_path / "attic.jpg", tmp_path / "colored.jpg"
    rows, columns = np.mgrid[:3000, :4000].astype(np.float32) / 300
    gray = (128 + 100 * np.sin(rows) * np.cos(2 * columns)).astype(np.uint8)
    exif = Image.Exif()
    exif.update({0x010F: "Leica", 0x0132: "1954:07:03 10:00:00", 0x013B: "the studio"})
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 29.0, 33.5)})
    Image.fromarray(gray).save(
        source,
        exif=exif,
        xmp=XMP,
        icc_profile=a_profile(b"GRAY", 2.2),
        dpi=(600, 600),
    )
    Colorizer(tmp_path / "tiny.onnx").colorize_file(source, target)
    with Image.open(source) as before, Image.open(target) as after:
        assert (after.format, after.mode, after.size) == ("JPEG", "RGB", (4000, 3000))
        assert after.info["dpi"] == (600, 600)
        for tag in (0x010F, 0x0132, 0x013B):
            assert after.getexif()[tag] == before.getexif()[tag]
        assert after.getexif().get_ifd(0x8825) == before.getexif().get_ifd(0x8825)
        assert b"The attic" in after.info["xmp"]
        assert b"compositeWithTrainedAlgorithmicMedia" in after.info["xmp"]
        profile = ImageCms.ImageCmsProfile(BytesIO(after.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        colored = np.asarray(after.resize((400, 300)), np.float32)
    assert np.ptp(colored, axis=-1).mean() > 1


def test_sine_positions_depend_on_the_place_and_not_on_the_size() -> None:
    small, large = (sine_positions(torch.zeros(1, 8, side, side)) for side in (4, 8))
    assert small.shape == (16, 8)
    torch.testing.assert_close(small.view(4, 4, 8), large.view(8, 8, 8)[1::2, 1::2])
    assert len(large.round(decimals=4).unique(dim=0)) == 64
    rows, columns = large.view(8, 8, 8).split(4, dim=2)
    torch.testing.assert_close(rows, columns.transpose(0, 1))
