"""Measures of the source's language: private words, docstrings, class names, single-use helpers.

    python experiments/lint_wording.py

It prints each measure with its limit, and the places of those that exceed it, as
tests/unit/experiments/test_lint_wording.py does.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

# Former names of this project for things that have a standard name in the field.
PRIVATE_WORDS = frozenset(
    [
        "agreed",
        "bettering",
        "complain",
        "desk",
        "dice",
        "doubling",
        "gathering",
        "hands",
        "heed",
        "hopeless",
        "insist",
        "journal",
        "judged",
        "knob",
        "knobs",
        "likeness",
        "manners",
        "neatness",
        "outcome",
        "painter",
        "painted",
        "painting",
        "revive",
        "rounds",
        "settle",
        "sketch",
        "talk",
        "talks",
        "ticket",
        "tickets",
        "tidy",
        "told",
        "truthless",
        "unlikeness",
        "workshop",
    ]
)
_RIDDLES = re.compile(r"(What|How|Where|Who|Whose|Which|Whether)\b")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True)
class Measure:
    """A count, its limit and the places that were counted."""

    name: str
    value: float
    limit: float
    places: tuple[str, ...]


def measures(root: Path = ROOT) -> list[Measure]:
    """Measure the package and the identifiers of its tests."""
    source = {path: ast.parse(path.read_text("utf-8")) for path in sorted(root.glob("src/**/*.py"))}
    tests = {
        path: ast.parse(path.read_text("utf-8")) for path in sorted(root.glob("tests/**/*.py"))
    }
    private = tuple(_private_words(source | tests, root))
    riddles, documented = _riddles(source, root)
    classes = _class_names(source, root)
    single, functions = _called_once(source, root)
    return [
        Measure("private words in identifiers and file names", len(private), 0, private),
        Measure(
            "docstrings that open with a question word", len(riddles) / documented, 0.01, riddles
        ),
        Measure("class names of two modules", len(classes), 0, classes),
        Measure("private functions called once", len(single) / functions, 0.35, single),
    ]


def _private_words(modules: dict[Path, ast.Module], root: Path) -> Iterator[str]:
    for path, module in modules.items():
        place = path.relative_to(root)
        for name in {path.stem, *_defined_names(module)}:
            words = {word.lower() for word in _WORDS.findall(name)}
            for word in sorted(words & PRIVATE_WORDS):
                yield f"{place}: {name} ({word})"


def _defined_names(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _riddles(modules: dict[Path, ast.Module], root: Path) -> tuple[tuple[str, ...], int]:
    found, documented = [], 0
    for path, module in modules.items():
        for node in ast.walk(module):
            if not isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ):
                continue
            docstring = ast.get_docstring(node)
            documented += docstring is not None
            if docstring and _RIDDLES.match(docstring):
                first = docstring.splitlines()[0]
                found.append(f"{path.relative_to(root)}:{getattr(node, 'lineno', 1)}: {first}")
    return tuple(found), max(1, documented)


def _class_names(modules: dict[Path, ast.Module], root: Path) -> tuple[str, ...]:
    places: dict[str, list[str]] = defaultdict(list)
    for path, module in modules.items():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(root)))
    return tuple(f"{name}: {', '.join(of)}" for name, of in places.items() if len(of) > 1)


def _called_once(modules: dict[Path, ast.Module], root: Path) -> tuple[tuple[str, ...], int]:
    single, functions = [], 0
    for path, module in modules.items():
        nodes = list(ast.walk(module))
        defined = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        uses = Counter(n.id for n in nodes if isinstance(n, ast.Name))
        uses += Counter(n.attr for n in nodes if isinstance(n, ast.Attribute))
        functions += len(defined)
        single += [
            f"{path.relative_to(root)}:{node.lineno}: {node.name}"
            for node in defined
            if re.match(r"_[a-z]", node.name) and uses[node.name] == 1
        ]
    return tuple(single), max(1, functions)


def main() -> None:
    """Print the measures, and the places of those that exceed their limit."""
    for measure in measures():
        print(f"{measure.name}: {measure.value:.3g} (limit {measure.limit:g})")
        if measure.value > measure.limit:
            print("".join(f"  {place}\n" for place in measure.places), end="")


if __name__ == "__main__":
    main()
