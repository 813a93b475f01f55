"""The articles of a tree as they were written: where they lie, what they say of themselves."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from kbsearch.articles.publishing import foreign_keys, front_matter, secrets
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.front_matter import FrontMatter, FrontMatterError
from kbsearch.articles.publishing.rules import RuleRemark
from kbsearch.articles.publishing.tree import ARTICLES, Entry, Tree
from kbsearch.clock import now
from kbsearch.config import LANGUAGES
from kbsearch.text.markup import ARTICLE_LIMIT, slug_of

ARTICLE_SUFFIXES = (".md", ".markdown")
FRONT_PAGES = ("index", "README", "readme", "_index")  # of a folder
_IGNORE = re.compile(r"(?:<!--|^#) ?kbsearch-ignore ([a-z0-9\-]{1,40}): ?\w")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.{1,300}?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """One article's file; `text` is None when it has not changed and was not read again."""

    entry: Entry
    path: str  # its id: `fr/account/sign-in`
    language: str
    category: str
    name: str
    front: FrontMatter
    text: str | None = None
    lines_before: int = 0
    remarks: tuple[RuleRemark, ...] = ()  # about its lines, whatever they mean
    heading: str = ""  # its first one, for an article without title
    ignored: tuple[tuple[int, str], ...] = ()  # lines and the rules that say nothing of them
    is_in_time: bool = True  # not before its moment, nor after it

    @property
    def title(self) -> str:
        return self.front.text("title") or self.heading or self.name

    @cached_property
    def own_slug(self) -> str:
        """The address it asks for; index.md and README.md stand for their folder."""
        folder = self.category.rpartition("/")[2] or self.language
        name = folder if self.name in FRONT_PAGES else self.name
        return self.front.text("slug") or slug_of(name) or "article"

    @cached_property
    def translation_key(self) -> str:
        """What it shares with its translations: by default, its path without the language."""
        original = self.front.text("translation_of").removesuffix(".md")
        language, _, rest = original.partition("/")
        if language in LANGUAGES:
            original = rest
        return self.front.text("id") or original or self.path.partition("/")[2]

    @property
    def is_excluded(self) -> bool:
        """Whether it asks to be left out of the search."""
        return self.front.text("exclude") == "true"

    @property
    def audience(self) -> str:
        """Whom it says it is for; empty where it leaves that to the setting."""
        return self.front.text("audience")

    @property
    def is_live(self) -> bool:
        """Whether it is shown now."""
        return self.may_be_live and self.is_in_time

    @cached_property
    def may_be_live(self) -> bool:
        """Whether it is plain that it may be shown: a key unknown here may say the contrary."""
        is_held = foreign_keys.is_held_folder(self.entry.path)
        return self.front.status == "published" and not self.front.unknown and not is_held


@dataclass(frozen=True)
class Sources:
    """Every article that could be read, and what is wrong with the files."""

    articles: tuple[Source, ...]
    findings: tuple[Finding, ...]
    due_at: str = ""  # when one of them comes or goes without a change; empty for never


