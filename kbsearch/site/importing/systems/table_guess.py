"""What the columns of a table are, as their headings and some of the rows let it be guessed."""

from collections.abc import Callable, Mapping, Sequence

from kbsearch.errors import Invalid
from kbsearch.site.importing import fields, lines
from kbsearch.site.importing.systems.table_fields import (
    HEADINGS,
    KEYS,
    OF_MESSAGES,
    WORDS,
    folded,
    is_in,
)
from kbsearch.site.importing.systems.table_map import TableMap

MOSTLY = 0.8


def guess(
    headings: Sequence[str], sample: Sequence[Mapping[str, object]] = (), rows: str = "tickets"
) -> TableMap:
    """The map of a table of requests, people or organisations.

    Raises Invalid where nothing tells its rows apart.
    """
    table_map = guess_what_can_be(headings, sample, rows)
    if KEYS[table_map.rows] not in table_map.columns:
        raise Invalid("import.missing", field=KEYS[table_map.rows])
    return table_map


def guess_what_can_be(
    headings: Sequence[str], sample: Sequence[Mapping[str, object]], rows: str
) -> TableMap:
    """The same for whoever completes it: what tells its rows apart may be missing."""
    columns: dict[str, str] = {}
    for ours, names in HEADINGS[rows].items():
        left = (heading for heading in headings if heading not in columns.values())
        if heading := next((h for h in left if is_in(folded(h), names)), ""):
            columns[ours] = heading
    for ours, is_one in LOOKS[rows].items():
        left = (heading for heading in headings if heading not in columns.values())
        values = {heading: _values(sample, heading) for heading in left}
        if ours not in columns and (like := next((h for h in values if is_one(values[h])), "")):
            columns[ours] = like
    if rows == "people" and "name" not in columns and "first_name" not in columns:
        columns = {"name" if o == "last_name" else o: theirs for o, theirs in columns.items()}
    if rows in ("tickets", "messages"):
        rows = "messages" if {"author", "body"} <= columns.keys() else "tickets"
    if rows == "tickets":
        columns = {ours: theirs for ours, theirs in columns.items() if ours not in OF_MESSAGES}
    return TableMap(columns, rows=rows)


def _values(sample: Sequence[Mapping[str, object]], heading: str) -> list[str]:
    """What stands in a column, where something does."""
    values = (str(row.get(heading) or "").strip() for row in sample)
    return [value for value in values if value]


def _are_numbers(values: Sequence[str]) -> bool:
    """Numbers of requests: whole, and none twice."""
    are_whole = all(value.isascii() and value.isdecimal() for value in values)
    return bool(values) and are_whole and len(set(values)) == len(values)


def _are_addresses(values: Sequence[str]) -> bool:
    return _are_mostly(values, lambda value: fields.address(value) is not None)


def _are_moments(values: Sequence[str]) -> bool:
    return _are_mostly(values, _is_moment)


def _is_moment(value: str) -> bool:
    """A date at least: a bare number is none."""
    try:
        return not value.isdecimal() and bool(fields.moment({"": lines.as_stored(value)}, ""))
    except Invalid:
        return False


def _are_words(name: str) -> Callable[[Sequence[str]], bool]:
    """Whether they are words that mean something here."""
    return lambda values: _are_mostly(
        values, lambda value: any(is_in(folded(value), words) for words in WORDS[name].values())
    )


def _are_sentences(values: Sequence[str]) -> bool:
    return _are_mostly(values, lambda value: " " in value and not _is_moment(value))


def _are_mostly(values: Sequence[str], is_one: Callable[[str], bool]) -> bool:
    return bool(values) and sum(map(is_one, values)) >= MOSTLY * len(values)


Look = Callable[[Sequence[str]], bool]
_OF_TICKETS: dict[str, Look] = {
    "number": _are_numbers,
    "requester": _are_addresses,
    "created_at": _are_moments,
    "status": _are_words("status"),
    "severity": _are_words("severity"),
    "subject": _are_sentences,
}
# What a column of a name that nobody knows is like, in the order in which they are looked for.
LOOKS: dict[str, dict[str, Look]] = {
    "tickets": _OF_TICKETS,
    "messages": _OF_TICKETS,
    "people": {
        "email": _are_addresses,
        "role": _are_words("role"),
        "language": _are_words("language"),
        "name": _are_sentences,
    },
    "organisations": {"contract_ends": _are_moments, "name": _are_sentences},
}
