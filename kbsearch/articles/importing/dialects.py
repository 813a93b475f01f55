"""What other tools write into Markdown, as what it is here; what has no equal is left out.

The signs of one tool mean nothing in another's, so every rule is tried on every page. Examples are
never touched.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import quote, urlsplit

from kbsearch.articles.importing import generators
from kbsearch.articles.importing.pages import ForeignPage, Linker, Tell
from kbsearch.text.markup import scheme_of, slug_of
from kbsearch.text.markup.callouts import KINDS

DEEPEST = 5  # texts taken into texts
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_EXAMPLE_FENCE = re.compile(r"[ \t]*+(`{3,}+(?=[^`\n]*+$)|~{3,}+)")
_RUN_OF_TICKS = re.compile(r"`++")
_HELD_EXAMPLE = re.compile(r"\x00(\d++)\x00")
_ARGUMENT = re.compile(
    r"(?<![\w\-])([\w\-]++)\s*+=\s*+"
    r"(?:\"([^\"]*)\"|'([^']*)'|\{?[\"']?([^\s\"'{}>%]++)[\"']?\}?)"
)
_BARE_ARGUMENT = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]++)")
_TITLE_IN_QUOTES = re.compile(r"[\"']([^\"']++)[\"']")
_BLOCK = re.compile(
    r"^(?P<in>[ \t]*)<(?P<tag>figure|iframe|video|audio|dl|center|style|script|p|h[1-6]|"
    r"table|ul|ol)\b"
    r"(?![^>]*\bmarkdown)[^>]*>.*?</(?P=tag)>[ \t]*$",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_LINK = re.compile(
    r"(?P<begin>(?P<bang>!?)\[(?P<label>(?:[^\[\]\\]|\\.|!?\[[^\[\]]*\](?:\([^()\s]*\))?)*)\]\()\s*"
    r"(?:<(?P<angled>[^<>\n]*)>|(?P<bare>(?:[^\s()]|\([^\s()]*\))*))"
    r"(?P<title>\s+(?:\"[^\"]*\"|'[^']*'))?(?:\s*=\d*x\d*)?\s*\)(?P<attributes>\{[:.#][^"
    r"{}\n]*\}|\{ [^{}\n]*\})?"
)
_SPLITS_ADDRESS = re.compile(r"[\s()]")
_DEFINITION = re.compile(r"^( {0,3}\[(?!\^)[^\[\]\n]+\]:[ \t]*)<?(\S+?)>?(?=[ \t]|$)", re.MULTILINE)
_SOURCE = re.compile(
    r"(<(?:img|a)\b[^<>]*?\b(?:src|href)\s*=\s*)(?:\"([^\"]*)\"|'([^']*)'|\{[^}]*\})", re.I
)
_TARGETS = re.compile(
    r"\{\{[<%]-?\s*(?:rel)?ref\s+\"?([^\"\s>%]+)\"?\s*-?[>%]\}\}|\{%-?\s*(?:link|post_ur"
    r"l)\s+(\S+)\s*-?%\}"
    r"|\{\{\s*['\"]([^'\"]+)['\"]\s*\|\s*(?:relative|absolute)_url\s*\}\}"
    r"|\{\{\s*site\.(?:baseurl|url)\s*\}\}(?=(/|\{%))"
)


Change = Callable[[re.Match[str], Tell], str]
Extent = tuple[int, int]


class Folder(Protocol):
    """Where a page's tool keeps what its pages take in."""

    def include(self, name: str, page: ForeignPage) -> str | None:
        """A text by the name a page gives it."""

    def named(self, name: str) -> str:
        """The address of a page or a file by its bare name; empty where there is none."""

    def title(self, target: str, page: ForeignPage) -> str:
        """What the page is called that a page links to; empty where there is none."""


def converted(text: str, page: ForeignPage, folder: Folder, linker: Linker, tell: Tell) -> str:
    """The text of a page in the Markdown of this site."""
    text = generators.examples(_included(text, page, folder, tell, 0))
    text = _outside(text, generators.plainer)
    text = _outside(_docfx_tabs(text), lambda piece: _piece(piece, page, folder, tell))
    text = _blocks(text, linker, tell)
    text = _outside(text, lambda piece: _named_links(piece, page, folder))
    return generators.shown(_outside(text, lambda piece: _linked(piece, linker, folder)))


