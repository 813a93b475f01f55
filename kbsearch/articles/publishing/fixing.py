"""What `kbsearch check` finds and has one answer, written: what has several is left to a person.

Each fix is made on the text as it was read, and the rules are asked again of what came out; a file
in which nothing has one answer stays byte for byte.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from kbsearch.articles.publishing import front_matter, rules, source_lines, sources
from kbsearch.articles.publishing.addresses import PageResolver
from kbsearch.articles.publishing.edition import Edition
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.articles.publishing.tree import Tree
from kbsearch.text import markup
from kbsearch.text.markup import slug_of

ROUNDS = 4  # what one fix uncovers, the next one has
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`"}
_LOOKS = r"(?:\s+(?:class|style|align|color|size|face)\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*\s*"
_PAIR = re.compile(
    rf"<(b|strong|i|em|code){_LOOKS}>([^\s<>*_`](?:[^<>*_`\n]*[^\s<>*_`])?)</\1>", re.IGNORECASE
)
_HEADING = re.compile(rf"<h([2-6]){_LOOKS}>([^<>\n]+)</h\1>\s*", re.IGNORECASE)
_PARAGRAPH = re.compile(rf"<(p|center|blockquote){_LOOKS}>([^<>\n]+)</\1>\s*", re.IGNORECASE)
_RULE = re.compile(r"<hr\s*/?>\s*", re.IGNORECASE)
_BYTE_ORDER_MARK = "\ufeff"
_KEY = re.compile(r"([\"']?)([\w.\-]+)\1(\s*:)")

Lines = list[str]
Fixing = Callable[["_Page", Lines, Sequence[Finding]], bool]


class _Page:
    """An article beside the edition it is of."""

    def __init__(self, tree: Tree, edition: Edition, rendered: Rendered | None, body: str) -> None:
        self.tree, self.edition, self.rendered, self.body = tree, edition, rendered, body

    @property
    def language(self) -> str:
        return self.rendered.source.language if self.rendered else ""


def fixed(
    tree: Tree, edition: Edition, findings: Sequence[Finding]
) -> tuple[dict[str, bytes], list[Finding]]:
    """The files that change, and the findings that were answered in them."""
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.rule in _FIXINGS:
            by_file.setdefault(finding.path.removeprefix(tree.shown), []).append(finding)
    pages = {page.source.entry.path: page for page in edition.articles}
    files: dict[str, bytes] = {}
    answered: list[Finding] = []
    for path, body in tree.read(path for path in by_file if path in tree.entries):
        try:
            text = body.decode()
        except UnicodeDecodeError:
            continue
        lines, ends = _lines(text)
        page = _Page(tree, edition, pages.get(path), "\n".join(lines))
        for rule, fixing in _FIXINGS.items():
            same = [finding for finding in by_file[path] if finding.rule == rule]
            before = list(lines)
            if same and fixing(page, lines, same):
                answered += same
                break  # lines moved: the others are looked at again in the next round
            lines = before
        if lines != _lines(text)[0]:
            files[path] = ends("\n".join(lines)).encode()
    return files, answered


def _lines(text: str) -> tuple[Lines, Callable[[str], str]]:
    """The lines of a text, and how to give it back its mark and its line ends."""
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    has_returns = "\r\n" in text
    plain = text.removeprefix(mark).replace("\r\n", "\n")

    def ends(fixed_text: str) -> str:
        return mark + (fixed_text.replace("\n", "\r\n") if has_returns else fixed_text)

    return plain.split("\n"), ends


def _keys(page: _Page, lines: Lines, findings: Sequence[Finding]) -> bool:
    """A key spelled as nearly one that is known, and not there yet."""
    changed = False
    there = {match[2] for line in lines if (match := _KEY.match(line))}
    for finding in findings:
        key, number = finding.values["key"], finding.line - 1
        own = [known for known in front_matter.KNOWN if _plain(known) == _plain(key)]
        match = _KEY.match(lines[number]) if number < len(lines) else None
        if len(own) == 1 and own[0] not in there and match and match[2] == key:
            lines[number] = f"{own[0]}{lines[number][match.start(3) :]}"
            there.add(own[0])
            changed = True
    return changed


def _plain(key: str) -> str:
    """A key without capitals, signs and the s of a plural."""
    return key.lower().replace("_", "").replace("-", "").removesuffix("s")


def _first_heading(page: _Page, lines: Lines, findings: Sequence[Finding]) -> bool:
    """A heading that says the title again goes; a text that begins one level too high sinks."""
    numbers = source_lines.headings(lines)
    if not numbers or source_lines.level(lines[numbers[0]]) != 1:
        return False
    if any("title" not in finding.values for finding in findings):
        del lines[numbers[0]]
        return True
    if max(source_lines.level(lines[number]) for number in numbers) == 6:
        return False
    for number in numbers:
        lines[number] = source_lines.HEADING.sub(r"\1#\2", lines[number])
    return True


def _no_break_spaces(page: _Page, lines: Lines, findings: Sequence[Finding]) -> bool:
    if page.rendered is None:
        return False
    source = sources.reread(page.tree, page.rendered.source)
    assert source.text is not None
    document = markup.parse(source.text, source.title)
    text = rules.CheckedText(document, source.text, source.lines_before)
    body = rules.with_no_break_spaces(text)
    changed = body != text.lines
    lines[source.lines_before :] = body
    return changed


def _html(page: _Page, lines: Lines, findings: Sequence[Finding]) -> bool:
    """Tags that Markdown has a sign for, which looks the same."""
    changed = False
    for finding in findings:
        number = finding.line - 1
        before = lines[number]
        if "`" in before:  # what is an example there, and what is not, is for a person to say
            continue
        is_alone = not number or not lines[number - 1].strip()
        line = _PAIR.sub(lambda match: _marked(match[1], match[2]), before)
        if is_alone and (match := _HEADING.fullmatch(line)):
            line = f"{'#' * int(match[1])} {match[2].strip()}"
        elif is_alone and (match := _PARAGRAPH.fullmatch(line)):
            line = f"{'> ' if match[1].lower() == 'blockquote' else ''}{match[2].strip()}"
        elif is_alone and _RULE.fullmatch(line):
            line = "---"
        lines[number] = line
        changed = changed or line != before
    return changed


def _marked(tag: str, words: str) -> str:
    mark = _MARKS[tag.lower()]
    return f"{mark}{words}{mark}"


def _anchors(page: _Page, lines: Lines, findings: Sequence[Finding]) -> bool:
    """An anchor that differs from one of its page by its signs and capitals alone."""
    changed = False
    for finding in findings:
        right = _right_anchor(page, finding)
        number = finding.line - 1
        for wrong in dict.fromkeys(_spellings(finding.values["target"])):
            start = lines[number].find(wrong, max(finding.column - 1, 0))
            if right and start >= 0:
                path = wrong.partition("#")[0]
                end = start + len(wrong)
                lines[number] = f"{lines[number][:start]}{path}#{right}{lines[number][end:]}"
                changed = True
                break
    return changed


def _spellings(target: str) -> Iterator[str]:
    yield target
    yield unquote(target)


def _right_anchor(page: _Page, finding: Finding) -> str:
    """The one anchor of the page that can be meant; nothing where there are more, or none."""
    if page.rendered is None:
        return ""
    target = finding.values["target"]
    url = f"/{page.language}/articles/{page.rendered.slug}"
    if not target.startswith("#"):
        resolver = PageResolver(page.edition.addresses, page.rendered.source)
        link = resolver.link(target) or resolver.by_slug(target)
        url = link.url.partition("#")[0] if link else ""
    anchors: Mapping[str, frozenset[str]] = {
        page.edition.addresses.url(other.source.entry.path): other.anchors
        for other in page.edition.articles
    }
    meant = slug_of(unquote(finding.values["anchor"]))
    near = {anchor for anchor in anchors.get(url, ()) if slug_of(anchor) == meant}
    return near.pop() if len(near) == 1 else ""


# In this order: what moves lines comes first.
_FIXINGS: dict[str, Fixing] = {
    "unknown-key": _keys,
    "h1-in-body": _first_heading,
    "raw-html": _html,
    "broken-anchor": _anchors,
    "nbsp": _no_break_spaces,
}
