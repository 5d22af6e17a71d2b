"""Writes docs/networks.md: `python experiments/networks.py`; a test holds it to what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.network_diagram import flowchart, parameters
from rechroma.networks import ARCHITECTURES, Architecture, create_network, network_config

PAGE = Path(__file__).parents[1] / "docs" / "networks.md"
HEADER = """# Networks

Written by `python experiments/networks.py` from the code itself. The diagrams show the parts of
each network with its default options, their numbers of weights, and what flows into what. A recipe
chooses a network by its `name` and changes its options:

```toml
[network]
name = "inception-unet"
options = {widths = [16, 32, 64, 128], classes = 10}
```

A network of another package is named `package.module:Class`: a subclass of
`rechroma.networks.ColorizationNetwork` whose annotation `config` names a dataclass of its module.

All take lightness and give a\\*b\\*, so each can be exported to a
[color model](color-model.md) and measured by [`rechroma evaluate`](evaluate.md).
"""


def page() -> str:
    """The whole page."""
    return "\n".join((HEADER, *map(section, ARCHITECTURES.values())))


def section(architecture: Architecture) -> str:
    """The section of one network."""
    network = create_network(architecture.name, {})
    bins = len(network.centers)
    facts = {
        "paper": architecture.paper,
        "character": architecture.character,
        "weights": parameters(network),
        "of these in the encoder": parameters(network.encoder) if network.encoder else "no encoder",
        "color": f"{bins} bins, and a\\*b\\*" if bins else "a\\*b\\*",
        "size of the color": f"1/{network.scale} of the picture's",
        "hints": "yes" if network.supports_hints else "no",
        "options": ", ".join(map(option, network_config(network)["options"].items())),
    }
    rows = "\n".join(f"| {name} | {fact} |" for name, fact in facts.items())
    chart = flowchart(network)
    return f"## `{architecture.name}`\n| | |\n|---|---|\n{rows}\n\n```mermaid\n{chart}\n```\n"


def option(item: tuple[str, Any]) -> str:
    """An option and its default, as in a recipe."""
    name, value = item
    return f"`{name} = {json.dumps(value)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