def read(
    tree: Tree,
    languages: Sequence[str],
    live: Mapping[str, Source],
    *,
    folder: str = ARTICLES,
) -> Sources:
    """Read the articles; those of `live` whose bytes are the same are taken as they were."""
    findings = list(tree.findings)
    fresh: dict[str, Source] = {}
    articles: list[Source] = []
    unchanged = {(source.entry.path, source.entry.blob): source for source in live.values()}
    for entry in tree.entries.values():
        if not entry.path.startswith(folder) or not entry.path.lower().endswith(ARTICLE_SUFFIXES):
            continue
        if (known := unchanged.get((entry.path, entry.blob))) is not None:
            articles.append(known)
            continue
        source = located(entry, folder, languages)
        if source is None:
            values = {"languages": ", ".join(languages)}
            findings.append(Finding(tree.shown + entry.path, 1, 1, "misplaced", values))
        elif entry.size > ARTICLE_LIMIT:
            values = {"size": str(entry.size // 1024), "limit": str(ARTICLE_LIMIT // 1024)}
            findings.append(Finding(tree.shown + entry.path, 1, 1, "file-size", values))
        elif source.path in live and live[source.path].entry.blob == entry.blob:
            articles.append(replace(live[source.path], entry=entry))
        else:
            fresh[entry.path] = source
    for path, body in tree.read(fresh):
        read_source = _parsed(fresh[path], body, findings.append, tree)
        if read_source is not None:
            articles.append(read_source)
    findings += _case_clashes(tree)
    moment = now()  # one for all: what comes meanwhile waits for the next publication
    articles = [
        source if source.front.is_shown_at(moment) else replace(source, is_in_time=False)
        for source in sorted(articles, key=lambda source: source.entry.path)
    ]
    changes = (source.front.next_change(moment) for source in articles if source.may_be_live)
    return Sources(tuple(articles), tuple(findings), min(filter(None, changes), default=""))


def reread(tree: Tree, source: Source) -> Source:
    """The same source with its text, for one that was taken as it was."""
    if source.text is not None:
        return source
    ((_, body),) = tree.read([source.entry.path])
    again = _parsed(source, body, lambda finding: None, tree)
    assert again is not None, "these very bytes were read before"
    return again


def located(entry: Entry, folder: str, languages: Sequence[str]) -> Source | None:
    """A file by where it lies; None outside the folders of the languages."""
    parts = PurePosixPath(entry.path.removeprefix(folder)).parts
    if parts[0] not in languages or len(parts) < 2:
        if folder:
            return None
        parts = (languages[0], *parts)  # files checked outside a content folder
    name = PurePosixPath(parts[-1]).stem
    category = "/".join(parts[1:-1])
    path = "/".join((*parts[:-1], name))
    return Source(entry, path, parts[0], category, name, FrontMatter())


def _parsed(
    source: Source, body: bytes, tell: Callable[[Finding], None], tree: Tree
) -> Source | None:
    """The source with its front matter and text; None when it cannot be read."""
    path = tree.shown + source.entry.path
    try:
        text = body.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as problem:
        line = body.count(b"\n", 0, problem.start) + 1
        column = problem.start - (body.rfind(b"\n", 0, problem.start) + 1) + 1
        tell(Finding(path, line, column, "encoding", {"byte": f"0x{body[problem.start]:02X}"}))
        return None
    try:
        lines, rest, lines_before = front_matter.split(text)
        front = front_matter.read(lines)
        language = front.text("lang")
        if language and language != source.language:
            values = {"key": "lang", "value": language, "expected": source.language}
            raise FrontMatterError("value", front.place("lang"), **values)
    except FrontMatterError as problem:
        values = {"reason": problem.reason, **problem.values}
        tell(Finding(path, *problem.place, "front-matter", values))
        return None
    remarks = tuple(secrets.check(text.split("\n")))
    heading = _HEADING.search(rest)
    return replace(
        source,
        front=front,
        text=rest,
        lines_before=lines_before,
        remarks=remarks,
        heading=heading[1].strip() if heading else "",
        ignored=tuple(_ignored(text.split("\n"))),
    )


def _ignored(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """What comments with a reason say of their own line and of the next that is not empty."""
    for number, line in enumerate(lines, 1):
        for match in _IGNORE.finditer(line):
            yield number, match[1]
            below = range(number + 1, len(lines) + 1)
            yield next((n for n in below if lines[n - 1].strip()), number), match[1]


def _case_clashes(tree: Tree) -> Iterable[Finding]:
    """Names that some disks take for the same: a checkout there would lose one of them."""
    spellings: dict[str, str] = {}
    for path in tree.entries:
        spelling = spellings.setdefault(path.casefold(), path)
        if spelling != path:
            yield Finding(tree.shown + path, 1, 1, "name-case", {"other": tree.shown + spelling})
