"""Tickets, what is said about them and their files, as Zendesk writes them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from kbsearch import integer_ids, signing
from kbsearch.clock import parsed, utc_now
from kbsearch.text import markup
from kbsearch.tickets import exports
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets.exports import ExportedFile, ExportedMessage, ExportedTicket
from kbsearch.web.render import db, site, viewer
from kbsearch.web.zendesk.answers import url
from kbsearch.web.zendesk.shapes import GROUP, ORGANIZATION, address_ids, user_ids

PRIORITIES = {"minor": "normal", "major": "high", "blocking": "urgent"}
CHANNELS = {"email": "email", "phone": "voice", "api": "api"}
COMMENT, ATTACHMENT, AUDIT, FIELD = "comment", "attachment", "audit", "ticket_field"
LINK, LINK_LIFETIME = "zendesk.attachment", timedelta(hours=1)
OPENING = "ticket:"  # the key of the comment that a description is, before the id of its ticket
NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "external_id",
        "recipient",
        "forum_topic_id",
        "problem_id",
        "due_at",
        "satisfaction_rating",
        "custom_status_id",
        "ticket_form_id",
        "brand_id",
    )
)
USUAL: dict[str, Any] = {
    "type": "incident",
    "has_incidents": False,
    "is_public": True,
    "follower_ids": [],
    "sharing_agreement_ids": [],
    "followup_ids": [],
    "allow_channelback": False,
    "allow_attachments": True,
    "from_messaging_channel": False,
}


def via(channel: str | None) -> dict[str, Any]:
    source: dict[str, Any] = {"from": {}, "to": {}, "rel": None}
    return {"channel": CHANNELS.get(channel or "", "web"), "source": source}


def field_names() -> list[str]:
    """The fields that Zendesk has none of its own for, in their order."""
    return ["product", "version", *(field.name for field in vendor_fields.list_all(db(), viewer()))]


def field_ids() -> Mapping[str, int]:
    return integer_ids.of(db(), FIELD, field_names())


def tickets(things: Sequence[ExportedTicket]) -> list[dict[str, Any]]:
    people = user_ids(
        each
        for thing in things
        for each in (
            thing.requester_id,
            thing.filed_by_id,
            thing.assignee_id,
            *thing.copied_ids,
        )
    )
    strangers = address_ids(thing.requester_email for thing in things)
    organizations = _numbers(ORGANIZATION, [thing.organisation_id for thing in things])
    groups = _numbers(GROUP, [thing.team_id for thing in things])
    fields = field_ids()
    written = []
    for thing in things:
        requester = people[thing.requester_id] or strangers[thing.requester_email]
        copied = [people[each] for each in thing.copied_ids]
        answers = {"product": thing.product, "version": thing.version, **thing.fields}
        custom = [{"id": number, "value": answers.get(name)} for name, number in fields.items()]
        written.append(
            {
                "id": thing.number,
                "url": url(f"/api/v2/tickets/{thing.number}.json"),
                "created_at": thing.created_at,
                "updated_at": thing.updated_at,
                "generated_timestamp": int(parsed(thing.updated_at).timestamp()),
                "subject": thing.subject,
                "raw_subject": thing.subject,
                "description": thing.description,
                "priority": PRIORITIES[thing.severity],
                "status": thing.status,
                "requester_id": requester,
                "submitter_id": people[thing.filed_by_id] or requester,
                "assignee_id": people[thing.assignee_id],
                "organization_id": organizations.get(thing.organisation_id or ""),
                "group_id": groups.get(thing.team_id or ""),
                "collaborator_ids": copied,
                "email_cc_ids": copied,
                "tags": list(thing.tags),
                "via": via(thing.channel),
                "custom_fields": custom,
                "fields": custom,
                **NOTHING,
                **USUAL,
            }
        )
    return written


def comments(ticket: ExportedTicket, *, public: bool = False) -> list[dict[str, Any]]:
    """The description, then what was said, each with its files."""
    said = exports.messages(db(), viewer(), [ticket.id], public=public).get(ticket.id, [])
    files = exports.files(db(), [ticket.id])
    return written([opening(ticket), *said], files)


def opening(ticket: ExportedTicket) -> ExportedMessage:
    """The description as what was said first."""
    return ExportedMessage(
        f"{OPENING}{ticket.id}",
        ticket.number,
        ticket.requester_id,
        ticket.requester_email,
        ticket.created_at,
        ticket.description,
        False,
        ticket.typed,
        ticket.language,
    )


def written(
    messages: Sequence[ExportedMessage], files: Sequence[ExportedFile]
) -> list[dict[str, Any]]:
    """Comments; of the files, those that belong to them."""
    numbers = integer_ids.of(db(), COMMENT, (each.id for each in messages))
    audits = integer_ids.of(db(), AUDIT, (each.id for each in messages))
    people = user_ids(each.author_id for each in messages)
    strangers = address_ids(each.author_email for each in messages)
    by_message: dict[str, list[ExportedFile]] = {}
    for file in files:
        by_message.setdefault(file.message_id or f"{OPENING}{file.ticket_id}", []).append(file)
    return [
        {
            "id": numbers[each.id],
            "type": "Comment",
            "author_id": people[each.author_id] or strangers[each.author_email],
            "body": each.body,
            "html_body": _html(each),
            "plain_body": each.body,
            "public": not each.internal,
            "attachments": attachments(by_message.get(each.id, [])),
            "audit_id": audits[each.id],
            "via": via(None),
            "created_at": each.at,
            "metadata": {"system": {}, "custom": {}},
        }
        for each in messages
    ]


def attachments(files: Sequence[ExportedFile]) -> list[dict[str, Any]]:
    numbers = integer_ids.of(db(), ATTACHMENT, (file.id for file in files))
    return [
        {
            "id": numbers[file.id],
            "url": url(f"/api/v2/attachments/{numbers[file.id]}.json"),
            "file_name": file.name,
            "content_url": content_url(file),
            "mapped_content_url": content_url(file),
            "content_type": file.media_type,
            "size": file.size,
            "width": file.width,
            "height": file.height,
            "inline": False,
            "deleted": False,
            "malware_access_override": False,
            "malware_scan_result": "not_scanned",
            "thumbnails": [],
        }
        for file in files
    ]


def content_url(file: ExportedFile) -> str:
    """Where the bytes are, for an hour: programs ask for them without a token."""
    content = f"{viewer().person_id}.{file.id}"
    signed = signing.sign(site().settings, LINK, content, utc_now() + LINK_LIFETIME)
    return url(f"/attachments/token/{signed}/?name={quote(file.name, safe='')}")


def audits(ticket: ExportedTicket) -> list[dict[str, Any]]:
    """What was said, as the changes that said it."""
    said = comments(ticket)
    made = [
        {"id": said[0]["audit_id"], "type": "Create", "field_name": name, "value": value}
        for name, value in (
            ("subject", ticket.subject),
            ("status", "new"),
            ("priority", PRIORITIES[ticket.severity]),
            ("requester_id", said[0]["author_id"]),
        )
    ]
    return [
        {
            "id": comment["audit_id"],
            "ticket_id": ticket.number,
            "created_at": comment["created_at"],
            "author_id": comment["author_id"],
            "metadata": comment["metadata"],
            "via": comment["via"],
            "events": [comment, *(made if place == 0 else [])],
        }
        for place, comment in enumerate(said)
    ]


def requests(things: Sequence[ExportedTicket]) -> list[dict[str, Any]]:
    """Tickets as their requester reads them."""
    hidden = ("tags", "raw_subject", "submitter_id", "generated_timestamp", "group_id")
    return [
        {
            **{name: value for name, value in ticket.items() if name not in hidden},
            "url": url(f"/api/v2/requests/{ticket['id']}.json"),
            "group_id": None,
            "can_be_solved_by_me": ticket["status"] not in ("solved", "closed"),
        }
        for ticket in tickets(things)
    ]


def _html(message: ExportedMessage) -> str:
    html = markup.said(message.body, message.language, as_typed=message.typed)
    return f'<div class="zd-comment" dir="auto">{html}</div>'


def _numbers(kind: str, keys: Sequence[str | None]) -> Mapping[str, int]:
    return integer_ids.of(db(), kind, (key for key in keys if key))
