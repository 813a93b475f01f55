"""Paragraphs of a translation and those they were made from, followed through every change.

A paragraph keeps its number while it is changed or moved. One of a translation is linked to one of
the original, and holds the key of that one as it stood when the translation was last changed.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import count
from typing import Literal

from kbsearch.text.markup.blocks import Block

LagKind = Literal["changed", "missing", "gone"]
ALIKE = 0.5  # the share of their words that two states of a paragraph have in common
MOST_PAIRS = 250_000  # of paragraphs that are compared one by one
_SIGNS = re.compile(r"\d+|`[^`\n]{1,80}`|\]\([^)\s]{1,200}\)")  # what no translation changes


@dataclass(frozen=True)
class Lag:
    """A paragraph that is behind: changed or new in the original, or no longer there.

    `block` is its place among those of the translation, or that of the one before it (-1: none);
    `original` is its place in the original, None where it is gone.
    """

    kind: LagKind
    block: int
    original: int | None = None


@dataclass
class Paragraph:
    """A block under the number it keeps."""

    number: int
    block: Block
    link: int | None = None  # the number of what it translates
    made_from: str = ""  # the key of that as it was


@dataclass
class Lineage:
    """An original and its translation, as the commits so far left them."""

    originals: list[Paragraph] = field(default_factory=list)
    translated: list[Paragraph] = field(default_factory=list)
    _left_out: dict[int, str] = field(default_factory=dict)  # numbers and keys
    _numbers: Iterator[int] = field(default_factory=count)

    def change_original(self, blocks: Sequence[Block], *, is_typo: bool = False) -> None:
        """The original as a commit leaves it; a corrected typo puts nothing behind."""
        before = {each.number: each.block.key for each in self.originals}
        self.originals = _followed(self.originals, blocks, self._numbers)
        if is_typo:
            now = self._keys()
            for paragraph in self.translated:
                link = paragraph.link
                if link in now and paragraph.made_from == before.get(link):
                    paragraph.made_from = now[link]

    def change_translation(
        self,
        blocks: Sequence[Block],
        *,
        is_typo: bool = False,
        made_from: Collection[str] | None = None,
        is_said: bool = False,
    ) -> None:
        """The translation as a commit leaves it.

        `made_from` are the keys of the original that its writer had, where that is not how it
        stands now; `is_said` where the commit says that the whole was compared with those.
        """
        is_first = not self.translated
        before = {each.number: each for each in self.translated}
        self.translated = _followed(self.translated, blocks, self._numbers)
        unlinked = self._link()
        now = self._keys()
        for paragraph in self.translated:
            old = before.get(paragraph.number)
            is_new = old is None or paragraph.number in unlinked
            is_changed = is_new or (
                old is not None and old.block.key != paragraph.block.key and not is_typo
            )
            if paragraph.link not in now or not (is_changed or is_said):
                continue
            key = now[paragraph.link]
            if made_from is None or key in made_from:
                paragraph.made_from = key
            elif is_new:
                paragraph.made_from = ""
        linked = {each.link for each in self.translated}
        dropped = {each.link for each in before.values()} - linked
        self._left_out |= {
            number: key for number, key in now.items()
            if number not in linked and (is_first or number in dropped)
        }  # fmt: skip

    def lags(self) -> list[Lag]:
        """What is behind now, in the order of the translation."""
        now, place_of = self._keys(), {p.number: n for n, p in enumerate(self.originals)}
        lags = []
        places: dict[int | None, int] = {}
        for place, paragraph in enumerate(self.translated):
            if paragraph.link is None:
                continue
            places[paragraph.link] = place
            if paragraph.link not in now:
                lags.append(Lag("gone", place))
            elif paragraph.made_from != now[paragraph.link]:
                lags.append(Lag("changed", place, place_of[paragraph.link]))
        last = -1
        for place, original in enumerate(self.originals):
            if original.number in places:
                last = places[original.number]
            elif self._left_out.get(original.number) != original.block.key:
                lags.append(Lag("missing", last, place))
        return sorted(lags, key=lambda lag: (lag.block, lag.kind == "missing", lag.original or 0))

    def _keys(self) -> dict[int, str]:
        return {each.number: each.block.key for each in self.originals}

    def _link(self) -> set[int]:
        """Link what translates nothing yet; the numbers of what was linked now."""
        taken = {each.link for each in self.translated}
        linked = set()
        for theirs, ours in self._gaps(taken):
            for original, translation in _aligned(theirs, ours):
                translation.link = original.number
                linked.add(translation.number)
        return linked

    def _gaps(
        self, taken: Collection[int | None]
    ) -> Iterator[tuple[list[Paragraph], list[Paragraph]]]:
        """What is linked to nothing on both sides, between two that are linked."""
        place_of = {each.number: place for place, each in enumerate(self.originals)}
        start, ours = 0, list[Paragraph]()
        for paragraph in [*self.translated, None]:
            if paragraph is not None and paragraph.link is None:
                ours.append(paragraph)
                continue
            end = len(self.originals)
            if paragraph is not None:
                end = place_of.get(paragraph.link, -1) if paragraph.link is not None else -1
                if end < start:  # gone, or moved
                    continue
            free = [each for each in self.originals[start:end] if each.number not in taken]
            if ours and free:
                yield free, ours
            start, ours = end + 1, []


def _followed(
    before: Sequence[Paragraph], blocks: Sequence[Block], numbers: Iterator[int]
) -> list[Paragraph]:
    """The blocks under the numbers they had, whatever was changed or moved."""
    paragraphs: dict[int, Paragraph] = {}

    def take(old: Paragraph, place: int) -> None:
        paragraphs[place] = Paragraph(old.number, blocks[place], old.link, old.made_from)

    keys = [each.block.key for each in before], [block.key for block in blocks]
    gaps: list[tuple[list[Paragraph], list[int]]] = []
    for action, start, end, first, last in SequenceMatcher(
        None, *keys, autojunk=False
    ).get_opcodes():
        if action == "equal":
            for old, place in zip(before[start:end], range(first, last), strict=True):
                take(old, place)
        else:
            gaps.append((list(before[start:end]), list(range(first, last))))
    _take_pairs(
        [each for olds, _ in gaps for each in olds],
        [place for _, places in gaps for place in places],
        lambda old, place: float(old.block.key == blocks[place].key),
        take,
    )
    taken = {each.number for each in paragraphs.values()}
    for olds, places in gaps:
        olds = [old for old in olds if old.number not in taken]
        places = [place for place in places if place not in paragraphs]
        _take_pairs(olds, places, lambda old, place: _likeness(old.block, blocks[place]), take)
        taken |= {each.number for each in paragraphs.values()}
        rest = [old for old in olds if old.number not in taken]
        free = [place for place in places if place not in paragraphs]
        kinds = [old.block.kind for old in rest], [blocks[place].kind for place in free]
        if kinds[0] == kinds[1]:  # written anew in the same place
            for old, place in zip(rest, free, strict=True):
                take(old, place)
    return [
        paragraphs.get(place) or Paragraph(next(numbers), block)
        for place, block in enumerate(blocks)
    ]


def _take_pairs(
    olds: Iterable[Paragraph],
    places: Sequence[int],
    likeness: Callable[[Paragraph, int], float],
    take: Callable[[Paragraph, int], None],
) -> None:
    """Give each place the paragraph it is most like, the likest first."""
    pairs = sorted(
        ((score, -number, -place, old)
         for number, old in enumerate(olds) for place in places
         if (score := likeness(old, place)) >= ALIKE),
        key=lambda pair: pair[:3], reverse=True,
    )  # fmt: skip
    used: set[int] = set()
    filled: set[int] = set()
    for _, _, place, old in pairs:
        if old.number not in used and -place not in filled:
            used.add(old.number)
            filled.add(-place)
            take(old, -place)


def _likeness(one: Block, other: Block) -> float:
    """The share of their words that two states of a block have in common."""
    if one.kind != other.kind:
        return 0.0
    return _shared(one.text.split(), other.text.split())


def _shared(some: Sequence[str], others: Sequence[str]) -> float:
    if not some and not others:
        return 1.0
    common = sum((Counter(some) & Counter(others)).values())
    return 2 * common / (len(some) + len(others))


def _aligned(
    originals: Sequence[Paragraph], translated: Sequence[Paragraph]
) -> Iterator[tuple[Paragraph, Paragraph]]:
    """Which translates which, in order: the same kind, the same numbers and addresses, a length."""
    if len(originals) * len(translated) > MOST_PAIRS:
        kinds = [each.block.kind for each in originals], [each.block.kind for each in translated]
        for start, first, size in SequenceMatcher(
            None, *kinds, autojunk=False
        ).get_matching_blocks():
            yield from zip(
                originals[start : start + size], translated[first : first + size], strict=True
            )
        return
    worth = _worth(originals, translated)
    place, other = len(originals), len(translated)
    pairs = []
    while place and other:
        score = _pair_score(originals[place - 1].block, translated[other - 1].block)
        if score and worth[place][other] == worth[place - 1][other - 1] + score:
            pairs.append((originals[place - 1], translated[other - 1]))
            place, other = place - 1, other - 1
        elif worth[place][other] == worth[place - 1][other]:
            place -= 1
        else:
            other -= 1
    yield from reversed(pairs)


def _worth(originals: Sequence[Paragraph], translated: Sequence[Paragraph]) -> list[list[float]]:
    """The best score of the first so many of both."""
    worth = [[0.0] * (len(translated) + 1)]
    for original in originals:
        above, row = worth[-1], [0.0]
        for place, translation in enumerate(translated, 1):
            score = _pair_score(original.block, translation.block)
            row.append(max(above[place], row[-1], above[place - 1] + score if score else 0.0))
        worth.append(row)
    return worth


def _pair_score(original: Block, translation: Block) -> float:
    if original.kind != translation.kind:
        return 0.0
    lengths = sorted((len(original.text) + 20, len(translation.text) + 20))
    signs = _shared(_SIGNS.findall(original.text), _SIGNS.findall(translation.text))
    return 1.0 + signs + lengths[0] / lengths[1]
