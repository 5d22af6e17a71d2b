from __future__ import annotations

import numpy as np
import torch

from experiments.decoding_curve import DecodingEngine
from rechroma.networks import create_network
from tests.support.networks import SMALL


def test_decoding_engine_runs_the_network_once_for_all_settings() -> None:
    torch.manual_seed(0)
    network = create_network("rechroma", SMALL["rechroma"])
    runs = []
    network.register_forward_hook(lambda *_: runs.append(1))
    engine = DecodingEngine(network, 64)
    lightness = np.linspace(0, 100, 64 * 64, dtype=np.float32).reshape(1, 1, 64, 64)
    found = []
    for saturation in (1.0, 0.5):
        engine.decode_with((0.5, 0.4, saturation))
        found.append(engine.chroma(lightness))
    assert len(runs) == 1
    np.testing.assert_allclose(found[1], found[0] / 2, atol=1e-4)
    engine.chroma(lightness[..., ::-1].copy())
    assert len(runs) == 2
