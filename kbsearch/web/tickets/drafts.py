"""Drafts of requests and replies: saved while they are typed, with the files chosen so far."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import i18n, tickets
from kbsearch.errors import AlreadySent, Conflict, Full, Invalid, Problem, TooMany, Unavailable
from kbsearch.files import places
from kbsearch.tickets import Ticket
from kbsearch.tickets import files as attachments
from kbsearch.tickets.files import Attachment, Upload
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.filing.drafts import FormDraft
from kbsearch.web.render import db, language, person, render, site, viewer, wants_fragment
from kbsearch.web.tickets import form

REPLY = ("body", "internal", "solution", "status", "macro")  # the fields of a reply

bp = Blueprint("drafts", __name__)


@bp.get("/requests/drafts")
def index() -> Response:
    """What is begun and not sent: requests and replies."""
    unsent = drafts.list_all(db(), person())
    return render("tickets/drafts.html", drafts=unsent, days=site().settings.draft_days)


@bp.post("/requests/drafts/<key>")
def save(key: str) -> Response:
    """Save what is typed; a page that saves in the background is told nothing but that."""
    person()
    ticket = answered()
    fields = request.form
    values = {n: fields[n] for n in REPLY if n in fields} if ticket else form.typed(fields)
    try:
        revision = fields.get("draft_revision")
        draft = drafts.save(db(), viewer(), key, values, ticket=ticket, revision=revision)
    except Conflict as conflict:
        key, draft = drafts.set_apart(db(), viewer(), key, values, ticket=ticket)
        response = apart(conflict, key, draft) if wants_fragment() else done(key, ticket)
    else:
        response = done(key, ticket)
    response.headers["Draft-Revision"] = draft.revision if draft else ""
    return response


@bp.post("/requests/drafts/<key>/discard")
def discard(key: str) -> Response:
    drafts.discard(db(), person(), key)
    return Response(status=303, headers={"Location": f"/{language()}/requests/drafts"})


@bp.post("/requests/drafts/<key>/files")
def upload(key: str) -> Response:
    """Take a file in at the moment it is chosen; the answer is its line in the list."""
    person()
    store, ticket = places.attached(site().settings), answered()
    attachments: list[Attachment] = []
    try:
        for file in request.files.getlist("files"):
            if file.filename:
                upload = Upload(file.filename, file.stream)
                attachment = drafts.attach(db(), viewer(), store, key, upload, ticket=ticket)
                attachments.append(attachment)
    except (Invalid, AlreadySent, TooMany, Full, Unavailable) as problem:
        if not wants_fragment():
            raise
        return told(problem)
    if wants_fragment():
        return render("tickets/_file.html", "tickets/_file.html", key=key, files=attachments)
    return done(key, ticket)


@bp.post("/requests/drafts/<key>/files/<id>/remove")
def remove(key: str, id: str) -> Response:
    """Take a file back; without JavaScript the form comes along, and is saved."""
    person()
    attachments.discard(db(), viewer(), id)
    if wants_fragment():
        return Response(status=204)
    return save(key)


def answered() -> Ticket | None:
    """The request that the form answers; none when it makes a new one."""
    id = request.form.get("ticket")
    return tickets.find(db(), viewer(), id) if id else None


def done(key: str, ticket: Ticket | None) -> Response:
    """Back to the form; nothing at all for a page that is still there."""
    if wants_fragment():
        return Response(status=204)
    place = f"requests/{ticket.id}#reply" if ticket else f"requests/new?draft={key}"
    return Response(status=303, headers={"Location": f"/{language()}/{place}"})


def apart(conflict: Conflict, key: str, draft: FormDraft | None) -> Response:
    """A page goes on under a key of its own; the files it lists are those of that key."""
    files = draft.files if draft else ()
    response = render("tickets/_file.html", "tickets/_file.html", key=key, files=files)
    response.status_code = conflict.status
    response.headers["Draft-Key"] = key
    return response


def told(problem: Problem) -> Response:
    """What is wrong with a file, in one line for the list."""
    return Response(
        i18n.explain(problem, language()),
        status=problem.status,
        content_type="text/plain; charset=utf-8",
    )
