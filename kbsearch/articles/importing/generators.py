"""What site generators write around the words of a page, in the form that the other rules know.

Statements of MDX, examples and callouts on one line between shortcodes, notes of kramdown, keys:
done before anything else is looked at, and never in examples.
"""

import re

from kbsearch.text.markup.callouts import KINDS

MOST_LINES = 100  # of one statement
_MDX_FENCE = re.compile(
    r"^```mdx-code-block[ \t]*\n((?:(?!```)[^\n]*+\n)*+)```[ \t]*$", re.MULTILINE
)
_CODE = re.compile(
    r"^[ \t]*\{\{<\s*(?P<name>code|output)\b(?P<said>(?:(?!>\}\})[^\n])*)>\}\}[ \t]*\n"
    r"(?P<code>(?:(?![ \t]*(?:```|\{\{<\s*/?\s*(?:code|output)\b))[^\n]*+\n)*+)"
    r"[ \t]*\{\{<\s*/\s*(?P=name)\s*>\}\}[ \t]*$",
    re.MULTILINE,
)
_LANGUAGE = re.compile(r"\b(?:lang|file)\s*=\s*[\"']?(?:[^\"'\s]*\.)?(\w{1,12})\b")
_ESCAPED = re.compile(r"\{\{([<%])/\*[ \t]?((?:(?!\*/|\{\{)[^\n])*?)[ \t]?\*/([>%])\}\}")
_IMPORT = re.compile(
    r"import\s+(?:['\"]|(?:[\w$]+\s*,?\s*)?(?:\{|\*\s+as\b)|[\w$]+\s+from\s+['\"])"
)
_EXPORT = re.compile(r"export\s+(?:const|let|var|default|function|async|class)\b")
_FROM = re.compile(r"from\s*['\"]|import\s+['\"]")
_CALLOUTS = "notice|alert|hint|callout|admonition|note|tip|warning|important|caution|info|danger"
_ON_ONE_LINE = re.compile(
    rf"^([ \t]*)(\{{\{{[<%]\s*(?:{_CALLOUTS})\b(?:(?!\{{\{{|[>%]\}}\}})[^\n])*[>%]\}}\}})[ \t]*"
    rf"(?=[^\s{{])([^\n]*?)[ \t]*(\{{\{{[<%]\s*/\s*(?:{_CALLOUTS})\s*[>%]\}}\}})[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_TAB_ON_ONE_LINE = re.compile(
    r"^([ \t]*)(<TabItem\b[^<>]*>)[ \t]*(?=\S)((?:(?!</?TabItem)[^\n])*)(</TabItem>)[ \t]*$",
    re.MULTILINE,
)
_PLACE = re.compile(
    r"^(#{1,6}[ \t][^\n{]*?)(?<![ \t])[ \t]*+\{/\*[ \t]*#([\w\-]+)[ \t]*\*/\}", re.MULTILINE
)
_KEYS = re.compile(r"(?<![\w+])\+\+((?:[a-z0-9][a-z0-9\-]*\+)*[a-z0-9][a-z0-9\-]*)\+\+(?![\w+])")
_NOTE = re.compile(
    r"(?:\A|(?<=\n\n))\{:[ \t]*\.(?P<kind>[a-z]+)(?P<titled>-title)?[ \t]*\}[ \t]*\n"
    r"(?P<text>(?:[^\s#][^\n]*\n?)+)",
    re.MULTILINE,
)
_BLOCK = re.compile(r"^///[ \t]+(?P<kind>[a-z]+)(?:[ \t]*\|[ \t]*(?P<title>[^\n]+))?[ \t]*$", re.M)
_OPTIONS = r"(?:[ \t]{4,}[^\n]*(?:\n|\Z))*"

