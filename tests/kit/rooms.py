"""The rooms of the house as a drawing, made from the imports: `python -m tests.kit.rooms`.

An arrow that follows from others is left out (transitive reduction). The drawing stands in
CONTRIBUTING.md; `--write` puts today's there.
"""

import re
import sys
from collections import defaultdict

from tests.kit.imports import GROUND, modules, ours, room_of
from tests.kit.places import TOP

HANDBOOK = TOP / "CONTRIBUTING.md"
DRAWING = re.compile(r"```mermaid\n.*?```", re.DOTALL)
WIRING = ("", "__main__", "worker")


def graph() -> dict[str, set[str]]:
    """Whom each room imports, without the ground, which all may import."""
    rooms = defaultdict[str, set[str]](set)
    for name, path in modules().items():
        if name not in WIRING and room_of(name) != GROUND:
            others = {room_of(other) for other in ours(path) if other not in WIRING}
            rooms[room_of(name)] |= others - {room_of(name), GROUND}
    return rooms


def drawing() -> str:
    """The rooms as a Mermaid flow chart."""
    rooms = graph()
    arrows = [
        f"  {room} --> {other}"
        for room in sorted(rooms)
        for other in sorted(rooms[room])
        if not any(other in _reached(rooms, via) for via in rooms[room] - {other})
    ]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def _reached(rooms: dict[str, set[str]], start: str) -> set[str]:
    reached, left = set[str](), {start}
    while left:
        room = left.pop()
        left |= rooms.get(room, set()) - reached
        reached |= rooms.get(room, set())
    return reached


if __name__ == "__main__":
    if "--write" in sys.argv:
        text = HANDBOOK.read_text(encoding="utf-8")
        HANDBOOK.write_text(DRAWING.sub(lambda _: drawing(), text), encoding="utf-8")
    else:
        sys.stdout.write(f"{drawing()}\n")
