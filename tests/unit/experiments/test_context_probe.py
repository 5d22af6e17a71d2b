from __future__ import annotations

import numpy as np
import torch

from experiments.context_probe import ContextProbe, linear_accuracy
from rechroma.networks import create_network
from rechroma.training.torch_engine import TorchEngine
from tests.support.networks import SMALL


def test_context_probe_puts_one_context_in_place_of_another() -> None:
    torch.manual_seed(0)
    network = create_network("coarse-to-fine", SMALL["coarse-to-fine"])
    for parameter in network.parameters():  # FiLM starts as the identity
        parameter.data += 0.05 * torch.randn_like(parameter)
    probe, engine = ContextProbe(network), TorchEngine(network, 64)
    rng = np.random.default_rng(0)
    first, second = rng.uniform(0, 100, (2, 1, 1, 64, 64)).astype(np.float32)
    own = engine.chroma(first)
    context = probe.own
    engine.chroma(second)
    assert probe.own is not None
    other = 10 * probe.own
    probe.replacement = context
    np.testing.assert_array_equal(engine.chroma(first), own)
    probe.replacement = other
    assert not np.allclose(engine.chroma(first), own)
    probe.replacement = None
    np.testing.assert_array_equal(engine.chroma(first), own)


def test_linear_accuracy_reads_classes_but_not_noise() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    noise = rng.normal(size=(300, 8)).astype(np.float32)
    inputs = noise.copy()
    inputs[np.arange(300), labels] += 6
    of_classes, of_noise = (
        linear_accuracy(values[:200], labels[:200], values[200:], labels[200:])
        for values in (inputs, noise)
    )
    assert of_classes > 0.9
    assert of_noise < 0.6
