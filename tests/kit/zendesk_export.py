"""A small Zendesk account of invented people, as its two kinds of export put it in a folder."""

import json
from pathlib import Path
from typing import Any

from tests.kit.requests import PNG

LETTER = "<CAF7x=1@mail.acme.example>"
PICTURE = "https://acme.zendesk.example/attachments/token/k3/?name=lamp.png"
USERS: list[dict[str, Any]] = [
    {"id": 9001, "name": "Alice Martin", "email": "Alice@Acme.example", "role": "end-user"}
    | {"organization_id": 7001, "locale": "fr-FR", "active": True, "suspended": False},
    {"id": 9002, "name": "Sam Blocked", "email": "sam@acme.example", "role": "end-user"}
    | {"organization_id": 7001, "suspended": True},
    {"id": 9003, "name": "Gone", "email": "gone@acme.example", "role": "end-user", "active": False},
    {"id": 9004, "name": "By telephone", "email": None, "role": "end-user"},
    {"id": 9005, "name": "Dan Leroy", "email": "dan@support.example", "role": "agent"},
    {"id": 9006, "name": "Rita", "email": "rita@support.example", "role": "agent"}
    | {"ticket_restriction": "groups"},
    {"id": 9007, "name": "Zoe", "email": "zoe@other.example", "organization_id": 7002},
]
ORGANISATIONS: list[dict[str, Any]] = [
    {"id": 7001, "name": "Élan", "shared_tickets": True, "domain_names": ["acme.example"]},
    {"id": 7002, "name": "Elan", "shared_tickets": None},
]


def ticket(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "subject": f"Request {number}",
        "status": "open",
        "requester_id": 9001,
        "submitter_id": 9001,
        "organization_id": 7001,
        "created_at": "2026-01-05T08:00:00Z",
        "updated_at": "2026-01-06T08:00:00Z",
        **values,
    }


def comment(number: int, html: str, **values: Any) -> dict[str, Any]:
    at = f"2026-01-05T08:{number % 60:02}:00Z"
    body = f'<div class="zd-comment" dir="auto">{html}</div>'
    usual = {"id": 80_000 + number, "author_id": 9001, "public": True, "created_at": at}
    return {**usual, "type": "Comment", "html_body": body, **values}


def pages(folder: Path) -> None:
    """The pages of the API, each where its address puts it."""
    tickets = [
        ticket(301, status="new", subject="Old subject", updated_at="2026-01-05T08:00:00Z"),
        ticket(301, status="hold", priority="urgent", assignee_id=9005, tags=["Lamp", "vip"])
        | {
            "email_cc_ids": [9007, 9002],
            "custom_fields": [{"id": 360000000000000001, "value": "x"}],
        }
        | {"group_id": 5},
        ticket(302, status="closed", satisfaction_rating={"score": "good", "comment": "Thanks"})
        | {"followup_ids": [303], "group_id": 6},
        ticket(303, subject=None, description="A note of ours", assignee_id=99),
        ticket(304, status="deleted"),
        ticket(305, is_public=False, requester_id=9001),
        ticket(306, status="closed", requester_id=9004, tags=["closed_by_merge"]),
    ]
    put(folder, "incremental/tickets/cursor.page1.json", tickets=tickets[:1], end_of_stream=False)
    put(folder, "incremental/tickets/cursor.page2.json", tickets=tickets[1:], after_cursor="x")
    put(folder, "incremental/users/cursor.page1.json", users=USERS)
    put(folder, "incremental/organizations.json", organizations=ORGANISATIONS, count=2)
    groups = [{"id": 5, "name": "Lamps"}, {"id": 7, "name": "LAMPS", "deleted": True}]
    members = [{"id": 1, "user_id": 9005, "group_id": 5}, {"id": 2, "user_id": 9001, "group_id": 5}]
    put(folder, "groups.json", groups=groups)
    put(folder, "group_memberships.json", group_memberships=members)
    put(folder, "macros.json", macros=[{"id": 1, "title": "Ask for the lot"}], next_page=None)
    put(folder, "slas/policies.json", sla_policies=[{"id": 2, "title": "Two hours"}])
    picture = {"id": 60001, "file_name": "lamp.png", "content_url": PICTURE, "inline": True}
    lost = {"id": 60002, "file_name": "lost.pdf", "content_url": "https://x.example/2"}
    opening = f'<p>It <b>blinks</b>.</p><img src="{PICTURE}"><script>alert(1)</script>'
    letter = {"metadata": {"system": {"message_id": LETTER}}}
    put(
        folder,
        "tickets/301/comments.json",
        comments=[
            comment(2, "<p>Only for us</p>", public=False, author_id=9005),
            comment(1, opening, attachments=[picture, lost]),
            comment(3, "<p>Try this</p>", author_id=9005, **letter),
        ],
    )
    merge = {"channel": "web", "source": {"from": {"ticket_id": 306}, "to": {}, "rel": "merge"}}
    put(
        folder,
        "tickets/302/comments.json",
        comments=[comment(4, "Hello"), comment(5, "M", via=merge)],
    )
    note = comment(6, "A note of ours", public=False, author_id=9005)
    put(folder, "tickets/303/comments.json", comments=[note, comment(7, "An answer")])
    put(folder, "tickets/305/comments.json", comments=[comment(8, "Between agents", public=False)])
    files = folder / "attachments" / "60001"
    files.mkdir(parents=True)
    (files / "lamp.png").write_bytes(PNG)


def account(folder: Path, count: int = 1) -> None:
    """The account's own export: an object a line, comments and people in the ticket."""
    people = {"requester": USERS[0], "submitter": USERS[0], "organization": ORGANISATIONS[0]}
    folder.mkdir(exist_ok=True)
    with (folder / "tickets.ndjson").open("w") as file:
        for number in range(1, count + 1):
            said = [comment(number, "<p>Line one<br>line two</p>", id=None)]
            file.write(json.dumps(ticket(number, comments=said, **people)) + "\n")
    (folder / "users.ndjson").write_text("".join(json.dumps(user) + "\n" for user in USERS))
    lines = "".join(json.dumps(company) + "\n" for company in ORGANISATIONS)
    (folder / "organizations.ndjson").write_text(lines)


def put(folder: Path, address: str, **page: Any) -> None:
    path = folder / "api" / "v2" / address
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(page))
