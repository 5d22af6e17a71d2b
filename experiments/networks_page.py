"""The generator of docs/networks.md: a table of properties and a Mermaid flowchart of each network.

    python experiments/networks_page.py

Nothing is drawn by hand: each network runs once, and the autograd graph tells which modules'
outputs an input was computed from. A test compares the page with the code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from rechroma.networks import ARCHITECTURES, Architecture, create_network, network_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.autograd.graph import Node

    from rechroma.networks.base import ColorizationNetwork

PAGE = Path(__file__).parents[1] / "docs" / "networks.md"
HEADER = """# Networks

This page lists the networks that Rechroma can train, with their properties, default options and
diagrams. `python experiments/networks_page.py` generates it from the code. A box names a module,
its class and its number of weights; an arrow leads from a module to those that use its output. A
recipe selects a network by its `name` and changes its options:

```toml
[network]
name = "inception-unet"
options = {widths = [16, 32, 64, 128], classes = 10}
```

A network of another package is named `package.module:Class`: a subclass of
`rechroma.networks.ColorizationNetwork`, or of its `RegressionNetwork` without bins and hints, whose
annotation `config` names a dataclass of its module. This is `mynet.py`, in the current folder or
installed, which a recipe names `mynet:MyNet`:

```python
from dataclasses import dataclass

from torch import nn

from rechroma.networks import RegressionNetwork


@dataclass(frozen=True)
class MyConfig:
    width: int = 16


class MyNet(RegressionNetwork):
    config: MyConfig
    stride, scale, encoder = 4, 4, None  # multiples of its input, reduction of its output

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.body = nn.Sequential(
            nn.Conv2d(1, config.width, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(config.width, config.width, 3, 2, 1),
            nn.ReLU(),
        )
        self.ab = nn.Conv2d(config.width, 2, 1)

    def forward(self, lightness, hints):  # (N, 1, H, W) in 0..100, and no hints
        features = self.body(lightness / 100)
        return self.prediction(self.ab(features), features)
```

Such a network has no bins: set `loss.bins` to 0 and `loss.ab` to 1. For a module in the current
folder, run `PYTHONPATH=. rechroma train`. No code is run because a checkpoint or a model file names
it: import the module before you load such a file with `rechroma.training.trained_network` or
`rechroma.networks.load_exported`, or name it in `rechroma export --import MODULE` and
`rechroma finetune --import MODULE`.

All networks take lightness and predict a\\*b\\*, so each can be exported to a
[color model](color-science.md) and measured by [`rechroma evaluate`](evaluate.md).
"""
_STRIDES = 2  # side of the input in strides: two cells on the coarsest level


def render_page() -> str:
    """Render the whole page."""
    return "\n".join((HEADER, *map(_section, ARCHITECTURES.values())))


def flowchart(network: ColorizationNetwork) -> str:
    """Draw the top-level modules of a network in the order in which they run.

    Args:
        network: It runs once on a small black image, and is left unchanged.

    Returns:
        The text of a Mermaid flowchart.
    """
    modules = dict(_top_level(network))
    graph = _DataFlow()
    handles = [handle for name, module in modules.items() for handle in graph.hook(name, module)]
    training = network.training
    try:
        _trace(network.eval(), graph)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    nodes = (f"{_node_id(name)}{_node_shape(name, modules.get(name))}" for name in graph.order)
    edges = (f"{_node_id(source)} --> {_node_id(target)}" for source, target in graph.edges)
    return "\n    ".join(("flowchart TD", *nodes, *edges))


def format_weights(module: nn.Module) -> str:
    """Format the number of weights of a module: 950, 31 k or 2.2 M."""
    count = sum(weights.numel() for weights in module.parameters())
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f} k" if count < 999_500 else f"{count / 1e6:.1f} M"


def _section(architecture: Architecture) -> str:
    network = create_network(architecture.name, {})
    bins = len(network.centers)
    options = network_config(network)["options"]
    properties = {
        "paper": architecture.paper,
        "character": architecture.character,
        "weights": format_weights(network),
        "weights of the encoder": format_weights(network.encoder) if network.encoder else "none",
        "output": f"{bins} bins, and a\\*b\\*" if bins else "a\\*b\\*",
        "resolution of the output": f"1/{network.scale} of the input's",
        "hints": "yes" if network.supports_hints else "no",
        "options": ", ".join(f"`{key} = {json.dumps(value)}`" for key, value in options.items()),
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in properties.items())
    chart = flowchart(network)
    return f"## `{architecture.name}`\n| | |\n|---|---|\n{rows}\n\n```mermaid\n{chart}\n```\n"


def _top_level(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the children; the members of a list, which does not run itself, in its place."""
    for name, child in module.named_children():
        if isinstance(child, nn.ModuleList):
            yield from _top_level(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


@torch.enable_grad()
def _trace(network: ColorizationNetwork, graph: _DataFlow) -> None:
    side = _STRIDES * network.stride
    # Times one: a leaf tensor has no node in the autograd graph, a computed one has.
    lightness, hints = (
        torch.zeros(1, channels, side, side, requires_grad=True) * 1 for channels in (1, 3)
    )
    graph.add_output("lightness", lightness)
    if network.supports_hints:
        graph.add_output("hints", hints)
    graph.add_input("chroma", network.chroma(network(lightness, hints)))


class _DataFlow:
    """The modules in the order in which they ran, and the edges between them."""

    def __init__(self) -> None:
        self.order: dict[str, None] = {}
        self.edges: dict[tuple[str, str], None] = {}
        self._sources: dict[Node, str] = {}

    def hook(self, name: str, module: nn.Module) -> Iterator[Any]:
        yield module.register_forward_pre_hook(lambda _, inputs: self.add_input(name, inputs))
        yield module.register_forward_hook(lambda _, __, output: self.add_output(name, output))

    def add_input(self, name: str, value: object) -> None:
        self.order[name] = None
        for source in self._sources_of(value):
            self.edges[source, name] = None

    def add_output(self, name: str, value: object) -> None:
        self.order[name] = None
        self._sources.update(dict.fromkeys(_autograd_nodes(value), name))

    def _sources_of(self, value: object) -> Iterator[str]:
        """Yield the modules whose outputs the value depends on without another in between."""
        pending, seen = list(_autograd_nodes(value)), set()
        while pending:
            node = pending.pop(0)
            if node in self._sources:
                yield self._sources[node]
            elif node not in seen:
                seen.add(node)
                pending += [before for before, _ in node.next_functions if before is not None]


def _autograd_nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Tensor) and value.grad_fn is not None:
        yield value.grad_fn
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _autograd_nodes(each)


def _node_shape(name: str, module: nn.Module | None) -> str:
    if module is None:
        return f"([{name}])"
    kind = type_before_parametrizations(module).__name__.lstrip("_")
    return f'["{name}<br>{kind}, {format_weights(module)}"]'


def _node_id(name: str) -> str:
    """Prefix a name, because Mermaid reserves words such as `end`."""
    return f"n_{name.replace('.', '_')}"


if __name__ == "__main__":
    PAGE.write_text(render_page(), "utf-8")
