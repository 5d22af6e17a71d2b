"""The command line: one file per command, click alone at import.

`rechroma --help` has to answer at once, so every module in this package imports nothing heavier
than click at the top; numpy, ONNX Runtime, Pillow and rich come in where they are used.
"""

from __future__ import annotations

import sys
import warnings

__all__ = ["main"]


def main() -> None:
    """Run the `rechroma` command and end the process with its exit code."""
    try:
        if "--debug" not in sys.argv:
            # What is odd in a photograph's metadata is of no use to who colors it.
            warnings.filterwarnings("ignore", module=r"PIL\.")
        # Imported here, so that Ctrl-C shows no traceback in these first moments either.
        from rechroma.cli.root import root_command
        from rechroma.cli.signals import end_as_by_ctrl_c

        end_as_by_ctrl_c()
        root_command(prog_name="rechroma")
    except KeyboardInterrupt:
        sys.stderr.write("rechroma: interrupted\n")
        sys.exit(130)  # 128 + SIGINT, as the shell counts
