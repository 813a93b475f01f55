"""The form of a request: prefilled, filled in, sent; its drafts are pages of `web.drafts`."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from flask import Blueprint, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from kbsearch import announcements, limits, tickets
from kbsearch.announcements import Announcement
from kbsearch.clock import utc_now
from kbsearch.database import new_id
from kbsearch.errors import AlreadySent, Invalid, InvalidForm, Problem, SignInNeeded, TooMany
from kbsearch.files import places
from kbsearch.people import organisations
from kbsearch.people.organisations import Organisation
from kbsearch.tickets import Ticket, filing
from kbsearch.tickets import files as attachments
from kbsearch.tickets.codes import SEVERITIES
from kbsearch.tickets.desk import finding
from kbsearch.tickets.files import Upload
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.filing.drafts import FormDraft
from kbsearch.tickets.filing.form import MAX_BODY, MAX_SUBJECT, MAX_VERSION, FilingTerms
from kbsearch.web import vendor_fields
from kbsearch.web.help import visits
from kbsearch.web.render import (
    db,
    go_to,
    language,
    my_organisations,
    person,
    render,
    site,
    viewer,
    wants_fragment,
)
from kbsearch.web.tickets import suggestions
from kbsearch.web.tickets.form import Filled, required, software_of, values_of

MAX_CALLER = 254
MAX_CC = 1_000  # characters of a prefilled list of addresses
_ADDRESS = re.compile(r"(?<![^@\s,;])[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")

bp = Blueprint("filing", __name__)


@bp.get("/requests/new")
def new() -> Response:
    """The form: empty, prefilled by its address, after a closed request, or a draft."""
    args = request.args
    if not viewer().is_signed_in:
        return render(
            "tickets/stranger.html", "tickets/_stranger.html", subject=prefilled()["subject"]
        )
    if accepting() is None:
        return render("tickets/closed.html", "tickets/_closed.html")
    if "draft" in args:
        if drafts.was_sent(db(), viewer(), args["draft"]):  # somebody goes back, or on elsewhere
            return page(Filled(new_id(), prefilled()), waiting())
        draft = drafts.find(db(), viewer(), args["draft"])
        if draft.ticket is not None:
            return go_to(f"/{language()}/requests/{draft.ticket.id}#reply")
        return page(of_draft(draft))
    values = prefilled()
    if "follows" in args:
        values |= following(tickets.find(db(), viewer(), args["follows"]))
    offered = () if "follows" in args else waiting()
    return page(Filled(new_id(), values), offered)


@bp.post("/requests/new")
def send() -> Response:
    """File what is in the form; with `step=suggestions`, show first what may answer it."""
    person()
    values, key = values_of(request.form), request.form.get("key") or new_id()
    files = request.files.getlist("files")
    try:
        wrong = take_files(key, files)
        if wrong is not None:
            return refused(key, values, {"files": wrong})
        is_new = not drafts.was_sent(db(), viewer(), key)
        if is_new and request.form.get("step") == "suggestions":
            keep(key, values)
            return suggestions.page(Filled(key, values))
        ticket = file(key, values)
    except InvalidForm as refusal:
        return refused(key, values, refusal.problems)
    except AlreadySent as conflict:
        return refused(set_apart(files), values, {"": conflict})
    except (Invalid, TooMany) as problem:
        return refused(key, values, {"": problem})
    response = go_to(f"/{language()}/requests/{ticket.id}?thanks=1")
    visits.filed(response, ticket)
    return response


@bp.post("/requests/announcements")
def announce() -> Response:
    """What is announced of the software and version, above the form."""
    person()
    filled = Filled("", values_of(request.form))
    return render("tickets/_announced.html", announced=announced(filled))


@bp.post("/requests/fields")
def fields() -> Response:
    """What depends on the software: its versions, and the questions it asks besides."""
    person()
    return render(
        "tickets/new.html",
        "tickets/_product.html",
        waiting=[],
        **shown(Filled(new_id(), values_of(request.form))),
    )


def file(key: str, values: Mapping[str, str]) -> Ticket:
    """The ticket that the form makes, or made the first time it was sent."""
    content = Filled(key, {**values, "requester": customer_of(values.get("requester", ""))}).request
    settings = site().settings
    terms = FilingTerms(
        key,
        vendor_fields.definitions(),
        after_contract=settings.expired_contract_requests,
        required=required(values.get("requester", "")),
        channel="phone" if viewer().is_agent and values.get("by_phone") else "web",
    )
    if viewer().role == "customer" and not drafts.was_sent(db(), viewer(), key):
        limits.take(db(), limits.REQUESTS_OF_CUSTOMER, viewer().person_id or "")
    follows = values.get("follows")
    if follows:
        followed = tickets.find(db(), viewer(), follows)
        return filing.follow_up(db(), viewer(), followed, content, terms)
    return filing.open(db(), viewer(), content, terms)


def refused(key: str, values: Mapping[str, str], problems: Mapping[str, Problem]) -> Response:
    """The form again with everything in it, kept as a draft, and what is wrong told first."""
    if problems.keys() == {""} and problems[""].key == "form.key_invalid":
        key = new_id()
    draft = keep(key, values)
    files = attachments.list_unsent(db(), viewer(), key)
    filled = Filled(key, values, files, problems, draft.revision if draft else "")
    response = page(filled) if accepting() is not None else render("tickets/closed.html")
    problem = problems.get("")
    response.status_code = problem.status if problem else HTTPStatus.UNPROCESSABLE_ENTITY
    return response


def set_apart(files: Iterable[FileStorage], ticket: Ticket | None = None) -> str:
    """A key for what was typed into a form that was sent with another text, with its files."""
    key = new_id()
    take_files(key, files, ticket)
    return key


def keep(key: str, values: Mapping[str, str]) -> FormDraft | None:
    """Save the draft; what is too long for one is still in the page that answers."""
    try:
        return drafts.save(db(), viewer(), key, values)
    except Problem:
        return None


def take_files(
    key: str, files: Iterable[FileStorage], ticket: Ticket | None = None
) -> Problem | None:
    """Put the files of a form into its draft, all that can be; the first problem there was.

    Raises AlreadySent when the form was sent without one of them.
    """
    store, wrong = places.attached(site().settings), None
    for file in files:
        if not file.filename:
            continue
        file.stream.seek(0)
        try:
            upload = Upload(file.filename, file.stream)
            drafts.attach(db(), viewer(), store, key, upload, ticket=ticket)
        except (SignInNeeded, AlreadySent):
            raise
        except Problem as problem:
            wrong = wrong or problem
    return wrong


def page(filled: Filled, waiting: Iterable[FormDraft] = ()) -> Response:
    return render("tickets/new.html", "tickets/_new.html", waiting=list(waiting), **shown(filled))


def offered(subject: str) -> dict[str, object] | None:
    """What the templates of the form need below a search that found nothing.

    A piece of the page has none: it fetches the form once the typing has come to rest.
    """
    if wants_fragment() or not viewer().is_signed_in or accepting() is None:
        return None
    values = {"subject": subject[:MAX_SUBJECT], "software": only_software()}
    return {**shown(Filled(new_id(), values)), "waiting": waiting()}


def shown(filled: Filled) -> dict[str, object]:
    """What the templates of the form need."""
    return {
        "form": filled.shown(accepting()),
        "cards": suggestions.cards(filled),
        "announced": announced(filled),
        "max_bytes": attachments.MAX_BYTES,
        "max_files": attachments.MAX_FILES,
    }


def announced(filled: Filled) -> list[Announcement]:
    """What is announced of the software and version that are chosen."""
    product, version = (filled.values.get(name, "") for name in ("software", "version"))
    return announcements.list_about(db(), viewer(), product, version[:MAX_VERSION])


def accepting() -> list[Organisation] | None:
    """The visitor's organisations that may file today; None when they have some, and none may."""
    own_organisations, today = my_organisations(), utc_now().date()
    settings = site().settings
    open_ones = [
        organisation
        for organisation in own_organisations
        if organisations.accepts_requests(organisation, today, settings)
    ]
    return open_ones if open_ones or not own_organisations or viewer().is_agent else None


