"""One small account of invented people, as other systems than ours would hand it over."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from kbsearch.clock import parsed
from tests.kit.requests import PNG

DAY = "2026-01-05"
Values = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """Something that was said, by Alice or by Dan, who answers."""

    words: str
    by_dan: bool = False
    is_internal: bool = False


@dataclass(frozen=True)
class Account:
    """What is in it: one request of Alice's at Acme, and Sam, who may be shut out."""

    lines: tuple[Line, ...] = (
        Line("It blinks."),
        Line("Only for us", by_dan=True, is_internal=True),
        Line("Try this", by_dan=True),
    )
    is_suspended: bool = True
    contract_ends: str = ""

    def moments(self) -> list[str]:
        """When each line was said."""
        return [f"{DAY}T08:{place:02}:00Z" for place in range(len(self.lines))]


def write_json(folder: Path, address: str, page: Any) -> None:
    path = folder / address
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(page))


def freshdesk(folder: Path, account: Account) -> Path:
    """Pages of the API, each where its address puts it."""
    first, *others = account.lines
    at = account.moments()
    stamps = {"created_at": at[0], "updated_at": f"{DAY}T09:00:00Z"}
    ticket: Values = {
        "id": 301,
        "subject": "The lamp",
        "description_text": first.words,
        "status": 3,
    }
    ticket |= {"description": f"<div>{first.words}</div>", "priority": 4, "source": 1}
    ticket |= {"requester_id": 9001, "responder_id": 9005, "company_id": 7001, "group_id": 5}
    ticket |= {"cc_emails": ["zoe@other.example"], "tags": ["lamp"], "spam": False}
    ticket |= {"custom_fields": {"cf_lot": "12", "cf_none": None}, **stamps}
    picture = {"id": 60001, "name": "lamp.png", "content_type": "image/png", "size": len(PNG)}
    ticket["attachments"] = [picture, {"id": 60002, "name": "lost.pdf"}]
    spam, own = ticket | {"id": 302, "spam": True}, ticket | {"id": 303, "status": 12}
    write_json(folder, "api/v2/tickets.json", [ticket, spam, own | {"attachments": []}])
    notes = [
        {"id": 80 + place, "body": f"<p>{line.words}</p>", "body_text": line.words}
        | {"private": line.is_internal, "incoming": not line.by_dan, "ticket_id": 301}
        | {"user_id": 9005 if line.by_dan else 9001, "created_at": at[place], "attachments": []}
        for place, line in enumerate(others, 1)
    ]
    write_json(folder, "api/v2/tickets/301/conversations.json", notes)
    alice: Values = {
        "id": 9001,
        "name": "Alice Martin",
        "email": "Alice@acme.example",
        "active": True,
    }
    alice |= {"company_id": 7001, "language": "fr", "view_all_tickets": True}
    sam: Values = {"id": 9002, "name": "Sam", "email": "sam@acme.example", "company_id": 7001}
    sam |= {"blocked": account.is_suspended}
    gone = {"id": 9003, "name": "Gone", "email": "gone@acme.example", "deleted": True}
    write_json(folder, "api/v2/contacts.json", [alice, sam, gone, {"id": 9004, "name": "Phone"}])
    dan: Values = {
        "id": 9005,
        "ticket_scope": 1,
        "contact": {"name": "Dan", "email": "dan@support.example"},
    }
    rita = {
        "id": 9006,
        "ticket_scope": 2,
        "contact": {"name": "R", "email": "rita@support.example"},
    }
    write_json(folder, "api/v2/agents.json", [dan, rita])
    company = {"id": 7001, "name": "Acme", "domains": ["acme.example"]}
    company |= {"renewal_date": account.contract_ends or None}
    write_json(folder, "api/v2/companies.json", [company])
    write_json(
        folder, "api/v2/groups.json", [{"id": 5, "name": "Lamps", "agent_ids": [9005, 9001]}]
    )
    write_json(folder, "api/v2/canned_responses.json", [{"id": 1, "title": "Ask for the lot"}])
    (folder / "attachments" / "60001").mkdir(parents=True)
    (folder / "attachments" / "60001" / "lamp.png").write_bytes(PNG)
    return folder


