"""A solved request as the first draft of an article, without anybody's personal data.

Only what was said in public enters it, the customer's problem and the answer that solved it; all
of it is masked as one text. The phrases it is to be found by are those customers typed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kbsearch import access, articles, i18n, people
from kbsearch import tickets as requests
from kbsearch.access import Viewer
from kbsearch.articles.writing.amending import OriginalFile
from kbsearch.articles.writing.files import MAX_PHRASE, MAX_TITLE, ArticleFile, tidy
from kbsearch.config import LANGUAGES
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.search.fulltext import essence
from kbsearch.search.fulltext.text import detect_language, words_of
from kbsearch.search.learning import visits
from kbsearch.text import masking
from kbsearch.text.markup import slug_of
from kbsearch.text.masking import DataKind, names
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import duplicates

MOST_TICKETS = 50
MOST_PHRASES = 8
MAX_PART = 60_000  # characters of a problem or a solution: nobody reads more
MAX_SLUG = 60  # of the address that is proposed
GAP = re.compile(r"G-\d{1,9}")

_HEADING = re.compile(r"^( {0,3})(#{1,6})(?=\s)", re.MULTILINE)
_OWN_LINK = re.compile(
    r"!?\[([^\[\]\n]*)\]\((?:https?://[^\s)]{0,200})?/(?:\w\w/)?(?:requests|attachments|desk)/"
    r"[^)\n]{0,300}\)"
)
_CODE = re.compile(r"(```[\s\S]*?(?:```|\Z)|`[^`\n]*`)")
_BEFORE_SIGN = re.compile(r"(?<=[^\s|]) (?=[:;!?»](?:\s|$|[)\"”]))|(?<=«) ", re.MULTILINE)
NO_BREAK = "\N{NO-BREAK SPACE}"
_PLACEHOLDER = re.compile(r"‹[^‹›\n]*›")


@dataclass(frozen=True)
class Hidden:
    """Something that was masked, and what stands in its place wherever it stood."""

    kind: DataKind
    text: str
    placeholder: str


@dataclass(frozen=True)
class Composed:
    """A first draft: the article, what was masked in it, and what it was made of."""

    article: ArticleFile
    hidden: tuple[Hidden, ...] = ()
    tickets: tuple[int, ...] = ()
    gap: str = ""
    original: OriginalFile | None = None  # of an article that is there already


@dataclass(frozen=True)
class ArticleBrief:
    """What an article is to be about: requests by number, the words of a gap, or both."""

    tickets: Iterable[int] = ()
    title: str = ""
    phrases: Iterable[str] = ()
    gap: str = ""
    language: str = ""
    product: str = ""
    audience: str = ""


def compose(
    db: Database,
    viewer: Viewer,
    brief: ArticleBrief,
) -> Composed:
    """Make a draft of some requests, of the words of a gap, or of both.

    Of several requests the first tells the problem, the first that was solved how; those that the
    viewer may not read are left out. Raises NotFound where nothing is left to write about.
    """
    access.only_staff(viewer, "article_draft.not_found")
    if brief.gap and not GAP.fullmatch(brief.gap):
        raise Invalid("article_draft.gap_unknown")
    numbers = list(dict.fromkeys(brief.tickets))[:MOST_TICKETS]
    readable = requests.visible_numbers(db, viewer, numbers)
    sources = [requests.find_number(db, viewer, number) for number in numbers if number in readable]
    if numbers and not sources and not brief.title.strip():
        raise NotFound("ticket.not_found")
    original = _original(db, viewer, sources, brief.title, list(brief.phrases))
    language = brief.language
    if language not in LANGUAGES:
        text = f"{original.title}\n{original.problem}"
        language = sources[0].language if sources else detect_language(text)
    masked = masking.mask_together(
        original.texts,
        _people(db, sources, original.texts),
        keep=_nobody(db, sources),
        language=language,
    )
    clear, problem, solution, *found_by = (text.text for text in masked)
    slugs = [ticket.product for ticket in sources if ticket.product]
    product = brief.product or (slugs[0] if slugs else "")
    article = ArticleFile(
        language=language,
        title=clear[:MAX_TITLE],
        body=_body(language, problem, solution),
        category=_category(db, viewer, language, product),
        slug=slug_of(_PLACEHOLDER.sub(" ", clear))[:MAX_SLUG].strip("-"),
        audience=brief.audience,
        product=product,
        version=next((ticket.version for ticket in sources if ticket.version), ""),
        phrases=tuple(found_by),
    )
    items = {item.placeholder: item for text in masked for item in text.items}
    hidden = tuple(Hidden(item.kind, item.text, item.placeholder) for item in items.values())
    return Composed(tidy(article), hidden, tuple(ticket.number for ticket in sources), brief.gap)


@dataclass(frozen=True)
class _Original:
    """What was said, as it was typed."""

    title: str
    problem: str
    solution: str
    phrases: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.title, self.problem, self.solution, *self.phrases)


def _original(
    db: Database, viewer: Viewer, sources: Sequence[Ticket], title: str, phrases: Sequence[str]
) -> _Original:
    subjects = [essence.of_subject(ticket.subject) for ticket in sources]
    for ticket in sources:
        linked = duplicates.of_ticket(db, viewer, ticket)
        links = ((linked.original,) if linked.original else ()) + linked.duplicates
        subjects += [essence.of_subject(link.subject) for link in links]
    searched = visits.searches_before(db, [ticket.id for ticket in sources])
    solutions = (
        essence.of_description(message.body, ticket.subject)
        for ticket in sources
        for message in ticket.messages
        if message.solution and not message.internal
    )
    first = sources[0] if sources else None
    return _Original(
        title=title.strip() or (_capital(subjects[0]) if subjects else ""),
        problem=essence.of_description(first.description, first.subject)[:MAX_PART]
        if first
        else "",
        solution=next((solution for solution in solutions if solution.strip()), "")[:MAX_PART],
        phrases=tuple(_different([*phrases, *searched, *subjects])),
    )


def _different(phrases: Iterable[str]) -> list[str]:
    """Each wording once, however it was typed; the first ones."""
    by_words: dict[tuple[str, ...], str] = {}
    for phrase in phrases:
        words = tuple(words_of(phrase))
        if words and len(phrase) <= MAX_PHRASE:
            by_words.setdefault(words, " ".join(phrase.split()))
    return list(by_words.values())[:MOST_PHRASES]


def _people(db: Database, sources: Sequence[Ticket], texts: Iterable[str]) -> list[str]:
    """The names of whoever had to do with it, and of all others whose whole name is written."""
    own: list[str] = []
    for ticket in sources:
        own += [ticket.requester, ticket.organisation or "", ticket.assignee or ""]
        own += [copy.name for copy in ticket.copies]
        own += [message.author for message in ticket.messages]
    words_typed = {word for text in texts for word in words_of(text)}
    customers = (organisation.name for organisation in organisations.list_all(db))
    everybody = [*people.list_names(db), *customers]
    mentioned = [
        name
        for name in everybody
        if (words := words_of(name))
        and words_typed.issuperset(words)
        and not all(names.is_ordinary(word) for word in words)
    ]
    return [name for name in dict.fromkeys([*own, *mentioned]) if name]


def _nobody(db: Database, sources: Sequence[Ticket]) -> list[str]:
    """What is no person, though it may look like one: products and versions."""
    versions = [ticket.version for ticket in sources if ticket.version]
    return [*(product.name for product in products.list_all(db)), *versions]


def _category(db: Database, viewer: Viewer, language: str, product: str) -> str:
    """Where most articles on this product lie; nothing where it has none."""
    if not product:
        return ""
    cards = articles.list_of_product(db, viewer, language, product)
    places = Counter(card.category for card in cards)
    return places.most_common(1)[0][0] if places else ""


def _body(language: str, problem: str, solution: str) -> str:
    """Problem, cause, solution; what nobody said yet is asked for in the place it goes."""

    def part(heading: str, text: str, missing: str) -> str:
        content = _plain(text, language).strip() or masking.prompt(
            language, i18n.gettext(language, missing)
        )
        return f"## {i18n.gettext(language, heading)}\n\n{content}"

    return "\n\n".join(
        [
            part("article_draft.problem", problem, "article_draft.say_problem"),
            part("article_draft.cause", "", "article_draft.say_cause"),
            part("article_draft.solution", solution, "article_draft.say_solution"),
        ]
    )


def _plain(text: str, language: str) -> str:
    """A message as a part of an article: no headings of its own, no links only its people open.

    French gets the no-break spaces that nobody types, where the text is no code.
    """
    plain = _OWN_LINK.sub(r"\1", _HEADING.sub(r"\1\\\2", text))
    if language != "fr":
        return plain
    pieces = _CODE.split(plain)
    pieces[::2] = [_BEFORE_SIGN.sub(NO_BREAK, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
