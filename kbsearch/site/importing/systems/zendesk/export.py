"""A folder of Zendesk exports as a help desk that moves in: what each thing of it becomes here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from kbsearch.config import LANGUAGES
from kbsearch.errors import Invalid
from kbsearch.people import MAX_NAME
from kbsearch.people.organisations import slugs
from kbsearch.site.importing import fields
from kbsearch.site.importing.systems import (
    CompanyRecord,
    GroupRecord,
    LeftOut,
    NewcomerRecord,
    pages,
    spool,
)
from kbsearch.site.importing.systems.pages import Piece
from kbsearch.site.importing.systems.spool import Spool
from kbsearch.site.importing.systems.zendesk.conversations import Conversation
from kbsearch.site.importing.systems.zendesk.custom_fields import CustomFields
from kbsearch.tickets import teams

Values = dict[str, Any]

ROLES = {"admin": "administrator", "agent": "agent"}
STATUSES = {"hold": "pending", "new": "new", "open": "open", "pending": "pending"}
STATUSES |= {"solved": "solved", "closed": "closed"}
SEVERITIES = {"urgent": "blocking", "high": "major"}
CHANNELS = {"api": "api", "email": "email", "voice": "phone", "phone": "phone", "web": "web"}
CHANNELS |= {"mobile": "web", "web_service": "api", "web_widget": "web", "help_center": "web"}
PIECES_AT_ONCE = 2000
KEPT_AS_THEY_ARE = ("users", "organizations", "groups", "group_memberships", "ticket_fields")
EMBEDDED = ("requester", "submitter", "assignee")
CONTRACT_ENDS = ("contract_ends", "contract_end", "contract_end_date", "fin_de_contrat")


@contextmanager
def opened(folder: Path, since: str = "") -> Iterator["ZendeskExport"]:
    """The export in a folder, of its requests those changed from a moment on; gone afterwards."""
    with spool.opened() as things:
        yield ZendeskExport(folder, things, since)


class ZendeskExport:
    """An export that was read, as `systems.System`."""

    def __init__(self, folder: Path, things: Spool, since: str) -> None:
        self.folder = folder
        self.left_out = LeftOut()
        self._things = things
        self._since = since
        read = pages.pieces(folder)
        while batch := list(islice(read, PIECES_AT_ONCE)):
            with things.db.atomic():
                for piece in batch:
                    self._keep(piece)
        with things.db.atomic():
            self._name_organisations()
        self._names = self._group_names()
        self._fields = CustomFields(things, self.left_out)

    def companies(self) -> Iterator[CompanyRecord]:
        for batch in self._things.batches("organizations"):
            named = self._things.slugs_of(str(values["id"]) for values in batch)
            for values in batch:
                yield CompanyRecord(
                    slug=named[str(values["id"])],
                    name=_name(values.get("name"), slugs.MAX_NAME) or str(values["id"]),
                    is_shared=values.get("shared_tickets") is True,
                    contract_ends=_contract_end(values.get("organization_fields")),
                )

    def newcomers(self) -> Iterator[NewcomerRecord]:
        for batch in self._things.batches("users"):
            named = self._things.slugs_of(str(values.get("organization_id")) for values in batch)
            for values in batch:
                if "is_mention" in values or not self._may_come(values):
                    continue
                email = str(values["email"]).strip()
                organisation = named.get(str(values.get("organization_id")))
                language = str(values.get("locale") or "")[:2].lower()
                yield NewcomerRecord(
                    email=email,
                    name=_name(values.get("name"), MAX_NAME) or email.partition("@")[0],
                    role=ROLES.get(str(values.get("role")), "customer"),
                    language=language if language in LANGUAGES else None,
                    organisations=(organisation,) if organisation else (),
                    is_suspended=self._is_shut_out(values),
                )

    def groups(self) -> Iterator[GroupRecord]:
        members = self._members()
        for batch in self._things.batches("groups"):
            for values in batch:
                identity = str(values["id"])
                is_archived = values.get("deleted") is True
                yield GroupRecord(self._names[identity], members.get(identity, ()), is_archived)

    def requests(self) -> Iterator[Values]:
        for batch in self._things.batches("tickets"):
            tickets = [values for values in batch if self._comes(values)]
            yield from self._requests(tickets)

    def count_requests(self) -> int:
        return self._things.count("tickets")

    def _keep(self, piece: Piece) -> None:
        values, kind = piece.values, piece.kind
        if piece.problem is not None:
            self.left_out.add(piece.problem)
            self.left_out.name("unreadable", piece.place)
        elif kind in ("ticket_audits", "audits", "ticket_events"):
            self._keep_events(values, values.get("ticket_id") or piece.ticket_id)
        elif kind in ("metric_sets", "satisfaction_ratings"):
            if values.get("ticket_id") is not None:
                self._things.keep(kind, {**values, "id": values["ticket_id"]})
        elif kind == "comments" and values.get("id") is not None:
            ticket_id = values.get("ticket_id") or piece.ticket_id
            if ticket_id is not None:
                self._keep_comment(ticket_id, values)
        elif kind in KEPT_AS_THEY_ARE and values.get("id") is not None:
            self._things.keep(kind, values)
        elif kind == "tickets" and values.get("id") is not None:
            self._keep_ticket(values)
        else:
            self.left_out.name(kind, _title(values))

    def _keep_ticket(self, values: Values) -> None:
        comments = values.pop("comments", None)
        for place, comment in enumerate(comments if isinstance(comments, list) else ()):
            if isinstance(comment, dict):
                identity = comment.get("id")
                named = comment if identity is not None else {**comment, "id": f"place {place}"}
                self._keep_comment(values["id"], named)
        for name in EMBEDDED:
            self._mention("users", values.pop(name, None))
        self._mention("organizations", values.pop("organization", None))
        follow_ups = values.get("followup_ids")
        for follow_up in follow_ups if isinstance(follow_ups, list) else ():
            self._things.tie(follow_up, "follows", values["id"])
        source = _via(values)
        if source.get("rel") == "follow_up" and _inner(source, "from").get("ticket_id"):
            self._things.tie(values["id"], "follows", _inner(source, "from")["ticket_id"])
        if isinstance(values.get("metric_set"), dict):
            self._things.keep("metric_sets", {**values.pop("metric_set"), "id": values["id"]})
        self._things.keep("tickets", values)

    def _keep_comment(self, ticket_id: object, comment: Values) -> None:
        source = _via(comment)
        if source.get("rel") == "merge":
            origin = _inner(source, "from")
            several = origin.get("ticket_ids")
            for other in [origin.get("ticket_id"), *(several if isinstance(several, list) else ())]:
                if other is not None and str(other) != str(ticket_id):
                    self._things.tie(other, "merged_into", ticket_id)
            target = _inner(source, "to").get("ticket_id")
            if target is not None and str(target) != str(ticket_id):
                self._things.tie(ticket_id, "merged_into", target)
        self._mention("users", comment.get("author"))
        self._things.keep_comment(ticket_id, comment)

    def _keep_events(self, audit: Values, ticket_id: object) -> None:
        """The comments among what happened to a ticket."""
        events = audit.get("events") or audit.get("child_events")
        for event in events if isinstance(events, list) and ticket_id is not None else ():
            if not isinstance(event, dict) or event.get("id") is None:
                continue
            if str(event.get("type") or event.get("event_type")).lower() == "comment":
                whole = {name: audit.get(name) for name in ("created_at", "via", "metadata")}
                self._keep_comment(ticket_id, {**whole, **event})

    def _mention(self, kind: str, values: object) -> None:
        """Somebody or something that a ticket names: enough to be named, not to have an account."""
        if isinstance(values, dict) and values.get("id") is not None:
            self._things.keep(kind, {**values, "is_mention": True}, is_whole=False)

    def _name_organisations(self) -> None:
        """A slug for each; two whose names are alike are not one."""
        for batch in self._things.batches("organizations"):
            for values in batch:
                identity = str(values["id"])
                slug = slugs.slug_of(str(values.get("name") or ""))
                if not self._things.claim_slug(slug, identity):
                    own = "".join(sign for sign in identity.lower() if sign.isalnum())[:40]
                    self._things.claim_slug(f"{slug[:18].strip('-')}-{own}", identity)

    def _group_names(self) -> dict[str, str]:
        """What each group is called here, by its id; two of one name are not one."""
        names: dict[str, str] = {}
        for batch in self._things.batches("groups"):
            for values in batch:
                identity = str(values["id"])
                name = _name(values.get("name"), teams.MAX_NAME) or identity[: teams.MAX_NAME]
                taken = {teams.key_of(other) for other in names.values()}
                if teams.key_of(name) in taken:
                    name = f"{name[: teams.MAX_NAME - 24].strip()} ({identity[:20]})"
                names[identity] = name
        return names

    def _members(self) -> dict[str, tuple[str, ...]]:
        """The addresses of the members of each group, by its id."""
        members: dict[str, tuple[str, ...]] = {}
        for batch in self._things.batches("group_memberships"):
            people = self._things.find("users", {values.get("user_id") for values in batch})
            for values in batch:
                address = _address(people, values.get("user_id")).strip().lower()
                group = str(values.get("group_id"))
                if address:
                    members[group] = (*members.get(group, ()), address)
        return members

    def _may_come(self, values: Values) -> bool:
        if values.get("active") is False:
            self.left_out.add(Invalid("import.person_deleted"))
        elif not values.get("email"):
            self.left_out.add(Invalid("import.person_without_address"))
        else:
            return True
        return False

    def _is_shut_out(self, values: Values) -> bool:
        if values.get("suspended") is True:
            self.left_out.add(Invalid("import.person_suspended"))
            return True
        restrictions = (values.get("ticket_restriction"), values.get("restricted_agent"))
        if values.get("role") in ROLES and any(restrictions):
            self.left_out.add(Invalid("import.agent_restricted"))
            return True
        return False

    def _comes(self, values: Values) -> bool:
        if values.get("status") == "deleted":
            self.left_out.add(Invalid("import.ticket_deleted"))
            return False
        return not self._since or _moment(values.get("updated_at")) >= self._since

    def _requests(self, tickets: list[Values]) -> Iterator[Values]:
        ids = [str(values["id"]) for values in tickets]
        comments = self._things.comments(ids)
        ties = self._things.ties(ids)
        metrics = self._things.find("metric_sets", ids)
        ratings = self._things.find("satisfaction_ratings", ids)
        people_ids = {person for values in tickets for person in _people_of(values)}
        people_ids |= {c.get("author_id") for thread in comments.values() for c in thread}
        people = self._things.find("users", people_ids - {None})
        named = self._things.slugs_of(str(values.get("organization_id")) for values in tickets)
        for values in tickets:
            identity = str(values["id"])
            conversation = Conversation(
                self.folder, self.left_out, values, comments.get(identity, []), people
            )
            yield {
                **self._head(values, people, named),
                "team": self._team(values.get("group_id")),
                **conversation.told(),
                "solved_at": _solved_at(values, metrics.get(identity, {})),
                "satisfaction": _rating(values, ratings.get(identity, {})),
                "follows": ties.get((identity, "follows")),
                "merged_into": ties.get((identity, "merged_into")),
            }

    def _team(self, group_id: object) -> str:
        """The name of a group; nothing where the export does not say what it is called."""
        name = self._names.get(str(group_id), "")
        if group_id is not None and not name:
            self.left_out.add(Invalid("import.team_left_out"))
        return name

    def _head(self, values: Values, people: dict[str, Values], named: dict[str, str]) -> Values:
        """What a request says of itself, but for what was said in it."""
        status = STATUSES.get(str(values.get("status")))
        if status is None:
            self.left_out.add(Invalid("import.status_unknown"))
        if values.get("problem_id") is not None:
            self.left_out.add(Invalid("import.problem"))
        followers = {str(person) for person in _list(values, "follower_ids")}
        if followers:
            self.left_out.add(Invalid("import.followers_left_out"))
        copies = values.get("email_cc_ids")
        if not isinstance(copies, list):
            copies = [i for i in _list(values, "collaborator_ids") if str(i) not in followers]
        is_private = values.get("is_public") is False
        if is_private:
            self.left_out.add(Invalid("import.ticket_private"))
        return {
            "number": values["id"],
            "requester": "" if is_private else _address(people, values.get("requester_id")),
            "organisation": named.get(str(values.get("organization_id")), ""),
            "confidential": is_private,
            "channel": CHANNELS.get(str(_inner(values, "via").get("channel")), ""),
            "cc": [] if is_private else sorted({_copied(people, i) for i in copies} - {""}),
            "assignee": _address(people, values.get("assignee_id")),
            "status": status or "open",
            "severity": SEVERITIES.get(str(values.get("priority")), "minor"),
            "fields": self._fields.answers(values),
            "tags": [tag for tag in _list(values, "tags") if isinstance(tag, str)],
            "created_at": _moment(values.get("created_at")),
            "updated_at": _moment(values.get("updated_at")),
        }


def _people_of(values: Values) -> list[object]:
    persons = [values.get(name) for name in ("requester_id", "assignee_id", "submitter_id")]
    return [*persons, *_list(values, "email_cc_ids"), *_list(values, "collaborator_ids")]


def _address(people: dict[str, Values], identity: object) -> str:
    """The address of somebody who may still be written to, or signs in no more but is known."""
    person = people.get(str(identity), {})
    return str(person.get("email") or "") if person.get("active") is not False else ""


def _copied(people: dict[str, Values], identity: object) -> str:
    """The same of somebody in copy: who was suspended is written to no more."""
    is_suspended = people.get(str(identity), {}).get("suspended") is True
    return "" if is_suspended else _address(people, identity)


def _solved_at(values: Values, metric: Values) -> str | None:
    if values.get("status") not in ("solved", "closed"):
        return None
    solved = _moment(metric.get("solved_at")) or _moment(values.get("updated_at"))
    return max(solved, _moment(values.get("created_at"))) or None


def _rating(values: Values, rating: Values) -> Values | None:
    """What the requester thought; offered and not answered is no opinion."""
    own = values.get("satisfaction_rating")
    said = own if isinstance(own, dict) else rating
    word = str(said.get("score") or "").partition("_")[0]
    comment = said.get("comment")
    if word not in ("good", "bad"):
        return None
    return {"score": word, "comment": comment if isinstance(comment, str) else ""}


def _contract_end(own: object) -> str:
    """The end of a contract, where the account kept it in a field of that name."""
    if not isinstance(own, dict):
        return ""
    for name in CONTRACT_ENDS:
        text = str(own.get(name) or "")[:10]
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            continue
    return ""


def _moment(value: object) -> str:
    """A moment as it is stored, so that texts compare; what is none stays for the report."""
    text = value.replace(" UTC", "Z") if isinstance(value, str) else ""
    try:
        return fields.moment({"at": text}, "at") or ""
    except Invalid:
        return text


def _title(values: Values) -> str:
    names = (values.get(name) for name in ("title", "raw_title", "name", "display_name", "id"))
    return _name(next((name for name in names if name not in (None, "")), ""), 120)


def _name(value: object, limit: int) -> str:
    return " ".join(str(value or "").split())[:limit]


def _via(values: Values) -> Values:
    return _inner(_inner(values, "via"), "source")


def _inner(values: Values, name: str) -> Values:
    inner = values.get(name)
    return inner if isinstance(inner, dict) else {}


def _list(values: Values, name: str) -> list[object]:
    items = values.get(name)
    return items if isinstance(items, list) else []