def _outside(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed that is no example."""
    held: list[str] = []
    pieces: list[str] = []
    rest = 0
    for begin, end in _examples(text):
        pieces += [text[rest:begin], f"\x00{len(held)}\x00"]
        held.append(text[begin:end])
        rest = end
    changed = change("".join([*pieces, text[rest:]]))
    return _HELD_EXAMPLE.sub(lambda match: held[int(match[1])], changed)


def without_examples(text: str) -> str:
    """The text without its code."""
    pieces, rest = [], 0
    for begin, end in _examples(text):
        pieces.append(text[rest:begin])
        rest = end
    return "".join([*pieces, text[rest:]])


def _examples(text: str) -> Iterator[Extent]:
    """Where code is: between fences, of which the last may be missing, and in ticks on a line."""
    fence, begin, place = "", 0, 0
    for line in text.split("\n"):
        end = place + len(line)
        if fence:
            if line.strip(" \t").startswith(fence) and not line.strip(" \t`~"):
                yield begin, end
                fence = ""
        elif mark := _EXAMPLE_FENCE.match(line):
            fence, begin = mark[1], place
        else:
            yield from ((place + start, place + stop) for start, stop in _in_ticks(line))
        place = end + 1
    if fence:
        yield begin, len(text)


def _in_ticks(line: str) -> Iterator[Extent]:
    """From as many ticks to the next that are as many."""
    runs = [match.span() for match in _RUN_OF_TICKS.finditer(line)]
    closing: dict[int, int] = {}  # begin of a run -> end of the next as long
    next_end: dict[int, int] = {}
    for start, stop in reversed(runs):
        if stop - start in next_end:
            closing[start] = next_end[stop - start]
        next_end[stop - start] = stop
    rest = 0
    for start, _ in runs:
        if start >= rest and start in closing:
            rest = closing[start]
            yield start, rest


def _arguments(said: str) -> dict[str, str]:
    return {name: a or b or c for name, a, b, c in _ARGUMENT.findall(said)}


_INCLUDES = re.compile(
    r"^[ \t]*(?:-{1,2}8<-{1,2}[ \t]+[\"']([^\"'\n]+)[\"']|\{\{[<%]\s*(?:include|readfile"
    r"|snippet)\s+(?:file=)?\"?"
    r"([^\"\s>%]+)\"?\s*[>%]\}\}|\{%-?\s*include(?:_relative)?\s+\"?([\w./\-]+\.md)\"?\s*-?%\}"
    r"|\[!INCLUDE\s*\[[^\]]*\]\(([^)\s]+)\)\]|!\[\[([^\[\]|#\n]+?)(?:\.md)?\]\])[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_FILE_ENDING = re.compile(r"\.\w{2,4}$")


def _included(text: str, page: ForeignPage, folder: Folder, tell: Tell, depth: int) -> str:
    """The text with the texts it takes in."""

    def take(match: re.Match[str]) -> str:
        name = next(filter(None, match.groups()))
        if match[5] and _FILE_ENDING.search(name):
            return match[0]  # a picture
        if match[5]:
            name = f"{name}.md" if folder.include(f"{name}.md", page) else folder.named(name)
        found = folder.include(name, page) if depth < DEEPEST else None
        tell("include" if found is not None else "include-missing", name)
        if found is None:
            return ""
        return _included(found, page, folder, tell, depth + 1).strip("\n")

    return _outside(text, lambda piece: _INCLUDES.sub(take, piece))


_DOCFX_TAB = re.compile(r"#{1,6}\s++\[([^\]]++)\]\(#tab/[^)]*+\)\s*+$")
_DOCFX_RULE = re.compile(r"(?:-{3,}+|\*{3,}+)\s*+$")


def _docfx_tabs(text: str) -> str:
    """`# [Windows](#tab/windows)` up to a rule."""
    lines, is_open, output = text.split("\n"), False, []
    for line in lines:
        tab = _DOCFX_TAB.match(line)
        if tab:
            output += ["{% endtab %}", ""] if is_open else []
            title = tab[1].replace('"', "'")
            output.append(f'{{% tab title="{title}" %}}')
            is_open = True
        elif is_open and _DOCFX_RULE.match(line):
            output += ["{% endtab %}", ""]
            is_open = False
        else:
            output.append(line)
    return "\n".join([*output, "{% endtab %}"] if is_open else output)


def _piece(text: str, page: ForeignPage, folder: Folder, tell: Tell) -> str:
    for pattern, words in _PLAIN:
        text = pattern.sub(words, text)
    text = _WIKI.sub(lambda match: _wiki(match, folder), text)
    for pattern, change in _CHANGED:
        text = pattern.sub(_telling(change, tell), text)
    return text


def _telling(change: Change, tell: Tell) -> Callable[[re.Match[str]], str]:
    return lambda match: change(match, tell)


_I = re.IGNORECASE
_M = re.MULTILINE
# What goes without a word, or is the same under another sign.
_PLAIN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(?:import|export)\s[^\n]{1,300}(?:from\s+)?['\"][^'\"\n]+['\"];?[ "
                r"\t]*$", _M), ""),
    (re.compile(r"^export\s+(?:const|default|function)\b[^\n]*$", _M), ""),
    (re.compile(r"\{/\*(?:(?!\{/\*).)*?\*/\}|%%.*?%%", re.DOTALL), ""),
    (re.compile(r"^[ \t]*(?:\[TOC\]|\[\[_?TOC_?\]\]|\{:toc\}|[*\-1.]+\s+TOC)[ \t]*$", _M | _I), ""),
    (re.compile(r"^[ \t]*\{:[ \t]*(?:toc|\.no_toc|\.[\w-]+-toc)[^}\n]*\}[ \t]*$", _M | _I), ""),
    (re.compile(r"^\*\[[^\]\n]+\]:[^\n]*$", _M), ""),
    (re.compile(r":(?:material|octicons|fontawesome|simple)-[\w-]+:(?:\{[^}\n]*\})?[ \t]?"), ""),
    (re.compile(r"[ \t]\^[\w-]{1,40}[ \t]*$", _M), ""),
    (re.compile(r"==(?=\S)([^=\n]{1,500}?)(?<=\S)=="), r"<mark>\1</mark>"),
    (re.compile(r"\^\^(?=\S)([^^\n]{1,500}?)(?<=\S)\^\^"), r"<ins>\1</ins>"),
    (re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}"), ""),
    (re.compile(r"<mark\s[^<>]*>", _I), "<mark>"),
    (re.compile(r"^[ \t]*</?Tabs\b[^<>]*>[ \t]*$", _M), ""),
    (re.compile(r"^[ \t]*</TabItem>[ \t]*$", _M), "{% endtab %}\n"),
    (re.compile(r"^[ \t]*</Admonition>[ \t]*$", _M), "\n:::\n"),
    (re.compile(r"^[ \t]*:{3,}\s*(?:row|column|moniker|zone)(?:-end)?\b[^\n]*$", _M | _I), ""),
    (re.compile(r"^[ \t]*>[ \t]*\[!div\b[^\]\n]*\][ \t]*$", _M | _I), ""),
    (re.compile(r"^[ \t]*\{%-?\s*(?:end)?(?:content-ref|stepper|step|columns|column|code"
                r")\b(?:(?!\{%)[^%\n]|%(?!\}))*%\}[ \t]*$", _M), ""),
    (re.compile(r"^[ \t]*\{%-?\s*endfile\s*-?%\}[ \t]*$", _M), ""),
    (re.compile(r"^[ \t]*\{\{[<%]\s*/?\s*(?:tabs|tabpane|steps|cards|columns|row)\b[^\n]"
                r"*?[>%]\}\}[ \t]*$", _M), ""),
    (re.compile(r"^[ \t]*\{\{[<%]\s*/\s*tab\s*[>%]\}\}[ \t]*$", _M), "{% endtab %}\n"),
    (re.compile(r"^[ \t]*\{\{[<%]\s*/\s*(?:notice|alert|hint|callout|admonition|note|tip|warning|"
                r"details|expand|important|caution|info|danger|pageinfo)\s*[>%]\}\}"
                r"[ \t]*$", _M), "\n:::\n"),
    (re.compile(r"^[ \t]*\{%-?\s*end(?:note|tip|warning|important|caution|info|danger|al"
                r"ert|callout)\s*-?%\}[ \t]*$", _M), "\n:::\n"),
    (re.compile(r"</?div\b[^<>]*\bmarkdown\b[^<>]*>", _I), ""),
    (re.compile(r"<xref:([\w.]+)[^<>]*>"), r"`\1`"),
    (re.compile(r"\[([^\[\]\n]++)\]\(xref:[^\[)\n]*+\)"), r"\1"),
    (re.compile(r"\]\(~/"), "](/"),
)  # fmt: skip


def _tab(match: re.Match[str], tell: Tell) -> str:
    said = _arguments(match[1])
    bare = _TITLE_IN_QUOTES.search(match[1])
    title = said.get("label") or said.get("title") or said.get("header") or said.get("name")
    title = title or said.get("value") or (bare[1] if bare else "") or match[1].strip() or "…"
    tell("tabs", "")
    return f'{{% tab title="{title[:100].replace(chr(34), chr(39))}" %}}\n'


def _callout(match: re.Match[str], tell: Tell) -> str:
    """`{{% notice tip "Title" %}}`, `{{< alert color="warning" title="…" >}}`."""
    name, said = match["name"].lower(), match["said"]
    values = _arguments(said)
    words = _BARE_ARGUMENT.findall(_ARGUMENT.sub("", said))
    flat = [a or b or c for a, b, c in words]
    style = (
        values.get("type") or values.get("style") or values.get("color") or values.get("context")
    )
    named = next((word for word in (style or "", name, *flat) if word.lower() in KINDS), "")
    is_folded = name in ("details", "expand")
    kind = "details" if is_folded else named.lower() or "note"
    others = [word for word in flat if word.lower() not in KINDS and word not in ("open", "closed")]
    title = (
        values.get("title") or values.get("summary") or values.get("heading") or " ".join(others)
    )
    tell("callout", "")
    return f":::{kind}{f'[{title}]' if title else ''}\n"


def _include_note(match: re.Match[str], tell: Tell) -> str:
    """Jekyll's `{% include note.html content="…" %}`."""
    name, said = match["name"].lower(), _arguments(match["said"])
    if name in KINDS and said.get("content"):
        tell("callout", "")
        return f":::{name}\n{said['content']}\n:::\n"
    if name in ("image", "figure", "img"):
        source = said.get("src") or said.get("file") or said.get("url") or said.get("path") or ""
        return f"![{said.get('alt') or said.get('caption') or ''}]({source})"
    tell("shortcode-left", match[0][:80])
    return ""


def _figure(match: re.Match[str], tell: Tell) -> str:
    said = _arguments(match[1])
    source = said.get("src") or said.get("source") or said.get("link") or ""
    alternative = (
        said.get("alt") or said.get("alt-text") or said.get("caption") or said.get("title")
    )
    caption = said.get("caption")
    title = ' "{}"'.format(caption.replace('"', "”")) if caption else ""
    return f"![{alternative or ''}]({source}{title})" if source else ""


def _film(match: re.Match[str], tell: Tell) -> str:
    kind, said = match[1].lower(), match[2].strip().strip("\"'")
    values = _arguments(match[2])
    name = values.get("id") or said.split()[0].strip("\"'") if said else ""
    tell("framed", name)
    host = {"youtube": "https://www.youtube.com/watch?v=", "vimeo": "https://vimeo.com/"}[kind]
    return f"[Video ({'youtube.com' if kind == 'youtube' else 'vimeo.com'})]({host}{name})"


def _embed(match: re.Match[str], tell: Tell) -> str:
    values = _arguments(match[1])
    address = values.get("url") or values.get("src") or values.get("page") or match[1].strip()
    host = (urlsplit(address).hostname or "").removeprefix("www.")
    name = host or posixpath.basename(address.partition("#")[0]).removesuffix(".md")
    tell("embed", address)
    return f"\n[{values.get('title') or values.get('caption') or name}]({address})\n"


def _highlight(match: re.Match[str], tell: Tell) -> str:
    language = match["language"].split()[0].strip("\"'") if match["language"].strip() else ""
    return f"```{language}\n{match['code'].strip(chr(10))}\n```"


def _admonition(match: re.Match[str], tell: Tell) -> str:
    said = _arguments(match[1])
    tell("callout", "")
    title = f"[{said['title']}]" if said.get("title") else ""
    return f":::{said.get('type', 'note')}{title}\n"


def _code_title(match: re.Match[str], tell: Tell) -> str:
    return f"**{_arguments(match[1]).get('title', '')}**\n" if "title" in match[1] else ""


def _left(kind: str) -> Callable[[re.Match[str], Tell], str]:
    def leave(match: re.Match[str], tell: Tell) -> str:
        tell(kind, match[0][:80])
        return ""

    return leave


def _shortcode(match: re.Match[str], tell: Tell) -> str:
    """One that nobody knows: the words it was given to show."""
    tell("shortcode-left", match[0][:80])
    name, _, said = match[0][3:-3].strip().partition(" ")
    if name == "heading":
        quoted = _TITLE_IN_QUOTES.search(said)
        return quoted[1].replace("-", " ").capitalize() if quoted else ""
    return _arguments(said).get("text", "")


def _card(match: re.Match[str], tell: Tell) -> str:
    said = _arguments(match[1])
    name = said.get("title") or said.get("header") or said.get("link") or ""
    if name and said.get("link"):
        return f"- [{name}]({said['link']})"
    return f"- **{name}**" if name else ""


_NAMES = "notice|alert|hint|callout|admonition|note|tip|warning|details|expand"
_NAMES += "|important|caution|info|danger|pageinfo"
_UP_TO_END = r"(?:(?!\{\{|[>%]\}\})[^\n])*"
_KNOWN = "tab|endtab|hint|endhint|tabs|endtabs"
_CHANGED: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Tell], str]], ...] = (
    (re.compile(r"^[ \t]*<TabItem\b([^<>]*)>[ \t]*$", _M), _tab),
    (re.compile(rf"^[ \t]*\{{\{{[<%]\s*tab\b({_UP_TO_END})[>%]\}}\}}[ \t]*$", _M), _tab),
    (re.compile(r"^[ \t]*<Admonition\b([^<>]*)>[ \t]*$", _M), _admonition),
    (re.compile(rf"^[ \t]*\{{\{{[<%]\s*(?P<name>{_NAMES})\b(?P<said>{_UP_TO_END})[>%]\}}\}}[ "
                rf"\t]*$", _M | _I), _callout),
    (re.compile(r"^[ \t]*\{%-?\s*(?P<name>note|tip|warning|important|caution|info|danger"
                r"|alert|callout)\b"
                r"(?P<said>[^%\n]*?)-?%\}[ \t]*$", _M | _I), _callout),
    (re.compile(r"\{%-?\s*include\s+(?P<name>[\w-]+)\.html\b(?P<said>[^%]*?)-"
                r"?%\}", _I), _include_note),
    (re.compile(rf"\{{\{{[<%]\s*(?:figure|img|image)\b({_UP_TO_END}?)/?[>%]\}}\}}", _I), _figure),
    (re.compile(r":::image\b([^\n]*?):::", _I), _figure),
    (re.compile(rf"\{{\{{[<%]\s*(youtube|vimeo)\b({_UP_TO_END})[>%]\}}\}}", _I), _film),
    (re.compile(r"\{%-?\s*(youtube|vimeo)\b([^%\n]*?)-?%\}", _I), _film),
    (re.compile(r"(?:>[ \t]*)?\[!VIDEO\s+([^\]\s]+)\]", _I), _embed),
    (re.compile(r"\{%-?\s*(?:embed|file|page-ref)\b([^%\n]*?)-?%\}", _I), _embed),
    (re.compile(rf"\{{\{{[<%]\s*highlight\b(?P<language>{_UP_TO_END})[>%]\}}\}}"
                r"(?P<code>(?:(?!\{\{[<%]\s*highlight\b).)*?)"
                r"\{\{[<%]\s*/\s*highlight\s*[>%]\}\}", re.DOTALL), _highlight),
    (re.compile(r"\{%-?\s*highlight\b(?P<language>[^%\n]*?)-?%\}"
                r"(?P<code>(?:(?!\{%-?\s*highlight\b).)*?)"
                r"\{%-?\s*endhighlight\s*-?%\}", re.DOTALL), _highlight),
    (re.compile(r"\[!code-[^\[\]\n]*+\[[^\[\]\n]*+\]\([^\[)\n]*+\)\]|:::code\b[^\n]*"
                r"?:::", _I), _left("include-missing")),
    (re.compile(rf"\{{\{{[<%]\s*card\b({_UP_TO_END})[>%]\}}\}}", _I), _card),
    (re.compile(rf"\{{\{{[<%](?!/\*|\s*(?:rel)?ref\b){_UP_TO_END}[>%]\}}\}}"), _shortcode),
    (re.compile(rf"(?<!\{{)\{{%-?\s*+(?!(?:{_KNOWN}|link|post_url)\b)(?:(?!\{{%)[^%\n]|%(?!\}}))*"
                rf"%\}}"), _left("shortcode-left")),
    (re.compile(r"</?[A-Z][A-Za-z.]{1,40}(?:\s(?:[^<>{}]|\{[^{}]*\}|=>)*)"
                r"?/?>"), _left("component-left")),
)  # fmt: skip


