"""What the rules say of imported files, mended where there is one right way to.

The rules themselves are asked, and asked again of what was mended: whatever a system writes, what
is left at the end is what a person must see.
"""

import re
from collections.abc import Callable, Mapping

from kbsearch import i18n
from kbsearch.articles.importing.pages import ConversionReport
from kbsearch.articles.publishing import edition, source_lines
from kbsearch.articles.publishing.edition import Reusable
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.overlay import Overlay
from kbsearch.articles.publishing.tree import Tree
from kbsearch.config import Settings
from kbsearch.text.markup import scheme_of

ROUNDS = 5
_ANCHOR = re.compile(r"(?<!\s)\s*+\{:?\s*+#([^\W_][\w.:\-]{0,79}+)[^{}]*+\}\s*+$")
_INLINE = (
    r"!?\[((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]\(\s*+<?%s>?(?:\s++(?:\"[^\"]*\"|'[^']*'))?\s*+\)"
)
_LINK_OF_ANY_TARGET = re.compile(_INLINE % r"([^()\s<>]*+)")
_TAG = r"<(?:img|a)\s(?=[^<>]*+>)[^<>]*(?:src|href)\s*=\s*[\"']?%s[^<>]*>"
_TITLE_SIGNS = re.compile(r"[\[\]\\*_`<>\"]")
_PICTURE_OR_TAG = re.compile(r"!\[[^\[\]]*+\](?=\()|<img(?=\s)[^<>]*+>")
_NAME_OF_PICTURE_FILE = re.compile(r"[\w\-. ]*\.(?:png|jpe?g|gif|webp|svg)", re.IGNORECASE)
_HOST_OF_LINK = re.compile(r"https?://(?:www\.)?([^/?#]+)")
_NAME_OF_TAG = re.compile(r"</?([a-z0-9]+)", re.IGNORECASE)
_REFERENCE_WITH_TARGET = re.compile(r" {0,3}\[([^\[\]]++)\]:\s*+<?(\S+?)>?(?:\s|$)")
_LANGUAGE_OF_PATH = re.compile(r"(?:^|/)articles/(\w\w)/")
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")

Lines = list[str]
Mending = Callable[[Lines, int, Finding], bool]


def mend(
    below: Tree, files: Mapping[str, bytes], settings: Settings, report: ConversionReport
) -> tuple[dict[str, bytes], tuple[Finding, ...]]:
    """The files as they can be published, and the errors that nobody but a person can mend."""
    files = dict(files)
    reusable = edition.NOTHING
    errors: tuple[Finding, ...] = ()
    for count in range(ROUNDS):
        made = edition.make(Overlay(below, files), settings, reusable)
        by_path: dict[str, list[Finding]] = {}
        for finding in made.findings:
            path = finding.path.removeprefix(below.shown)
            if finding.severity == "error" and path in files:
                by_path.setdefault(path, []).append(finding)
        errors = tuple(finding for found in by_path.values() for finding in found)
        if not errors or count == ROUNDS - 1:
            break
        changed = {
            path: body
            for path, found in by_path.items()
            if (body := _mended(files[path], found, report)) != files[path]
        }
        if not changed:
            break
        files |= changed
        reusable = Reusable({article.source.path: article for article in made.articles})
    return files, errors


def _mended(body: bytes, findings: list[Finding], report: ConversionReport) -> bytes:
    """A file with one remark after another mended, from the last line up."""
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError:
        return body
    levels = {"h1-in-body", "heading-jump"}
    if any(finding.rule in levels for finding in findings):
        report.tell("headings", findings[0].path)
        lines = relevelled(lines)
    for finding in sorted(findings, key=lambda each: (-each.line, -each.column)):
        mending = _MENDINGS.get(finding.rule)
        place = finding.line - 1
        if mending and place < len(lines) and mending(lines, place, finding):
            report.tell(finding.rule, f"{finding.path}: {finding.values.get('target', '')}")
    return "\n".join(line for text in lines for line in text.split("\n")).encode()