def zammad(folder: Path, account: Account) -> Path:
    """Answers of the API, expanded."""
    ticket: Values = {"id": 1, "number": "301", "title": "The lamp", "state": "pending reminder"}
    ticket |= {"priority": "3 high", "customer_id": 11, "owner_id": 15, "organization_id": 7}
    ticket |= {"group_id": 5, "create_article_type": "email", "tags": ["lamp"]}
    ticket |= {"created_at": f"{DAY}T08:00:00.119Z", "updated_at": f"{DAY}T09:00:00.000Z"}
    removed = ticket | {"id": 2, "number": "302", "state": "removed"}
    merged = ticket | {"id": 3, "number": "303", "state": "merged"}
    write_json(folder, "api/v1/tickets.json", [ticket, removed])
    write_json(folder, "api/v1/tickets.page2.json", [merged])
    articles = [
        {"id": 100 + place, "ticket_id": 1, "from": "Someone <x@acme.example>", "subject": "s"}
        | {"body": f"<div>{line.words}</div>", "content_type": "text/html", "attachments": []}
        | {"internal": line.is_internal, "sender": "Agent" if line.by_dan else "Customer"}
        | {"created_by_id": 15 if line.by_dan else 11, "message_id": f"<{place}@acme.example>"}
        | {"created_at": account.moments()[place].replace("Z", ".000Z")}
        for place, line in enumerate(account.lines)
    ]
    articles[0]["attachments"] = [{"id": 9, "filename": "lamp.png", "preferences": {}}]
    write_json(folder, "api/v1/ticket_articles/by_ticket/1.json", articles)
    alice: Values = {
        "id": 11,
        "firstname": "Alice",
        "lastname": "Martin",
        "email": "alice@acme.example",
    }
    alice |= {"roles": ["Customer"], "organization_id": 7, "active": True}
    sam: Values = {"id": 12, "firstname": "Sam", "email": "sam@acme.example", "roles": ["Customer"]}
    sam |= {"active": not account.is_suspended, "organization_id": 7}
    dan: Values = {"id": 15, "firstname": "Dan", "email": "dan@support.example", "roles": ["Agent"]}
    dan |= {"active": True, "group_ids": {"5": ["full"], "6": ["full"]}}
    rita = dan | {
        "id": 16,
        "email": "rita@support.example",
        "group_ids": {"5": ["read"], "9": ["full"]},
    }
    nobody = {"id": 1, "login": "-", "email": "", "roles": [], "active": False}
    write_json(folder, "api/v1/users.json", [nobody, alice, sam, dan, rita])
    write_json(folder, "api/v1/organizations.json", [{"id": 7, "name": "Acme", "shared": False}])
    groups = [{"id": 5, "name": "Lamps", "user_ids": [15], "active": True}]
    groups += [{"id": 6, "name": "Old", "user_ids": [], "active": False}]
    write_json(folder, "api/v1/groups.json", groups)
    write_json(folder, "api/v1/macros.json", [{"id": 1, "name": "Ask for the lot"}])
    place = folder / "api/v1/ticket_attachment/1/100/9"
    place.mkdir(parents=True)
    (place / "lamp.png").write_bytes(PNG)
    return folder


def dump(tables: dict[str, list[Values]]) -> bytes:
    """Tables as mysqldump writes them."""
    lines = [b"-- MySQL dump 10.13  Distrib 8.0.36", b"/*!40101 SET NAMES utf8mb4 */;", b""]
    for name, rows in sorted(tables.items()):
        quoted = f"`{name}`".encode()
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines += [b"DROP TABLE IF EXISTS %b;" % quoted, b"CREATE TABLE %b (" % quoted]
        lines += [f"  `{column}` text DEFAULT NULL,".encode() for column in columns]
        lines += [b"  PRIMARY KEY (`id`)", b") ENGINE=InnoDB;", b"LOCK TABLES %b WRITE;" % quoted]
        tuples = [b"(" + b",".join(_sql(row.get(c)) for c in columns) + b")" for row in rows]
        if tuples:
            lines.append(b"INSERT INTO %b VALUES %b;" % (quoted, b",".join(tuples)))
        lines.append(b"UNLOCK TABLES;")
    return b"\n".join(lines) + b"\n"