_CHANGES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_PLACE, r"\1 {#\2}"),
    (_ON_ONE_LINE, r"\1\2\n\1\3\n\1\4"),
    (_TAB_ON_ONE_LINE, r"\1\2\n\n\1\3\n\n\1\4"),
    (re.compile(r"\{%-?\s*comment\s*-?%\}(?:(?!\{%-?\s*comment\b).)*?\{%-?\s*endcomment\s*-?%\}",
                re.DOTALL), ""),
    (re.compile(r"\{::comment\}(?:(?!\{::comment).)*?\{:/(?:comment)?\}", re.DOTALL), ""),
    (re.compile(r"\{::nomarkdown\}|\{:/(?:nomarkdown)?\}"), ""),
    (re.compile(r"(?<=[)\]*_])\{:[^{}\n]*\}"), ""),
    (re.compile(r"(?:\A|(?<=\n\n))\{:[ \t]*\.[^{}\n#]*\}[ \t]*\n"), ""),
    (re.compile(r"^[ \t]*\{[ \t]*\.[^{}\n#]*\}[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\{%-?[ \t]*(?:end)?tabs\b[^%\n]*%\}[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^([ \t]*)\{%-?[ \t]*tab[ \t]+[\w\-]+[ \t]+([^%\n=\"]+?)[ \t]*%\}[ \t]*$",
                re.MULTILINE), r'\1{% tab title="\2" %}'),
    (re.compile(r":::no-loc\s+text=\"([^\"\n]*)\"[^:\n]*:::"), r"\1"),
    (re.compile(r"^([ \t]*:::image\b(?:(?!:::)[^\n])*?)(?<![ \t])[ \t]*+$"
                r"(?=\n(?:(?!:::)[^\n]*\n){0,40}?[ \t]*:::image-end:::)", re.MULTILINE),
     r"\1:::\n"),
    (re.compile(r"^[ \t]*:::image-end:::[ \t]*$", re.MULTILINE), ""),
    (re.compile(rf"^:::[ \t]+\w+(?:\.\w+)+[ \t]*(?:\n|\Z){_OPTIONS}", re.MULTILINE), ""),
    (re.compile(r"^///[ \t]*$", re.MULTILINE), ":::"),
    (re.compile(r"\{\{[<%]\s*yes\s*[>%]\}\}"), "✓"),
    (re.compile(r"\{\{[<%]\s*no\s*[>%]\}\}"), "✗"),
)  # fmt: skip


def examples(text: str) -> str:
    """The text with fences around what a generator shows as code, and none around what it runs."""
    text = _MDX_FENCE.sub(r"\1", text)
    return _CODE.sub(_fenced, text)


def shown(text: str) -> str:
    """Shortcodes that were only to be read, as a reader saw them."""
    return _ESCAPED.sub(r"{{\1 \2 \3}}", text)


def plainer(text: str) -> str:
    """A text without examples, of whatever generator, with what it says in fewer ways."""
    text = _NOTE.sub(_noted, _without_statements(text))
    text = _BLOCK.sub(_opened, text)
    for pattern, words in _CHANGES:
        text = pattern.sub(words, text)
    return _KEYS.sub(_keys, text)


def _fenced(match: re.Match[str]) -> str:
    language = _LANGUAGE.search(match["said"])
    return f"```{language[1] if language else ''}\n{match['code']}```"


def _without_statements(text: str) -> str:
    """MDX without what it imports and exports, over as many lines as brackets are open."""
    if "import" not in text and "export" not in text:
        return text
    lines, kept, place = text.split("\n"), [], 0
    while place < len(lines):
        length = _statement(lines, place)
        if not length:
            kept.append(lines[place])
        place += length or 1
    return "\n".join(kept)


def _statement(lines: list[str], start: int) -> int:
    """How many lines the statement has that begins there; 0 where none does."""
    is_import = _IMPORT.match(lines[start])
    if not is_import and not _EXPORT.match(lines[start]):
        return 0
    depth = 0
    for count, line in enumerate(lines[start : start + MOST_LINES], 1):
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if depth <= 0 and (not is_import or _FROM.search(line)):
            return count
        if is_import and not line.strip():
            return 0
    return 0


def _noted(match: re.Match[str]) -> str:
    """`{: .warning }` above a paragraph or a quotation; its first paragraph may be the title."""
    kind = match["kind"]
    if kind not in KINDS:
        return match["text"]
    lines = [line.removeprefix(">").strip() for line in match["text"].rstrip("\n").split("\n")]
    title = f"[{lines.pop(0)}]" if match["titled"] else ""
    words = "\n".join(lines).strip("\n")
    return f":::{kind}{title}\n{words}\n:::\n"


def _opened(match: re.Match[str]) -> str:
    kind = match["kind"] if match["kind"] in KINDS or match["kind"] == "details" else "note"
    return f":::{kind}[{match['title'].strip()}]" if match["title"] else f":::{kind}"


def _keys(match: re.Match[str]) -> str:
    return "+".join(f"<kbd>{key.capitalize()}</kbd>" for key in match[1].split("+"))
