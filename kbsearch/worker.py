"""The worker: the loop that publishes new content, keeps the index right and empties the outbox.

Its sign of life is the loop's own, which falls silent when it hangs; before work that may take
minutes it says so. A second worker of the same data folder waits until the first one is gone. Where
several hosts share a database, each has a worker: all of them send and follow the content, and one
leads, which publishes, reads the mailbox and does all that is done by the clock. Each keeps the
indexes that its host reads.
"""

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

from kbsearch import articles, limits, outbox
from kbsearch.articles import news
from kbsearch.articles.gaps import cases, counts
from kbsearch.articles.gaps import signals as gap_signals
from kbsearch.articles.publishing import publications, sharing
from kbsearch.articles.publishing.external_links import LinkRounds
from kbsearch.articles.publishing.publish import Publication, Refusal, publish
from kbsearch.articles.publishing.watch import Watcher
from kbsearch.articles.writing import drafts as article_drafts
from kbsearch.articles.writing import review_reminders
from kbsearch.clock import now, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.files import places
from kbsearch.insights import handling
from kbsearch.messages import notifications
from kbsearch.messages.delivery import departures, senders
from kbsearch.messages.delivery.senders import Sender
from kbsearch.messages.incoming import mailbox, mails
from kbsearch.messages.notifications import (
    announcement_letters,
    answers,
    article_letters,
    code_texts,
    digest_letters,
    mailings,
    news_letters,
    solutions,
    ticket_letters,
    ticket_texts,
)
from kbsearch.messages.webhooks import deliveries, failed_searches, journal
from kbsearch.messages.webhooks.sender import WebhookSender
from kbsearch.outbox import Channel, Handlers, Share, Task
from kbsearch.people.accounts import (
    applications,
    kept_answers,
    kept_forms,
    known_browsers,
    mobiles,
    passkeys,
    personal_tokens,
    second_factor,
    sessions,
    sign_ins_under_way,
)
from kbsearch.people.accounts.applications import grants
from kbsearch.people.accounts.single_sign_on import journeys, used_handovers
from kbsearch.processes.parent_pipe import PATIENCE, ParentPipe
from kbsearch.processes.steps import Leader, Step
from kbsearch.rules import runs as rule_runs
from kbsearch.rules import work as rule_work
from kbsearch.search.learning import sent_articles, visits
from kbsearch.search.ranking import Search, certainty, generations, indexing
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import backup_rounds, health, neighbours, upgrades
from kbsearch.site.browser_settings import BrowserSettings
from kbsearch.site.importing import table_imports, table_runs
from kbsearch.tickets import changes, dues, files, scanning
from kbsearch.tickets.conversation import lifecycle
from kbsearch.tickets.desk import held_replies, presence
from kbsearch.tickets.filing import drafts

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
INDEX_CHECK_SECONDS = 2.0
HEARTBEAT_SECONDS = 5.0
LONG_WORK = 1800.0  # seconds for publishing or indexing everything
STEP_PATIENCE = 300.0  # seconds for a step that looks through much and is seldom due
HOUSEKEEPING_SECONDS = 3600.0
DIGEST_CHECK_SECONDS = 20.0
CERTAINTY_SECONDS = 600.0
COPY_SECONDS = 0.5
GAPS_SECONDS = 20.0
CASES_SECONDS = 60.0
GAP_BATCHES = 5
FAILED_SEARCHES_SECONDS = 20.0
INSIGHTS_SECONDS = 1.0
DUE_SECONDS = 1.0
SETTINGS_SECONDS = 1.0
ALARM_SECONDS = 20.0
RULES_SECONDS = 30.0
REVIEWS_SECONDS = 60.0
NICENESS = 5  # whoever is typing comes first


def run(
    settings: Settings,
    db: Database,
    parent_pipe: ParentPipe,
    sources: Mapping[str, str] | None = None,
) -> None:
    """Work until TERM or INT; the step under way is finished first."""
    chosen = BrowserSettings(settings, sources or {})
    chosen.renew(db)
    signals = Signals()
    os.nice(NICENESS)
    with _turn(settings.data_path / "worker.lock", signals, parent_pipe) as name:
        if name:
            outbox.release(db, name)  # of whoever had the turn before, and is gone
            _work(chosen, db, parent_pipe, signals, name)


