"""One person taken out of texts: their name, their addresses and their numbers."""

import re
from collections.abc import Iterable
from typing import Any

from kbsearch.text.masking import DataKind, label
from kbsearch.text.masking.names import KnownNames


class OnePerson:
    """Puts the word for what stood there in its place, in whatever way it was written.

    Numbers are those of E.164; the words are of `language`.
    """

    def __init__(
        self, names: Iterable[str], emails: Iterable[str], mobiles: Iterable[str], language: str
    ) -> None:
        kinds: tuple[DataKind, ...] = ("email", "phone", "name")
        self._signs = {kind: f"‹{label(kind, language)}›" for kind in kinds}
        full_names = list(names)
        reversed_too = {*full_names, *(" ".join(reversed(name.split())) for name in full_names)}
        forms = {
            "email": [rf"(?<![\w.+-]){re.escape(email)}(?![\w-])" for email in emails],
            "phone": [_dialled(mobile) for mobile in mobiles],
            "name": [rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(reversed_too)],
        }
        groups = (f"(?P<{kind}>{'|'.join(them)})" for kind, them in forms.items() if them)
        self._anywhere = re.compile("|".join(groups) or "(?!)", re.IGNORECASE)
        self._known = KnownNames(full_names)

    def text(self, text: str, *, is_theirs: bool) -> str:
        """The text without them; in what is theirs, any part of the name means them."""
        masked = self._anywhere.sub(lambda match: self._signs[match.lastgroup], text)  # type: ignore[index]
        if not is_theirs:
            return masked
        pieces, position = [], 0
        for start, end in self._known.find(masked):
            pieces += [masked[position:start], self._signs["name"]]
            position = end
        return "".join([*pieces, masked[position:]])

    def value(self, value: Any, *, is_theirs: bool) -> Any:
        """The same for all the texts of a JSON value."""
        if isinstance(value, dict):
            return {key: self.value(item, is_theirs=is_theirs) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, is_theirs=is_theirs) for item in value]
        return self.text(value, is_theirs=is_theirs) if isinstance(value, str) else value


def _dialled(mobile: str) -> str:
    """A pattern for a number as people write it: `06 12…`, `+33 (0)6.12…`, `0033612…`."""
    import phonenumbers

    number = phonenumbers.parse(mobile)
    gap = r"[ .\-/()\u00a0\u202f]{0,3}"
    digits = gap.join(str(number.national_number))
    return rf"(?<!\d)(?:(?:\+|00)?{number.country_code}{gap}0?{gap}|0{gap})?{digits}(?!\d)"
