"""What a move elsewhere would lose: all that is in this site, counted, and who has a place for it.

Our own export has all of it but for what never leaves (`LeavingKind.leaves`); these are the shapes
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
class LeavingKind:
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
    LeavingKind("requests", _("requests"), "tickets"),
    LeavingKind("messages", _("answers and notes"), "messages"),
    LeavingKind("events", _("changes in the history of requests"), "ticket_events", None),
    LeavingKind("attachments", _("attachments"), "attachments WHERE ticket_id IS NOT NULL"),
    LeavingKind("copies", _("people who get copies of a request"), "ticket_copies"),
    LeavingKind("tags", _("tags of requests"), "ticket_tags"),
    LeavingKind("fields", _("requests with fields of their own"),
                "tickets WHERE fields <> '{}'", FIELD),
    LeavingKind("form_fields", _("fields of the form"), "fields", FIELD, is_text=False),
    LeavingKind("products_of_requests", _("requests about a product"),
                "tickets WHERE product_id IS NOT NULL", FIELD),
    LeavingKind("versions_of_requests", _("requests with a version"),
                "tickets WHERE version <> ''", FIELD),
    LeavingKind("confidential", _("confidential requests"), "tickets WHERE confidential = 1", None),
    LeavingKind("assignees", _("requests with somebody who answers"),
                "tickets WHERE assignee_id IS NOT NULL"),
    LeavingKind("teams_of_requests", _("requests of a team"), "tickets WHERE team_id IS NOT NULL",
                _("a group")),
    LeavingKind("satisfaction", _("opinions of customers"),
                "satisfaction WHERE is_good IS NOT NULL", None),
    LeavingKind("merges", _("merged requests"), "merges", NOTE),
    LeavingKind("follow_ups", _("requests that go on from a closed one"),
                "tickets WHERE follows_id IS NOT NULL"),
    LeavingKind("message_ids", _("messages with the id of their mail"),
                "messages WHERE message_id IS NOT NULL OR id IN (SELECT said_id FROM mails)", None),
    LeavingKind("duplicates", _("requests marked as duplicates"), "duplicates", NOTE),
    LeavingKind("problems", _("incidents that several requests share"), "problems",
                _("a problem ticket")),
    LeavingKind("announcements", _("known problems and notices for customers"), "announcements",
                None, is_text=False),
    LeavingKind("announcement_followers", _("people who wait for the end of a known problem"),
                "announcement_followers", None, is_text=False),
    LeavingKind("follows", _("articles, categories and products that people follow"), "follows",
                None, is_text=False),
    LeavingKind("times", _("time spent on requests"), "ticket_times", None),
    LeavingKind("budgets", _("hours that contracts have"), "time_budgets", OF_ORGANISATION,
                is_text=False),
    LeavingKind("case_clicks", _("similar cases that agents judged"),
                "case_clicks", None, is_text=False),
    LeavingKind("people", _("people"), "people WHERE erased_at IS NULL"),
    LeavingKind("closed_accounts", _("closed accounts"),
                "people WHERE erased_at IS NULL AND disabled_at IS NOT NULL",
                _("a suspended user")),
    LeavingKind("notification_choices", _("choices of notifications"), "notification_choices", None,
                is_text=False),
    LeavingKind("desk_choices", _("choices of how to work in the queue"), "desk_choices", None,
                is_text=False),
    LeavingKind("organisations", _("organisations"), "organisations"),
    LeavingKind("contracts", _("contracts with dates"),
                "organisations WHERE contract_starts IS NOT NULL OR contract_ends IS NOT NULL",
         OF_ORGANISATION),
    LeavingKind("sharing", _("organisations whose members read all requests"),
                "organisations WHERE sharing = 'everyone'"),
    LeavingKind("followers", _("people named to read the requests of an organisation"),
                "organisation_followers", None),
    LeavingKind("phones", _("support phone numbers"), "organisations WHERE phone IS NOT NULL",
                OF_ORGANISATION),
    LeavingKind("looks", _("organisations with a logo, a colour or a welcome"),
                "organisations WHERE accent IS NOT NULL OR logo_hash IS NOT NULL"
                " OR welcome_fr <> '' OR welcome_en <> ''", None),
    LeavingKind("products", _("products"), "products", FIELD),
    LeavingKind("product_versions", _("versions of products"), "product_versions", FIELD),
    LeavingKind("teams", _("teams"), "teams", _("a group")),
    LeavingKind("calendars", _("calendars of opening hours"), "calendars",
                _("a schedule"), is_text=False),
    LeavingKind("targets", _("response targets"), "targets", _("an SLA policy"), is_text=False),
    LeavingKind("saved_replies", _("saved replies"), "saved_replies", _("a macro")),
    LeavingKind("saved_views", _("saved views"), "saved_views", _("a view"), is_text=False),
    LeavingKind("articles", _("articles"), "articles"),
    LeavingKind("old_addresses", _("old addresses of articles"), "article_aliases", None),
    LeavingKind("votes", _("votes on articles"), "article_votes", None, is_text=False),
    LeavingKind("lessons", _("lessons of the search"), "lessons", None, is_text=False),
    LeavingKind("gaps", _("subjects that people looked for in vain"), "gaps", None),
    LeavingKind("drafts", _("requests and answers that are being written"), "drafts", None),
    LeavingKind("article_drafts", _("articles that are being written"), "article_drafts",
                _("a draft article")),
    LeavingKind("rules", _("rules that act by themselves"), "rules", _("a trigger"),
                is_text=False),
    LeavingKind("macros", _("saved replies that do something"),
                "saved_replies WHERE actions <> '{}'", "", is_text=False),
    LeavingKind("branch_comments", _("comments on articles that are proposed"), "branch_comments",
                None, is_text=False),
    LeavingKind("former_addresses", _("former addresses of articles"), "former_addresses", None),
    LeavingKind("article_draft_files", _("files of articles that are being written"),
                "article_draft_files", None),
    LeavingKind("passwords", _("passwords"),
                "people WHERE password_hash IS NOT NULL", leaves=False),
    LeavingKind("tokens", _("tokens of programs"), "personal_tokens", leaves=False),
    LeavingKind("settings", _("settings chosen in the browser"), "site_settings", leaves=False),
    LeavingKind("webhooks", _("webhooks"), "webhook_endpoints", leaves=False),
    LeavingKind("mails", _("incoming mail as it came"), "mails", leaves=False),
    LeavingKind("visits", _("visits to the help pages"), "visits", leaves=False),
    LeavingKind("security_log", _("lines of the security log"), "security_log", leaves=False),
)  # fmt: skip
MISSING = LeavingKind("missing_files", _("attachments whose content is gone"), "", leaves=False)


@dataclass(frozen=True)
class LeavingOutcome:
    """How many of a kind there are, and what becomes of them: None where they are lost."""

    kind: LeavingKind
    count: int
    becomes: str | None


def outcomes(db: Database, store: FileStore, target: Target) -> Iterator[LeavingOutcome]:
    """What there is of each kind, and what a move would make of it."""
    with db.snapshot():
        for kind in KINDS:
            count = int(db.query(f"SELECT COUNT(*) AS n FROM {kind.counted}")[0]["n"])  # noqa: S608
            if count:
                yield LeavingOutcome(kind, count, kind.becomes(target))
        if missing := _count_missing(db, store):
            yield LeavingOutcome(MISSING, missing, None)


def _count_missing(db: Database, store: FileStore) -> int:
    rows = db.query("SELECT sha256, COUNT(*) AS n FROM attachments GROUP BY sha256")
    there = store.sizes()
    return sum(int(row["n"]) for row in rows if row["sha256"] not in there)
