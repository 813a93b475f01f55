"""What is asked of an index, as data: built once, run by whichever engine holds the documents.

A clause says which documents match and what each scores for it. The scores of words are those of
BM25 (k1 1.2, b 0.75), whatever the engine; those of a `Constant` are what it says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from kbsearch.search.fulltext.explanation import ScoreShare

K1, B = 1.2, 0.75  # of BM25: how soon a word says no more, how much a long text takes


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """Documents that have a term in a field."""

    field: str
    text: str
    boost: float = 1.0


@dataclass(frozen=True, slots=True)
class Phrase:
    """Documents that have terms at these places from each other, in a field with positions."""

    field: str
    places: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Documents that have one of some terms in a field; none for no term."""

    field: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Documents whose number in a field is not below another."""

    field: str
    number: int


@dataclass(frozen=True, slots=True)
class Constant:
    """Documents that match a clause; each scores as much."""

    clause: "Clause"
    score: float


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Documents that match at least one clause; scores add up."""

    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Documents that match every clause; scores add up."""

    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Raised:
    """Documents that match a clause; they score more for what else they match."""

    clause: "Clause"
    by: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Documents that match a clause, all of `to` and none of `without`; scores stay."""

    clause: "Clause"
    to: tuple["Clause", ...]
    without: tuple["Clause", ...] = ()


Clause = QueryTerm | Phrase | OneOf | AtLeast | Constant | AnyOf | AllOf | Raised | Narrowed


def any_of(clauses: Iterable[Clause]) -> AnyOf:
    """Documents that match at least one; none for no clause."""
    return AnyOf(tuple(clauses))


def all_of(clauses: Iterable[Clause]) -> AllOf:
    """Documents that match every one."""
    return AllOf(tuple(clauses))


def raised(clause: Clause, by: Iterable[Clause]) -> Clause:
    """The clause, with higher scores for documents that match others too."""
    raising = tuple(by)
    return Raised(clause, raising) if raising else clause


def narrowed(clause: Clause, to: Sequence[Clause], without: Sequence[Clause] = ()) -> Clause:
    """The clause, for documents that match all of some and none of others."""
    return Narrowed(clause, tuple(to), tuple(without)) if to or without else clause


def phrase(field: str, stems: Sequence[str | None]) -> Clause:
    """Documents that have these in that order; a stop word (None) may be any word."""
    places = [(place, stem) for place, stem in enumerate(stems) if stem]
    if not places:
        return AnyOf(())
    if len(places) == 1:
        return QueryTerm(field, places[0][1])
    first = places[0][0]
    return Phrase(field, tuple((place - first, stem) for place, stem in places))


@dataclass(frozen=True, slots=True)
class Plan:
    """A question of an index: what matches, which stretch of the best, and what is counted.

    `filters` say which documents are seen at all, `narrowing` which of these are in the list:
    facets are counted without it, so that the other choices show too.
    """

    clause: Clause
    limit: int
    offset: int = 0
    filters: tuple[Clause, ...] = ()
    narrowing: tuple[Clause, ...] = ()
    facets: tuple[str, ...] = ()
    is_counted: bool = True
    weighted_by: str = ""  # a field whose log2(2 + number) multiplies the scores
    ordered_by: str = ""  # a field whose highest numbers come first, whatever the scores


Address = tuple[int, int]  # where a document lies in one commit; in another it is another's


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """The best documents with their scores, how many match, and their values by facet."""

    hits: Sequence[tuple[float, Address]]
    total: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


Analysis = Literal["raw", "whole", "surface", "stem_fr", "stem_en", "number", "bytes"]


@dataclass(frozen=True, slots=True)
class IndexField:
    """How a field of a document is kept.

    A text is one term (`raw`), terms made beforehand (`whole`), words as written (`surface`) or
    their stems; of a term the index knows that it is there, how often (`freq`), or also where.
    """

    name: str
    analysis: Analysis
    option: Literal["basic", "freq", "position"] = "basic"
    is_stored: bool = False
    is_counted: bool = False  # a facet, or a number that can be read fast


Fields = tuple[IndexField, ...]
Document = Mapping[str, object]


