"""How the columns of a table are called, and what its words mean: read from TOML, or guessed.

A column is known by its heading, in French or English, or else by what stands in it.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kbsearch.errors import Invalid
from kbsearch.site.importing import fields, lines
from kbsearch.text.normal_form import nfkd

ROWS = ("tickets", "messages")  # a row is a request, or what was said in one
OF_MESSAGES = ("author", "at", "body", "internal", "public")
FIELDS = (
    *("number", "subject", "description", "requester", "organisation", "cc", "product", "version"),
    *("severity", "status", "created_at", "updated_at", "solved_at", "assignee", "team", "tags"),
    *OF_MESSAGES,
)
FIELD = "fields."  # before the name of a field of ours
# How columns are called elsewhere, in small letters without accents and signs.
HEADINGS = {
    "number": "number|id|ticket|ticket id|ticket number|numero|n de ticket|reference|case number",
    "subject": "subject|title|summary|objet|sujet|titre",
    "description": "description|details|question|texte",
    "requester": "requester|requester email|email|e mail|customer email|demandeur|client email",
    "organisation": "organisation|organization|company|societe|client|entreprise|account",
    "cc": "cc|copies|copie",
    "product": "product|produit|logiciel|software",
    "version": "version",
    "severity": "severity|priority|priorite|gravite|urgence",
    "status": "status|state|statut|etat",
    "created_at": "created at|created|creation date|date|date de creation|cree le",
    "updated_at": "updated at|updated|last update|modifie le|mise a jour",
    "solved_at": "solved at|resolved at|closed at|resolu le|clos le|cloture le",
    "assignee": "assignee|agent|owner|assigned to|assigne a|responsable|technicien",
    "team": "team|group|groupe|equipe|department|service",
    "tags": "tags|labels|etiquettes|mots cles",
    "author": "author|from|auteur|message author|auteur du message",
    "at": "message date|sent at|date du message|envoye le",
    "body": "body|message|message body|comment|reply|commentaire|reponse",
    "internal": "internal|is internal|private|is private|interne|prive",
    "public": "public|is public",
}
STATUSES = {
    "new": "new|nouveau|nouvelle|recu",
    "open": "open|in progress|active|ouvert|ouverte|en cours|assigne",
    "pending": "pending|on hold|waiting|en attente|attente|suspendu",
    "solved": "solved|resolved|done|resolu|resolue|termine",
    "closed": "closed|archived|clos|close|ferme|fermee|cloture",
}
SEVERITIES = {
    "blocking": "urgent|critical|blocking|emergency|critique|bloquant|bloquante|urgente",
    "major": "high|major|haute|elevee|majeur|majeure|important",
    "minor": "low|normal|medium|minor|basse|faible|normale|moyenne|mineur|mineure",
}
YES = "1|yes|true|oui|vrai|x"
NO = "0|no|false|non|faux"
_SIGNS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class TableMap:
    """Which column is what, by our name; what words of theirs mean, by our name."""

    columns: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rows: str = "tickets"
    are_public: bool = False  # messages, where no column tells

    def meaning(self, name: str, word: str) -> str:
        """What a word of theirs is here; empty where nobody knows."""
        said = self.words.get(name, {})
        usual = {"status": STATUSES, "severity": SEVERITIES}.get(name, {})
        own = {_folded(theirs): ours for theirs, ours in said.items()}
        key = _folded(word)
        return own.get(key) or next((o for o, words in usual.items() if _is_in(key, words)), "")

    def is_public(self, values: Mapping[str, str]) -> bool:
        """Whether a row is for customers: only where a column, or the map, says so."""
        if "public" in values:
            return _is_in(_folded(values["public"]), YES)
        if "internal" in values:
            return not values["internal"].strip() or _is_in(_folded(values["internal"]), NO)
        return self.are_public

    def as_toml(self) -> str:
        """The map as a file that can be edited."""
        columns = [f"{_quoted(o)} = {_quoted(theirs)}" for o, theirs in self.columns.items()]
        head = [f'rows = "{self.rows}"', f"public = {str(self.are_public).lower()}"]
        return "\n".join([*head, "", "[columns]", *columns, ""])


def parse(text: str, headings: Sequence[str]) -> TableMap:
    """The map in a file, for a table with these columns; raises Invalid."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Invalid("import.map_wrong", reason=str(problem)) from None
    rows = values.get("rows", "tickets")
    if rows not in ROWS:
        raise Invalid("import.unknown_value", field="rows", value=rows, choices=", ".join(ROWS))
    columns = _texts("columns", values.get("columns", {}))
    for ours, theirs in columns.items():
        if ours not in FIELDS and not ours.startswith(FIELD):
            choices = ", ".join((*FIELDS, f"{FIELD}…"))
            raise Invalid("import.unknown_value", field="columns", value=ours, choices=choices)
        if theirs.strip().lower() not in headings:
            shown = ", ".join(headings)[:500]
            raise Invalid("import.unknown_value", field=ours, value=theirs, choices=shown)
    if "number" not in columns:
        raise Invalid("import.missing", field="number")
    given = values.get("values", {})
    if not isinstance(given, dict):
        raise Invalid("import.map_wrong", reason="[values]")
    words = {name: _texts(f"values.{name}", table) for name, table in given.items()}
    columns = {ours: theirs.strip().lower() for ours, theirs in columns.items()}
    return TableMap(columns, words, rows, are_public=values.get("public") is True)


def guess(headings: Sequence[str], sample: Sequence[Mapping[str, object]] = ()) -> TableMap:
    """The map of a table as its headings and some of its rows let it be guessed.

    Raises Invalid without a number.
    """
    columns: dict[str, str] = {}
    for ours, names in HEADINGS.items():
        left = (heading for heading in headings if heading not in columns.values())
        if heading := next((h for h in left if _is_in(_folded(h), names)), ""):
            columns[ours] = heading
    for ours, is_one in LOOKS.items():
        left = (heading for heading in headings if heading not in columns.values())
        values = {heading: _values(sample, heading) for heading in left}
        if ours not in columns and (like := next((h for h in values if is_one(values[h])), "")):
            columns[ours] = like
    if "number" not in columns:
        raise Invalid("import.missing", field="number")
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


def _are_words(choices: Mapping[str, str]) -> Callable[[Sequence[str]], bool]:
    """Whether they are words that mean something here."""
    return lambda values: _are_mostly(
        values, lambda value: any(_is_in(_folded(value), words) for words in choices.values())
    )


def _are_sentences(values: Sequence[str]) -> bool:
    return _are_mostly(values, lambda value: " " in value and not _is_moment(value))


def _are_mostly(values: Sequence[str], is_one: Callable[[str], bool]) -> bool:
    return bool(values) and sum(map(is_one, values)) >= MOSTLY * len(values)


MOSTLY = 0.8
# What a column of a name that nobody knows is like, in the order in which they are looked for.
LOOKS: dict[str, Callable[[Sequence[str]], bool]] = {
    "number": _are_numbers,
    "requester": _are_addresses,
    "created_at": _are_moments,
    "status": _are_words(STATUSES),
    "severity": _are_words(SEVERITIES),
    "subject": _are_sentences,
}


def _texts(name: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise Invalid("import.map_wrong", reason=f"[{name}]")
    return table


def _folded(text: str) -> str:
    """Small letters without accents and signs, with one space between words."""
    plain = nfkd(text).encode("ascii", "ignore").decode().lower()
    return _SIGNS.sub(" ", plain).strip()


def _is_in(words: str, choices: str) -> bool:
    return bool(words) and words in choices.split("|")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
