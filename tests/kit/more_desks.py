"""The same small account, as GLPI, Jira Service Management and Help Scout hand it over."""

from html import escape
from pathlib import Path
from typing import Any

from tests.kit.other_desks import DAY, Account, Line, Values, dump, of_mysql, write_json
from tests.kit.requests import PNG


def glpi(folder: Path, account: Account) -> Path:
    """A dump, and the files beside it."""
    first, *others = account.lines
    at = [of_mysql(moment) for moment in account.moments()]
    ticket: Values = {"id": 301, "entities_id": 7, "name": "The lamp", "status": 4, "priority": 5}
    ticket |= {"date": at[0], "date_mod": f"{DAY} 09:00:00", "solvedate": None, "is_deleted": 0}
    ticket |= {"closedate": None, "content": "" if first.is_internal else _encoded(first)}
    said = account.lines if first.is_internal else tuple(others)
    offset = len(account.lines) - len(said)
    followups = [
        {"id": 100 + place, "itemtype": "Ticket", "items_id": 301, "date": at[place]}
        | {"users_id": 15 if line.by_dan else 11, "content": _encoded(line)}
        | {"is_private": int(line.is_internal)}
        for place, line in enumerate(said, offset)
    ]
    of_a_change = {**followups[0], "id": 200, "itemtype": "Change"} if followups else None
    people = [(11, "Alice", "alice@acme.example", 1), (12, "Sam", "sam@acme.example", 1)]
    people += [(15, "Dan", "dan@support.example", 2), (16, "Rita", "rita@support.example", 2)]
    people += [(17, "Phone", "", 1)]
    tables: dict[str, list[Values]] = {
        "glpi_documents": [
            {"id": 1, "name": "lamp", "filename": "lamp.png", "filepath": "PNG/ab/1.PNG"},
            {"id": 2, "name": "gone", "filename": "gone.pdf", "filepath": "../gone.pdf"},
        ],
        "glpi_documents_items": [
            {"id": place, "documents_id": place, "items_id": 301, "itemtype": "Ticket"}
            for place in (1, 2)
        ],
        "glpi_entities": [{"id": 0, "name": "Root"}, {"id": 7, "name": "Acme"}],
        "glpi_groups": [{"id": 5, "name": "Lamps"}],
        "glpi_groups_tickets": [{"id": 1, "tickets_id": 301, "groups_id": 5, "type": 2}],
        "glpi_groups_users": [{"id": 1, "users_id": 15, "groups_id": 5}],
        "glpi_itilfollowups": [*followups, *([of_a_change] if of_a_change else [])],
        "glpi_knowbaseitems": [{"id": 1, "name": "Why does it blink?"}],
        "glpi_profiles": [
            {"id": 1, "name": "Self-Service", "interface": "helpdesk"},
            {"id": 2, "name": "Technician", "interface": "central"},
        ],
        "glpi_profiles_users": [
            {"id": id, "users_id": id, "profiles_id": profile, "is_recursive": 1}
            | {"entities_id": 7 if id == 16 else 0}
            for id, _, _, profile in people
        ],
        "glpi_tickets": [ticket, ticket | {"id": 302, "is_deleted": 1}],
        "glpi_tickets_users": [
            {"id": 1, "tickets_id": 301, "users_id": 11, "type": 1, "alternative_email": ""},
            {"id": 2, "tickets_id": 301, "users_id": 15, "type": 2, "alternative_email": ""},
            {"id": 3, "tickets_id": 301, "users_id": 0, "type": 3}
            | {"alternative_email": "zoe@other.example"},
        ],
        "glpi_useremails": [
            {"id": id, "users_id": id, "email": email, "is_default": 1}
            for id, _, email, _ in people
            if email
        ],
        "glpi_users": [
            {"id": id, "name": name.lower(), "firstname": name, "realname": "Martin"}
            | {"entities_id": 7, "is_deleted": 0, "language": "fr_FR", "date_mod": at[0]}
            | {"is_active": int(id != 12 or not account.is_suspended)}
            for id, name, _, _ in people
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "glpi.sql").write_bytes(dump(tables))
    place = folder / "files/PNG/ab"
    place.mkdir(parents=True)
    (place / "1.PNG").write_bytes(PNG)
    return folder


def _encoded(line: Line) -> str:
    """Words as GLPI keeps them."""
    return escape(f"<p>{line.words}</p>")


def jira(folder: Path, account: Account) -> Path:
    """Pages of its API, version 3: words are documents."""
    first, *others = account.lines
    at = [moment.replace("Z", ".000+0000") for moment in account.moments()]
    alice = _person("a1", "Alice Martin", "alice@acme.example", accountType="customer")
    dan = _person("d5", "Dan Leroy", "dan@support.example", accountType="atlassian")
    sam = _person("s2", "Sam", "sam@acme.example", active=not account.is_suspended)
    said = account.lines if first.is_internal else tuple(others)
    offset = len(account.lines) - len(said)
    comments = [
        {"id": str(100 + place), "author": dan if line.by_dan else alice, "created": at[place]}
        | {"body": _document(line.words), "jsdPublic": not line.is_internal}
        for place, line in enumerate(said, offset)
    ]
    picture = {"id": "60001", "filename": "lamp.png", "author": alice, "created": at[0]}
    fields: Values = {"summary": "The lamp", "project": {"key": "LAMP", "name": "Lamps"}}
    fields |= {"description": None if first.is_internal else _document(first.words)}
    fields |= {"status": {"name": "Waiting for customer", "statusCategory": {"key": "new"}}}
    fields |= {"priority": {"name": "Highest"}, "reporter": alice, "assignee": dan}
    fields |= {"created": at[0], "updated": f"{DAY}T09:00:00.000+0000", "labels": ["lamp"]}
    fields |= {"customfield_10002": [{"id": "7", "uuid": "u7", "name": "Acme"}]}
    fields |= {"attachment": [picture, {"id": "60002", "filename": "lost.pdf"}]}
    fields |= {"comment": {"comments": comments[:1]}}
    issue = {"id": "9301", "key": "LAMP-301", "fields": fields}
    write_json(folder, "rest/api/3/search.json", {"issues": [issue], "total": 1})
    write_json(folder, "rest/api/3/issue/LAMP-301/comment.json", {"comments": comments})
    write_json(folder, "rest/api/3/users/search.json", [alice, dan, sam])
    company = {"id": "7", "name": "Acme"}
    write_json(folder, "rest/servicedeskapi/organization.json", {"values": [company]})
    members = {"values": [alice, sam]}
    write_json(folder, "rest/servicedeskapi/organization/7/user.json", members)
    rules = {"values": [{"id": "1", "name": "Close what is old"}]}
    write_json(folder, "rest/api/3/automation.json", rules)
    return _with_picture(folder)


def _person(id: str, name: str, email: str, **more: Any) -> Values:
    return {"accountId": id, "displayName": name, "emailAddress": email, "active": True, **more}


def _document(words: str) -> Values:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


def helpscout(folder: Path, account: Account) -> Path:
    """Pages of its API, version 2."""
    at = account.moments()
    alice = {"id": 11, "type": "customer", "email": "alice@acme.example"}
    dan = {"id": 15, "type": "user", "email": "dan@support.example"}
    picture = {"id": 60001, "filename": "lamp.png", "mimeType": "image/png", "size": len(PNG)}
    threads: list[Values] = [
        {"id": 100 + place, "state": "published", "body": f"<div>{line.words}</div>"}
        | {"type": "note" if line.is_internal else "message" if line.by_dan else "customer"}
        | {"createdBy": dan if line.by_dan else alice, "createdAt": at[place]}
        | {"_embedded": {"attachments": [picture] if place == 0 else []}}
        for place, line in enumerate(account.lines)
    ]
    event = {**threads[0], "id": 200, "type": "lineitem", "body": "closed it"}
    draft = {**threads[0], "id": 201, "type": "message", "state": "draft", "body": "a draft"}
    conversation: Values = {"id": 1, "number": 301, "type": "email", "status": "pending"}
    conversation |= {"state": "published", "subject": "The lamp", "mailboxId": 5, "assignee": dan}
    conversation |= {"primaryCustomer": alice, "createdAt": at[0], "cc": ["zoe@other.example"]}
    conversation |= {"userUpdatedAt": f"{DAY}T09:00:00Z", "tags": [{"id": 1, "tag": "lamp"}]}
    spam = conversation | {"id": 2, "number": 302, "status": "spam"}
    gone = conversation | {"id": 3, "number": 303, "state": "deleted"}
    found = {"_embedded": {"conversations": [conversation, spam, gone]}, "page": {"number": 1}}
    write_json(folder, "v2/conversations.json", found)
    every = {"_embedded": {"threads": [*threads, event, draft]}}
    write_json(folder, "v2/conversations/1/threads.json", every)
    customers = [
        {"id": id, "firstName": name, "lastName": "Martin", "organizationId": 7}
        | {"_embedded": {"emails": [{"id": id, "value": email}]}}
        for id, name, email in ((11, "Alice", "alice@acme.example"), (13, "Phone", ""))
    ]
    write_json(folder, "v2/customers.json", {"_embedded": {"customers": customers}})
    company = {"id": 7, "name": "Acme", "domains": ["acme.example"]}
    write_json(folder, "v2/organizations.json", {"_embedded": {"organizations": [company]}})
    users = [{"id": 15, "firstName": "Dan", "lastName": "Leroy", "role": "user"}]
    users[0] |= {"email": "dan@support.example"}
    write_json(folder, "v2/users.json", {"_embedded": {"users": users}})
    write_json(
        folder, "v2/mailboxes.json", {"_embedded": {"mailboxes": [{"id": 5, "name": "Lamps"}]}}
    )
    replies = {"_embedded": {"workflows": [{"id": 1, "name": "Ask for the lot"}]}}
    write_json(folder, "v2/workflows.json", replies)
    return _with_picture(folder)


def _with_picture(folder: Path) -> Path:
    place = folder / "attachments" / "60001"
    place.mkdir(parents=True)
    (place / "lamp.png").write_bytes(PNG)
    return folder