def _work(
    chosen: BrowserSettings, db: Database, parent_pipe: ParentPipe, signals: "Signals", name: str
) -> None:
    settings = chosen.settings
    upgrades.note_release(db)
    pulse, leader = Pulse(db, parent_pipe), Leader(db.leads)
    once = partial(Step, whose=leader.leads)  # one host's worker does it for all
    with (
        senders.at_work(_senders(settings, db, name, leader)),
        mailbox.followed(settings, db, whose=leader.leads),
        closing(Indexer(settings, db, before_long=pulse.expect_long_work)) as indexer,
    ):
        content = Content(settings, db, signals, before_long=pulse.expect_long_work)
        handlers = _handlers(settings, db, indexer)
        taking_over = Step(
            "sharing the content", content.share, settings.content_fetch_seconds, LONG_WORK
        )
        publishing = once("publishing", content.follow)
        search = Search(settings, db)
        steps = (
            Step("settings", lambda: chosen.renew(db), SETTINGS_SECONDS),
            taking_over,
            publishing,
            once("checking the index", indexer.ensure, INDEX_CHECK_SECONDS),
            Step("the outbox", lambda: bool(outbox.run_one(db, handlers, Share(name, "inside")))),
            Step(
                "indexes of this host",
                indexer.copy,
                COPY_SECONDS,
                LONG_WORK,
                whose=lambda: not leader.leads(),
            ),
            once("indexing", lambda: bool(outbox.run_one(db, handlers, Share(name, "index")))),
            once("failed searches", lambda: failed_searches.tell_new(db), FAILED_SEARCHES_SECONDS),
            once("insights", lambda: handling.refresh(db), INSIGHTS_SECONDS),
            once("due times", lambda: dues.refresh(db), DUE_SECONDS),
            once("alarms", lambda: dues.tell(db), ALARM_SECONDS),
            once(
                "rules of time",
                lambda: rule_work.watch(db, settings),
                RULES_SECONDS,
                STEP_PATIENCE,
            ),
            once("reviews due", lambda: review_reminders.remind(db), REVIEWS_SECONDS),
            once("digests", lambda: digest_letters.ask(db), DIGEST_CHECK_SECONDS),
            once("gaps", lambda: _fill_gaps(db, search), GAPS_SECONDS, STEP_PATIENCE),
            once(
                "cases without an article",
                lambda: cases.take(db, search),
                CASES_SECONDS,
                STEP_PATIENCE,
            ),
            once(
                "what is certain",
                lambda: certainty.measure(db, search),
                CERTAINTY_SECONDS,
                STEP_PATIENCE,
            ),
            once(
                "housekeeping", lambda: _keep_house(settings, db), HOUSEKEEPING_SECONDS, LONG_WORK
            ),
            once(
                "clearing files away",
                lambda: _clear_files(settings, db),
                HOUSEKEEPING_SECONDS,
                LONG_WORK,
                # never at the start, when what is wrong with a site is not seen yet
                due_at=time.monotonic() + HOUSEKEEPING_SECONDS,
            ),
        )
        if articles.live_publication(db) is None:
            taking_over.attempt()
            publishing.attempt()  # nobody is told of a site that has no page yet
        parent_pipe.ready()
        while not signals.stop:
            if not _round(steps, signals, pulse):
                time.sleep(POLL_SECONDS)


class Signals:
    """What was asked for by signal: to stop (TERM, INT), to publish now (HUP)."""

    def __init__(self) -> None:
        self.stop = False
        self.publish = False
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_publish)

    def _on_stop(self, *_: object) -> None:
        self.stop = True

    def _on_publish(self, *_: object) -> None:
        self.publish = True