_WIKI = re.compile(r"(!?)\[\[([^\[\]|\n]{1,200})(?:\|([^\[\]\n]{0,200}))?\]\]")


_PLACE_IN_NOTE = re.compile(r"[#^]")


def _wiki(match: re.Match[str], folder: Folder) -> str:
    """Obsidian's links, by the bare name of a note or a picture."""
    name, place = _PLACE_IN_NOTE.split(f"{match[2]}#", maxsplit=1)
    place = place.rstrip("#") if "^" not in match[2] else ""  # a block has no name here
    address = folder.named(name.strip()) if name.strip() else ""
    words = (match[3] or "").strip()
    if match[1] and name.strip().lower().endswith(_PICTURES):
        width = words.partition("x")[0]
        if width.isdigit():
            return f'<img src="{address or name}" alt="" width="{width}">'
        return f"![{words}]({(address or name).replace(' ', '%20')})"
    anchor = f"#{slug_of(place.strip())}" if place else ""
    if name.strip() and not address:
        return words or name.strip()
    parts = (posixpath.basename(name.strip()), place)
    label = words or " › ".join(filter(None, parts))
    return f"[{label}]({address.replace(' ', '%20')}{anchor})"


def _blocks(text: str, linker: Linker, tell: Tell) -> str:
    """HTML that stands on lines of its own, as Markdown."""
    if "<" not in text:
        return text

    def change(match: re.Match[str]) -> str:
        # imported here: megabytes that most processes never need
        from kbsearch.text.markup.article_html import ArticleConverter

        if "\x00" in match[0]:
            return match[0]
        body = ArticleConverter(lambda address: address, _in_one_piece, tell=tell)
        lines = body.convert(match[0]).split("\n")
        return "\n".join(f"{match['in']}{line}".rstrip() for line in lines)

    return _outside(text, lambda piece: _BLOCK.sub(change, piece))


