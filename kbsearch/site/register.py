"""The register of what is kept, whose it is and how long: made from the settings and the schema.

Every table has its place here, a test says so; lengths are those by which the worker removes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from kbsearch import outbox
from kbsearch.articles import news
from kbsearch.config import Settings
from kbsearch.files import trash
from kbsearch.messages import notifications
from kbsearch.messages.incoming import mails
from kbsearch.messages.webhooks import deliveries, journal
from kbsearch.people.accounts import known_browsers, second_factor, sessions
from kbsearch.site.importing import table_imports

DAY = timedelta(days=1)


def _(sentence: str) -> str:
    """Mark a sentence for the catalogues."""
    return sentence


@dataclass(frozen=True)
class DataKind:
    """A kind of data: three sentences, what stands in the last of them, and where it lies."""

    name: str
    content: str
    purpose: str
    length: str | Callable[[Settings], str]
    tables: tuple[str, ...] = ()
    values: Callable[[Settings], Mapping[str, object]] = field(default=lambda _: {})

    def length_by(self, settings: Settings) -> str:
        """The last sentence, where it depends on what is set."""
        return self.length(settings) if callable(self.length) else self.length


def _of_incoming_mail(settings: Settings) -> str:
    if settings.incoming_mail_days:
        return _(
            "Mail that became a request or an answer: %(closed)s days after its request is "
            "closed; that of machines, and what was thrown away: %(days)s days"
        )
    return _(
        "Mail that became a request or an answer: with it; that of machines, and what was "
        "thrown away: %(days)s days"
    )


def _of_outgoing_mail(settings: Settings) -> str:
    if settings.outgoing_mail_days:
        return _(
            "%(notices)s days; their addresses %(departures)s days; "
            "tasks that are done: %(tasks)s days"
        )
    return _("%(notices)s days; their addresses for good; tasks that are done: %(tasks)s days")


KINDS = (
    DataKind(
        _("Accounts"),
        _("Name, address, language, mobile number, organisations, what somebody wants to hear of"),
        _("Knowing who asks, and telling them what they asked for"),
        _("Until the account is erased"),
        (
            *("people", "memberships", "organisation_followers", "notification_choices"),
            *("identities", "desk_choices", "address_changes", "mobile_requests"),
            *("invitations", "invitation_waves", "agent_teams", "agent_products"),
        ),
    ),
    DataKind(
        _("Signing in"),
        _("Sessions, devices, second factors, tokens of programs, links that were mailed"),
        _("That nobody acts as somebody else"),
        _(
            "Until each ends: a session after %(customer)s days at most, of staff after "
            "%(staff)s hours, a trusted device after %(device)s days, a browser not seen for "
            "%(browser)s days"
        ),
        (
            *("sessions", "tokens", "applications", "personal_tokens", "application_codes"),
            *("application_renewals", "kept_answers", "pending_sign_ins", "known_browsers"),
            *("kept_forms", "authenticators", "authenticator_offers", "passkeys"),
            *("passkey_challenges", "recovery_codes", "trusted_devices", "journeys"),
            *("used_handovers", "attempts"),
        ),
        lambda _: {
            "customer": sessions.SESSION_LIFETIME["customer"] // DAY,
            "staff": sessions.SESSION_LIFETIME["staff"] // timedelta(hours=1),
            "device": second_factor.DEVICE_LIFETIME // DAY,
            "browser": known_browsers.LIFETIME // DAY,
        },
    ),
    DataKind(
        _("Requests"),
        _("What was asked and answered, notes, files, who read and did what, how satisfied"),
        _("Answering, and finding how a problem was solved before"),
        _("Until a request is erased, without a person once they are; closed after %(days)s days"),
        (
            *("tickets", "ticket_copies", "ticket_handling", "ticket_clocks", "ticket_alarms"),
            *("ticket_tags", "ticket_field_lines", "ticket_readers", "messages"),
            *("ticket_events", "ticket_visits", "attachments", "file_scans", "satisfaction"),
            *("case_clicks", "duplicates", "merges", "problems", "problem_tickets", "rule_runs"),
            *("presences", "integer_ids", "stopwatches", "ticket_times"),
        ),
        lambda settings: {"days": settings.close_after_days},
    ),
    DataKind(
        _("Drafts"),
        _("What was typed and not sent, with its files"),
        _("That nothing typed is lost"),
        _("%(days)s days"),
        ("drafts", "article_drafts", "article_draft_tickets", "article_draft_files"),
        lambda settings: {"days": settings.draft_days},
    ),
    DataKind(
        _("Incoming mail"),
        _("Mail as it came, its sender, and what became of it"),
        _("Taking requests and answers by mail, and showing that none was lost"),
        _of_incoming_mail,
        ("mails", "bounces", "mailboxes", "mail_ledger", "arrivals", "mail_grants"),
        lambda settings: {
            "closed": settings.incoming_mail_days,
            "days": mails.KEEP_MACHINES // DAY,
        },
    ),
    DataKind(
        _("Outgoing messages"),
        _("Who was told what, by which channel, and whether it arrived"),
        _("Telling each once, and showing that they were told"),
        _of_outgoing_mail,
        ("outbox", "notices", "departures", "article_announcements", "article_tellings"),
        lambda settings: {
            "notices": notifications.KEEP // DAY,
            "departures": settings.outgoing_mail_days,
            "tasks": outbox.KEEP_DONE // DAY,
        },
    ),
    DataKind(
        _("Uploaded tables"),
        _("Requests, people or organisations of another tool, as a file, and what became of them"),
        _("Taking them over, and correcting how they are read"),
        _("%(days)s days after somebody last touched them, or until they are removed"),
        ("table_imports",),
        lambda _: {"days": table_imports.KEEP // DAY},
    ),
    DataKind(
        _("Searches and visits"),
        _("Words that were searched for, pages that were opened"),
        _("Finding what is missing, and putting first what helped"),
        _("The words: %(days)s days; the rest without them, until the account is erased"),
        ("visits", "visit_events"),
        lambda settings: {"days": settings.search_log_days},
    ),
    DataKind(
        _("What was learnt"),
        _("Opinions of articles, words that an article answered, searches without an answer"),
        _("Better results and better articles"),
        _("Words of searches: %(days)s days; the rest until the account is erased"),
        ("article_votes", "lessons", "gaps", "gap_signals"),
        lambda settings: {"days": settings.search_log_days},
    ),
    DataKind(
        _("Articles"),
        _("What is published, its owners, comments of colleagues"),
        _("Answers that everybody finds"),
        _("As long as they are published; earlier ones as long as the git repository has them"),
        (
            *("publications", "articles", "article_readers", "article_aliases", "categories"),
            *("category_aliases", "former_addresses", "external_links", "media"),
            *("article_media", "published_trailers", "branch_comments", "review_reminders"),
        ),
    ),
    DataKind(
        _("Organisations and products"),
        _("Names, contracts, versions, promises, logos"),
        _("Who may ask about what, and until when they are answered"),
        _("Until an administrator removes them"),
        (
            *("organisations", "products", "organisation_products", "product_versions"),
            *("calendars", "targets", "logos", "time_budgets"),
        ),
    ),
    DataKind(
        _("How work is done"),
        _("Teams, fields, rules, saved replies and views, with the names of their authors"),
        _("Answering together"),
        _("Until they are removed, or their author is erased"),
        (
            *("teams", "team_members", "team_products", "fields", "field_products"),
            *("saved_views", "saved_replies", "rules"),
        ),
    ),
    DataKind(
        _("Known problems and notices"),
        _("What was announced, and who follows it"),
        _("Telling those whom it concerns"),
        _("Until an administrator removes them; followers until their account is erased"),
        (
            *("announcements", "announcement_organisations", "announcement_followers"),
            "announcement_letters",
        ),
    ),
    DataKind(
        _("What people follow"),
        _("Articles, categories and products somebody follows; what is new in them, who was told"),
        _("Telling them what they asked to hear of, once"),
        _("Until they follow it no more; what was told: %(news)s days"),
        ("follows", "article_news", "news_letters", "news_letter_lines", "feed_addresses"),
        lambda _: {"news": news.KEEP // DAY},
    ),
    DataKind(
        _("Programs that are told"),
        _("What happened, as it was sent to webhooks, and their answers"),
        _("Other systems that follow requests"),
        _("%(deliveries)s days; what programs ask for again: %(journal)s days"),
        (
            *("webhook_endpoints", "webhook_choices", "webhook_messages", "webhook_attempts"),
            "site_events",
        ),
        lambda _: {"deliveries": deliveries.KEEP // DAY, "journal": journal.KEEP // DAY},
    ),
    DataKind(
        _("Security log"),
        _("Who came in, who did not, what administrators did: ids and networks, no names"),
        _("Finding out what happened"),
        _("For good: nothing can be removed from it; an erased person is an id in it"),
        ("security_log",),
    ),
    DataKind(
        _("Erasures"),
        _("When somebody was erased and what went, without saying who"),
        _("Showing that it was done, and erasing again after a restore"),
        _("For good"),
        ("erasures",),
    ),
    DataKind(
        _("The site itself"),
        _("Settings, numbers, what work has come to: nobody's data"),
        _("Running the site"),
        _("As long as the site"),
        ("state", "counters", "site_settings"),
    ),
    DataKind(
        _("Trash"),
        _("Files that belong to nothing any more"),
        _("Taking back what was removed by mistake"),
        _("%(days)s days; what is known to be an erased person's goes at once"),
        values=lambda _: {"days": trash.KEEP // DAY},
    ),
    DataKind(
        _("Backups"),
        _("All of this, as it was at one moment"),
        _("Bringing the site back"),
        _("By the setting backup_keep, now %(rule)s; who is erased is erased again by a restore"),
        values=lambda settings: {"rule": ", ".join(settings.backup_keep)},
    ),
)

MASKED = _("Texts in which they were named")
_OF_TABLES = {table: kind.name for kind in KINDS for table in kind.tables}


def by_kind(counts: Mapping[str, int]) -> dict[str, int]:
    """What went, by the kind of data, of what went by table."""
    sums: dict[str, int] = {}
    for table, count in counts.items():
        name = _OF_TABLES.get(table, MASKED)
        sums[name] = sums.get(name, 0) + count
    return sums
