"""`_category.yml`: what a folder of articles says of itself, in a closed list of keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from kbsearch.access import AGENTS
from kbsearch.articles.publishing import front_matter, sources
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.front_matter import (
    LOADER,
    FrontMatterError,
    Position,
    place_of,
    refuse_tricks,
)
from kbsearch.articles.publishing.tree import Entry, Tree
from kbsearch.config import LANGUAGES, is_audience

NAME = "_category.yml"
LIMIT = 32 * 1024  # bytes
DEEPEST = 3  # a mapping of lists, or of texts by language
LONGEST_NAME = 80  # characters
LONGEST_ICON = 8  # code points: families and flags are several
KEYS = ("name", "description", "landing", "icon", "order", "audience", "alias", "articles")
_BY_LANGUAGE = frozenset({"name", "description", "landing"})
_LISTS = frozenset({"alias", "articles"})
# What a writer may take for it, or another tool has.
_MISNAMED = frozenset({"_category.yaml", "_category_.yml", "_category_.yaml", "_category_.json"})


@dataclass(frozen=True)
class Landing:
    """The Markdown above the articles of a category, and how many lines of the file precede it."""

    text: str
    lines_before: int


@dataclass(frozen=True)
class CategoryFile:
    """What one file says; what it says by language has a value for each it names."""

    entry: Entry
    language: str  # of the folder it lies in
    category: str
    names: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    landings: Mapping[str, Landing] = field(default_factory=dict)
    icon: str = ""
    order: int | None = None
    audience: str = ""
    aliases: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()  # names of files, in their order
    places: Mapping[str, Position] = field(default_factory=dict)
    is_broken: bool = False  # nobody knows what it meant to say

    def place(self, key: str) -> Position:
        return self.places.get(key, (1, 1))


def read(
    tree: Tree, languages: Sequence[str], folder: str
) -> tuple[list[CategoryFile], list[Finding]]:
    """The files of a tree, and what is wrong with them.

    Nobody but the staff reads in a category whose file cannot be understood: it may say so.
    """
    files: dict[str, CategoryFile] = {}
    findings: list[Finding] = []
    for entry in tree.entries.values():
        name = entry.path.rpartition("/")[2].lower()
        if not entry.path.startswith(folder) or (name != NAME and name not in _MISNAMED):
            continue
        source = sources.located(entry, folder, languages)
        shown = tree.shown + entry.path
        if name in _MISNAMED:
            values = {"reason": "misnamed", "name": NAME}
            findings.append(Finding(shown, 1, 1, "category", values))
        elif source is None:
            values = {"languages": ", ".join(languages)}
            findings.append(Finding(shown, 1, 1, "misplaced", values))
        else:
            files[entry.path] = CategoryFile(entry, source.language, source.category)
    for path, body in tree.read(files):
        try:
            files[path] = _parsed(files[path], body)
        except FrontMatterError as problem:
            values = {"reason": problem.reason, **problem.values}
            findings.append(Finding(tree.shown + path, *problem.place, "category", values))
            files[path] = replace(files[path], audience=AGENTS, is_broken=True)
    return list(files.values()), findings


def _parsed(file: CategoryFile, body: bytes) -> CategoryFile:
    if len(body) > LIMIT:
        raise FrontMatterError("too-large", (1, 1), limit=str(LIMIT // 1024))
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = body.count(b"\n", 0, problem.start) + 1
        raise FrontMatterError("yaml", (line, 1), problem="UTF-8") from None
    try:
        pairs = list(_pairs(text))
    except yaml.MarkedYAMLError as problem:
        place = place_of(problem.problem_mark or problem.context_mark, 1)
        raise FrontMatterError("yaml", place, problem=problem.problem or "") from None
    except yaml.YAMLError as problem:  # a control character
        raise FrontMatterError("yaml", (1, 1), problem=str(problem).split("\n")[0]) from None
    places = {key: place for key, place, _ in pairs}
    values = {key: _value(key, node, file.language) for key, _, node in pairs}
    return CategoryFile(
        file.entry,
        file.language,
        file.category,
        names=_words(values.get("name")),
        descriptions=_words(values.get("description")),
        landings=values.get("landing") or {},
        icon=values.get("icon", ""),
        order=values.get("order"),
        audience=values.get("audience", ""),
        aliases=tuple(values.get("alias", ())),
        articles=tuple(values.get("articles", ())),
        places=places,
    )


def _words(landings: Mapping[str, Landing] | None) -> dict[str, str]:
    return {language: " ".join(text.text.split()) for language, text in (landings or {}).items()}


def _pairs(text: str) -> Iterator[tuple[str, Position, yaml.Node]]:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        refuse_tricks(event, 1)
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > DEEPEST:  # composing goes as deep as the text does
            raise FrontMatterError("shape", place_of(event.start_mark, 1))
    root = yaml.compose(text, Loader=LOADER)
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise FrontMatterError("shape", place_of(root.start_mark, 1))
    seen: set[str] = set()
    for name, node in root.value:
        place = place_of(name.start_mark, 1)
        key = name.value if isinstance(name, yaml.ScalarNode) else ""
        if key not in KEYS:
            raise FrontMatterError("key", place, key=key or "?", keys=", ".join(KEYS))
        if key in seen:
            raise FrontMatterError("duplicate", place, key=key)
        seen.add(key)
        yield key, place, node


def _value(key: str, node: yaml.Node, language: str) -> Any:
    place = place_of(node.start_mark, 1)
    if key in _BY_LANGUAGE:
        return dict(_by_language(key, node, language))
    if key in _LISTS:
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return [_text(key, item) for item in items]
    text = _text(key, node)
    if key == "order":
        number = text.removeprefix("-")
        if not (number.isascii() and number.isdecimal() and len(number) < 7):
            raise _refused(key, text, "1, 2, 3…", place)
        return int(text)
    if key == "audience" and not is_audience(text):
        raise _refused(key, text, front_matter.AUDIENCES, place)
    if key == "icon" and (len(text) > LONGEST_ICON or any(map(str.isalnum, text))):
        raise _refused(key, text, "📦, 🧾, ★…", place)
    return text


def _by_language(key: str, node: yaml.Node, language: str) -> Iterator[tuple[str, Landing]]:
    """A text is in the language of the folder; a mapping has one for each language."""
    own = yaml.ScalarNode("", language, node.start_mark)
    pairs = node.value if isinstance(node, yaml.MappingNode) else [(own, node)]
    for name, value in pairs:
        tongue = name.value
        if tongue not in LANGUAGES:
            raise _refused(key, str(tongue), ", ".join(LANGUAGES), place_of(name.start_mark, 1))
        text = _text(key, value, keeps_lines=key == "landing")
        if key == "name" and len(text) > LONGEST_NAME:
            place = place_of(value.start_mark, 1)
            raise _refused(key, f"{text[:LONGEST_NAME]}…", f"≤ {LONGEST_NAME}", place)
        is_block = getattr(value, "style", "") in ("|", ">")
        yield tongue, Landing(text, value.start_mark.line + is_block)


def _text(key: str, node: yaml.Node, *, keeps_lines: bool = False) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise FrontMatterError("not-a-text", place_of(node.start_mark, 1), key=key)
    value = str(node.value)
    return value if keeps_lines else " ".join(value.split())


def _refused(key: str, value: str, expected: str, place: Position) -> FrontMatterError:
    return FrontMatterError("value", place, key=key, value=value, expected=expected)
