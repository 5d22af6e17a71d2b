"""Print reports of `rechroma evaluate --degraded --json` as a Markdown table: table.py FILE..."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HEADER = (
    "| run | hue hit | CIEDE2000 / gray's | gain | CF abs (truth) | hue hit, aged | ms |\n"
    "|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Print the table."""
    print(HEADER)
    for name in sys.argv[1:]:
        print(row(Path(name)))


def row(path: Path) -> str:
    """One report as a row of the table."""
    report = json.loads(path.read_text("utf-8"))
    rows = report["metrics"]["all"]
    model, gray, truth, aged = (
        rows.get(kind, {}) for kind in ("model", "gray", "truth", "degraded")
    )
    cells = (
        path.stem,
        f"{model['hue_hit']:.1f}",
        f"{model['ciede2000'] / gray['ciede2000']:.3f}",
        f"{model['balanced_auc'] - gray['balanced_auc']:.1f}",
        f"{model['cf_abs']:.1f} ({truth['cf_abs']:.1f})",
        f"{aged['hue_hit']:.1f}" if aged else "",
        f"{report['network']['milliseconds']:.0f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