def _sql(value: object) -> bytes:
    if value is None:
        return b"NULL"
    if isinstance(value, int):
        return str(value).encode()
    raw = value if isinstance(value, bytes) else str(value).encode()
    for sign, escape in ((b"\\", b"\\\\"), (b"'", b"\\'"), (b"\n", b"\\n"), (b"\0", b"\\0")):
        raw = raw.replace(sign, escape)
    return (b"_binary " if isinstance(value, bytes) else b"") + b"'" + raw + b"'"


def of_mysql(moment: str) -> str:
    return moment.replace("T", " ").removesuffix("Z")


def freescout(folder: Path, account: Account) -> Path:
    """A dump, and the files beside it."""
    at = [of_mysql(moment) for moment in account.moments()]
    conversation: Values = {"id": 1, "number": 301, "type": 1, "status": 2, "state": 2}
    conversation |= {"subject": "The lamp", "cc": '["zoe@other.example"]', "mailbox_id": 5}
    conversation |= {"user_id": 15, "customer_id": 11, "customer_email": "alice@acme.example"}
    conversation |= {"source_type": 1, "closed_at": None, "created_at": at[0]}
    conversation |= {"updated_at": f"{DAY} 09:00:00"}
    threads = [
        {"id": 100 + place, "conversation_id": 1, "state": 2, "body": f"<div>{line.words}</div>"}
        | {"type": 3 if line.is_internal else 2 if line.by_dan else 1, "from": "x@acme.example"}
        | {"created_by_user_id": 15 if line.by_dan else None, "message_id": f"{place}@acme.example"}
        | {"created_by_customer_id": None if line.by_dan else 11, "created_at": at[place]}
        for place, line in enumerate(account.lines)
    ]
    event = {**threads[0], "id": 200, "type": 4, "body": "closed it"}
    draft = {**threads[0], "id": 201, "type": 2, "state": 1, "body": "a draft"}
    user: Values = {
        "id": 15,
        "first_name": "Dan",
        "last_name": "Leroy",
        "email": "dan@support.example",
    }
    user |= {"role": 1, "status": 1, "type": 1, "locale": "en"}
    tables: dict[str, list[Values]] = {
        "attachments": [
            {"id": 1, "thread_id": 100, "file_dir": "1/2/", "file_name": "lamp.png", "embedded": 0}
        ],
        "conversation_folder": [],
        "conversations": [
            conversation,
            conversation | {"id": 2, "number": 302, "state": 3},
            conversation | {"id": 3, "number": 303, "status": 4},
            conversation | {"id": 4, "number": 304, "state": 1},
        ],
        "customers": [{"id": 11, "first_name": "Alice", "last_name": "Martin", "company": "Acme"}],
        "emails": [{"id": 1, "customer_id": 11, "email": "alice@acme.example"}],
        "mailbox_user": [
            {"mailbox_id": box, "user_id": user} for box in (5, 6) for user in (15, 16)
        ],
        "mailboxes": [{"id": 5, "name": "Lamps"}, {"id": 6, "name": "Sales"}],
        "saved_replies": [{"id": 1, "name": "Ask for the lot"}],
        "threads": [*threads, event, draft],
        "users": [
            user,
            user | {"id": 16, "email": "sam@acme.example"}
            | {"status": 2 if account.is_suspended else 1},
            user | {"id": 17, "email": "rita@support.example"},
        ],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "freescout.sql").write_bytes(dump(tables))
    place = folder / "storage/app/attachment/1/2"
    place.mkdir(parents=True)
    (place / "lamp.png").write_bytes(PNG)
    return folder


