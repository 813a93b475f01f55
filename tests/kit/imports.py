"""Who imports whom: the modules of kbsearch, read from their text and never run."""

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import kbsearch

PACKAGE = Path(kbsearch.__file__).parent
# A package is a package that others may know as a whole; what lies at the top is the ground.
WINGS = ("articles", "messages", "people", "search", "text", "tickets")
GROUND = "ground"


@cache
def modules() -> dict[str, Path]:
    """Every module by its name without `kbsearch.`; the package itself is ''."""
    paths = (path for path in PACKAGE.rglob("*.py") if "shipped" not in path.parts)
    return {module_of(path): path for path in sorted(paths)}


def module_of(path: Path) -> str:
    """The name of a file of the package as a module."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def _imported(path: Path) -> tuple[tuple[str, str], ...]:
    """The modules that a file imports, wherever in it, and what of each: '' where all of it."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += ((node.module, alias.name) for alias in node.names)
    return tuple(found)


def imports_of(path: Path) -> Iterator[str]:
    """What a file imports, wherever in it: modules, and names that may be modules."""
    for module, name in _imported(path):
        yield module
        if name:
            yield f"{module}.{name}"


@cache
def ours(path: Path) -> frozenset[str]:
    """The modules of kbsearch that a file imports; a name of a package's front counts for it."""
    found = set()
    for source, name in _imported(path):
        top, _, package = source.partition(".")
        if top == "kbsearch" and name:
            module = f"{package}.{name}".strip(".")
            found.add(module if module in modules() else package)
    return frozenset(found)


def package_of(module: str) -> str:
    """The package a module lies in: `tickets.desk`, `files`; single files at the top are ground."""
    parts = module.split(".")
    if parts[0] in WINGS:
        package = ".".join(parts[:2])
        is_package = any(name.startswith(f"{package}.") for name in modules())
        return package if len(parts) > 1 and is_package else parts[0]
    is_package = any(name.startswith(f"{parts[0]}.") for name in modules())
    return parts[0] if is_package else GROUND


def circles(graph: Mapping[str, Collection[str]]) -> list[set[str]]:
    """The groups of names that lead back to each other (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[set[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in graph.get(name, ()):
            if other not in order:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == order[name]:
            group = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(group) > 1:
                groups.append(group)

    for name in graph:
        if name not in order:
            visit(name)
    return groups
