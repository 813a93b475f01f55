"""The lines of an article's file, looked at without parsing it: which of them are headings."""

import re
from collections.abc import Sequence

HEADING = re.compile(r"^( {0,3})(#{1,6})(?=\s)")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")


def headings(lines: Sequence[str]) -> list[int]:
    """The lines that are headings: not in front matter, nor in an example."""
    numbers, fence, start = [], "", 0
    if lines and lines[0].rstrip() == "---":
        start = next((n for n, line in enumerate(lines[1:], 2) if line.rstrip() == "---"), 0)
    for number in range(start, len(lines)):
        mark = _FENCE.match(lines[number])
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and HEADING.match(lines[number]):
            numbers.append(number)
    return numbers


def level(line: str) -> int:
    """How deep a heading is; 0 for another line."""
    match = HEADING.match(line)
    return len(match[2]) if match else 0
