"""The blanks of French typography: no line begins with `:` or `»`, none ends with `«`."""

import re

NARROW = "\N{NARROW NO-BREAK SPACE}"
# Signs inside of an address, an operator or a word (`a ?b=c`, `x != y`, ` :-)`) are no punctuation.
_BREAKABLE = re.compile(r"""(?<! ) +(?=»|[:;?!]+(?:[\s)\]<&"'”’»…,.*]|\Z))|(?<=«) +""")

_SPACED = (" »", " :", " ;", " ?", " !", "« ")  # what any of them has; far cheaper to look for


def typeset(text: str) -> str:
    """The text with blanks that do not break where French has one; markup stays markup.

    Keyboards have a plain space alone. English has none there: a text need not say its language.
    """
    if not any(map(text.__contains__, _SPACED)):
        return text
    return type(text)(_BREAKABLE.sub(NARROW, text))
