"""Mail: how it leaves and comes, the consent it may need, and a letter to try it."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import config, people
from kbsearch.database import new_id
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.messages.delivery import channels, departures, mail_provider, mail_tokens
from kbsearch.messages.delivery.channels import ChannelError
from kbsearch.messages.notifications import letters
from kbsearch.people.accounts.single_sign_on import journeys
from kbsearch.web.account import tokens
from kbsearch.web.admin.door import bp
from kbsearch.web.render import db, language, render, site, viewer


@bp.get("/mail")
def show_mail() -> Response:
    return mail_page(is_done=request.args.get("done") == "consented")


@bp.get("/mail/consent")
def ask_for_mail_consent() -> Response:
    """Go to the provider. A link, not a form: `form-action 'self'` holds for redirects as well."""
    provider = mail_provider.of(site().settings)
    if provider is None or not provider.asks_people:
        raise NotFound("web.not_found")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise Forbidden("web.cross_site")  # it could end in the account of whoever is signed in
    journey = journeys.depart(db(), session_of_mail(), "", language())
    return redirect(provider.address(journey.state, journey.verifier), 303)


@bp.get("/mail/callback")
def keep_mail_consent() -> Response:
    """Come back from the provider, in the session that left for it."""
    try:
        journey = journeys.arrive(db(), session_of_mail(), request.args.get("state", ""))
        if "code" not in request.args:
            raise Invalid("mail_access.declined")
        code, settings = request.args["code"], site().settings
        mail_tokens.consent(db(), viewer(), settings, code, journey.verifier)
    except Invalid as problem:
        return mail_page(problem=problem)
    return redirect(f"/{journey.language}/admin/mail?done=consented", 303)


@bp.post("/mail/tests")
def send_test_mail() -> Response:
    """A letter to whoever asks for it, now, and what the server says to it."""
    person = people.find(db(), viewer().email)
    letter = letters.compose(site().settings, "test", person, new_id(), {})
    try:
        receipt = channels.mail(site().settings, db()).send(letter)
    except ChannelError as problem:
        return mail_page(problem=Invalid("mail_access.not_sent", told=str(problem)))
    departures.enter_trial(db(), receipt)
    return mail_page(sent_to=person.email)


def mail_page(
    *, problem: Invalid | None = None, sent_to: str = "", is_done: bool = False
) -> Response:
    settings = site().settings
    response = render(
        "admin/mail.html",
        consent=mail_tokens.look(db(), settings),
        outgoing=config.without_user(settings.smtp_url),
        incoming=config.without_user(settings.imap_url),
        problem=problem,
        sent_to=sent_to,
        is_done=is_done,
    )
    response.status_code = 422 if problem else 200
    return response


def session_of_mail() -> str:
    """What binds the way there and back to one session, and to this purpose."""
    return f"mail {tokens.held(tokens.SESSION)}"
