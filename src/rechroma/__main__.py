"""`python -m rechroma`, the same as the `rechroma` command."""

from __future__ import annotations

from rechroma.cli import main

if __name__ == "__main__":
    main()
