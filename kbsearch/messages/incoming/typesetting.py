"""The text of a mail as Markdown, so that it is shown as it was written."""

import re

from kbsearch.text.markup import quotation

_UNDERLINE = re.compile(r" {0,3}(?:-+|=+)\s*")
_DEFINITION = re.compile(r" {0,3}\[[^\]]{1,999}\]:")


def reply(text: str, subject: str) -> str:
    """What somebody answered, without what they quote."""
    return whole(quotation.cut(text, subject).text)


def whole(text: str) -> str:
    """All of a text. Markdown would hide a line that defines a link, turn an underlined one into
    a title, and take what follows a quoted line for a part of the quotation."""
    lines: list[str] = []
    for line in text.split("\n"):
        above = lines[-1] if lines else ""
        if above.strip() and (
            _UNDERLINE.fullmatch(line)
            or (above.startswith(">") and line.strip() and not line.startswith(">"))
        ):
            lines.append("")
        lines.append(f"\\{line.lstrip()}" if _DEFINITION.match(line) else line.rstrip())
    return "\n".join(lines).strip("\n")