def prefilled() -> dict[str, str]:
    """What the address says, checked: unknown choices are dropped, long texts are cut."""
    args = request.args
    limits = {"subject": MAX_SUBJECT, "description": MAX_BODY, "version": MAX_VERSION}
    values = {name: clean(args.get(name, ""))[:limit] for name, limit in limits.items()}
    values["subject"] = " ".join(values["subject"].split())
    values["version"] = " ".join(values["version"].split())
    if args.get("severity") in SEVERITIES:
        values["severity"] = args["severity"]
    values["software"] = args.get("software", "") or only_software()
    if viewer().is_agent:  # a telephone says who calls: `?phone=`
        caller = clean(args.get("requester", "") or args.get("phone", ""))[:MAX_CALLER]
        values["requester"] = customer_of(caller)
        values["by_phone"] = "1" if args.get("phone") else ""
    values["cc"] = ", ".join(_ADDRESS.findall(clean(args.get("cc", ""))[:MAX_CC]))
    return values


def only_software() -> str:
    """The product of a customer who has one alone."""
    slugs = [slug for slug, _ in software_of("")]
    return slugs[0] if len(slugs) == 1 and not viewer().is_agent else ""


def customer_of(text: str) -> str:
    """The address of the one customer whom an agent's words name; else what they are."""
    if not viewer().is_agent or not text.strip() or "@" in text:
        return text
    named = finding.by_name(db(), viewer(), text, 2).customers
    return named[0].email if len(named) == 1 else text


def following(ticket: Ticket) -> dict[str, str]:
    """What a request that goes on from a closed one begins with."""
    if ticket.status != "closed":
        raise Invalid("ticket.not_closed", number=ticket.number)
    return {
        "follows": ticket.id,
        "subject": ticket.subject,
        "software": ticket.product or "",
        "version": ticket.version or "",
        "organisation": ticket.organisation_slug or "",
    }


def of_draft(draft: FormDraft) -> Filled:
    return Filled(draft.key, draft.fields, draft.files, revision=draft.revision)


def waiting() -> list[FormDraft]:
    """The visitor's requests that are not sent yet."""
    return [draft for draft in drafts.list_all(db(), viewer()) if draft.ticket is None]


def clean(text: str) -> str:
    """Without the characters nobody sees and no field takes."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t").strip()
