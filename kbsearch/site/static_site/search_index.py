"""The index that the search of a static site reads: which word is in which article, and how much.

`static_search.js` folds what is typed the same way: both must agree.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kbsearch.text.normal_form import nfc, nfkd

IN_TITLE, IN_PHRASES, IN_SUMMARY, IN_TEXT = 12, 6, 3, 1  # points for a word
MOST = 3  # times that a word counts in one text
SHORTEST_PLURAL = 4  # characters
_WORDS = re.compile(r"[^\W_]+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss"})
# Han, kana and Hangul have no blanks between words: each sign is one.
_SIGNS = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)


@dataclass(frozen=True)
class IndexedArticle:
    """An article as it is found."""

    url: str
    title: str
    summary: str
    phrases: str
    text: str


def script(articles: Sequence[IndexedArticle]) -> bytes:
    """A script and no JSON, since pages opened from a disk may load nothing else."""
    words: dict[str, list[int]] = {}
    for number, article in enumerate(articles):
        for word, points in sorted(_points(article).items()):
            words.setdefault(word, []).extend((number, points))
    pages = [[article.url, article.title, article.summary] for article in articles]
    index = json.dumps({"pages": pages, "words": words}, ensure_ascii=False, separators=(",", ":"))
    return f"window.kbsearch = {index};\n".replace("</", "<\\/").encode()


def _points(article: IndexedArticle) -> Counter[str]:
    points: Counter[str] = Counter()
    for text, weight in (
        (article.title, IN_TITLE),
        (article.phrases, IN_PHRASES),
        (article.summary, IN_SUMMARY),
        (article.text, IN_TEXT),
    ):
        for word, times in Counter(folded(text)).items():
            points[word] += weight * min(times, MOST)
    return points


def folded(text: str) -> Iterator[str]:
    """The words of a text without accents and capitals, and without the sign of a plural."""
    plain = nfkd(text.lower().translate(_LIGATURES))
    plain = "".join(sign for sign in plain if not unicodedata.category(sign).startswith("M"))
    for word in _words(nfc(plain)):
        is_plural = len(word) >= SHORTEST_PLURAL and word[-1] in "sx"
        yield word[:-1] if is_plural else word


def _words(text: str) -> Iterable[str]:
    for word in _WORDS.findall(text):
        yield from _SIGNS.findall(word)