def _in_one_piece(source: str) -> str:
    """The address of a picture as Markdown reads it whole: `image%20%281%29.png`."""
    return quote(source, safe="/:?#@!$&'*+,;=%~")


_FILE_FOR_NAME = re.compile(
    r"(?P<bang>!?)(?:\[(?P<label>[^\[\]\n]{1,200}\.mdx?)\]"
    r"\((?P<target>[^()\s<>]+\.mdx?(?:#[^()\s]*)?)(?:[ \t]+\"mention\")?\)"
    r"|<(?P<bare>[^<>\s:@]+\.mdx?(?:#[^<>\s]*)?)>)"
)


def _named_links(text: str, page: ForeignPage, folder: Folder) -> str:
    """Links to pages that are called as a file is, as GitBook keeps them, called as the page is."""

    def name(match: re.Match[str]) -> str:
        target = match["target"] or match["bare"]
        label = folder.title(target, page) or match["label"] or posixpath.basename(target)
        return match[0] if match["bang"] else f"[{label}]({target})"

    return _FILE_FOR_NAME.sub(name, text)


def _linked(text: str, linker: Linker, folder: Folder) -> str:
    """The text with every target where it is here."""
    text = _TARGETS.sub(lambda match: _target(match, folder), text)
    return _SOURCE.sub(
        lambda match: _tag(match, linker),
        _DEFINITION.sub(lambda match: _defined(match, linker), _links(text, linker)),
    )


