"""The packages of the house as a drawing, made from the imports: `python -m tests.kit.packages`.

An arrow that follows from others is left out (transitive reduction). The drawing stands in
CONTRIBUTING.md; `--write` puts today's there.
"""

import re
import sys
from collections import defaultdict

from tests.kit.imports import GROUND, modules, ours, package_of
from tests.kit.places import TOP

HANDBOOK = TOP / "CONTRIBUTING.md"
DRAWING = re.compile(r"```mermaid\n.*?```", re.DOTALL)
WIRING = ("", "__main__", "worker")


def graph() -> dict[str, set[str]]:
    """Whom each package imports, without the ground, which all may import."""
    packages = defaultdict[str, set[str]](set)
    for name, path in modules().items():
        if name not in WIRING and package_of(name) != GROUND:
            others = {package_of(other) for other in ours(path) if other not in WIRING}
            packages[package_of(name)] |= others - {package_of(name), GROUND}
    return packages


def drawing() -> str:
    """The packages as a Mermaid flow chart."""
    packages = graph()
    arrows = [
        f"  {package} --> {other}"
        for package in sorted(packages)
        for other in sorted(packages[package])
        if not any(other in _reached(packages, via) for via in packages[package] - {other})
    ]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def _reached(packages: dict[str, set[str]], start: str) -> set[str]:
    reached, left = set[str](), {start}
    while left:
        package = left.pop()
        left |= packages.get(package, set()) - reached
        reached |= packages.get(package, set())
    return reached


if __name__ == "__main__":
    if "--write" in sys.argv:
        text = HANDBOOK.read_text(encoding="utf-8")
        HANDBOOK.write_text(DRAWING.sub(lambda _: drawing(), text), encoding="utf-8")
    else:
        sys.stdout.write(f"{drawing()}\n")
