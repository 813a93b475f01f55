"""The form of a request: what one may say in it, what is wrong with it, what there is to choose."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from kbsearch import form_fields, people
from kbsearch.access import Viewer
from kbsearch.clock import utc_now
from kbsearch.database import Database, Row
from kbsearch.errors import Invalid, InvalidForm, NotFound, Problem
from kbsearch.form_fields import MAX_ANSWER, FormField
from kbsearch.search.fulltext.text import detect_language
from kbsearch.text import plain_text
from kbsearch.tickets import visibility
from kbsearch.tickets.codes import SEVERITIES, Channel
from kbsearch.tickets.filing import copies

MAX_SUBJECT = 300
MAX_BODY = 64_000
MAX_VERSION = 80
MOST_VERSIONS = 20


@dataclass(frozen=True)
class RequestForm:
    """What a form says, as it was typed; `organisation` and `software` are slugs."""

    subject: str = ""
    description: str = ""
    software: str = ""
    version: str = ""
    severity: str = ""
    organisation: str = ""
    cc: Sequence[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    confidential: bool = False
    requester: str = ""  # an address, when an agent files for a customer


@dataclass(frozen=True)
class FilingTerms:
    """The key of a form, the site's own questions, and whether a contract that is over will do.

    Of a mail, its description is plain text, `typed`; the `rest` it quoted or ended with is folded.
    `required`: fields that may be left empty elsewhere, in a mail for instance.
    """

    key: str
    fields: Sequence[FormField] = ()
    after_contract: bool = False
    typed: bool = False
    rest: str = ""
    required: Collection[str] = ()
    channel: Channel = "web"


@dataclass(frozen=True)
class OrganisationChoice:
    """An organisation one may file for, with what its contract covers today."""

    slug: str
    name: str
    products: tuple[tuple[str, str], ...]  # (slug, name)


def choices(db: Database, viewer: Viewer, *, requester: str = "") -> list[OrganisationChoice]:
    """The organisations that the viewer, or a customer an agent files for, may file for."""
    person_id = viewer.person_id or ""
    if requester and viewer.is_agent:
        person_id = people.find(db, requester).id
    rows = db.query(
        """
        SELECT o.slug, o.name, p.slug AS product, p.name AS product_name
        FROM memberships m JOIN organisations o ON o.id = m.organisation_id
        LEFT JOIN organisation_products op ON op.organisation_id = o.id
          AND COALESCE(o.contract_starts, :today) <= :today
          AND COALESCE(o.contract_ends, :today) >= :today
        LEFT JOIN products p ON p.id = op.product_id AND p.disabled_at IS NULL
        WHERE m.person_id = :person AND o.disabled_at IS NULL ORDER BY o.name, o.slug, p.name
        """,
        {"person": person_id, "today": utc_now().date().isoformat()},
    )
    covered: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in rows:
        products = covered.setdefault((row["slug"], row["name"]), [])
        products += [(row["product"], row["product_name"])] if row["product"] else []
    return [OrganisationChoice(*key, tuple(products)) for key, products in covered.items()]


def list_versions(db: Database, viewer: Viewer, software: str) -> list[str]:
    """The known versions of a product, then those of tickets the viewer may read, by frequency."""
    condition, principals = visibility.condition(viewer)
    values = {"slug": software, "limit": MOST_VERSIONS, **principals}
    product_versions = db.query(
        """
        SELECT v.name AS version FROM product_versions v JOIN products p ON p.id = v.product_id
        WHERE p.slug = :slug ORDER BY v.position LIMIT :limit
        """,
        values,
    )
    ticket_versions = db.query(
        f"""
        SELECT t.version FROM tickets t JOIN products p ON p.id = t.product_id
        WHERE p.slug = :slug AND t.version IS NOT NULL AND {condition}
        GROUP BY t.version ORDER BY COUNT(*) DESC, t.version DESC LIMIT :limit
        """,  # noqa: S608 (a condition of names of parameters)
        values,
    )
    return list(dict.fromkeys(row["version"] for row in [*product_versions, *ticket_versions]))


class Mistakes:
    """The problems of a form, gathered field by field."""

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        try:
            yield
        except (Invalid, NotFound) as problem:
            self.problems[name] = problem

    def check(self) -> None:
        if self.problems:
            raise InvalidForm("form.invalid", self.problems)


def read(
    db: Database,
    viewer: Viewer,
    request: RequestForm,
    terms: FilingTerms,
    *,
    at: datetime | None = None,
) -> tuple[Row, list[copies.Colleague]]:
    """The row of a ticket that a form makes, and who is in copy; raises InvalidForm."""
    mistakes, today = Mistakes(), (at or utc_now()).date().isoformat()
    row: Row = {
        "requester_id": viewer.person_id,
        "organisation_id": None,
        "product_id": None,
        "confidential": int(request.confidential),
        "severity": request.severity or "minor",
    }
    copied: list[copies.Colleague] = []
    with mistakes.of("requester"):
        row["requester_id"] = _requester(db, viewer, request.requester)
    with mistakes.of("subject"):
        row["subject"] = subject(request.subject)
    with mistakes.of("description"):
        row["description"] = _body(request.description)
    with mistakes.of("severity"):
        if "severity" in terms.required and not request.severity:
            raise Invalid("request.severity_required")
        if row["severity"] not in SEVERITIES:
            raise Invalid("request.severity_unknown")
    with mistakes.of("version"):
        row["version"] = version(request.version)
    with mistakes.of("organisation"):
        row["organisation_id"] = _organisation(db, row["requester_id"], request.organisation)
        is_bound = not (terms.after_contract or viewer.is_agent)
        _check_organisation(db, row["organisation_id"], today if is_bound else "")
    if "organisation" not in mistakes.problems:
        with mistakes.of("software"):
            if "software" in terms.required and not request.software:
                raise Invalid("request.software_required")
            row["product_id"] = product(db, viewer, row["organisation_id"], request.software, today)
        with mistakes.of("cc"):
            copied = copies.check_all(db, row["organisation_id"], row["requester_id"], request.cc)
    answers, problems = check_answers(terms.fields, request.software or None, request.fields)
    mistakes.problems.update(problems)
    mistakes.check()
    row["fields"] = json.dumps(answers, ensure_ascii=False)
    row["language"] = detect_language(f"{row['subject']} {row['description']}")
    return row, copied


def subject(text: str) -> str:
    """The subject of a request as it is kept; raises Invalid."""
    line = plain_text.line_within(MAX_SUBJECT, text)
    if not line:
        raise Invalid("request.subject_required")
    return line


def version(text: str) -> str | None:
    """The version of a product as it is kept; raises Invalid."""
    return plain_text.line_within(MAX_VERSION, text) or None


def product(
    db: Database, viewer: Viewer, organisation_id: str | None, software: str, today: str
) -> str | None:
    """The id of a product under the organisation's contract of today; agents may name any."""
    if not software:
        return None
    rows = db.query(
        """
        SELECT p.id FROM products p WHERE p.slug = :slug AND p.disabled_at IS NULL
          AND (:any = 1 OR EXISTS (
          SELECT 1 FROM organisation_products op JOIN organisations o ON o.id = op.organisation_id
          WHERE op.product_id = p.id AND o.id = :organisation
            AND COALESCE(o.contract_starts, :today) <= :today
            AND COALESCE(o.contract_ends, :today) >= :today))
        """,
        {
            "slug": software,
            "any": int(viewer.is_agent),
            "organisation": organisation_id,
            "today": today,
        },
    )
    if not rows:
        raise Invalid("request.software_unknown")
    product_id: str = rows[0]["id"]
    return product_id


