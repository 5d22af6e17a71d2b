"""The command line: one file per command, click alone at import.

`rechroma --help` has to answer at once, so every module in this package imports nothing heavier
than click at the top; numpy, ONNX Runtime, Pillow and rich come in where they are used.
"""

from __future__ import annotations

from rechroma.cli.root import main

__all__ = ["main"]
