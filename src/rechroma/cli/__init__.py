"""The command line: one module per command, with lazy imports.

`rechroma --help` must be instant, so the modules of this package import nothing heavier than click
at the top; numpy, ONNX Runtime, Pillow and rich are imported where they are used.
"""

from __future__ import annotations

import sys
import warnings

__all__ = ["main"]


def main() -> None:
    """Run the `rechroma` command and end the process with its exit code."""
    try:
        if "--debug" not in sys.argv:
            # Warnings about a photograph's metadata do not help whoever colors it.
            warnings.filterwarnings("ignore", module=r"PIL\.")
        # Imported here, so that Ctrl-C during the imports shows no traceback either.
        from rechroma.cli.root import root_command
        from rechroma.cli.terminal import install_signal_handlers

        install_signal_handlers()
        root_command(prog_name="rechroma")
    except KeyboardInterrupt:
        sys.stderr.write("rechroma: interrupted\n")
        sys.exit(130)  # 128 + SIGINT, as in the shell
