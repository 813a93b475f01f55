"""How many of the code's names say nothing of what they name: `python -m tests.kit.names`.

A participle or a pronoun (`found`, `told`, `each`) fits anything; the noun (`ticket`, `row`) says
what it is. Counted over all bindings of names: assignments, loops and parameters.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.kit.imports import modules

VAGUE = frozenset(
    [
        "asked",
        "chosen",
        "done",
        "each",
        "found",
        "given",
        "gone",
        "its",
        "kept",
        "known",
        "left",
        "made",
        "meant",
        "mine",
        "other",
        "others",
        "ours",
        "said",
        "seen",
        "sent",
        "shown",
        "taken",
        "theirs",
        "these",
        "those",
        "told",
        "typed",
        "wanted",
        "whose",
        "written",
    ]
)
HIGHEST_SHARE = 0.02


def bindings(path: Path) -> Iterator[str]:
    """Every name that a file binds, as often as it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
            yield node.arg


def share(names: Counter[str]) -> float:
    """The part of all bindings that is vague, from 0 to 1."""
    return sum(names[name] for name in VAGUE) / names.total()


def main() -> None:
    """Say it, with the names that are met most."""
    names = Counter(name for path in modules().values() for name in bindings(path))
    most = sorted(VAGUE, key=lambda name: -names[name])[:8]
    counts = ", ".join(f"{name} {names[name]}" for name in most)
    sys.stdout.write(f"vague names: {share(names):.1%} of {names.total()} bindings ({counts})\n")


if __name__ == "__main__":
    main()
