"""Pages that are too long for an article, as a chain of articles: cut where their headings are.

The first keeps the address, the title and the introduction, and lists the others. A section that
is too long by itself is cut at its own headings, then between two blocks, a table between two of
its rows; a block of code is never cut.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from markdown_it.token import Token

from kbsearch import i18n
from kbsearch.articles.importing import mending
from kbsearch.articles.importing.pages import ForeignPage
from kbsearch.articles.importing.placing import Places
from kbsearch.text.markup import Document, parse, scheme_of

LONGEST_HEADING = 100  # characters of it in the title of a part
_TARGET = re.compile(
    r"(\]\(\s*<?|\bhref\s*=\s*[\"']|\bsrc\s*=\s*[\"']|^ {0,3}\[[^\[\]\n]+\]:\s*<?)"
    r"([^()\s<>\"']+)",
    re.MULTILINE,
)
_DEFINITION = re.compile(r"^ {0,3}\[([^\[\]\n]+)\]:[ \t]*\S[^\n]*(?:\n[ \t]{2,}\S[^\n]*)*", re.M)
_LABEL = re.compile(r"\[([^\[\]\n]+)\]")
_LINK_SIGNS = re.compile(r"([\[\]\\])")


@dataclass(frozen=True)
class SectionPiece:
    """Some lines of a page, and the heading that they stand below."""

    heading: str
    level: int  # of the heading that it begins with; 0 where it goes on
    text: str

    @property
    def size(self) -> int:
        return len(self.text.encode())


@dataclass
class Split:
    """A page and its parts, and where each place of the page is by now."""

    page: ForeignPage
    parts: list[tuple[ForeignPage, str]] = field(default_factory=list)  # the introduction first
    moved: dict[str, tuple[int, str]] = field(default_factory=dict)  # anchor -> part, its anchor

    def list_parts(self, places: Places) -> str:
        """The parts and their headings, with links."""
        heading = i18n.gettext(self.page.language, "import_articles.parts")
        lines = [f"## {heading}", ""]
        folder = posixpath.dirname(places.file_of(self.page))
        for part, text in self.parts[1:]:
            place = posixpath.relpath(places.file_of(part), folder)
            title = part.title.removeprefix(f"{self.page.title} – ")
            lines.append(f"- [{_quoted(title)}]({place})")
            sections = [each.section for each in parse(text).headings]
            lines += [
                f"  - [{_quoted(section.title)}]({place}#{section.anchor})"
                for section in sections
                if section.level == 2 and section.title[:LONGEST_HEADING] != title
            ]
        return "\n".join(lines)


def split(versions: Sequence[tuple[ForeignPage, str]], largest: int) -> list[Split]:
    """The translations of one page in parts; the same ones where their headings pair."""
    cut = [list(_pieces(page, body, largest)) for page, body in versions]
    shapes = {tuple(piece.level for piece in pieces) for pieces in cut}
    if len(shapes) == 1:
        heaviest = [max(piece.size for piece in row) for row in zip(*cut, strict=True)]
        groups = [_groups(heaviest, largest)] * len(versions)
    else:
        groups = [_groups([piece.size for piece in pieces], largest) for pieces in cut]
    return [
        _split(page, body, [pieces[begin:end] for begin, end in ends], is_paired=len(shapes) == 1)
        for (page, body), pieces, ends in zip(versions, cut, groups, strict=True)
    ]


def _groups(sizes: Sequence[int], largest: int) -> list[tuple[int, int]]:
    """The introduction, then as many pieces together as fit."""
    groups, begin, total = [(0, 1)], 1, 0
    for number, size in enumerate(sizes[1:], 1):
        if total and total + size > largest:
            groups.append((begin, number))
            begin, total = number, 0
        total += size
    return [*groups, (begin, len(sizes))] if begin < len(sizes) else groups


def _split(
    page: ForeignPage, body: str, groups: Sequence[Sequence[SectionPiece]], *, is_paired: bool
) -> Split:
    made = Split(page)
    definitions = {match[1].casefold(): match[0] for match in _DEFINITION.finditer(body)}
    seen: dict[str, int] = {}
    for number, pieces in enumerate(groups):
        text = "\n".join(piece.text for piece in pieces)
        text = _with_definitions(text, definitions)
        heading = pieces[0].heading[:LONGEST_HEADING].strip() or str(number)
        seen[heading] = seen.get(heading, 0) + 1
        if seen[heading] > 1:
            heading = f"{heading} ({seen[heading]})"
        name = f"{number}" if is_paired else f"{number}-{page.language}"
        part = page if not number else replace(
            page,
            identity=f"{page.identity}-part-{name}",
            title=f"{page.title} – {heading}",
            name=f"{page.title if page.is_front else page.name or page.title} {heading}",
            text="",
            place=f"{page.place}#{name}",
            addresses=(),
            summary="",
            is_front=False,
            offered=(),
            part_of=page.title,
        )  # fmt: skip
        made.parts.append((part, text))
    whole = parse("\n".join(_lines_of(page, body)))
    made.moved.update(_moved(whole, [parse(text) for _, text in made.parts]))
    return made


def _moved(whole: Document, parts: Sequence[Document]) -> Iterator[tuple[str, tuple[int, str]]]:
    """Each place of the page, and the part that has it with its name there."""
    for number, part in enumerate(parts):
        for name in part.anchors:
            if name in whole.anchors:
                yield name, (number, name)
    here = [(number, heading) for number, part in enumerate(parts) for heading in part.headings]
    if len(here) == len(whole.headings):
        for heading, (number, own) in zip(whole.headings, here, strict=True):
            for name in (heading.section.anchor, *heading.aliases):
                yield name, (number, own.section.anchor)


def _lines_of(page: ForeignPage, body: str) -> list[str]:
    """The lines with their headings from the second level down, without a repeated title."""
    document = parse(body, page.title)
    lines = body.split("\n")
    if document.repeats_title:
        first = parse(body).headings[0]
        lines[first.line] = ""
        if first.line + 1 < len(lines) and set(lines[first.line + 1].strip()) == {"="}:
            lines[first.line + 1] = ""
    return mending.relevelled(lines)


def _pieces(page: ForeignPage, body: str, largest: int) -> Iterator[SectionPiece]:
    """The introduction, then the sections; those that are too long in pieces."""
    lines = _lines_of(page, body)
    heads = parse("\n".join(lines)).headings
    top = [head for head in heads if head.section.level == 2]
    start = top[0].line if top else len(lines)
    yield from _blocks(SectionPiece("", 0, "\n".join(lines[:start])), largest)
    ends = [*(head.line for head in top[1:]), len(lines)][: len(top)]
    for head, end in zip(top, ends, strict=True):
        section = SectionPiece(head.section.title, 2, "\n".join(lines[head.line : end]))
        if section.size <= largest:
            yield section
            continue
        inner = [each for each in heads if head.line < each.line < end and each.section.level == 3]
        begins = [head, *inner]
        inner_ends = [each.line for each in inner] + [end]
        for each, inner_end in zip(begins, inner_ends, strict=True):
            text = "\n".join(lines[each.line : inner_end])
            yield from _blocks(SectionPiece(each.section.title, each.section.level, text), largest)


def _blocks(piece: SectionPiece, largest: int) -> Iterator[SectionPiece]:
    """A piece that is too long, cut between blocks; a table between rows, below the same head."""
    if piece.size <= largest:
        yield piece
        return
    lines = piece.text.split("\n")
    chunks: list[str] = []
    begin = 0
    every = parse(piece.text).tokens
    tables = _tables(every)
    tokens = [token for token in every if token.map and not token.level]
    if not tokens:
        yield piece
        return
    ends = [token.map[0] for token in tokens[1:] if token.map] + [len(lines)]
    for token, end in zip(tokens, ends, strict=True):
        block = lines[begin:end]
        begin = end
        if token.map and token.map[0] in tables and len("\n".join(block).encode()) > largest:
            chunks += _rows(block, largest - len(chunks[0].encode() if chunks else b""))
        else:
            chunks.append("\n".join(block))
    if piece.level:  # a heading is followed by something
        chunks[:2] = ["\n".join(chunks[:2])]
    groups = _groups([0, *(len(chunk.encode()) for chunk in chunks)], largest)[1:]
    for number, (start, end) in enumerate(groups):
        text = "\n".join(chunks[start - 1 : end - 1])
        yield replace(piece, level=0 if number else piece.level, text=text)


def _tables(tokens: Sequence[Token]) -> frozenset[int]:
    """The lines that tables begin on; one that is all of a quotation begins with that."""
    return frozenset(
        token.map[0]
        for token, after in zip(tokens, (*tokens[1:], None), strict=True)
        if token.map and not token.level
        if token.type == "table_open"
        or (after and after.type == "table_open" and after.map and after.map[1] == token.map[1])
    )


def _rows(rows: Sequence[str], largest: int) -> Iterator[str]:
    head = [row for row in rows if row.strip()][:2]
    size = len("\n".join(head).encode())
    body = [row for row in rows if row.strip()][2:]
    sizes = [0, *(len(row.encode()) + 1 for row in body)]
    for begin, end in _groups(sizes, largest - size - 2)[1:]:
        yield "\n".join(["", *head, *body[begin - 1 : end - 1], ""])


def _with_definitions(text: str, definitions: Mapping[str, str]) -> str:
    """The notes and the targets that a text names, wherever in the page they were written."""
    own = {match[1].casefold() for match in _DEFINITION.finditer(text)}
    used = dict.fromkeys(match[1].casefold() for match in _LABEL.finditer(text))
    more = [definitions[name] for name in used if name in definitions and name not in own]
    return "\n\n".join([text, *more])


def relinked(
    page: ForeignPage, text: str, home: str, splits: Mapping[str, Split], places: Places
) -> str:
    """A text that was written for the file `home`, with links to where everything is by now."""
    own = places.file_of(page)
    if own == home and not splits:
        return text
    folder = posixpath.dirname(own)

    def link(match: re.Match[str]) -> str:
        target = match[2]
        path, _, anchor = target.partition("#")
        if scheme_of(target) or path.startswith("/"):
            return match[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(home), path)) if path else home
        made = splits.get(file)
        if made is None or (anchor and anchor not in made.moved):
            place = posixpath.relpath(file, folder)
            return f"{match[1]}{place}{target[len(path) :]}" if path and own != home else match[0]
        number, name = made.moved[anchor] if anchor else (0, "")
        part = places.file_of(made.parts[number][0])
        place = "" if part == own and name else posixpath.relpath(part, folder)
        return f"{match[1]}{place}{f'#{name}' if name else ''}"

    return _TARGET.sub(link, text)


def _quoted(text: str) -> str:
    return _LINK_SIGNS.sub(r"\\\1", text)
