"""What a page was read at, so that nothing sent from it undoes in silence what others did since."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

from kbsearch.errors import Outdated

NOTHING = ""  # the revision of what is not there yet


def of(fields: Mapping[str, object]) -> str:
    """The revision of what can be typed: the same for the same content, whoever typed it."""
    text = json.dumps(fields, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:32] if fields else NOTHING


def check(revision: str | None, there: Mapping[str, str], edited: Mapping[str, str | None]) -> None:
    """Raise Outdated, with both texts, when others changed what a page showed at that revision.

    What is None is not to be changed. Without a revision nothing is checked: a command shows no
    page first. It is asked in the transaction that writes.
    """
    if revision is None or revision == of(there):
        return
    differences = {
        name: (text, there[name])
        for name, text in edited.items()
        if text is not None and text.split() != there[name].split()
    }
    if differences:
        raise Outdated("form.outdated", differences, revision=of(there))


def several(names: Iterable[str] | None) -> str | None:
    """Several things as one text, in an order of its own."""
    return None if names is None else "\n".join(sorted(names))
