"""Data card of shards as Markdown: sources, licenses and counts.

python experiments/data_card.py SHARDS... [--json]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

from rechroma.datasets import Shards


def main() -> None:
    """Print the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--json", action="store_true", help="print a model card's `data` field")
    arguments = parser.parse_args()
    counts = count_sources(Shards(arguments.shards))
    print(json.dumps(as_data_field(counts), indent=2) if arguments.json else as_markdown(counts))


def count_sources(images: Shards) -> Counter[tuple[str, str]]:
    """Count the images of each (source, license)."""
    records = (images.metadata(index) for index in range(len(images)))
    return Counter(
        (str(record.get("source", "unknown")), str(record.get("license", "unknown")))
        for record in records
    )


def as_data_field(counts: Counter[tuple[str, str]]) -> list[dict[str, str]]:
    """List the sources as a model card's `data` field does, the largest first."""
    return [
        {"name": f"{name}, {count:,} images", "license": license}
        for (name, license), count in counts.most_common()
    ]


def as_markdown(counts: Counter[tuple[str, str]]) -> str:
    """Format the sources as a table, the largest first, and the licenses below it."""
    total = counts.total()
    lines = [f"{total:,} images of {len(counts)} sources.", "", "| images | source | license |"]
    lines += ["|---|---|---|"]
    lines += [f"| {n:,} | {source} | {license} |" for (source, license), n in counts.most_common()]
    licenses = Counter[str]()
    for (_, license), count in counts.items():
        licenses[license] += count
    lines += ["", "| share | license |", "|---|---|"]
    lines += [f"| {100 * n / total:.1f} % | {license} |" for license, n in licenses.most_common()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
