"""What whoever writes an article looks at before it leaves: what was masked, what may be missed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from kbsearch.articles.writing.composition import Hidden
from kbsearch.articles.writing.files import ArticleFile
from kbsearch.text.masking import doubts
from kbsearch.text.masking.doubts import DoubtReason

MaskState = Literal["masked", "restored", "gone"]
MOST_DOUBTS = 60


class FieldPlace(NamedTuple):
    """Where something stands: a field, and a line of it."""

    field: Literal["title", "summary", "body", "phrases"]
    line: int


@dataclass(frozen=True)
class Seen:
    """Something that was masked, and what has become of it in the text."""

    position: int  # among what was masked
    hidden: Hidden
    state: MaskState
    places: tuple[FieldPlace, ...]


class Doubtful(NamedTuple):
    """Something that may be personal, nobody can tell without knowing."""

    why: DoubtReason
    text: str
    places: tuple[FieldPlace, ...]


def masked(article: ArticleFile, hidden: Sequence[Hidden]) -> list[Seen]:
    """Everything that was masked, where it stands now; what was restored too."""
    items = []
    for position, item in enumerate(hidden):
        covered = _places(article, re.compile(re.escape(item.placeholder)))
        open_ = _places(article, _whole(item.text))
        state: MaskState = "masked" if covered else "restored" if open_ else "gone"
        items.append(Seen(position, item, state, tuple(covered or open_)))
    return items


def restore(article: ArticleFile, item: Hidden) -> ArticleFile:
    """Put what was masked back, wherever it stood: it was nobody's."""
    return _replaced(article, re.compile(re.escape(item.placeholder)), item.text)


def mask_again(article: ArticleFile, item: Hidden) -> ArticleFile:
    """Mask it after all."""
    return _replaced(article, _whole(item.text), item.placeholder)


def doubtful(article: ArticleFile, keep: Iterable[str]) -> list[Doubtful]:
    """What may be missed, each once with its places."""
    harmless = list(keep)
    places_of: dict[tuple[DoubtReason, str], list[FieldPlace]] = {}
    for field, text in _texts(article):
        for doubt in doubts.find(text, harmless):
            place = FieldPlace(field, text.count("\n", 0, doubt.start) + 1)
            places_of.setdefault((doubt.why, doubt.text), []).append(place)
    several = [Doubtful(why, text, tuple(places)) for (why, text), places in places_of.items()]
    return several[:MOST_DOUBTS]


def _texts(
    article: ArticleFile,
) -> list[tuple[Literal["title", "summary", "body", "phrases"], str]]:
    return [
        ("title", article.title),
        ("summary", article.summary),
        ("phrases", "\n".join(article.phrases)),
        ("body", article.body),
    ]


def _whole(text: str) -> re.Pattern[str]:
    """The text as it is written: Bob is not a part of Bobine."""
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")


def _places(article: ArticleFile, pattern: re.Pattern[str]) -> list[FieldPlace]:
    return [
        FieldPlace(field, text.count("\n", 0, match.start()) + 1)
        for field, text in _texts(article)
        for match in pattern.finditer(text)
    ]


def _replaced(article: ArticleFile, old: re.Pattern[str], new: str) -> ArticleFile:
    def changed(text: str) -> str:
        return old.sub(lambda _: new, text)

    return replace(
        article,
        title=changed(article.title),
        summary=changed(article.summary),
        body=changed(article.body),
        phrases=tuple(map(changed, article.phrases)),
    )
