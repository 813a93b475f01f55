"""Mail that came in, for agents: what is held, what became of the rest, the originals."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from kbsearch import access
from kbsearch.clock import utc_now
from kbsearch.errors import Invalid, NotFound
from kbsearch.files import scans
from kbsearch.messages.incoming import arrivals, correspondents, ledger, mails, parsing, reasons
from kbsearch.messages.incoming.mails import Mail, State
from kbsearch.text.markup import quotation
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, language, render, site, viewer

LISTS: dict[str, tuple[State, ...]] = {
    "held": ("held",),
    "taken": ("joined", "opened"),
    "aside": ("automatic", "bounced", "discarded"),
}

bp = Blueprint("incoming_mail", __name__)


@bp.before_request
def for_agents() -> None:
    """Nobody else can tell that these pages are there."""
    if not viewer().is_agent:
        raise NotFound("web.not_found")


@bp.get("/desk/mail")
def index() -> Response:
    access.only_unlimited(viewer())  # what waits is of no request yet
    name = request.args.get("list", "held")
    if name == "account":
        return account()
    if name not in LISTS:
        raise NotFound("web.not_found")
    return render(
        "desk/incoming.html",
        mails=mails.list_all(db(), viewer(), LISTS[name]),
        shown=name,
        balances=ledger.balances(db()),
        sentences=reasons.sentences,
    )


def account() -> Response:
    """What became of each message of the mailbox, and whether the sum is right."""
    return render(
        "desk/mail_account.html",
        lines=ledger.list_lines(db(), viewer()),
        counts=ledger.count_by_state(db(), viewer()),
        shown="account",
        balances=ledger.balances(db()),
        states=reasons.STATES,
        sentences=reasons.sentences,
    )


@bp.get("/desk/mail/<id>")
def show(id: str) -> Response:
    return _page(mails.find(db(), viewer(), id))


@bp.get("/desk/mail/<id>/original.eml")
def original(id: str) -> Response:
    """As a file, once it is known to be clean: no browser may take it for a page."""
    scans.check(db(), site().settings, mails.find(db(), viewer(), id).sha256)
    response = Response(
        mails.original(db(), viewer(), site().settings, id), content_type="message/rfc822"
    )
    response.headers["Content-Disposition"] = 'attachment; filename="original.eml"'
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@bp.post("/desk/mail/<id>/attach")
def attach(id: str) -> Response:
    mail = mails.find(db(), viewer(), id)
    text = request.form.get("number", "").strip().lstrip("#")
    try:
        number = whole(text)
        if number is None:
            raise Invalid("mail.number_required")
        mail = mails.attach(db(), viewer(), site().settings, mail, number)
    except (Invalid, NotFound) as problem:
        response = _page(mail, problem=problem, text=text)
        response.status_code = 422
        return response
    return redirect(f"/{language()}/requests/{mail.ticket_id}", 303)


@bp.post("/desk/mail/<id>/discard")
def discard(id: str) -> Response:
    mails.discard(db(), viewer(), mails.find(db(), viewer(), id))
    return redirect(f"/{language()}/desk/mail", 303)


@bp.post("/desk/mail/<id>/attempt")
def attempt(id: str) -> Response:
    """Have a mail that could not be taken in tried once more."""
    arrivals.try_again(db(), viewer(), mails.find(db(), viewer(), id), at=utc_now())
    return redirect(f"/{language()}/desk/mail/{id}", 303)


def _page(mail: Mail, *, problem: Invalid | NotFound | None = None, text: str = "") -> Response:
    original = mails.original(db(), viewer(), site().settings, mail.id)
    if mail.is_untaken:
        sentences = reasons.sentences(mail.state, mail.reason)
        return render("desk/mail_not_taken.html", mail=mail, size=len(original), told=sentences)
    read = parsing.read(original)
    whose = correspondents.find(db(), site().settings, read.fields, mail.ticket_id)
    return render(
        "desk/incoming_message.html",
        mail=mail,
        read=read,
        shown=quotation.cut(read.text, read.fields.subject, whose),
        problem=problem,
        typed=text or mail.suggested_number or "",
        sentences=reasons.sentences,
    )
