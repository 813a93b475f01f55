"""Links that lead out of the site: whether somebody still answers there.

Each address is asked for once in a while, by its head alone where that is answered; one that is
only busy, closed to strangers or not safely reached is no mistake of the article's.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from time import sleep
from typing import Literal
from urllib.parse import urldefrag, urlsplit

from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.clock import now, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, NoAnswer

LinkOutcome = Literal["good", "broken", "unsure"]
KEEP_GOOD, KEEP_OTHERS = timedelta(days=7), timedelta(days=1)
MOST = 2_000  # addresses of one round
AT_ONCE = 4  # hosts
PAUSE = 1.0  # seconds between two addresses of one host
IDLE_SECONDS = 3_600.0  # of the worker, where nothing is due
DEADLINE_SECONDS = 10.0
GONE = (404, 410)
NOT_BY_HEAD = (400, 403, 404, 405, 501)  # some answer these to a HEAD alone
HEADERS = {"User-Agent": "kbsearch-links", "Accept": "*/*"}


@dataclass(frozen=True)
class LinkState:
    """What an address answered when it was asked last."""

    url: str
    outcome: LinkOutcome
    details: str  # a status, or why there was none
    checked_at: str


def urls_of(articles: Iterable[Rendered], settings: Settings) -> set[str]:
    """The addresses outside that articles lead to, without what follows a `#`."""
    targets = (
        resolved.reference.target
        for article in articles
        for resolved in article.references
        if resolved.reference.kind == "link"
    )
    return _outside(targets, settings)


def due(urls: Iterable[str], known: Mapping[str, LinkState]) -> list[str]:
    """Those of some addresses that are to be asked again, as many as one round takes."""
    moment = utc_now()
    kept = {"good": stored(moment - KEEP_GOOD), "broken": stored(moment - KEEP_OTHERS)}

    def is_due(url: str) -> bool:
        state = known.get(url)
        return state is None or state.checked_at < kept.get(state.outcome, kept["broken"])

    return sorted(filter(is_due, urls))[:MOST]


def guard_of(settings: Settings) -> Guard:
    """Whom links may be asked of: the internet, and what the operator opened."""
    exceptions = Exceptions.of(settings.webhook_private_targets)
    return Guard(exceptions, deadline=DEADLINE_SECONDS)


def ask_all(guard: Guard, urls: Iterable[str], *, pause: float = PAUSE) -> list[LinkState]:
    """Ask a few hosts at once, each for one address after the other."""
    by_host: dict[str, list[str]] = {}
    for url in urls:
        by_host.setdefault(urlsplit(url).netloc, []).append(url)

    def of_host(own: Sequence[str]) -> list[LinkState]:
        states = []
        for position, url in enumerate(own):
            sleep(pause if position else 0)
            states.append(ask(guard, url))
        return states

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(chain.from_iterable(pool.map(of_host, by_host.values())))


def ask(guard: Guard, url: str) -> LinkState:
    """Ask for one address, by its head first."""
    try:
        answer = guard.send(url, b"", HEADERS, method="HEAD")
        if answer.status in NOT_BY_HEAD:
            answer = guard.send(url, b"", HEADERS, method="GET")
    except NoAnswer as problem:
        outcome: LinkOutcome = "broken" if problem.reason == "unresolved" else "unsure"
        return LinkState(url, outcome, problem.reason, now())
    if answer.status in GONE:
        return LinkState(url, "broken", str(answer.status), now())
    return LinkState(url, "good" if answer.status < 400 else "unsure", str(answer.status), now())


def findings(
    articles: Iterable[Rendered], known: Mapping[str, LinkState], prefix: str
) -> Iterator[Finding]:
    """The links of articles to addresses that are no more."""
    for article in articles:
        for resolved in article.references:
            reference = resolved.reference
            if reference.kind != "link":
                continue
            state = known.get(urldefrag(reference.target).url)
            if state is not None and state.outcome == "broken":
                values = {"target": reference.target, "details": state.details}
                path = prefix + article.source.entry.path
                yield Finding(path, reference.line, reference.column, "external-link", values)


def states(db: Database) -> dict[str, LinkState]:
    """What is known of each address."""
    rows = db.query("SELECT url, outcome, details, checked_at FROM external_links")
    return {row["url"]: LinkState(**row) for row in rows}


def keep(db: Database, answers: Iterable[LinkState]) -> None:
    """Remember what addresses answered."""
    with db.atomic():
        for state in answers:
            db.execute(
                """
                INSERT INTO external_links (url, outcome, details, checked_at)
                VALUES (:url, :outcome, :details, :checked_at) ON CONFLICT (url) DO UPDATE
                SET outcome = excluded.outcome, details = excluded.details,
                  checked_at = excluded.checked_at
                """,
                vars(state),
            )


def live_uses(db: Database, settings: Settings) -> dict[str, list[str]]:
    """Each address outside that live articles lead to, with their paths."""
    rows = db.query(
        """
        SELECT a.path, a.rendering FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE s.name = 'live_publication' AND a.rendering LIKE '%http%' ORDER BY a.path
        """
    )
    uses: dict[str, list[str]] = {}
    for row in rows:
        references = json.loads(row["rendering"])["references"]
        for url in _outside(
            (target for kind, target, *_ in references if kind == "link"), settings
        ):
            uses.setdefault(url, []).append(row["path"])
    return uses


class LinkRounds:
    """The worker's way through all links: one address at a time, forever, and never in a hurry."""

    def __init__(self, db: Database, settings: Settings, guard: Guard | None = None) -> None:
        self._db, self._settings = db, settings
        self._guard = guard or guard_of(settings)
        self._due: list[str] = []

    def step(self) -> float:
        """Ask for one address that is due; for how many seconds to rest then."""
        if not self._due:
            uses = live_uses(self._db, self._settings)
            known = states(self._db)
            self._forget([url for url in known if url not in uses])
            self._due = due(uses, known)
        if not self._due:
            return IDLE_SECONDS
        keep(self._db, [ask(self._guard, self._due.pop())])
        return PAUSE

    def _forget(self, urls: Iterable[str]) -> None:
        for url in urls:
            self._db.execute("DELETE FROM external_links WHERE url = :url", {"url": url})


def _outside(targets: Iterable[str], settings: Settings) -> set[str]:
    urls = {
        urldefrag(target).url for target in targets if target.startswith(("http://", "https://"))
    }
    return {url for url in urls if urlsplit(url)[:2] != urlsplit(settings.base_url)[:2]}