class Pulse:
    """The loop's signs of life: to its parent, and in the database for whoever asks /readyz."""

    def __init__(self, db: Database, parent_pipe: ParentPipe) -> None:
        self.db = db
        self.parent_pipe = parent_pipe
        self._due_at = 0.0

    def beat(self, patience: float = PATIENCE) -> None:
        """All is well; the next beat may be that many seconds away."""
        self.parent_pipe.beat(patience)
        if patience <= PATIENCE and time.monotonic() < self._due_at:
            return
        try:
            health.mark_worker_seen(self.db, patience)
        except Exception:
            log.exception("the heartbeat was not written down")
        # what was said about long work holds until it is over, and no longer
        self._due_at = time.monotonic() + HEARTBEAT_SECONDS if patience <= PATIENCE else 0.0

    def expect_long_work(self) -> None:
        self.beat(LONG_WORK)


class Content:
    """The content as the worker follows it: published when it changed, or when asked."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        signals: Signals,
        before_long: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.db = db
        self.signals = signals
        self._before_long = before_long
        self._watcher = Watcher(settings)
        self._told = ""
        self._due_at = ""

    def follow(self) -> bool:
        """Publish what is new, and say in the log what became of it."""
        is_due = "" < self._due_at <= now()
        if not (self._watcher.changed() or self.signals.publish or is_due):
            return False
        self.signals.publish = False
        self._before_long()
        try:
            self._tell(publish(self.db, self.settings, by="kbsearch worker"))
            live = publications.find_live(self.db)
            # what is due still, was refused: it is tried again with the next commit
            self._due_at = live.due_at if live and not live.is_due else ""
        except Exception:
            self._watcher.forget()
            raise
        self.share()
        return True

    def share(self) -> bool:
        """Take over what others published, and give them what is published here."""
        return sharing.follow(self.db, self.settings)

    def _tell(self, outcome: Publication | Refusal) -> None:
        if isinstance(outcome, Refusal):
            log.warning("commit %s was refused, the last good one stays live", outcome.commit)
            for finding in outcome.findings:
                log.warning("%s", finding)
        elif outcome.id != self._told:
            log.info("%s is live: %d articles", outcome.commit, outcome.articles)
            self._told = outcome.id


def _round(steps: Sequence[Step], signals: Signals, pulse: Pulse) -> bool:
    """Try every step in turn: a long queue in the outbox must not delay a commit."""
    acted = False
    for step in steps:
        if step.is_due and not signals.stop:
            pulse.beat(step.patience)
            acted |= step.attempt()
    return acted


def _handlers(settings: Settings, db: Database, indexer: Indexer) -> Handlers:
    """Who does what the outbox asks for."""

    def apply_changes(_: Task) -> None:
        indexer.apply_changes()

    def rebuild(task: Task) -> None:
        indexer.rebuild(task.subject)

    return outbox.together(
        {changes.FOLLOW: apply_changes, indexing.REBUILD: rebuild},
        rule_work.handlers(settings, db),  # before anybody is told of the change
        deliveries.handlers(settings, db),
        notifications.handlers(db),
        sent_articles.handlers(settings, db),
        solutions.handlers(db),
        announcement_letters.fan_out(db),
        news_letters.fan_out(db),
        held_replies.handlers(db),
    )


def _senders(settings: Settings, db: Database, name: str, leader: Leader) -> dict[str, Sender]:
    """Whoever waits for a code does not wait for the letters about requests."""
    by_name: dict[str, Sender] = {"webhooks": WebhookSender(settings, db, name).send}
    for channel, (urgent, others) in _letters(settings, db).items():
        for title, handlers, share in (
            (f"{channel} about accounts", urgent, Share(name, channel, only=urgent)),
            (f"{channel} about requests", others, Share(name, channel, never=urgent)),
        ):
            by_name[title] = senders.one_by_one(db, handlers, share)
    if settings.check_external:
        rounds = LinkRounds(db, settings)
        by_name["links to other sites"] = partial(senders.keep_on, leader.only(rounds.step))
    tables = partial(table_runs.step, db, settings)  # of files on this host
    by_name["uploaded tables"] = partial(senders.keep_on, tables)
    certificates = leader.only(partial(neighbours.step, db, settings))
    by_name["certificates"] = partial(senders.keep_on, certificates)
    if settings.backup_to:
        backup = leader.only(partial(backup_rounds.step, db, settings))
        by_name["backups"] = partial(senders.keep_on, backup)
    if settings.clamd:  # it may take its time, and be away
        scan = leader.only(partial(scanning.step, db, settings))
        by_name["virus scanner"] = partial(senders.keep_on, scan)
    return by_name


def _letters(settings: Settings, db: Database) -> dict[Channel, tuple[Handlers, Handlers]]:
    """Who writes what leaves by each channel: about accounts, and about all the rest."""
    return {
        "mail": (
            mailings.handlers(settings, db, mailings.ABOUT_ACCOUNTS),
            outbox.together(
                ticket_letters.handlers(settings, db),
                digest_letters.handlers(settings, db),
                mailings.handlers(
                    settings,
                    db,
                    mailings.ABOUT_WEBHOOKS
                    | mailings.ABOUT_FILES
                    | mailings.ABOUT_RULES
                    | mailings.ABOUT_ARTICLES
                    | mailings.ABOUT_BACKUPS,
                ),
                answers.handlers(settings, db),
                article_letters.handlers(settings, db),
                announcement_letters.handlers(settings, db),
                news_letters.handlers(settings, db),
            ),
        ),
        "sms": (
            code_texts.handlers(settings, db),
            ticket_texts.handlers(settings, db),
        ),
    }


@contextmanager
def _turn(path: Path, signals: Signals, parent_pipe: ParentPipe) -> Iterator[str]:
    """Wait to be the only worker: its name, which is that of the place; none where it is to stop.

    The system frees the lock of a process however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name, waited = "", False
    with path.open("a+", encoding="ascii") as lock:
        while not signals.stop:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                name = _name_in(lock)
                break
            except BlockingIOError:
                if not waited:
                    log.info("another worker is at work; waiting for it to end")
                    parent_pipe.ready()
                    waited = True
                parent_pipe.beat()
                time.sleep(POLL_SECONDS)
        yield name


