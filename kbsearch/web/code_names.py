"""What people read for codes: of fields, events, channels, states and the like.

A table maps a code to a message of the catalogues; `Language.named` says it in a language.
"""

from collections.abc import Mapping
from typing import Any

from kbsearch.tickets import codes


def _(message: str) -> str:
    """Mark what the catalogues have: it is translated where it is said."""
    return message


SEVERITIES = {
    "minor": _("Minor: a question"),
    "major": _("Major: a step cannot be completed"),
    "blocking": _("Blocking: the application is unavailable"),
}
# A day of the week, by its English name in small letters.
WEEKDAYS = {
    "monday": _("Monday"),
    "tuesday": _("Tuesday"),
    "wednesday": _("Wednesday"),
    "thursday": _("Thursday"),
    "friday": _("Friday"),
    "saturday": _("Saturday"),
    "sunday": _("Sunday"),
}
# What a form calls a field that people fill in.
FIELDS = {
    "subject": _("Subject"),
    "description": _("Description"),
    "software": _("Software"),
    "version": _("Version"),
    "severity": _("Severity"),
    "cc": _("In copy"),
    "body": _("Message"),
    "name": _("Name"),
    "title": _("Title"),
    "email": _("E-mail address"),
    "mobile": _("Mobile number"),
    "password": _("Password"),
    "current": _("Present password"),
    "again": _("The same once more"),
    "code": _("Code"),
    "zone": _("Time zone"),
    **WEEKDAYS,
    "holidays": _("Public holidays"),
    "closing_days": _("Closing days"),
    "product": _("Software"),
    "organisation": _("Organisation"),
    "contract": _("Contract"),
    "calendar": _("Calendar"),
    "first_answer": _("First answer, in hours"),
    "next_answer": _("Next answers, in hours"),
    "solution": _("Solution, in hours"),
    "slug": _("Slug"),
    "role": _("Role"),
    "language": _("Language"),
    "time_zone": _("Time zone"),
    "single_keys": _("Shortcuts of a single key"),
    "away_until": _("Back on"),
    "organisations": _("Organisations"),
    "phone": _("Support phone"),
    "contract_starts": _("First day"),
    "contract_ends": _("Last day"),
    "sharing": _("Besides whoever wrote it, a request is read by"),
    "products": _("Products covered"),
    "followers": _("People named"),
    "trusted_devices": _("They may trust a device for 30 days"),
    "accent": _("Colour"),
    "welcome_fr": _("Welcome in French"),
    "welcome_en": _("Welcome in English"),
    "versions": _("Versions"),
    "where_fr": _("Where to find the version, in French"),
    "where_en": _("Where to find the version, in English"),
    "kinds": _("Events"),
    "tag": _("Tag"),
    "with_fields": _("With subjects, texts and names"),
    "logo": _("Logo"),
    "digest": _("E-mails"),
    "rating": _("Our answer was"),
    "why": _("Why?"),
    "state": _("State"),
    "reason": _("Reason"),
    "answer": _("Answer"),
}
# Why an article did not help.
REASONS = {
    "incomplete": _("It is incomplete"),
    "outdated": _("It is out of date"),
    "elsewhere": _("It is not about my problem"),
    "other": _("Something else"),
    "": _("No reason given"),
}
# What says that something is missing.
SIGNALS = {
    "empty": _("no result"),
    "ignored": _("nothing opened"),
    "filed": _("then a request"),
    "vote": _("did not help"),
    "case": _("solved without an article"),
}
HOLIDAYS = {
    "": _("None"),
    "france": _("France"),
    "alsace-moselle": _("France: Alsace and Moselle"),
}
ROLES = {
    "customer": _("Customer"),
    "agent": _("Agent"),
    "writer": _("Writer"),
    "administrator": _("Administrator"),
}
SHARINGS = {
    "nobody": _("nobody else"),
    "people": _("the people it names"),
    "everyone": _("everybody of the organisation"),
}
# What happened, in words; the outbox has kinds of its own, which stay as they are.
EVENTS = {
    "ticket.opened": _("A request is opened"),
    "ticket.replied": _("A reply is written"),
    "ticket.noted": _("An internal note is written"),
    "ticket.assigned": _("A request is assigned"),
    "ticket.status_changed": _("A request changes status"),
    "ticket.solved": _("A request is solved"),
    "ticket.closed": _("A request is closed"),
    "ticket.merged": _("A request is merged into another"),
    "ticket.reopened": _("A request is opened again"),
    "ticket.cc_added": _("Somebody is put in copy"),
    "ticket.cc_removed": _("Somebody is taken out of copy"),
    "ticket.changed": _("A request is corrected"),
    "ticket.due_soon": _("A request is due soon"),
    "ticket.overdue": _("A request is overdue"),
    "ticket.article": _("An article answers one of my requests"),
    "article.published": _("An article is published"),
    "article.withdrawn": _("An article is withdrawn"),
    "article.feedback": _("A reader says whether an article helped"),
    "announcement.published": _("A known problem or a notice is published"),
    "announcement.ended": _("A known problem is fixed, or a notice is over"),
    "announcement.letter": _("An e-mail about a known problem or a notice"),
    "search.failed": _("A search finds nothing"),
    "rule.applied": _("A rule was meant for a request"),
    "rule.notice": _("A rule points to a request"),
    "user.invited": _("Somebody is invited"),
    "user.signed_in": _("Somebody signs in"),
    "webhook.test": _("A test"),
    "webhook.died": _("A webhook is disabled"),
    "code.wanted": _("A verification code"),
    "mobile.code_asked": _("A verification code"),
    "password.forgotten": _("A link to choose a password"),
    "password.changed": _("A password was changed"),
    "person.invited": _("An invitation"),
    "invitation.due": _("An invitation"),
    "invitation.reminded": _("A reminder of an invitation"),
    "invitation.rehearsed": _("A rehearsal of an invitation"),
    "sign_in.new_browser": _("A sign-in from a new browser"),
    "notice.digest": _("A digest"),
    "mail.stranger_answered": _("An answer to a stranger’s mail"),
    "mail.encrypted_answered": _("An answer to an encrypted mail"),
    "mail.files_refused": _("An answer about files that were refused"),
    "file.infected": _("A file was found infected"),
    "mail.test": _("A letter to try the way"),
    "article.told": _("An article answers one of my requests"),
    "authenticator.added": _("An authenticator app was added"),
    "authenticator.removed": _("An authenticator app was removed"),
    "token.added": _("A token was made"),
    "passkey.added": _("A passkey was added"),
    "passkey.removed": _("A passkey was removed"),
    "recovery_codes.made": _("Recovery codes were made"),
    "recovery_code.used": _("A recovery code was used"),
    "mobile.verified": _("A mobile number was verified"),
    "mobile.removed": _("A mobile number was removed"),
    "address.entered": _("An address to be confirmed"),
    "address.replaced": _("An address was replaced"),
    "reply.release": _("A reply that is about to leave"),
    "trailers.published": _("A commit is published"),
}
# How the next of a team is chosen.
WAYS = {"in_turn": _("in turn"), "least_busy": _("whoever has the fewest requests")}
# What a correction calls a field of a request.
CORRECTED = {
    "organisation": _("Organisation"),
    "confidential": _("Confidential"),
    "status": _("Status"),
    "assignee": _("Looked after by"),
    "team": _("Team"),
}
# What a field of that kind takes.
FIELD_KINDS = {
    "text": _("Text"),
    "number": _("A number"),
    "date": _("Date"),
    "yes_no": _("Yes or no"),
    "choice": _("One of several choices"),
    "choices": _("Several choices"),
}
# By which way something leaves.
CHANNELS = {
    "mail": _("E-mail"),
    "sms": _("Text message"),
    "webhook": _("Webhook"),
    "inside": _("Not shared out yet"),
    "index": _("Search index"),
}
SENDING_STATES = {
    "waiting": _("Waiting"),
    "failed": _("Failed, will be tried again"),
    "dead": _("Given up"),
    "sent": _("Delivered"),
}
# What became of a letter or a text message.
DEPARTURE_STATES = {
    "accepted": _("Accepted by the server"),
    "bounced": _("Came back"),
    "waiting": _("Waiting"),
    "failed": _("Failed, will be tried again"),
    "dead": _("Given up"),
    "dropped": _("Concerned nobody any more"),
    "before": _("Left before this account began"),
}
# Why something has not left; what a mail server said stays as it is.
FAILURES = {
    "blocked": _("Its address is not allowed"),
    "unresolved": _("Its name has no address"),
    "unreachable": _("Nobody answers at its address"),
    "tls": _("Its certificate is not good"),
    "timeout": _("No answer in time"),
    "cut": _("The connection was cut"),
    "garbled": _("The answer makes no sense"),
    "status": _("It was refused"),
    "unsigned": _("Its secret can no longer be read: change it"),
    "disabled": _("The webhook was disabled"),
}
# A change of a request, in its conversation.
CHANGES = {
    "ticket.assigned": _("%(who)s: %(after)s looks after the request."),
    "ticket.solved": _("%(who)s marked the request as solved."),
    "ticket.closed": _("The request was closed."),
    "ticket.merged": _("%(who)s merged the request into another one."),
    "ticket.reopened": _("%(who)s reopened the request."),
    "ticket.status_changed": _("Status: %(before)s, then %(after)s (%(who)s)."),
    "ticket.cc_added": _("%(who)s put %(after)s in copy."),
    "ticket.cc_removed": _("%(who)s took %(before)s out of copy."),
}
CORRECTION = _("%(field)s: %(before)s, then %(after)s (%(who)s).")

# What templates call them.
IN_TEMPLATES: dict[str, Mapping[Any, str]] = {
    "status_name": codes.STATUS_NAMES,
    "severity_word": codes.SEVERITY_NAMES,
    "severity_name": SEVERITIES,
    "reason_name": REASONS,
    "signal_name": SIGNALS,
    "weekday": WEEKDAYS,
    "holidays_name": HOLIDAYS,
    "role_name": ROLES,
    "sharing_name": SHARINGS,
    "event_name": EVENTS,
    "field_kind": FIELD_KINDS,
    "channel_name": CHANNELS,
    "sending_state": SENDING_STATES,
    "departure_state": DEPARTURE_STATES,
    "why_not_sent": FAILURES,
    "way_name": WAYS,
}
