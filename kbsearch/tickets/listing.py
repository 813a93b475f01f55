"""What every list of requests has, customers' and agents': what narrows it, its lines, its pages.

What is typed in a list is looked for in subjects and numbers by the database, so that a subject
is found from the first letters typed, also while the index is away. Words of the conversation
are the index's: `also` adds the numbers it found, and the list confirms that they are visible.
"""

from dataclasses import dataclass

from kbsearch.database import escape_like, one_of
from kbsearch.form_fields import FormField
from kbsearch.tickets import fields, tags
from kbsearch.tickets.codes import Severity, Status

PAGE_SIZE = 25
MOST_WORDS = 8
MOST_FOUND = 200  # numbers taken from the index
LONGEST_WORD = 100  # characters; LIKE refuses long patterns
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

# The columns of a line, and where they come from.
COLUMNS = """
    t.id, t.number, t.subject, t.language, t.status, t.severity, p.name AS product, t.version,
    COALESCE(q.name, t.requester_email, '') AS requester, o.name AS organisation,
    t.created_at, t.updated_at
"""
SOURCES = """
    tickets t
    LEFT JOIN products p ON p.id = t.product_id
    LEFT JOIN people q ON q.id = t.requester_id
    LEFT JOIN organisations o ON o.id = t.organisation_id
"""


@dataclass(frozen=True, kw_only=True)
class TicketFilter:
    """What a list is narrowed to, and which page of it; organisation and product by slug."""

    organisation: str = ""
    product: str = ""
    text: str = ""
    tags: tuple[str, ...] = ()  # all of them; for agents
    answers: tuple[tuple[FormField, str], ...] = ()  # in fields that the vendor added
    page: int = 1
    also: tuple[int, ...] = ()  # numbers that the index found for the text


@dataclass(frozen=True, kw_only=True)
class TicketLine:
    """A request in a list."""

    id: str
    number: int
    subject: str
    language: str
    status: Status
    severity: Severity
    product: str | None  # a name
    version: str | None
    requester: str
    organisation: str | None  # a name
    created_at: str
    updated_at: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Number, subject, status, severity, product, version, requester, organisation."""
        return (
            str(self.number),
            self.subject,
            self.status,
            self.severity,
            self.product or "",
            self.version or "",
            self.requester,
            self.organisation or "",
        )


def safe_cell(text: str) -> str:
    """A text that a spreadsheet shows as it is: what would be a formula begins with a quote."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def page_of(total: int, page: int) -> tuple[int, int, slice]:
    """Which page there is when that one is asked for, of how many, and its lines."""
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), pages)
    return page, pages, slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)


def narrowed(filter: TicketFilter, named: str = "") -> tuple[list[str], dict[str, object]]:
    """What tickets `t` fulfil that the filter leaves, and the values of these conditions.

    `named` is a condition under which what is typed means a ticket although it has not its words.
    """
    conditions, values = _holding(filter.text, filter.also, named)
    if filter.organisation:
        conditions.append(
            "t.organisation_id = (SELECT wo.id FROM organisations wo WHERE wo.slug = :organisation)"
        )
        values["organisation"] = filter.organisation
    if filter.product:
        conditions.append("t.product_id = (SELECT wp.id FROM products wp WHERE wp.slug = :product)")
        values["product"] = filter.product
    tagged, names = tags.narrowed(filter.tags)
    answered, answers = fields.narrowed(filter.answers)
    return [*conditions, *tagged, *answered], {**values, **names, **answers}


def _holding(text: str, also: tuple[int, ...], named: str) -> tuple[list[str], dict[str, object]]:
    """Every word typed is in the subject or begins the number, or the index found the ticket."""
    clean = text.replace("\x00", " ").encode("utf-8", "replace").decode()
    terms = [term[:LONGEST_WORD].lower() for term in clean.split()[:MOST_WORDS]]
    if not terms:
        return [], {}
    values: dict[str, object] = {}
    holds = []
    for n, term in enumerate(terms):
        values[f"word{n}"] = f"%{escape_like(term)}%"
        values[f"number{n}"] = f"{escape_like(term.removeprefix('#'))}%"
        holds.append(
            f"(LOWER(t.subject) LIKE :word{n} ESCAPE '!'"
            f" OR CAST(t.number AS TEXT) LIKE :number{n} ESCAPE '!')"
        )
    places, numbers = one_of("found", also[:MOST_FOUND])
    either = [f"({' AND '.join(holds)})", f"t.number IN ({places})", *([named] if named else [])]
    return [f"({' OR '.join(either)})"], {**values, **numbers}
