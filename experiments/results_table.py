"""Reports of `rechroma evaluate --degraded --json` as a Markdown table.

python experiments/results_table.py REPORT.json...
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HEADER = (
    "| run | hue hit | CIEDE2000 / gray's | gain | CF abs (truth) | hue hit, degraded | ms |\n"
    "|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reports", nargs="+", type=Path)
    reports = parser.parse_args().reports
    print(HEADER)
    for path in reports:
        print(row(path))


def row(path: Path) -> str:
    """Format one report as a row of the table."""
    report = json.loads(path.read_text("utf-8"))
    rows = report["metrics"]["all"]
    model, gray, truth, degraded = (
        rows.get(kind, {}) for kind in ("model", "gray", "truth", "degraded")
    )
    cells = (
        path.stem,
        f"{model['hue_hit']:.1f}",
        f"{model['ciede2000'] / gray['ciede2000']:.3f}",
        f"{model['balanced_auc'] - gray['balanced_auc']:.1f}",
        f"{model['cf_abs']:.1f} ({truth['cf_abs']:.1f})",
        f"{degraded['hue_hit']:.1f}" if degraded else "",
        f"{report['network']['milliseconds']:.0f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
