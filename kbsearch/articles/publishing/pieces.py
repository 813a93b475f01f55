"""What articles have in common, as the content says it: `variables.yml`, snippets, sections.

A variable has one value, or one by language, product or `product version`, and a `default`.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import yaml

from kbsearch import access
from kbsearch.articles.publishing import front_matter
from kbsearch.articles.publishing.addresses import Addresses, candidates
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.front_matter import FrontMatterError
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import Tree, blob_id
from kbsearch.text import markup
from kbsearch.text.markup.reuse import UseKind

VARIABLES = "variables.yml"
SNIPPETS = "snippets/"
DEFAULT = "default"
LARGEST = 256 * 1024  # bytes of such a file
_Values = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class SharedPieces:
    """Every variable and snippet of a tree, and what is wrong with their files."""

    variables: _Values = field(default_factory=dict)
    snippets: Mapping[str, str] = field(default_factory=dict)  # `fr/contact` -> text
    findings: tuple[Finding, ...] = ()

    @property
    def are_there(self) -> bool:
        """Whether this content has such files: elsewhere `{{ … }}` is somebody else's sign."""
        return bool(self.variables or self.snippets or self.findings)


def read(tree: Tree) -> SharedPieces:
    """The variables and snippets of a tree."""
    findings: list[Finding] = []
    places = [
        entry.path
        for entry in tree.entries.values()
        if (entry.path == VARIABLES or _is_snippet(entry.path)) and entry.size <= LARGEST
    ]
    snippets: dict[str, str] = {}
    variables: _Values = {}
    for place, body in tree.read(places):
        text = body.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
        if place == VARIABLES:
            variables = _variables(tree, text, findings)
        else:
            snippets[place.removeprefix(SNIPPETS).removesuffix(".md")] = text
    return SharedPieces(variables, snippets, tuple(findings))


class ArticlePieces:
    """The pieces that there are for one article; those of a narrower one are none."""

    def __init__(
        self, shared: SharedPieces, tree: Tree, addresses: Addresses, source: Source
    ) -> None:
        self._shared, self._tree = shared, tree
        self._addresses, self._source = addresses, source

    def variable(self, name: str) -> str | None:
        values = self._shared.variables.get(name, {})
        return next((values[key] for key in self._keys if key in values), None)

    def markdown(self, kind: UseKind, name: str) -> str | None:
        if kind == "snippet":
            snippets = self._shared.snippets
            return snippets.get(f"{self._source.language}/{name}", snippets.get(name))
        file, _, anchor = name.partition("#")
        place = self._section_file(file)
        return _section(self._tree, place, anchor) if place else None

    def digest(self, kind: UseKind, name: str) -> str:
        """What changes when a piece does; empty where there is none."""
        if kind == "section":
            place = self._section_file(name.partition("#")[0])
            return self._tree.entries[place].blob if place else ""
        text = self.markdown(kind, name) if kind == "snippet" else self.variable(name)
        return blob_id(text.encode()) if text is not None else ""

    @cached_property
    def _keys(self) -> Sequence[str]:
        """By which keys a value is looked for, the closest first."""
        front = self._source.front
        products = front.list("product")
        exact = [f"{product} {front.text('version')}" for product in products]
        return (*exact, *products, self._source.language, DEFAULT)

    def _section_file(self, path: str) -> str:
        folder = posixpath.dirname(self._source.entry.path)
        whole = posixpath.normpath(posixpath.join(folder, path))
        own = self._addresses.audiences[self._source.entry.path]
        for file in candidates(whole):
            if file in self._addresses.slugs and file != self._source.entry.path:
                is_narrower = access.is_narrower(self._addresses.audiences[file], own)
                return "" if is_narrower else file
        return ""


def _is_snippet(path: str) -> bool:
    return path.startswith(SNIPPETS) and path.endswith(".md")


def _variables(tree: Tree, text: str, findings: list[Finding]) -> _Values:
    try:
        values = yaml.load(text, Loader=front_matter.LOADER) or {}
        return {name: _by_key(value) for name, value in values.items()}
    except (yaml.YAMLError, AttributeError, TypeError, RecursionError):
        findings.append(Finding(tree.shown + VARIABLES, 1, 1, "variables"))
        return {}


def _by_key(value: object) -> Mapping[str, str]:
    if isinstance(value, str):
        return {DEFAULT: value}
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return value
    raise TypeError("a variable is a text, or texts by language, product and version")


def _section(tree: Tree, file: str, anchor: str) -> str | None:
    """The text under a heading of an article, up to the next one of its depth."""
    ((_, body),) = tree.read([file])
    text = body.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    try:
        _, rest, _ = front_matter.split(text)
    except FrontMatterError:
        return None
    lines, headings = rest.split("\n"), markup.parse(rest).headings
    for position, heading in enumerate(headings):
        if anchor in (heading.section.anchor, *heading.aliases):
            after = headings[position + 1 :]
            ends = (other.line for other in after if other.written_level <= heading.written_level)
            return "\n".join(lines[heading.line + 1 : next(ends, len(lines))])
    return None