def relevelled(lines: Lines) -> Lines:
    """Headings below the title, none deeper than one below the one before it."""
    heads = [(number, source_lines.level(lines[number])) for number in source_lines.headings(lines)]
    if not heads:
        return lines
    levelled = list(lines)
    depth: list[int] = []
    for number, level in heads:
        while depth and depth[-1] >= level:
            depth.pop()
        depth.append(level)
        sign = "#" * min(len(depth) + 1, 6)
        levelled[number] = source_lines.HEADING.sub(rf"\1{sign}", lines[number])
    return levelled


def _empty_section(lines: Lines, place: int, finding: Finding) -> bool:
    """A heading above nothing is a line in bold; where links lead to it, they still do."""
    match = source_lines.HEADING.match(lines[place])
    if not match:
        return False
    words = lines[place][match.end() :].strip().rstrip("#").strip()
    anchor = _ANCHOR.search(words)
    words = _ANCHOR.sub("", words).replace("**", "")
    lines[place] = (f'<a id="{anchor[1]}"></a>' if anchor else "") + (
        f"**{words}**" if words else ""
    )
    return True


def _unlink(lines: Lines, place: int, finding: Finding) -> bool:
    """A link that leads nowhere is its words."""
    return _replace(lines, place, finding, lambda label, _: label)


def _drop_anchor(lines: Lines, place: int, finding: Finding) -> bool:
    target = finding.values["target"]
    page = target.partition("#")[0]
    if page:
        return _substitute(lines, place, target, page)
    return _unlink(lines, place, finding)


def _name_picture(lines: Lines, place: int, finding: Finding) -> bool:
    """A picture without words is called after the heading it stands below."""
    above = [number for number in source_lines.headings(lines) if number <= place]
    title = _ANCHOR.sub("", source_lines.HEADING.sub("", lines[above[-1]])).strip() if above else ""
    title = title or next(
        (line.partition(":")[2].strip(" '\"") for line in lines if line.startswith("title:")), ""
    )
    title = _TITLE_SIGNS.sub("", title)
    name = i18n.gettext(_language(finding), "import_articles.picture", title=title)
    before = lines[place]
    lines[place] = _PICTURE_OR_TAG.sub(lambda match: _named(match[0], name), before)
    return lines[place] != before


def _named(picture: str, name: str) -> str:
    if picture.startswith("!["):
        alternative = picture[2:-1].strip()
        is_file = _NAME_OF_PICTURE_FILE.fullmatch(alternative)
        return (
            picture if alternative and not is_file and not _is_code(alternative) else f"![{name}]"
        )
    return f'<img alt="{name}"{_ALT.sub("", picture[4:])}'


def _is_code(alternative: str) -> bool:
    return not alternative.replace(" ", "").isalpha() and " " not in alternative


def _picture_words(lines: Lines, place: int, finding: Finding) -> bool:
    """A picture that cannot be shown is what it was called."""
    return _replace(lines, place, finding, lambda label, _: f"*{label}*" if label else "")


def _picture_link(lines: Lines, place: int, finding: Finding) -> bool:
    """A picture from elsewhere, or one that is too large for a page, is one click away."""

    def link(label: str, target: str) -> str:
        name = label or target.rpartition("/")[2].partition("?")[0] or target
        is_web = scheme_of(target) or not target.startswith("//")
        return f"[{name}]({target})" if is_web else f"[{name}](https:{target})"

    return _replace(lines, place, finding, link)


def _link_words(lines: Lines, place: int, finding: Finding) -> bool:
    """`here` says where it leads: the host, the page, or what the file is called."""
    label = finding.values.get("label", "")
    begin = lines[place].find(f"[{label}", max(0, finding.column - 1))
    match = _LINK_OF_ANY_TARGET.match(lines[place], max(begin, 0))
    if not match:
        return False
    target = match[2]
    host = _HOST_OF_LINK.match(target)
    name = host[1] if host else target.partition("#")[0].rstrip("/").rpartition("/")[2]
    name = name.removesuffix(".md").replace("-", " ") or target.lstrip("#").replace("-", " ")
    words = f"{match[1].strip()} ({name})" if label.strip() else name
    lines[place] = (
        f"{lines[place][: match.start()]}[{words}]({target}){lines[place][match.end() :]}"
    )
    return True


def _table_header(lines: Lines, place: int, finding: Finding) -> bool:
    """A table whose heading is empty has its first line for one."""
    if place + 2 >= len(lines) or "|" not in lines[place + 2]:
        if place + 1 < len(lines):
            del lines[place : place + 2]
            return True
        return False
    lines[place] = lines.pop(place + 2)
    return True


