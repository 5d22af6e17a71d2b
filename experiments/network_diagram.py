"""A network as a Mermaid flowchart: its parts, and what flows from which into which.

Nothing is drawn by hand: the network runs once, and the graph that automatic differentiation keeps
tells which parts' results an input was made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch.autograd.graph import Node

    from rechroma.networks.base import ColorizationNetwork

_SIDE = 2  # strides: two places on the coarsest level, to each side


def flowchart(network: ColorizationNetwork) -> str:
    """The top-level parts of a network, with their parameters, in the order in which they run.

    Args:
        network: Any; it is run once on a small black picture, and left as it was.

    Returns:
        The text of a Mermaid flowchart.
    """
    parts = dict(_parts(network))
    flow = _Flow()
    handles = [handle for name, part in parts.items() for handle in flow.watch(name, part)]
    training = network.training
    try:
        _run(network.eval(), flow)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return "\n".join(("flowchart TD", *_drawn(flow, parts)))


def parameters(module: nn.Module) -> str:
    """Count the weights of a module, in words: 950, 31 k or 2.2 M."""
    count = sum(weights.numel() for weights in module.parameters())
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f} k" if count < 999_500 else f"{count / 1e6:.1f} M"


def _parts(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The children; of a list, which does not run itself, its members."""
    for name, child in module.named_children():
        if isinstance(child, nn.ModuleList):
            yield from _parts(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


@torch.enable_grad()
def _run(network: ColorizationNetwork, flow: _Flow) -> None:
    side = _SIDE * network.stride
    # Times one: a tensor that is given, and not computed, has no place in the graph.
    lightness, hints = (
        torch.zeros(1, channels, side, side, requires_grad=True) * 1 for channels in (1, 3)
    )
    flow.came_from("lightness", lightness)
    if network.supports_hints:
        flow.came_from("hints", hints)
    flow.goes_into("chroma", network.chroma(network(lightness, hints)))


class _Flow:
    """The parts in the order in which they ran, and the edges between them."""

    def __init__(self) -> None:
        self.order: dict[str, None] = {}
        self.edges: dict[tuple[str, str], None] = {}
        self._makers: dict[Node, str] = {}

    def watch(self, name: str, part: nn.Module) -> Iterator[Any]:
        yield part.register_forward_pre_hook(lambda _, given: self.goes_into(name, given))
        yield part.register_forward_hook(lambda _, __, result: self.came_from(name, result))

    def goes_into(self, name: str, given: object) -> None:
        self.order[name] = None
        for maker in self._makers_of(given):
            self.edges[maker, name] = None

    def came_from(self, name: str, result: object) -> None:
        self.order[name] = None
        self._makers.update(dict.fromkeys(_nodes(result), name))

    def _makers_of(self, given: object) -> Iterator[str]:
        """The parts that it was made of, with no other part in between."""
        pending, seen = list(_nodes(given)), set()
        while pending:
            node = pending.pop(0)
            if node in self._makers:
                yield self._makers[node]
            elif node not in seen:
                seen.add(node)
                pending += [before for before, _ in node.next_functions if before is not None]


def _nodes(value: object) -> Iterator[Node]:
    """Find the autograd nodes of the tensors in a value."""
    if isinstance(value, Tensor) and value.grad_fn is not None:
        yield value.grad_fn
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _nodes(each)


def _drawn(flow: _Flow, parts: Mapping[str, nn.Module]) -> Iterator[str]:
    for name in flow.order:
        yield f"    {_key(name)}{_box(name, parts)}"
    for maker, user in flow.edges:
        yield f"    {_key(maker)} --> {_key(user)}"


def _box(name: str, parts: Mapping[str, nn.Module]) -> str:
    if name not in parts:
        return f"([{name}])"
    kind = type(parts[name]).__name__.lstrip("_")
    return f'["{name}<br>{kind}, {parameters(parts[name])}"]'


def _key(name: str) -> str:
    """A name that Mermaid takes for one: the bare word `end` is its own."""
    return f"n_{name.replace('.', '_')}"
