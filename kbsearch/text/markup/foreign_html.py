"""The HTML of other systems as Markdown that reads the same: messages of another help desk.

`markdown_of(html)` is what an importer calls; articles of other systems subclass HtmlConverter for
what they have besides. Imported where it is used: its library is megabytes to load.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag
from markdownify import MarkdownConverter

from kbsearch.text.markup.parser import SCHEMES, scheme_of

LARGEST = 200_000  # characters of HTML; of more, only the text is taken
DEEPEST = 60  # elements in each other; of what is in them, only the text
FARTHEST = 5  # siblings that are looked at for what stands before a text

_DROPPED = ["script", "style", "head", "title", "template", "noscript", "svg", "object", "select"]
_DROPPED += ["textarea", "button", "input", "meta", "link"]
_FRAMES = ["iframe", "embed", "video", "audio"]
_LAYOUT = ["table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"]
_BLOCKS_IN_CELL = ["table", "ul", "ol", "pre", "blockquote", "h1", "h2", "h3", "hr"]
_STRONG, _EMPHASIS, _STRUCK = ("b", "strong"), ("i", "em"), ("s", "del", "strike")
_MARKED = {*_STRONG, *_EMPHASIS, *_STRUCK}
_LANGUAGE = re.compile(r"(?:language|lang|highlight)-([\w+#-]{1,20})")
_FLAT_MARGIN = re.compile(r"margin(?:-top|-bottom)?:\s*0", re.IGNORECASE)
_FOLLOWING_LINE = re.compile(r"(?<=\n)(?=[^\n])")
_BRACKET = re.compile(r"(?<!\\)[\[\]]")
_CELL_END = re.compile(r"(?<!\\)\|")
_TICKS = re.compile("`+")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
_URL_SAFE = "!#$%&'*+,-./:;=?@[]_~"

# What a sign would mean in Markdown where it stands; anywhere else it stays as it is.
_MEANS = re.compile(
    r"""[`*~]
    | \\ (?= [!-/:-@\[-`{-~] | $ )
    | (?<![^\W_]) _ | _ (?![^\W_])
    | \[ (?= [\[^!] )
    | \] (?= [(\[:] | $ )
    | < (?= [a-zA-Z/!?] )
    | & (?= \#? \w{1,32} ; )
    | \+ (?= \+ )
    """,
    re.VERBOSE,
)
# The same at the beginning of a line; the sign to be escaped ends the match.
_BEGINS = re.compile(
    r"""[ ]? (?:
        \#{0,5} \# (?= \s | $ )
      | [-+] (?= \s | $ )
      | [-=:] (?= [-=:|\s]{0,60} $ )
      | : (?= [:\s] )
      | ! (?= !! ) | \? (?= \?\? ) | \{ (?= [%:] )
      | [>|]
      | \d{1,9} [.)] (?= \s | $ )
    )""",
    re.VERBOSE,
)

Link = Callable[[str], str]
Picture = Callable[[str, str], str]


def kept_link(address: str) -> str:
    """An address as a message may have it: with a scheme that leads somewhere, else empty."""
    return address if scheme_of(address) in SCHEMES else ""


def named_picture(source: str, alternative: str) -> str:
    """What stands in the place of a picture: its name, in brackets, as in mails."""
    return f"[{alternative}]" if alternative else ""


def markdown_of(source: str, *, link: Link = kept_link, picture: Picture = named_picture) -> str:
    """HTML as the Markdown of a message, in which a line break is one.

    `link` says what becomes of an address (empty: only its words stay), `picture` the Markdown in
    the place of an image, by its source and its alternative text.
    """
    return HtmlConverter(link, picture).convert(source)


def text_of(source: str) -> str:
    """The words of HTML, block by block, without any markup."""
    soup = BeautifulSoup(source, "html.parser")
    for element in soup.find_all(_DROPPED):
        element.decompose()
    return _without_gaps(soup.get_text("\n"))


class HtmlConverter(MarkdownConverter):
    """The rules for what mail programs and editors of help desks write."""

    break_mark = "\n"

    def __init__(self, link: Link = kept_link, picture: Picture = named_picture) -> None:
        super().__init__(heading_style="ATX", bullets="-", wrap=True, wrap_width=None)
        self.link = link
        self.picture = picture

    def convert(self, source: str) -> str:
        if len(source) > LARGEST:
            return self.escape(text_of(source), set())
        soup = BeautifulSoup(source, "html.parser")
        self.prepare(soup)
        return _without_gaps(str(self.convert_soup(soup)))

    def prepare(self, soup: BeautifulSoup) -> None:
        """Make of the page what Markdown has a sign for."""
        names = {element.name for element in soup.descendants if isinstance(element, Tag)}

        def all_of(*wanted: str) -> list[Tag]:
            return list(soup.find_all(wanted)) if names.intersection(wanted) else []  # often none

        for element in all_of(*_DROPPED):
            element.decompose()
        _flatten(soup)
        for frame in all_of(*_FRAMES):
            _become_link(frame)
        for element in all_of(*_MARKED):
            _join_equals(element)
        for table in reversed(all_of("table")):
            if not self.is_data(table):
                for part in [table, *table.find_all(_LAYOUT)]:
                    part.name = "div"
        for items in all_of("ol"):
            _number(items)

    def is_data(self, table: Tag) -> bool:
        """Whether a table is one of lines and columns, and not how a mail is laid out."""
        if table.get("role") == "presentation" or table.find(_BLOCKS_IN_CELL):
            return False
        rows = [row.find_all(["td", "th"]) for row in table.find_all("tr")]
        if any(len(cell.find_all(["p", "div", "br"], limit=3)) > 2 for row in rows for cell in row):
            return False
        return table.find("th") is not None or (len(rows) > 1 and min(map(len, rows)) > 1)

    def escape(self, text: str, parent_tags: set[str]) -> str:
        pieces, position = [], 0
        for address in _ADDRESS.finditer(text):
            pieces.append(_escaped(text[position : address.start()], parent_tags))
            pieces.append(address[0])
            position = address.end()
        pieces.append(_escaped(text[position:], parent_tags))
        return "".join(pieces)

    def process_text(self, el: Any, parent_tags: set[str] | None = None) -> str:
        # not among the types of the library
        text = str(super().process_text(el, parent_tags=parent_tags))  # type: ignore[misc]
        if text.strip() and "_noformat" not in (parent_tags or ()) and _begins_line(el):
            begin = _BEGINS.match(text)
            if begin:
                place = begin.end() - 1
                text = f"{text[:place]}\\{text[place:]}"
        return text

    def convert_a(self, el: Any, text: str, parent_tags: set[str]) -> str:
        words = " ".join(text.split())
        address = self.link(el.get("href") or "")
        if not address or not words or "_noformat" in parent_tags:
            return text
        label = el.get_text().strip()
        if label in (address, address.removeprefix("mailto:")):
            return f"<{address}>" if label == address else label
        before, after = " " * text.startswith(" "), " " * text.endswith(" ")
        return f"{before}[{words}]({quote(address, safe=_URL_SAFE)}){after}"

    def convert_img(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return self.picture(el.get("src") or "", " ".join((el.get("alt") or "").split()))

    def convert_br(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return " " if "_inline" in parent_tags else self.break_mark

    def convert_div(self, el: Any, text: str, parent_tags: set[str]) -> str:
        """A line of its own: editors write one for each line, an empty one for a gap."""
        if "_inline" in parent_tags:
            return f" {text.strip()} "
        content = text.strip(" \t\r\n\xa0")
        if content:
            return f"\n{content}\n"
        return "\n\n" if text else ""

    convert_article = convert_section = convert_div
    convert_address = convert_center = convert_footer = convert_header = convert_main = convert_div

    def convert_p(self, el: Any, text: str, parent_tags: set[str]) -> str:
        if "_inline" in parent_tags or _is_flat(el):
            return self.convert_div(el, text, parent_tags)
        content = text.strip(" \t\r\n\xa0")
        return f"\n\n{content}\n\n" if content else ""

    convert_dl = convert_details = convert_p

    def convert_dt(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return f"\n\n**{text.strip()}**\n" if text.strip() else ""

    convert_summary = convert_dt

    def convert_dd(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return f"\n{text.strip()}\n\n"

    def convert_b(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return _marked("**", el, text, parent_tags, _STRONG)

    convert_strong = convert_b

    def convert_i(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return _marked("*", el, text, parent_tags, _EMPHASIS)

    convert_em = convert_i

    def convert_s(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return _marked("~~", el, text, parent_tags, _STRUCK)

    convert_del = convert_strike = convert_s

    def convert_li(self, el: Any, text: str, parent_tags: set[str]) -> str:
        content = text.strip()
        if not content:
            return ""
        mark = f"{el['data-number']}. " if el.get("data-number") else "- "
        return f"{mark}{_FOLLOWING_LINE.sub(' ' * len(mark), content)}\n"

    def convert_pre(self, el: Any, text: str, parent_tags: set[str]) -> str:
        content = text.strip("\n")
        if not content.strip():
            return ""
        inside = el.find("code")
        classes = " ".join([*el.get("class", ()), *(inside.get("class", ()) if inside else ())])
        language = _LANGUAGE.search(classes)
        fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(content)), default=0))
        return f"\n\n{fence}{language[1] if language else ''}\n{content}\n{fence}\n\n"

    def convert_td(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return f" {' '.join(text.split())} |"

    convert_th = convert_td

    def convert_tr(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return f"| {' '.join(text.split())}\n"

    def convert_table(self, el: Any, text: str, parent_tags: set[str]) -> str:
        """Its first row is the heading, as Markdown wants one."""
        lines = [line for line in text.strip().split("\n") if line.strip()]
        first = next((place for place, line in enumerate(lines) if line.startswith("|")), None)
        if first is None:
            return f"\n\n{text.strip()}\n\n"
        columns = len(_CELL_END.findall(lines[first])) - 1
        lines.insert(first + 1, "|" + " --- |" * columns)
        lines[first:first] = [""] if first else []
        return "\n\n" + "\n".join(lines) + "\n\n"


def _without_gaps(text: str) -> str:
    """The text with one empty line at most between two lines, as many as there are in code."""
    lines: list[str] = []
    is_code = False
    for line in text.split("\n"):
        is_code ^= line.lstrip(" >").startswith("```")
        if line.strip():
            lines.append(line)
        elif is_code or (lines and lines[-1]):
            lines.append("")
    return "\n".join(lines).strip("\n")


def _escaped(text: str, parent_tags: set[str]) -> str:
    text = _MEANS.sub(lambda sign: f"\\{sign[0]}", text)
    if "a" in parent_tags:
        text = _BRACKET.sub(r"\\\g<0>", text)
    if "td" in parent_tags or "th" in parent_tags:
        text = text.replace("|", "\\|")
    return text


def _begins_line(text: Any) -> bool:
    """Whether nothing that is seen stands before a text on its line, as far as its siblings say."""
    before = text.previous_sibling
    for _ in range(FARTHEST):
        if before is None:
            break
        if isinstance(before, Tag):
            if before.name == "br" or before.name in _LAYOUT or before.name in ("div", "p", "hr"):
                return True
            if before.get_text(strip=True) or before.name == "img":
                return False
        elif str(before).strip():
            return False
        before = before.previous_sibling
    return True


def _marked(mark: str, el: Any, text: str, parent_tags: set[str], kind: tuple[str, ...]) -> str:
    """Text between two marks, where Markdown would see them; else the text alone."""
    content = text.strip()
    if not content or "_noformat" in parent_tags or parent_tags & set(kind) or "\n\n" in text:
        return text
    before, _, after = text.partition(content)
    touches_before = not before and _touches(el.previous_sibling, -1, content[0])
    if touches_before or (not after and _touches(el.next_sibling, 0, content[-1])):
        return text
    return f"{before}{mark}{content}{mark}{after}"


def _touches(sibling: Any, place: int, edge: str) -> bool:
    """Whether what stands beside a mark would keep it from being one."""
    if isinstance(sibling, NavigableString):
        return str(sibling)[place : place + 1 or None].isalnum() and not edge.isalnum()
    return isinstance(sibling, Tag) and place == -1 and sibling.name in _MARKED


def _flatten(soup: BeautifulSoup) -> None:
    """Of what is deeper than anybody reads, only the text."""
    open_elements: list[tuple[Tag, int]] = [(soup, 0)]
    while open_elements:
        element, depth = open_elements.pop()
        inner = [child for child in element.children if isinstance(child, Tag)]
        if inner and depth >= DEEPEST:
            element.string = element.get_text("\n")
        else:
            open_elements += [(child, depth + 1) for child in inner]


def _become_link(frame: Tag) -> None:
    """A film or a page in the page is a link to it."""
    source = str(frame.get("src") or "")
    frame.clear()
    frame.name = "a"
    frame.attrs = {"href": source}
    frame.string = source


def _join_equals(element: Tag) -> None:
    """`<b>a</b><b>b</b>` is one; editors leave such seams."""
    while isinstance(neighbour := element.next_sibling, Tag) and neighbour.name == element.name:
        for child in list(neighbour.children):
            element.append(child.extract())
        neighbour.extract()


def _number(items: Tag) -> None:
    start = str(items.get("start") or "")
    number = int(start) if start.isascii() and start.isdecimal() and len(start) < 8 else 1
    for item in _children(items, "li"):
        item["data-number"] = str(number)
        number += 1


def _children(element: Tag, name: str) -> Iterator[Tag]:
    return (child for child in element.children if isinstance(child, Tag) and child.name == name)


def _is_flat(paragraph: Any) -> bool:
    """Paragraphs of Outlook and Zimbra stand line under line."""
    return "MsoNormal" in paragraph.get("class", ()) or bool(
        _FLAT_MARGIN.search(paragraph.get("style") or "")
    )
