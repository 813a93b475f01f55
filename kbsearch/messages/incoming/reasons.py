"""Why a mail was held or left out, in words for agents."""

from collections.abc import Mapping


def _(message: str) -> str:
    """Marked for the catalogues; whoever shows it translates it."""
    return message


STATES: Mapping[str, str] = {
    "joined": _("Added to a request."),
    "opened": _("A request was opened."),
    "held": _("Held for an agent."),
    "automatic": _("Left out: no person wrote it."),
    "bounced": _("A mail of ours did not arrive."),
    "discarded": _("Discarded."),
    "before": _("There before the first look into the mailbox."),
    "gone": _("Removed from the mailbox before it was taken in."),
    "waiting": _("Waits to be taken in."),
}
REASONS: Mapping[str, str] = {
    "stranger": _("The sender has no account."),
    "person_disabled": _("The sender’s account is closed."),
    "sender_in_doubt": _("It does not say clearly who sent it."),
    "not_proved": _("Nothing proves that it comes from this address."),
    "refuted": _("The domain of this address says that it is forged."),
    "staff_not_signed": _("It names a member of the team and is not signed by their domain."),
    "staff": _("A member of the team wrote to the support address."),
    "address_of_another": _("It was sent to a reply address made for somebody else."),
    "address_not_whole": _("The reply address is incomplete or changed."),
    "no_reply_address": _("It answers a mail of a request but not at its reply address."),
    "looks_away": _("Its subject reads like an answering machine’s."),
    "request_hidden": _("The sender may not read that request any more."),
    "empty": _("It says nothing new."),
    "organisation_unknown": _("The sender belongs to several organisations: for which is it?"),
    "refused": _("The request takes no more messages like this one."),
    "text_too_long": _("Its text is too long."),
    "encrypted": _("It is encrypted and cannot be read here."),
    "came_again": _("It came before, under the same id."),
    "reaction": _("It is a reaction without words."),
    "not_taken": _("It could not be taken in after several attempts."),
    "too_big": _("It is larger than 30 MB: the end is missing."),
    "too_many_parts": _("It has too many parts."),
    "too_many_lines": _("It has too many lines."),
    "broken": _("It cannot be read as a mail."),
    "auto_submitted": _("It says that a machine sent it."),
    "null_return_path": _("It wants no answer, as reports of mail systems do."),
    "report": _("It is a receipt or a report of a mail system."),
    "bulk": _("It is a mass mailing."),
    "list": _("It comes from a mailing list."),
    "suppressed": _("It asks machines not to answer."),
    "own": _("It is a mail of ours that came back."),
}
OF_PROBLEMS: Mapping[str, str] = {
    "ticket.not_found": "request_hidden",
    "reply.body_required": "empty",
    "request.description_required": "empty",
    "request.too_long": "text_too_long",
    "request.organisation_required": "organisation_unknown",
}


def sentences(state: str, reason: str) -> list[str]:
    """What became of a mail and why, to be translated."""
    return [STATES[state], *([REASONS[reason]] if reason else [])]
