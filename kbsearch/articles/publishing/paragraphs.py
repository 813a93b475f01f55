"""Paragraphs of a translation and those they were made from, followed through every change.

A paragraph keeps its number while it is changed or moved. One of a translation is linked to one of
the original, and holds the key of that one as it stood when the translation was last changed.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Literal

from kbsearch.text.markup.blocks import Block

LagKind = Literal["changed", "missing", "gone"]
ALIKE = 0.5  # the share of their words that two states of a paragraph have in common
MOST_PAIRS = 100_000  # of paragraphs that are compared one by one
_HEADING = re.compile(r"h\d")
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

    gaps: list[tuple[list[Paragraph], list[int]]] = []
    first_old = first_place = 0
    for number, place in _unchanged(before, blocks):
        gaps.append((list(before[first_old:number]), list(range(first_place, place))))
        take(before[number], place)
        first_old, first_place = number + 1, place + 1
    gaps.append((list(before[first_old:]), list(range(first_place, len(blocks)))))
    _take_moved(gaps, blocks, take)
    taken = {paragraph.number for paragraph in paragraphs.values()}
    for gap in gaps:
        olds = [old for old in gap[0] if old.number not in taken]
        places = [place for place in gap[1] if place not in paragraphs]
        _take_alike(olds, places, blocks, take)
        taken |= {paragraphs[place].number for place in places if place in paragraphs}
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


def _unchanged(before: Sequence[Paragraph], blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """The places of equal blocks that kept their order, as many as there are.

    Of blocks that are there several times the first goes with the first. Takes n log n steps.
    """
    numbers = {key: number for number, key in enumerate(_counted(old.block for old in before))}
    keys = enumerate(_counted(blocks))
    pairs = [(numbers[key], place) for place, key in keys if key in numbers]
    ends: list[int] = []  # of the rising rows of each length: the lowest number that ends one
    rows: list[int] = []  # and its pair
    previous: list[int | None] = []
    for position, (number, _) in enumerate(pairs):
        length = bisect_left(ends, number)
        previous.append(rows[length - 1] if length else None)
        if length == len(ends):
            ends.append(number)
            rows.append(position)
        else:
            ends[length], rows[length] = number, position
    longest: list[tuple[int, int]] = []
    last = rows[-1] if rows else None
    while last is not None:
        longest.append(pairs[last])
        last = previous[last]
    return longest[::-1]


def _counted(blocks: Iterable[Block]) -> Iterator[tuple[str, int]]:
    """The key of each block, and how often it was there before."""
    counts = Counter[str]()
    for block in blocks:
        yield block.key, counts[block.key]
        counts[block.key] += 1


def _take_moved(
    gaps: Iterable[tuple[list[Paragraph], list[int]]],
    blocks: Sequence[Block],
    take: Callable[[Paragraph, int], None],
) -> None:
    """Give each place the paragraph that stood elsewhere and is the same."""
    olds: dict[str, deque[Paragraph]] = defaultdict(deque)
    places: list[int] = []
    for gap_olds, gap_places in gaps:
        places += gap_places
        for old in gap_olds:
            olds[old.block.key].append(old)
    for place in places:
        if same := olds.get(blocks[place].key):
            take(same.popleft(), place)


def _take_alike(
    olds: Sequence[Paragraph],
    places: Sequence[int],
    blocks: Sequence[Block],
    take: Callable[[Paragraph, int], None],
) -> None:
    """Give each place the paragraph it is most like, the likest first.

    Where there are very many, a paragraph is looked for near its place only.
    """
    words = [Counter(blocks[place].text.split()) for place in places]
    reach = MOST_PAIRS // max(1, len(olds))
    pairs = []
    for number, old in enumerate(olds):
        old_words = Counter(old.block.text.split())
        middle = number * len(places) // len(olds)
        for position in range(max(0, middle - reach), min(len(places), middle + reach + 1)):
            if blocks[places[position]].kind == old.block.kind:
                score = _shared(old_words, words[position])
                if score >= ALIKE:
                    pairs.append((-score, number, places[position]))
    used: set[int] = set()
    filled: set[int] = set()
    for _, number, place in sorted(pairs):
        if number not in used and place not in filled:
            used.add(number)
            filled.add(place)
            take(olds[number], place)


def _shared(some: Counter[str], others: Counter[str]) -> float:
    """The share of their words that two texts have in common."""
    size = some.total() + others.total()
    if not size:
        return 1.0
    if len(some) > len(others):
        some, others = others, some
    common = sum(min(count, others[word]) for word, count in some.items() if word in others)
    return 2 * common / size


@dataclass(frozen=True)
class _Shape:
    """What a paragraph and its translation have in common."""

    kind: str
    length: int
    signs: Counter[str]

    def score(self, other: "_Shape") -> float:
        """How well both go together, 0 where they cannot."""
        if self.kind != other.kind:
            return 0.0
        shorter, longer = sorted((self.length + 20, other.length + 20))
        return 1.0 + _shared(self.signs, other.signs) + shorter / longer


def _shape(paragraph: Paragraph) -> _Shape:
    block = paragraph.block
    return _Shape(block.kind, len(block.text), Counter(_SIGNS.findall(block.text)))


def _aligned(
    originals: Sequence[Paragraph], translated: Sequence[Paragraph]
) -> Iterator[tuple[Paragraph, Paragraph]]:
    """Which translates which, in order: the same kind, the same numbers and addresses, a length."""
    for theirs, ours in _pieces(originals, translated):
        yield from _aligned_piece(theirs, ours)


def _pieces(
    originals: Sequence[Paragraph], translated: Sequence[Paragraph]
) -> Iterator[tuple[Sequence[Paragraph], Sequence[Paragraph]]]:
    """Pieces of both that are short enough to be compared: by their headings, else by length."""
    pairs = len(originals) * len(translated)
    if pairs <= MOST_PAIRS:
        yield originals, translated
        return
    theirs, ours = _sections(originals), _sections(translated)
    if len(theirs) == len(ours) > 1:
        for original, translation in zip(theirs, ours, strict=True):
            yield from _pieces(original, translation)
        return
    count = -(-pairs // MOST_PAIRS)
    for place in range(count):
        yield _share(originals, place, count), _share(translated, place, count)


def _sections(paragraphs: Sequence[Paragraph]) -> list[Sequence[Paragraph]]:
    """What stands before the first heading, and each heading with what is under it."""
    starts = [place for place, each in enumerate(paragraphs) if _HEADING.fullmatch(each.block.kind)]
    places = sorted({0, *starts, len(paragraphs)})
    return [paragraphs[start:end] for start, end in pairwise(places)]


def _share(paragraphs: Sequence[Paragraph], place: int, count: int) -> Sequence[Paragraph]:
    start, end = (len(paragraphs) * part // count for part in (place, place + 1))
    return paragraphs[start:end]


def _aligned_piece(
    originals: Sequence[Paragraph], translated: Sequence[Paragraph]
) -> Iterator[tuple[Paragraph, Paragraph]]:
    theirs, ours = [[_shape(each) for each in side] for side in (originals, translated)]
    worth = _worth(theirs, ours)
    place, other = len(originals), len(translated)
    pairs = []
    while place and other:
        score = theirs[place - 1].score(ours[other - 1])
        if score and worth[place][other] == worth[place - 1][other - 1] + score:
            pairs.append((originals[place - 1], translated[other - 1]))
            place, other = place - 1, other - 1
        elif worth[place][other] == worth[place - 1][other]:
            place -= 1
        else:
            other -= 1
    yield from reversed(pairs)


def _worth(originals: Sequence[_Shape], translated: Sequence[_Shape]) -> list[list[float]]:
    """The best score of the first so many of both."""
    worth = [[0.0] * (len(translated) + 1)]
    for original in originals:
        above, row = worth[-1], [0.0]
        for place, translation in enumerate(translated, 1):
            score = original.score(translation)
            row.append(max(above[place], row[-1], above[place - 1] + score if score else 0.0))
        worth.append(row)
    return worth