def _name_in(lock: TextIO) -> str:
    """The name of whoever has this lock, one after the other: no two hosts share one."""
    lock.seek(0)
    name = lock.read().strip()
    if not name:
        name = new_id()
        lock.write(name)
        lock.flush()
    return name


def _fill_gaps(db: Database, search: Search) -> bool:
    """Take in what was searched and said; a long log takes turns with everything else."""
    if gap_signals.follow(db):
        cases.drop_answered(db)
    for _ in range(GAP_BATCHES):
        if not gap_signals.take(db, search):
            break
    return False


def _keep_house(settings: Settings, db: Database) -> bool:
    """Close, forget and clear away what its time has come for."""
    outbox.forget_done(db, before=stored(utc_now() - outbox.KEEP_DONE))
    for forget in (
        sessions.forget_expired,
        personal_tokens.forget_expired,
        grants.forget_expired,
        applications.forget_unused,
        second_factor.forget_expired,
        passkeys.forget_expired,
        mobiles.forget_expired,
        sign_ins_under_way.forget_expired,
        kept_forms.forget_expired,
        kept_answers.forget_expired,
        journal.forget_old,
        known_browsers.forget_unused,
        limits.forget_old,
        journeys.forget_expired,
        used_handovers.forget_expired,
        notifications.forget_settled,
        scanning.forget_unused,
        presence.forget_lapsed,
        rule_runs.forget_idle,
        news_letters.forget_old,
        news.forget_old,
    ):
        forget(db)
    deliveries.forget_old(db, before=stored(utc_now() - deliveries.KEEP))
    drafts.forget_old(db, settings.draft_days)
    article_drafts.forget_old(db, settings.draft_days)
    visits.forget_texts(db, settings.search_log_days)
    counts.forget(db, settings.search_log_days)
    departures.forget_old(db, settings.outgoing_mail_days)
    generations.forget_generations(settings, db)
    table_imports.forget_old(db, settings)
    while lifecycle.close_quiet(db, settings.close_after_days) == lifecycle.BATCH:
        pass
    return False


def _clear_files(settings: Settings, db: Database) -> bool:
    """Move what belongs to nothing any more to the trash, and empty that of what was long in it."""
    trash = places.trash(settings)
    files.forget_orphans(db, places.attached(settings), trash)
    mails.forget_old(db, settings, trash)
    trash.empty()
    return False
