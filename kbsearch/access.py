"""Who is looking, and the principals that say what they may see.

A principal is a word for one person or for many: `user:<id>`, `org:acme`, `agents`. A thing has
readers, a viewer has principals; it is visible when they share one. The readers of a thing are rows
beside it (`article_readers`, `ticket_readers`) and a field of its index document.

Those who answer read articles as `agents`. Tickets have words of their own: whoever has `desk`
reads all of them, an agent who is limited has `desk-team:T`, `desk-product:P` and `desk-user:U`
instead. None of these is stored: `tickets.visibility` asks the team, product and people.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from kbsearch.database import Values, one_of
from kbsearch.errors import NotFound

Role = Literal["anonymous", "customer", "agent", "writer", "administrator"]
ROLES: tuple[Role, ...] = ("customer", "agent", "writer", "administrator")

EVERYONE = "everyone"
CUSTOMERS = "customers"
AGENTS = "agents"
WRITERS = "writers"
DESK = "desk"  # every ticket


@dataclass(frozen=True)
class DeskLimits:
    """The ids of the teams and products whose tickets an agent is limited to; none: no limit."""

    teams: tuple[str, ...] = ()
    products: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.teams or self.products)


@dataclass(frozen=True)
class Viewer:
    """Somebody looking at the help centre, signed in or not."""

    role: Role = "anonymous"
    person_id: str | None = None
    name: str = ""
    email: str = ""
    language: str | None = None
    single_keys: bool = True  # shortcuts of one character
    time_zone: str | None = None  # an IANA name
    organisations: tuple[str, ...] = ()  # slugs
    products: tuple[str, ...] = ()  # slugs, of the contracts of those organisations
    principals: tuple[str, ...] = field(default=(EVERYONE,))
    via: str = ""  # how they act when it is not in a browser
    is_enrolling: bool = False  # still owes a second factor: nothing but setting it up is open
    rule_id: str | None = None  # of the rule that acts, which is nobody
    limits: DeskLimits = DeskLimits()
    held_ticket: str = ""  # an id: what they change now stays before them until it is done

    @property
    def is_agent(self) -> bool:
        """Agents and administrators answer requests: all of them, or those they are limited to."""
        return AGENTS in self.principals

    @property
    def sees_all_tickets(self) -> bool:
        """Whether every ticket is theirs to read; what is about all of them is for these alone."""
        return DESK in self.principals

    @property
    def is_staff(self) -> bool:
        """Agents, writers and administrators work on the articles."""
        return self.is_agent or WRITERS in self.principals

    @property
    def is_administrator(self) -> bool:
        """Administrators decide who comes in, and what they see."""
        return self.role == "administrator"

    @property
    def is_signed_in(self) -> bool:
        return self.person_id is not None

    @property
    def may_act(self) -> bool:
        """Whether somebody answers for what is done: a person, or a rule."""
        return self.person_id is not None or self.rule_id is not None


ANONYMOUS = Viewer()


def principals(
    role: Role,
    person_id: str,
    organisations: Iterable[str] = (),
    products: Iterable[str] = (),
    limits: DeskLimits = DeskLimits(),
) -> tuple[str, ...]:
    """The principals a signed-in person answers to, sorted; organisations and products by slug.

    Only agents are ever limited.
    """
    names = {EVERYONE, CUSTOMERS, f"user:{person_id}"}
    if role == "customer":
        names |= {f"org:{slug}" for slug in organisations}
        names |= {f"product:{slug}" for slug in products}
    if role in ("agent", "administrator"):
        names.add(AGENTS)
    if role == "agent" and limits:
        names |= desk_words(limits.teams, limits.products, [person_id])
    elif role in ("agent", "administrator"):
        names.add(DESK)
    if role in ("writer", "administrator"):
        names.add(WRITERS)
    return tuple(sorted(names))


def _administrator(name: str) -> Viewer:
    words = principals("administrator", name)
    return Viewer("administrator", name=name, principals=words, via=name)


# Whoever may run commands on the machine of the site.
OPERATOR = _administrator("command line")
# The application that the settings trust to say who its customers are.
SINGLE_SIGN_ON = _administrator("single sign-on")


def of_rule(rule_id: str) -> Viewer:
    """Who a rule acts as: it works on requests as agents do, and has no account."""
    return Viewer("agent", principals=(AGENTS, DESK), via="rule", rule_id=rule_id)


def desk_words(teams: Iterable[str], products: Iterable[str], people: Iterable[str]) -> set[str]:
    """The words by which limited agents read tickets: of teams, of products, of their own; ids.

    A customer's `product:P` opens articles, and never a ticket.
    """
    return (
        {f"desk-team:{team}" for team in teams}
        | {f"desk-product:{product}" for product in products}
        | {f"desk-user:{person}" for person in people}
    )


def holding(viewer: Viewer, ticket_id: str) -> Viewer:
    """The viewer while they change a ticket that they may read: it stays theirs until it is done.

    What they change first may take it out of their sight, and there may be more to do.
    """
    return replace(viewer, held_ticket=ticket_id)


def only_administrators(viewer: Viewer, key: str = "web.not_found") -> None:
    """For others what is asked for does not exist: raises NotFound with that message."""
    if not viewer.is_administrator:
        raise NotFound(key)


def only_agents(viewer: Viewer, key: str = "web.not_found") -> None:
    """The same for all who answer requests."""
    if not viewer.is_agent:
        raise NotFound(key)


def only_unlimited(viewer: Viewer, key: str = "web.not_found") -> None:
    """The same for those who see all tickets: for what is about all, and cannot be told in part."""
    if not (viewer.is_agent and viewer.sees_all_tickets):
        raise NotFound(key)


def only_staff(viewer: Viewer, key: str = "web.not_found") -> None:
    """The same for all who work on the articles."""
    if not viewer.is_staff:
        raise NotFound(key)


def may_publish(viewer: Viewer, authors: Collection[str], *, is_reviewed: bool) -> bool:
    """Whether the viewer may put live what people of those addresses wrote.

    Writers and administrators may; where articles are reviewed, not what is their own.
    """
    return WRITERS in viewer.principals and not (is_reviewed and viewer.email in authors)


def article_readers(audience: str) -> tuple[str, ...]:
    """The principals that may read an article: those it is for, and the staff who work with it."""
    return tuple(sorted({audience, AGENTS, WRITERS}))


def is_narrower(audience: str, than: str) -> bool:
    """Whether some of those an article is for may not read one that is for `audience`."""
    if audience in (EVERYONE, than) or than == AGENTS:  # staff reads all of them
        return False
    return audience != CUSTOMERS or than == EVERYONE


def shared_audience(audience: str, other: str) -> str:
    """Those who may read what is for the one and what is for the other; staff may at the least."""
    if not is_narrower(other, than=audience):
        return audience
    return AGENTS if is_narrower(audience, than=other) else other


def ticket_readers(
    requester_id: str | None,
    copied_ids: Iterable[str],
    organisation: str | None,
    *,
    shared: bool,
    followers: Iterable[str] = (),
) -> tuple[str, ...]:
    """The principals that may read a request, but for those who answer.

    `shared` opens it to all the colleagues of its organisation, `followers` to those its
    organisation named. A confidential request has neither.
    """
    readers = {f"user:{person_id}" for person_id in (*copied_ids, *followers)}
    if requester_id:
        readers.add(f"user:{requester_id}")
    if organisation and shared:
        readers.add(f"org:{organisation}")
    return tuple(sorted(readers))


def visible(viewer: Viewer, readers: str, key: str, column: str) -> tuple[str, Values]:
    """An SQL condition: the row whose id is `column` has one of the viewer's principals.

    `readers` and `key` name the table of readers and its key: constants of the calling module.
    """
    places, values = one_of("principal", viewer.principals)
    condition = (
        f"EXISTS (SELECT 1 FROM {readers} r WHERE r.{key} = {column} "  # noqa: S608
        f"AND r.word IN ({places}))"
    )
    return condition, values