def osticket(folder: Path, account: Account) -> Path:
    """A dump with the files in it, in pieces out of order."""
    at = [of_mysql(moment) for moment in account.moments()]
    ticket: Values = {"ticket_id": 1, "number": "301", "user_id": 11, "status_id": 1, "dept_id": 5}
    ticket |= {"staff_id": 15, "team_id": 0, "source": "Email", "flags": 0, "ticket_pid": None}
    ticket |= {"created": at[0], "updated": f"{DAY} 09:00:00", "closed": None}
    entries = [
        {"id": 100 + place, "thread_id": 50, "type": "N" if line.is_internal else "R" if line.by_dan
         else "M", "staff_id": 15 if line.by_dan else 0, "user_id": 0 if line.by_dan else 11,
         "poster": "x", "body": f"<p>{line.words}</p>", "format": "html", "flags": 0,
         "created": at[place]}
        for place, line in enumerate(account.lines)
    ]  # fmt: skip
    edited = {**entries[0], "id": 99, "body": "as it was before", "flags": 4}
    statuses = [(1, "open"), (3, "closed"), (5, "deleted")]
    tables: dict[str, list[Values]] = {
        "ticket": [
            ticket,
            ticket | {"ticket_id": 2, "number": "302", "status_id": 5},
            ticket | {"ticket_id": 3, "number": "T-303", "status_id": 3, "ticket_pid": 1},
        ],
        "ticket__cdata": [{"ticket_id": n, "subject": "The lamp", "priority": "4"} for n in (1, 3)],
        "ticket_status": [{"id": id, "state": state} for id, state in statuses],
        "ticket_priority": [{"priority_id": 4, "priority": "emergency"}],
        "thread": [
            {"id": 50, "object_id": 1, "object_type": "T"},
            {"id": 51, "object_id": 1, "object_type": "A"},
        ],
        "thread_entry": [edited, *entries, {**entries[0], "id": 400, "thread_id": 51}],
        "thread_entry_email": [{"id": 1, "thread_entry_id": 100, "mid": "<0@acme.example>"}],
        "thread_collaborator": [{"id": 1, "thread_id": 50, "user_id": 13, "isactive": 1}],
        "user": [
            {"id": 11, "org_id": 7, "default_email_id": 2, "name": "Alice Martin"},
            {"id": 12, "org_id": 7, "default_email_id": 3, "name": "Sam"},
            {"id": 13, "org_id": 0, "default_email_id": 4, "name": "Zoe"},
        ],
        "user_email": [
            {"id": 1, "user_id": 11, "address": "other@acme.example"},
            {"id": 2, "user_id": 11, "address": "alice@acme.example"},
            {"id": 3, "user_id": 12, "address": "sam@acme.example"},
            {"id": 4, "user_id": 13, "address": "zoe@other.example"},
        ],
        "user_account": [{"id": 1, "user_id": 12, "status": 3 if account.is_suspended else 1}],
        "organization": [{"id": 7, "name": "Acme", "status": 0}],
        "staff": [
            {"staff_id": 15, "dept_id": 5, "firstname": "Dan", "lastname": "Leroy", "isadmin": 0}
            | {"email": "dan@support.example", "isactive": 1, "assigned_only": 0},
            {"staff_id": 16, "dept_id": 5, "firstname": "R", "lastname": "", "isadmin": 0}
            | {"email": "rita@support.example", "isactive": 1, "assigned_only": 1},
        ],
        "department": [{"id": 5, "name": "Lamps"}],
        "attachment": [
            {"id": 1, "object_id": 100, "type": "H", "file_id": 9, "name": None},
            {"id": 2, "object_id": 100, "type": "F", "file_id": 9, "name": None},
        ],
        "file": [{"id": 9, "name": "lamp.png", "key": "k3", "bk": "D"}],
        "file_chunk": [
            {"file_id": 9, "chunk_id": 1, "filedata": PNG[30:]},
            {"file_id": 9, "chunk_id": 0, "filedata": PNG[:30]},
        ],
        "faq": [{"faq_id": 1, "question": "Why does it blink?"}],
        "task": [{"id": 1, "number": "77"}],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "osticket.sql"
    path.write_bytes(dump({f"ost_{name}": rows for name, rows in tables.items()}))
    return path


def letters(account: Account) -> list[EmailMessage]:
    """The request as mails that answer each other; what is internal went among colleagues."""
    mails: list[EmailMessage] = []
    for place, line in enumerate(account.lines):
        mail = EmailMessage()
        mail["From"] = "Dan <dan@support.example>" if line.by_dan else "alice@acme.example"
        mail["To"] = "alice@acme.example" if line.by_dan else "help@support.example"
        if line.is_internal:
            mail.replace_header("To", "rita@support.example")
            mail.replace_header("From", "dan@support.example")
        mail["Subject"] = "The lamp" if place == 0 else "Re: The lamp"
        mail["Date"] = format_datetime(parsed(account.moments()[place]))
        mail["Message-ID"] = f"<{place}@acme.example>"
        if place:
            mail["In-Reply-To"] = f"<{place - 1}@acme.example>"
            mail["References"] = " ".join(f"<{n}@acme.example>" for n in range(place))
        mail.set_content(line.words + "\n")
        if place == 0:
            mail.add_attachment(PNG, "image", "png", filename="lamp.png")
        mails.append(mail)
    return mails


def mbox(folder: Path, account: Account) -> Path:
    """An mbox file; one of its mails is there twice."""
    mails = letters(account)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "support.mbox"
    path.write_bytes(b"".join(b"From x@y Mon Jan  5 08:00:00 2026\n" + bytes(mail) + b"\n"
                              for mail in [*reversed(mails), mails[0]]))  # fmt: skip
    return path


def zendesk(folder: Path, account: Account) -> Path:
    """Pages of the API; comments lie where their address puts them."""
    at = account.moments()
    ticket: Values = {"id": 301, "subject": "The lamp", "status": "hold", "requester_id": 9001}
    ticket |= {"assignee_id": 9005, "organization_id": 7001, "group_id": 5, "priority": "high"}
    ticket |= {"created_at": at[0], "updated_at": f"{DAY}T09:00:00Z", "submitter_id": 9001}
    ticket |= {"custom_fields": [{"id": 77, "value": "12"}, {"id": 78, "value": None}]}
    comments = [
        {"id": 80 + place, "html_body": f"<p>{line.words}</p>", "public": not line.is_internal}
        | {"author_id": 9005 if line.by_dan else 9001, "created_at": at[place]}
        for place, line in enumerate(account.lines)
    ]
    picture = {"id": 60001, "file_name": "lamp.png", "content_url": "https://x.example/1"}
    comments[0]["attachments"] = [picture]
    users: list[Values] = [
        {"id": 9001, "name": "Alice", "email": "alice@acme.example", "organization_id": 7001},
        {"id": 9002, "name": "Sam", "email": "sam@acme.example", "suspended": account.is_suspended},
        {"id": 9005, "name": "Dan", "email": "dan@support.example", "role": "agent"},
    ]
    write_json(folder, "api/v2/tickets.json", {"tickets": [ticket]})
    write_json(folder, "api/v2/tickets/301/comments.json", {"comments": comments})
    write_json(folder, "api/v2/users.json", {"users": users})
    company = {"id": 7001, "name": "Acme"}
    write_json(folder, "api/v2/organizations.json", {"organizations": [company]})
    write_json(folder, "api/v2/groups.json", {"groups": [{"id": 5, "name": "Lamps"}]})
    membership = {"id": 1, "group_id": 5, "user_id": 9005}
    write_json(folder, "api/v2/group_memberships.json", {"group_memberships": [membership]})
    field = {"id": 77, "type": "text", "title": "Numéro de lot"}
    write_json(folder, "api/v2/ticket_fields.json", {"ticket_fields": [field]})
    write_json(folder, "api/v2/macros.json", {"macros": [{"id": 1, "title": "Ask for the lot"}]})
    place = folder / "attachments" / "60001"
    place.mkdir(parents=True)
    (place / "lamp.png").write_bytes(PNG)
    return folder


DESKS: dict[str, Callable[[Path, Account], Path]] = {
    "zendesk": zendesk,
    "freshdesk": freshdesk,
    "zammad": zammad,
    "freescout": freescout,
    "osticket": osticket,
    "mbox": mbox,
}
