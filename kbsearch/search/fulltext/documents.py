"""What the index takes in: articles and past tickets, free of database and engine."""

from dataclasses import dataclass

from kbsearch.text.markup.outline import Passage


@dataclass(frozen=True)
class Page:
    """An article, ranked whole and opened at its best passage."""

    path: str  # its id: `fr/account/sign-in`
    slug: str
    language: str
    title: str
    summary: str
    passages: tuple[Passage, ...]
    phrases: tuple[str, ...]  # the editors' words: tags and found_by
    products: tuple[str, ...]
    version: str
    readers: tuple[str, ...]
    updated_at: str


@dataclass(frozen=True)
class Case:
    """A ticket with what was said about it; `notes`, with its tags, are for agents only."""

    number: int
    ticket_id: str
    language: str
    subject: str
    description: str
    answers: str
    notes: str
    product: str
    version: str
    status: str
    readers: tuple[str, ...]
    updated_at: str
    revision: int = 0  # grows with every change: where to go on from
    is_merged: bool = False  # it goes on in another one: it is no past case

    @property
    def is_solved(self) -> bool:
        return self.status in ("solved", "closed") and not self.is_merged


@dataclass(frozen=True)
class Taught:
    """A lesson as the ranking takes it in; one voice is an organisation, or one of the staff."""

    wording: str
    language: str
    path: str
    voice: str
    is_staff: bool


@dataclass(frozen=True)
class Click:
    """One agent's word on a request and a past case, by their numbers."""

    ticket: int
    case: int
    person: str
    is_confirmed: bool  # else rejected
