"""What a page was read at, so that nothing sent from it undoes in silence what others did since."""

import json
from collections.abc import Mapping
from hashlib import sha256

NOTHING = ""  # the revision of what is not there yet


def of(fields: Mapping[str, object]) -> str:
    """The revision of what can be typed: the same for the same content, whoever typed it."""
    text = json.dumps(fields, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:32] if fields else NOTHING