def _target(match: re.Match[str], folder: Folder) -> str:
    if match[4]:
        return ""
    name = match[1] or match[2] or match[3]
    page, _, anchor = name.partition("#")
    return (folder.named(page) or page) + (f"#{anchor}" if anchor else "")


def _links(text: str, linker: Linker) -> str:
    def change(match: re.Match[str]) -> str:
        target = match["bare"] if match["angled"] is None else match["angled"]
        label = _links(match["label"], linker) if "](" in match["label"] else match["label"]
        if not target:
            return f"{match['bang']}[{label}]()" if match["bang"] else label
        place = (linker.file if match["bang"] else linker.link)(target)
        if not place:
            return f"*{label}*" if match["bang"] and label else label
        place = f"<{place}>" if _SPLITS_ADDRESS.search(place) else place
        return f"{match['bang']}[{label}]({place}{match['title'] or ''})"

    return _LINK.sub(change, text)


def _defined(match: re.Match[str], linker: Linker) -> str:
    target = match[2]
    is_picture = target.lower().endswith(_PICTURES)
    place = linker.file(target) if is_picture else linker.link(target)
    return f"{match[1]}{place or target}"


def _tag(match: re.Match[str], linker: Linker) -> str:
    target = match[2] or match[3] or ""
    is_picture = match[1].lower().startswith("<img")
    place = (linker.file if is_picture else linker.link)(target) if target else ""
    return (
        f'{match[1]}"{place or target}"' if scheme_of(target) or place else f'{match[1]}"{target}"'
    )