def _show_tag(lines: Lines, place: int, finding: Finding) -> bool:
    """HTML that articles do not have goes; what it stood around stays."""
    html = finding.values.get("html", "")
    if html == "<!--":
        lines[place] = lines[place].replace("<!--", "\\<!--", 1)
        return True
    name = _NAME_OF_TAG.match(html)
    if not name:
        return False
    before = lines[place]
    lines[place] = re.sub(rf"</?{name[1]}(?:\s[^<>]*)?/?>", "", before, flags=re.IGNORECASE)
    if lines[place] == before:  # it goes on below
        lines[place] = before.replace("<" + html[1:2], "\\<" + html[1:2], 1)
    return lines[place] != before


def _show_scheme(lines: Lines, place: int, finding: Finding) -> bool:
    scheme = re.escape(finding.values["scheme"])
    before = lines[place]
    lines[place] = re.sub(rf"!?\[([^\[\]]*)\]\(<?{scheme}:[^()]*\)", r"\1", before, flags=re.I)
    lines[place] = re.sub(rf"<({scheme}:[^<>\s]*)>", r"`\1`", lines[place], flags=re.I)
    return lines[place] != before


def _replace(lines: Lines, place: int, finding: Finding, words: Callable[[str, str], str]) -> bool:
    """Put words in the place of a link or a picture by its target."""
    target = finding.values["target"]
    forms = "|".join(re.escape(form) for form in _spellings(target))
    inline = re.compile(_INLINE % f"(?:{forms})")
    tag = re.compile(_TAG % f"(?:{forms})" + r"(?:([^<>]*)</a>)?", re.IGNORECASE)
    by_slug = re.compile(rf"\[\[(?:{forms})(?:\|([^\[\]\n]*))?\]\]")
    for number in range(place, min(place + 4, len(lines))):
        before = lines[number]
        line = inline.sub(lambda match: words(match[1], target), before)
        line = by_slug.sub(lambda match: match[1] or target, line)
        line = tag.sub(lambda match: words(_words_of_tag(match), target), line)
        if line != before:
            lines[number] = line
            return True
    return _unlink_reference(lines, target)


def _unlink_reference(lines: Lines, target: str) -> bool:
    """`[words][name]` whose `[name]: target` leads nowhere."""
    for number, line in enumerate(lines):
        match = _REFERENCE_WITH_TARGET.match(line)
        if match and match[2] in _spellings(target):
            name = re.escape(match[1])
            lines[number] = ""
            for other, text in enumerate(lines):
                text = re.sub(rf"!?\[([^\[\]]+)\]\[{name}\]", r"\1", text, flags=re.I)
                lines[other] = re.sub(
                    rf"!?\[({name})\](?:\[\])?(?![(\[:])", r"\1", text, flags=re.I
                )
            return True
    return False


def _words_of_tag(match: re.Match[str]) -> str:
    alternative = _ALT.search(match[0])
    return (match[1] or "") or (alternative and (alternative[1] or alternative[2])) or ""


def _substitute(lines: Lines, place: int, old: str, new: str) -> bool:
    for number in range(place, min(place + 4, len(lines))):
        for form in _spellings(old):
            if form in lines[number]:
                lines[number] = lines[number].replace(form, new, 1)
                return True
    return False


def _spellings(target: str) -> tuple[str, ...]:
    """How an address may stand in the text: the parser encodes what was typed."""
    from urllib.parse import unquote

    return tuple(dict.fromkeys((target, unquote(target), target.replace("&", "&amp;"))))


def _language(finding: Finding) -> str:
    match = _LANGUAGE_OF_PATH.search(finding.path)
    return match[1] if match else "en"


_MENDINGS: dict[str, Mending] = {
    "broken-link": _unlink,
    "broken-anchor": _drop_anchor,
    "broken-image": _picture_words,
    "empty-section": _empty_section,
    "image-alt": _name_picture,
    "image-external": _picture_link,
    "image-format": _picture_words,
    "image-size": _picture_link,
    "link-scheme": _show_scheme,
    "link-text": _link_words,
    "narrower-link": _unlink,
    "raw-html": _show_tag,
    "table-header": _table_header,
}