class DamagedIndex(ValueError):
    """Files of an index are missing or make no sense."""


class IndexBusy(ValueError):
    """Another process is writing to the index."""


class IndexUnreachable(ValueError):
    """The servers that hold an index do not answer, or refuse to; the text says why."""


# Why servers let nobody in: messages, translated where they are said.
UNTRUSTED = "Its certificate is signed by nobody trusted here: name its authority’s file with ?ca="
WRONG_NAME = "Its certificate is for another name than the one in the setting index"
EXPIRED = "Its certificate has expired, or is not valid yet: renew it"
UNREADABLE_CA = "The file of certificates that ?ca= names cannot be read"
UNKNOWN_USER = "It does not know this user or this password (401): see the setting index"
FORBIDDEN = "This user has no right to do this there (403): grant it on the cluster"
REFUSALS = UNTRUSTED, WRONG_NAME, EXPIRED, UNREADABLE_CA, UNKNOWN_USER, FORBIDDEN

REVISION_KEY = "@revision"  # the key of a document that says how far an index has come


@dataclass(frozen=True)
class RemoteIndex:
    """An index on other machines: the address of these, and its name there."""

    address: str = field(repr=False)  # with user and password
    name: str


Place = Path | RemoteIndex  # where an index is


@dataclass(frozen=True, slots=True)
class Frequency:
    """How many documents have a term in a field."""

    field: str
    term: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The commonest terms of a field with a prefix; `among` says which documents count."""

    field: str
    prefix: str
    limit: int
    among: Clause | None = None


Expected = Frequency | Begun | Plan


class View(Protocol):
    """One commit of an index, for reading; nothing in it ever changes."""

    @property
    def size(self) -> int:
        """How many documents there are."""

    @property
    def is_remote(self) -> bool:
        """Whether each question is a call to another machine."""

    @property
    def counts_empty_fields(self) -> bool:
        """Whether documents without a field count where its words and lengths are compared."""

    def expect(self, questions: Iterable[Expected]) -> None:
        """Ask in one call what will be asked one by one; nothing where there are no calls."""

    def ask(self, plan: Plan) -> EngineAnswer:
        """Run a plan."""

    def frequency(self, field: str, term: str) -> int:
        """How many documents have a term."""

    def begun_by(
        self, field: str, prefix: str, limit: int, among: Clause | None = None
    ) -> list[tuple[str, int]]:
        """The terms of a field with a prefix, commonest first, with how many documents have them.

        `among` says which documents count.
        """

    def matches(self, clause: Clause, address: Address) -> bool:
        """Whether a document matches a clause."""

    def shares(self, clause: Clause, address: Address) -> tuple[ScoreShare, ...]:
        """Which terms of which fields made a document's score, the weightiest first.

        What is constant has no shares.
        """

    def text(self, address: Address, field: str) -> str:
        """The stored text of a field that every document has."""

    def data(self, address: Address, field: str) -> bytes:
        """The stored bytes of a field that every document has."""

    def numbers(self, field: str, addresses: Sequence[Address]) -> list[int]:
        """The numbers of some documents in a field."""


class Writer(Protocol):
    """The one writer of an index: what it does shows with the next commit."""

    def add(self, document: Document, revision: int = 0) -> None:
        """Take a document in; a wrong type is refused at once.

        Where several may write, one of a lower revision replaces none of a higher.
        """

    def remove(self, field: str, term: str) -> None:
        """Take the documents with a raw term out."""

    def commit(self) -> None:
        """Make it durable and visible, all of it."""

    def rollback(self) -> None:
        """Forget what was not committed."""

    def close(self) -> None:
        """Finish, and let others write."""


class SearchIndex(Protocol):
    """An index of some fields: in a folder, in memory, or on other machines."""

    def catch_up(self, revision: int) -> None:
        """See that the next view is no older than a revision, where nothing else tells."""

    def view(self) -> View:
        """The last commit: the same view as long as nothing was committed."""

    def writer(self, heap: int) -> Writer:
        """Begin to write, with that many bytes of memory; raises IndexBusy while another does."""
