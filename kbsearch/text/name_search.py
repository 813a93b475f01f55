"""Names found without their accents and case, whatever the database takes for the same letter.

`LOWER` and `LIKE` know the case of plain letters alone: the database narrows down by those that
accents leave alone, and `holds` says for sure.
"""

from kbsearch.text.normal_form import nfc, without_marks

LONGEST = 100  # characters that a database looks for
# What no accent of French, Spanish, German or Portuguese changes: any other letter may be stored as
# another sign than was typed.
_PLAIN = frozenset("bdfghjklmpqrstvwxz0123456789@.+-")


def folded(text: str) -> str:
    """As names are compared."""
    return without_marks(text.replace("\x00", " ").encode("utf-8", "replace").decode()).lower()


def like_pattern(text: str) -> str:
    """What `LOWER(name) LIKE` narrows down to: too much rather than too little."""
    signs = nfc(text[:LONGEST].encode("utf-8", "replace").decode())
    return f"%{''.join(_plain(sign) for sign in signs)}%"


def holds(text: str, *names: str) -> bool:
    """Whether one of the names has the text in it."""
    part = folded(text)
    return any(part in folded(name) for name in names)


def _plain(sign: str) -> str:
    return sign.lower() if sign.lower() in _PLAIN else "_"
