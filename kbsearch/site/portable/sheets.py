"""Which tables leave as lines of their own, how, and why the others do not.

Organisations, products, people, teams and requests leave in a shape of their own (`exporting`);
articles are files. What is left are tables that people filled besides: each is a sheet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

# What a column of one table may name of another, and what stands for it in a line.
NOUNS = {
    "person": ("people", "email"),
    "organisation": ("organisations", "slug"),
    "product": ("products", "slug"),
    "team": ("teams", "name"),
    "ticket": ("tickets", "number"),
    "field": ("fields", "name"),
}


@dataclass(frozen=True)
class SheetReference:
    """A column that names a row of another table; a line without it is none, where it is needed."""

    noun: str
    is_needed: bool = True


@dataclass(frozen=True)
class Sheet:
    """A table as lines; ids of its own are kept, since nobody could guess them."""

    name: str  # of its file
    table: str
    key: tuple[str, ...]  # columns that no two rows share
    texts: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    references: Mapping[str, SheetReference] = field(default_factory=dict)
    # Texts that may hold the id of what the row names: `user:<id>`.
    holding: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    blobs: tuple[str, ...] = ()
    comes_first: bool = False  # before the requests


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PERSON = {"person_id": SheetReference("person")}
TICKET = {"ticket_id": SheetReference("ticket")}


def _perhaps(**nouns: str) -> dict[str, SheetReference]:
    return {column: SheetReference(noun, is_needed=False) for column, noun in nouns.items()}


# In this order they come back: each after what it names.
SHEETS = (
    # Before the requests that have values of them: some are for agents alone.
    Sheet(
        "fields",
        "fields",
        ("id",),
        _names(
            "id name kind label_fr label_en hint_fr hint_en choices when_field when_values"
            " created_at archived_at"
        ),
        _names("required in_form position"),
        comes_first=True,
    ),
    Sheet(
        "field_products",
        "field_products",
        _names("field_id product_id"),
        (),
        (),
        {"field_id": SheetReference("field"), "product_id": SheetReference("product")},
        comes_first=True,
    ),
    # Before the requests: nobody is to see more of them for a moment.
    Sheet(
        "agent_teams",
        "agent_teams",
        _names("person_id team_id"),
        (),
        (),
        {**PERSON, "team_id": SheetReference("team")},
        comes_first=True,
    ),
    Sheet(
        "agent_products",
        "agent_products",
        _names("person_id product_id"),
        (),
        (),
        {**PERSON, "product_id": SheetReference("product")},
        comes_first=True,
    ),
    Sheet(
        "calendars",
        "calendars",
        ("id",),
        _names("id name zone hours holidays closing_days created_at archived_at"),
    ),
    Sheet(
        "targets",
        "targets",
        ("id",),
        _names("id severity contract calendar_id created_at archived_at"),
        _names("first_answer next_answer solution"),
        _perhaps(product_id="product", organisation_id="organisation"),
    ),
    Sheet(
        "notification_choices",
        "notification_choices",
        _names("person_id event channel"),
        _names("event channel"),
        ("wanted",),
        PERSON,
    ),
    Sheet(
        "desk_choices", "desk_choices", ("person_id",), _names("after_answer columns"), (), PERSON
    ),
    Sheet(
        "saved_replies",
        "saved_replies",
        ("id",),
        _names("id language name body updated_at"),
        (),
        _perhaps(updated_by_id="person"),
    ),
    Sheet(
        "saved_views",
        "saved_views",
        ("id",),
        _names("id name query created_at"),
        ("is_shared",),
        {**PERSON, **_perhaps(team_id="team")},
    ),
    Sheet(
        "problems",
        "problems",
        ("id",),
        _names("id title created_at"),
        (),
        _perhaps(created_by_id="person"),
    ),
    Sheet(
        "problem_tickets",
        "problem_tickets",
        ("ticket_id",),
        _names("problem_id added_at"),
        (),
        TICKET,
    ),
    Sheet(
        "announcements",
        "announcements",
        ("id",),
        _names(
            "id kind problem_id title_fr title_en text_fr text_en version_from version_to fixed_in"
            " created_at updated_at published_at ended_at"
        ),
        (),
        _perhaps(product_id="product"),
    ),
    Sheet(
        "announcement_organisations",
        "announcement_organisations",
        _names("announcement_id organisation_id"),
        ("announcement_id",),
        (),
        {"organisation_id": SheetReference("organisation")},
    ),
    Sheet(
        "announcement_followers",
        "announcement_followers",
        _names("announcement_id person_id"),
        _names("announcement_id at"),
        ("is_affected",),
        PERSON,
    ),
    Sheet(
        "follows",
        "follows",
        _names("person_id kind subject"),
        _names("id kind subject way created_at"),
        (),
        PERSON,
    ),
    Sheet(
        "ticket_times",
        "ticket_times",
        ("id",),
        _names("id day note created_at"),
        ("minutes",),
        {**TICKET, **_perhaps(person_id="person")},
    ),
    Sheet(
        "time_budgets",
        "time_budgets",
        ("organisation_id",),
        ("span",),
        _names("minutes is_shown"),
        {"organisation_id": SheetReference("organisation")},
    ),
    Sheet(
        "duplicates",
        "duplicates",
        ("ticket_id",),
        ("at",),
        (),
        {**TICKET, "original_id": SheetReference("ticket"), **_perhaps(person_id="person")},
    ),
    Sheet(
        "case_clicks",
        "case_clicks",
        _names("ticket_id case_id person_id"),
        _names("kind at"),
        (),
        {**TICKET, "case_id": SheetReference("ticket"), **PERSON},
    ),
    Sheet(
        "votes",
        "article_votes",
        ("id",),
        _names("id path edition voter reason words at"),
        ("helped",),
        _perhaps(person_id="person"),
        {"voter": ("person_id",)},
    ),
    Sheet(
        "lessons",
        "lessons",
        ("id",),
        _names("id wording language slug path content_hash sketch kind source at"),
        ("sleeps",),
        {**PERSON, **_perhaps(ticket_id="ticket")},
        {"source": ("ticket_id",)},
    ),
    Sheet(
        "gaps",
        "gaps",
        ("id",),
        _names(
            "id key words path title state reason answer commit_id decided_at products counts"
            " first_at last_at"
        ),
        _names(
            "number people hidden_people organisations is_shown is_of_requests found_since"
            " failed_since guests"
        ),
        _perhaps(decided_by_id="person"),
    ),
    Sheet(
        "gap_signals",
        "gap_signals",
        ("id",),
        _names("id gap_id kind origin who at key text product path vote_id"),
        ("is_hidden",),
        _perhaps(ticket_id="ticket", person_id="person"),
        {"origin": ("ticket_id",), "who": ("person_id", "ticket_id")},
    ),
    # What was sent and is still held back comes as what is typed: nothing leaves by itself.
    Sheet(
        "drafts",
        "drafts",
        _names("person_id form_key"),
        _names("form_key fields created_at updated_at"),
        (),
        {**PERSON, **_perhaps(ticket_id="ticket")},
    ),
    Sheet(
        "article_drafts",
        "article_drafts",
        _names("person_id form_key"),
        _names(
            "form_key fields hidden gap tab branch commit_id created_at updated_at place original"
        ),
        ("edition",),
        PERSON,
    ),
    Sheet(
        "article_draft_tickets",
        "article_draft_tickets",
        _names("person_id form_key ticket_id"),
        ("form_key",),
        (),
        {**PERSON, **TICKET},
    ),
    Sheet(
        "branch_comments",
        "branch_comments",
        ("id",),
        _names("id branch commit_id verdict body at"),
        ("position",),
        _perhaps(person_id="person"),
    ),
    # Where articles were before: what the addresses that readers kept still lead to.
    Sheet(
        "former_addresses",
        "former_addresses",
        _names("language slug"),
        _names("language slug path audience"),
    ),
    Sheet(
        "article_draft_files",
        "article_draft_files",
        _names("person_id form_key name"),
        _names("form_key name blob media_type created_at"),
        _names("width size"),
        PERSON,
        blobs=("body",),
    ),
)

# The tables that `exporting` writes with the noun they belong to.
OF_NOUNS = _names(
    "organisations organisation_products organisation_followers logos products product_versions"
    " people memberships teams team_members team_products tickets ticket_copies ticket_tags"
    " messages ticket_events attachments satisfaction merges rules"
)
# What a commit of the content folder makes.
OF_CONTENT = _names(
    "publications articles article_readers article_aliases categories category_aliases media"
    " article_media published_trailers"
)
# What a site makes of the rest by itself.
MADE_ANEW = _names(
    "schema_steps state counters ticket_readers ticket_field_lines ticket_handling ticket_clocks"
    " file_scans integer_ids external_links"
)
# What opens an account here, and would open one elsewhere: it never leaves.
KEYS = _names(
    "sessions tokens personal_tokens pending_sign_ins known_browsers authenticators"
    " authenticator_offers passkeys passkey_challenges recovery_codes trusted_devices"
    " mobile_requests identities invitations invitation_waves journeys used_handovers mail_grants"
    " address_changes applications application_codes application_renewals feed_addresses"
)
# What is under way at this moment, or was answered a moment ago.
PASSING = _names(
    "outbox attempts kept_answers kept_forms presences notices arrivals mailboxes ticket_alarms"
    " article_announcements article_tellings ticket_visits site_events review_reminders"
    " announcement_letters stopwatches table_imports article_news news_letters news_letter_lines"
)
# What stays behind, though somebody may miss it: settings are of an installation and its mail,
# a certificate is of what was erased there.
LEFT_BEHIND = _names(
    "visits visit_events mails mail_ledger bounces departures security_log webhook_endpoints"
    " webhook_choices webhook_messages webhook_attempts rule_runs site_settings erasures"
)
