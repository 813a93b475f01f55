"""What a move elsewhere would lose: all that is in this site, counted, and who has a place for it.

Our own export has all of it but for what never leaves (`Kind.leaves`); these are the shapes
that other systems read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch.database import Database
from kbsearch.files.store import FileStore

Target = Literal["zendesk", "csv", "markdown"]
TARGETS: tuple[Target, ...] = get_args(Target)


def _(message: str) -> str:
    """Mark what the catalogues have: it is translated where it is said."""
    return message


@dataclass(frozen=True)
class Kind:
    """A kind of thing; `zendesk` is what it becomes there, empty: the same, None: nothing."""

    name: str
    label: str
    counted: str  # the rest of a SELECT COUNT(*)
    zendesk: str | None = ""
    is_text: bool = True  # a Markdown file has a place for it
    leaves: bool = True

    def becomes(self, target: Target) -> str | None:
        """What it becomes, in a word; None where it is lost."""
        if not self.leaves:
            return None
        if target == "zendesk":
            return self.zendesk
        return "" if target == "csv" or self.is_text else None


FIELD = _("a custom field")
OF_ORGANISATION = _("a field of the organisation")
NOTE = _("a link in a note")

KINDS = (
    Kind("requests", _("requests"), "tickets"),
    Kind("messages", _("answers and notes"), "messages"),
    Kind("events", _("changes in the history of requests"), "ticket_events", None),
    Kind("attachments", _("attachments"), "attachments WHERE ticket_id IS NOT NULL"),
    Kind("copies", _("people who get copies of a request"), "ticket_copies"),
    Kind("tags", _("tags of requests"), "ticket_tags"),
    Kind("fields", _("requests with fields of their own"), "tickets WHERE fields <> '{}'", FIELD),
    Kind("form_fields", _("fields of the form"), "fields", FIELD, is_text=False),
    Kind("products_of_requests", _("requests about a product"),
         "tickets WHERE product_id IS NOT NULL", FIELD),
    Kind("versions_of_requests", _("requests with a version"),
         "tickets WHERE version <> ''", FIELD),
    Kind("confidential", _("confidential requests"), "tickets WHERE confidential = 1", None),
    Kind("assignees", _("requests with somebody who answers"),
         "tickets WHERE assignee_id IS NOT NULL"),
    Kind("teams_of_requests", _("requests of a team"), "tickets WHERE team_id IS NOT NULL",
         _("a group")),
    Kind("satisfaction", _("opinions of customers"),
         "satisfaction WHERE is_good IS NOT NULL", None),
    Kind("merges", _("merged requests"), "merges", NOTE),
    Kind("follow_ups", _("requests that go on from a closed one"),
         "tickets WHERE follows_id IS NOT NULL"),
    Kind("message_ids", _("messages with the id of their mail"),
         "messages WHERE message_id IS NOT NULL OR id IN (SELECT said_id FROM mails)", None),
    Kind("duplicates", _("requests marked as duplicates"), "duplicates", NOTE),
    Kind("problems", _("incidents that several requests share"), "problems", _("a problem ticket")),
    Kind("case_clicks", _("similar cases that agents judged"), "case_clicks", None, is_text=False),
    Kind("people", _("people"), "people WHERE erased_at IS NULL"),
    Kind("closed_accounts", _("closed accounts"),
         "people WHERE erased_at IS NULL AND disabled_at IS NOT NULL", _("a suspended user")),
    Kind("notification_choices", _("choices of notifications"), "notification_choices", None,
         is_text=False),
    Kind("desk_choices", _("choices of how to work in the queue"), "desk_choices", None,
         is_text=False),
    Kind("organisations", _("organisations"), "organisations"),
    Kind("contracts", _("contracts with dates"),
         "organisations WHERE contract_starts IS NOT NULL OR contract_ends IS NOT NULL",
         OF_ORGANISATION),
    Kind("sharing", _("organisations whose members read all requests"),
         "organisations WHERE sharing = 'everyone'"),
    Kind("followers", _("people named to read the requests of an organisation"),
         "organisation_followers", None),
    Kind("phones", _("support phone numbers"), "organisations WHERE phone IS NOT NULL",
         OF_ORGANISATION),
    Kind("looks", _("organisations with a logo, a colour or a welcome"),
         "organisations WHERE accent IS NOT NULL OR logo_hash IS NOT NULL"
         " OR welcome_fr <> '' OR welcome_en <> ''", None),
    Kind("products", _("products"), "products", FIELD),
    Kind("product_versions", _("versions of products"), "product_versions", FIELD),
    Kind("teams", _("teams"), "teams", _("a group")),
    Kind("calendars", _("calendars of opening hours"), "calendars", _("a schedule"), is_text=False),
    Kind("targets", _("response targets"), "targets", _("an SLA policy"), is_text=False),
    Kind("saved_replies", _("saved replies"), "saved_replies", _("a macro")),
    Kind("saved_views", _("saved views"), "saved_views", _("a view"), is_text=False),
    Kind("articles", _("articles"), "articles"),
    Kind("old_addresses", _("old addresses of articles"), "article_aliases", None),
    Kind("votes", _("votes on articles"), "article_votes", None, is_text=False),
    Kind("lessons", _("lessons of the search"), "lessons", None, is_text=False),
    Kind("gaps", _("subjects that people looked for in vain"), "gaps", None),
    Kind("drafts", _("requests and answers that are being written"), "drafts", None),
    Kind("article_drafts", _("articles that are being written"), "article_drafts",
         _("a draft article")),
    Kind("passwords", _("passwords"), "people WHERE password_hash IS NOT NULL", leaves=False),
    Kind("tokens", _("tokens of programs"), "personal_tokens", leaves=False),
    Kind("settings", _("settings chosen in the browser"), "site_settings", leaves=False),
    Kind("webhooks", _("webhooks"), "webhook_endpoints", leaves=False),
    Kind("mails", _("incoming mail as it came"), "mails", leaves=False),
    Kind("visits", _("visits to the help pages"), "visits", leaves=False),
    Kind("security_log", _("lines of the security log"), "security_log", leaves=False),
)  # fmt: skip
MISSING = Kind("missing_files", _("attachments whose content is gone"), "", leaves=False)


@dataclass(frozen=True)
class Outcome:
    """How many of a kind there are, and what becomes of them: None where they are lost."""

    kind: Kind
    count: int
    becomes: str | None


def outcomes(db: Database, store: FileStore, target: Target) -> Iterator[Outcome]:
    """What there is of each kind, and what a move would make of it."""
    with db.snapshot():
        for kind in KINDS:
            count = int(db.query(f"SELECT COUNT(*) AS n FROM {kind.counted}")[0]["n"])  # noqa: S608
            if count:
                yield Outcome(kind, count, kind.becomes(target))
        if missing := _count_missing(db, store):
            yield Outcome(MISSING, missing, None)


def _count_missing(db: Database, store: FileStore) -> int:
    rows = db.query("SELECT sha256, COUNT(*) AS n FROM attachments GROUP BY sha256")
    return sum(int(row["n"]) for row in rows if not store.path(row["sha256"]).is_file())
