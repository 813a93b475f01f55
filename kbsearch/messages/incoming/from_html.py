"""HTML mail as the text a reader sees, in linear time: quotations become `> `, no loading."""

import html
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

MAX_QUOTES = 10  # deeper ones look like the last
MAX_LISTS = 50
MAX_MARK = 120  # characters
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([a-zA-Z]{1,20})\s{0,9}=\s{0,9}("[^"]*"|'[^']*'|[^\s"']+)""")
_SCHEME = re.compile(r"^https?://")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_NAME = re.compile(r"/?[a-zA-Z][a-zA-Z0-9:-]*")
_NUMBER = re.compile(r"\d{1,6}")
_FLAT_MARGIN = re.compile(r"margin(-top|-bottom)?:\s*0", re.IGNORECASE)
_HIDDEN = frozenset({"style", "script", "head", "title", "template", "noscript", "svg", "select"})
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt"),
        *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
        *("hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot"),
        *("thead", "tr", "ul"),
    }
)
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre"})
_CELLS = frozenset({"td", "th"})
_STRUCK = frozenset({"s", "strike", "del"})


def text_of(source: str, pictures: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of a page, one line a block; `pictures` are the names of those that came with it."""
    page = _Page(pictures)
    for is_tag, piece in _pieces(source):
        if is_tag:
            page.tag(piece)
        else:
            page.say(piece)
    return page.finish()


def mark(picture: str) -> str:
    """What stands in the text in the place of a picture."""
    return f"[{' '.join(picture.split())[:MAX_MARK]}]"


def _pieces(source: str) -> Iterator[tuple[bool, str]]:
    """Tags (without their brackets) and the text between them; comments are left out."""
    position, length = 0, len(source)
    while position < length:
        start = source.find("<", position)
        if start < 0:
            start = length
        if start > position:
            yield False, source[position:start]
        if start == length:
            return
        if source.startswith("<!--", start):
            end = source.find("-->", start + 4)
            position = length if end < 0 else end + 3
            continue
        is_tag = _NAME.match(source, start + 1)
        if not is_tag and source[start + 1 : start + 2] not in ("!", "?"):
            yield False, "<"
            position = start + 1
            continue
        end = source.find(">", start)
        if end < 0:  # nothing ends any more
            yield False, source[start:]
            return
        if is_tag:
            yield True, source[start + 1 : end]
        position = end + 1


class _Page:
    """The lines written so far, and where in the page one is."""

    def __init__(self, pictures: Mapping[str, str]) -> None:
        self.pictures = pictures
        self.lists: list[int | None] = []  # of each open list, the number of its next line if any
        self.lines: list[str] = []
        self.line: list[str] = []
        self.quotes: list[bool] = []  # of each open blockquote, whether it quotes
        self.links: list[tuple[str, int]] = []
        self.hidden = ""  # the element whose content is not shown
        self.preformatted = 0
        self.wants_gap = False

    def say(self, text: str) -> None:
        if self.hidden:
            return
        content = html.unescape(text)
        if self.preformatted:
            first, *lines = content.replace("\r\n", "\n").split("\n")
            self.line.append(first)
            for line in lines:
                self._end_line(even_empty=True)
                self.line.append(line)
            return
        content = _SPACE.sub(" ", content)
        if content == " " and not self.line:
            return
        if content:
            self.line.append(content)

    def tag(self, inside: str) -> None:
        match = _NAME.match(inside)
        assert match is not None
        name = match[0].lower()
        if self.hidden:
            if name == f"/{self.hidden}" or (self.hidden == "head" and name == "body"):
                self.hidden = ""
            return
        if name in _HIDDEN:
            self.hidden = "" if inside.endswith("/") else name
        elif name.startswith("/"):
            self._close(name[1:])
        else:
            self._open(name, inside)

    def finish(self) -> str:
        self._end_line()
        return "\n".join(self.lines).strip("\n")

    def _open(self, name: str, inside: str) -> None:
        if name == "br":
            self._end_line(even_empty=True)
        elif name in _BLOCKS:
            attributes = _attributes(inside)
            self._end_line()
            self.wants_gap |= name in _SPACED and not _is_flat(attributes)
            if name == "blockquote":
                self.quotes.append(not _is_indent(attributes))
            elif name == "pre":
                self.preformatted += 1
            elif name in ("ol", "ul"):
                first = attributes.get("start", "")
                number = int(first) if _NUMBER.fullmatch(first) else 1
                self.lists.append(number if name == "ol" else None)
                del self.lists[:-MAX_LISTS]
            elif name == "li":
                self.line.append(self._bullet())
            elif name == "hr":
                self.line.append("________________________________")
                self._end_line()
        elif name in _CELLS and self.line:
            self.line.append(" ")
        elif name in _STRUCK:
            self.line.append("~~")
        elif name == "img":
            self._show_picture(_attributes(inside))
        elif name == "a":
            self.links.append((_attributes(inside).get("href", ""), len(self.line)))
            del self.links[:-MAX_QUOTES]

    def _bullet(self) -> str:
        number = self.lists[-1] if self.lists else None
        if number is None:
            return "- "
        self.lists[-1] = number + 1
        return f"{number}. "

    def _show_picture(self, attributes: Mapping[str, str]) -> None:
        """A mark for a picture that came with the mail; what stands elsewhere is not loaded."""
        scheme, _, content_id = attributes.get("src", "").partition(":")
        if scheme.lower() == "cid":
            name = self.pictures.get(content_id) or attributes.get("alt", "") or "image"
            self.line.append(mark(name))

    def _close(self, name: str) -> None:
        if name in _BLOCKS:
            had_text = bool("".join(self.line).strip())
            self._end_line()
            if name == "blockquote" and self.quotes:
                self.quotes.pop()
            elif name == "pre":
                self.preformatted = max(0, self.preformatted - 1)
            elif name in ("ol", "ul") and self.lists:
                self.lists.pop()
            self.wants_gap |= name in _SPACED and had_text and name != "p"
        elif name in _STRUCK:
            self.line.append("~~")
        elif name == "a" and self.links:
            target, start = self.links.pop()
            label = "".join(self.line[start:]).strip()
            if target.startswith(("http://", "https://")) and label and not _says(label, target):
                self.line.append(f" <{target}>")

    def _end_line(self, *, even_empty: bool = False) -> None:
        text = "".join(self.line)
        text = text.rstrip() if self.preformatted else text.strip(" \t")
        text = "-- " if text in ("--", "--\xa0") else text  # the mark above a signature
        self.line = []
        self.links = [(target, 0) for target, _ in self.links]
        if not text and not even_empty:
            return
        if text == "\xa0":
            text = ""
        prefix = "> " * min(sum(self.quotes[:MAX_QUOTES]), MAX_QUOTES)
        if self.wants_gap and text and self.lines and self.lines[-1].strip("> "):
            self.lines.append(prefix.rstrip())
        self.wants_gap = False if text else self.wants_gap
        self.lines.append((prefix + text).rstrip() if not text else prefix + text)


def _attributes(inside: str) -> Mapping[str, str]:
    return {
        match[1].lower(): html.unescape(match[2].strip("\"'"))
        for match in _ATTRIBUTE.finditer(inside[:4000])
    }


def _is_flat(attributes: Mapping[str, str]) -> bool:
    """Paragraphs of Outlook and Zimbra stand line under line."""
    return "MsoNormal" in attributes.get("class", "") or bool(
        _FLAT_MARGIN.search(attributes.get("style", ""))
    )


def _is_indent(attributes: Mapping[str, str]) -> bool:
    """Gmail's button for indenting makes a blockquote too."""
    style = attributes.get("style", "").replace(" ", "")
    return "border:none" in style and "cite" not in attributes.get("type", "")


def _says(label: str, target: str) -> bool:
    """Whether a link is written out already."""
    bare = _SCHEME.sub("", target).rstrip("/")
    return bare.startswith(_SCHEME.sub("", label).rstrip("/").rstrip("…."))
