"""Limits on what may be tried: buckets in the database, shared by every process.

A bucket holds the moments of its last attempts, so no stretch of time as long as a limit's window
ever has more of them than the limit. What is refused is not counted: waiting always helps.
"""

import hashlib
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch.clock import parsed, stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import TooMany

MINUTES, HOURS, DAYS = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Limit:
    """So many attempts in so long; with several windows, each of them holds."""

    name: str
    windows: tuple[tuple[int, timedelta], ...]


Charges = Sequence[tuple[Limit, str]]  # each limit with the key of one of its buckets

SIGN_INS_OF_ACCOUNT = Limit("sign_in.account", ((10, 5 * MINUTES),))
SIGN_INS_FROM_NETWORK = Limit("sign_in.network", ((10, 5 * MINUTES),))
SIGN_INS_OF_ALL = Limit("sign_in.all", ((1000, 5 * MINUTES),))
DEPARTURES_FROM_NETWORK = Limit("departure.network", ((100, 5 * MINUTES),))  # offices share one
CODES_OF_PERSON = Limit("code.person", ((5, 5 * MINUTES), (20, HOURS), (50, DAYS)))
CODES_FROM_NETWORK = Limit("code.network", ((10, 5 * MINUTES),))
MAILED_TO_PERSON = Limit("code.mailed", ((20, HOURS),))  # a password must not fill a mailbox
RESENDS = Limit("code.resent", ((3, HOURS),))
RESETS_OF_ACCOUNT = Limit("reset.account", ((5, DAYS),))
RESETS_FROM_NETWORK = Limit("reset.network", ((20, HOURS),))
REQUESTS_OF_CUSTOMER = Limit("request.customer", ((60, HOURS), (300, DAYS)))  # each tells a team
REPLIES_OF_CUSTOMER = Limit("reply.customer", ((120, HOURS), (600, DAYS)))
VISITS_FROM_NETWORK = Limit("visit.network", ((600, 5 * MINUTES),))
VOTES_FROM_NETWORK = Limit("vote.network", ((30, 5 * MINUTES), (200, DAYS)))  # of guests
VOTES_OF_PERSON = Limit("vote.person", ((120, HOURS),))
REGISTRATIONS_FROM_NETWORK = Limit("application.network", ((20, HOURS), (60, DAYS)))
REGISTRATIONS_OF_ALL = Limit("application.all", ((300, HOURS),))
REFUSALS_TOLD = Limit("limit.told", ((1, 5 * MINUTES),))  # a flood must not fill the log
LONGEST = timedelta(days=1)
SUBSCRIBER_PREFIX = 56  # 256 times the /64 that one of their networks has


def take(db: Database, limit: Limit, key: str, *, at: datetime | None = None) -> None:
    """Count an attempt, or raise TooMany with the seconds after which one fits again."""
    take_all(db, [(limit, key)], at=at)


def take_all(db: Database, charges: Charges, *, at: datetime | None = None) -> None:
    """Count an attempt against each of these limits, or against none of them."""
    moment = at or utc_now()
    buckets = [(limit, _bucket(limit, key)) for limit, key in charges]

    def count() -> tuple[int, Limit]:
        for _, bucket in buckets:
            _heal(db, bucket, moment)
        waits = [(_wait(db, limit, bucket, moment), limit) for limit, bucket in buckets]
        wait, narrowest = max(waits, key=lambda pair: pair[0])
        if wait == 0:
            attempts = [{"bucket": bucket, "at": stored(moment)} for _, bucket in buckets]
            db.insert_many("attempts", attempts)
        return wait, narrowest

    wait, narrowest = db.retried(count)
    if wait:
        minutes = math.ceil(wait / 60)
        raise TooMany("limit.reached", retry_after=wait, minutes=minutes, limit=narrowest.name)


def give_back(db: Database, limit: Limit, key: str) -> None:
    """Take the latest attempt off again: it was a good one, and only bad ones count."""
    bucket = {"bucket": _bucket(limit, key)}

    # All of the same second are alike: which of them goes makes no difference, but only one may.
    def remove() -> None:
        rows = db.query(
            """
            SELECT at, COUNT(*) AS n FROM attempts WHERE bucket = :bucket
            GROUP BY at ORDER BY at DESC LIMIT 1
            """,
            bucket,
        )
        if rows:
            latest = {**bucket, "at": rows[0]["at"]}
            db.execute("DELETE FROM attempts WHERE bucket = :bucket AND at = :at", latest)
            db.insert_many("attempts", [latest] * (rows[0]["n"] - 1))

    db.retried(remove)


def network(address: str | None) -> str:
    """What an address counts as: itself, or for IPv6 the /56 that one subscriber has."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, SUBSCRIBER_PREFIX), strict=False))
    return str(ip)


def neighbourhood(address: str | None) -> str:
    """The network that a household or an office may have for itself: a /24, for IPv6 a /48."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def forget_old(db: Database, *, at: datetime | None = None) -> int:
    """Remove the attempts that no window reaches any more; how many."""
    oldest = stored((at or utc_now()) - LONGEST)
    return db.execute("DELETE FROM attempts WHERE at <= :oldest", {"oldest": oldest})


def _bucket(limit: Limit, key: str) -> str:
    """A hash: what people mistype into an address field may be their password."""
    text = f"{limit.name}\n{key}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _heal(db: Database, bucket: str, moment: datetime) -> None:
    """After the clock was set back, the attempts of the future are of now."""
    db.execute(
        "UPDATE attempts SET at = :now WHERE bucket = :bucket AND at > :now",
        {"bucket": bucket, "now": stored(moment)},
    )


def _wait(db: Database, limit: Limit, bucket: str, moment: datetime) -> int:
    """Seconds until every window has room; 0 when each has."""
    return max(_wait_for(db, bucket, *window, moment) for window in limit.windows)


def _wait_for(db: Database, bucket: str, count: int, window: timedelta, moment: datetime) -> int:
    rows = db.query(
        """
        SELECT at FROM attempts WHERE bucket = :bucket AND at > :since
        ORDER BY at DESC LIMIT 1 OFFSET :place
        """,
        {"bucket": bucket, "since": stored(moment - window), "place": count - 1},
    )
    if not rows:
        return 0
    return max(1, math.ceil((parsed(rows[0]["at"]) + window - moment).total_seconds()))
