"""The command line: one module per command, with lazy imports.

`rechroma --help` must be instant, so the modules of this package import nothing heavier than click
at the top; numpy, ONNX Runtime, Pillow and rich are imported where they are used.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the `rechroma` command and end the process with its exit code."""
    try:
        # Imported here, so that Ctrl-C during the imports shows no traceback either.
        from rechroma.cli.signals import install_signal_handlers, received_stop

        install_signal_handlers()
        try:
            from rechroma.cli.root import root_command

            root_command(prog_name="rechroma")
        except Exception as error:
            if received := received_stop():  # an interrupted import can end as ImportError
                raise received from error
            raise
    except KeyboardInterrupt as stop:
        sys.stderr.write("rechroma: interrupted\n")
        sys.exit(getattr(stop, "exit_code", 130))  # 128 + SIGINT, as in the shell