def check_answers(
    fields: Sequence[FormField],
    software: str | None,
    answers: Mapping[str, str],
    there: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, Problem]]:
    """The answers to a product's own questions that are kept, and what is wrong, by field.

    What is `there` already stays as it is where nothing else is typed, whatever is offered now.
    """
    valid_answers: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    for question in form_fields.asked(fields, software, answers):
        name, typed = f"fields.{question.name}", answers.get(question.name, "")
        is_as_it_was = there is not None and typed == there.get(question.name, "")
        try:
            answer = typed if is_as_it_was else read_answer(question, typed)
        except Invalid as problem:
            problems[name] = problem
            continue
        if not answer and question.required and not is_as_it_was:
            problems[name] = Invalid("request.field_required")
        elif answer:
            valid_answers[question.name] = answer
    return valid_answers, problems


def read_answer(question: FormField, typed: str) -> str:
    """The value that is kept of what was typed into a field; raises Invalid."""
    return question.read(plain_text.block_within(MAX_ANSWER, typed))


def _requester(db: Database, viewer: Viewer, address: str) -> str | None:
    if not address.strip() or not viewer.is_agent:
        return viewer.person_id
    person = people.find(db, address)
    if person.disabled_at:
        raise Invalid("person.is_disabled", email=person.email)
    return person.id


def _body(text: str) -> str:
    body = plain_text.block_within(MAX_BODY, text)
    if not body:
        raise Invalid("request.description_required")
    return body


def _organisation(db: Database, requester_id: str | None, slug: str) -> str | None:
    """The one that is named, or the only one; somebody may belong to none."""
    rows = db.query(
        """
        SELECT o.id, o.slug FROM memberships m JOIN organisations o ON o.id = m.organisation_id
        WHERE m.person_id = :person
        """,
        {"person": requester_id},
    )
    ids = {row["slug"]: row["id"] for row in rows}
    if not slug and len(ids) < 2:
        return next(iter(ids.values()), None)
    if not slug:
        raise Invalid("request.organisation_required")
    if slug not in ids:
        raise Invalid("request.organisation_unknown")
    organisation_id: str = ids[slug]
    return organisation_id


def _check_organisation(db: Database, organisation_id: str | None, today: str) -> None:
    """Nobody files for one that is disabled, nor after its contract; an empty day is before all."""
    rows = db.query(
        "SELECT disabled_at, contract_ends FROM organisations WHERE id = :id",
        {"id": organisation_id},
    )
    if rows and rows[0]["disabled_at"]:
        raise Invalid("request.organisation_disabled")
    if rows and (rows[0]["contract_ends"] or today) < today:
        raise Invalid("request.contract_ended")
