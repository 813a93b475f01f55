"""Where blocks end that are written between two tags, on lines of their own."""

import re
from collections.abc import MutableMapping
from typing import Any

from markdown_it.rules_block import StateBlock


def ends(state: StateBlock, edge: re.Pattern[str]) -> dict[int, int]:
    """The last line of each block by its first one, found in one pass over the text.

    The pattern finds edges where a line begins: `fence` (of an example, in which nothing is an
    edge), `begin` or `end`. A block ends where its name, `begin`, does; one that says `whole` ends
    on its own line.
    """
    known = _known(state.env, edge)
    if state.src in known:
        return known[state.src]
    found = known[state.src] = {}
    begun: list[tuple[str, int]] = []
    fence, line, position = "", 0, 0
    for match in edge.finditer(state.src):
        line += state.src.count("\n", position, match.start())
        position = match.start()
        parts = match.groupdict()
        if parts["fence"]:
            fence = "" if fence and parts["fence"].startswith(fence) else fence or parts["fence"]
        elif fence:
            continue
        elif parts["begin"] and parts.get("whole"):
            found[line] = line
        elif parts["begin"]:
            begun.append((parts["begin"].lower(), line))
        elif begun and begun[-1][0] == parts["end"].lower():
            found[begun.pop()[1]] = line
    return found


def _known(env: MutableMapping[str, Any], edge: re.Pattern[str]) -> dict[str, dict[int, int]]:
    """By text: what is inside a block is read as a text of its own."""
    by_text: dict[str, dict[int, int]] = env.setdefault(f"ends of {edge.pattern}", {})
    return by_text
