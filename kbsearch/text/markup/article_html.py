"""The HTML of articles of other systems as the Markdown of articles here.

Besides what messages have: callouts, tabs, folded text, lists of terms, places a link leads to,
tables with blocks or joined cells in them. Imported where it is used, as `foreign_html` is.
"""

import re
from collections.abc import Callable, Container, Iterator
from html import escape
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag

from kbsearch.text.markup.callouts import KINDS, TITLES
from kbsearch.text.markup.foreign_html import HtmlConverter, Link

_ALERT_TAGS = ["div", "aside", "section", "p", "blockquote"]
_ALERTS = frozenset({"callout", "alert", "admonition", "notice", "infobox", "panel", "message"})
_WORDS = {**KINDS, "information": "note", "notice": "note", "alert": "warning", "astuce": "tip"}
_WORDS |= {"remarque": "note", "avertissement": "warning", "error": "caution"}
_PLAIN_ALERTS = frozenset({*TITLES, "info", "danger", "hint", "information", "astuce"})
_CLASS_WORD = re.compile(r"[a-z]+")
_TITLE_CLASS = re.compile(r"title|heading|header", re.IGNORECASE)
_TAB_LISTS = "[role=tablist], ul.tabs, ul.nav-tabs, ul.tab-links, ul[class*=tabs-nav], ul.tab-nav"
_ID = re.compile(r"[^\W_][\w.:\-]{0,79}$")
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_BLOCKS = ["p", "div", "ul", "ol", "pre", "blockquote", "table", "figure", *_HEADINGS]
_LAST_BREAK = re.compile(r"\\\n(?=\s*(?:\n|\Z))")
_WIDTH_OF_PICTURE = re.compile(r"(\d{1,4})(?:px)?$")
_LABEL_BRACKET = re.compile(r"([\[\]\\])")
_LINK_TO_PLACE = re.compile(r"href\s*+=\s*+[\"'][^\"'#]*+#([^\"']{1,80}+)[\"']")
_INDENT = "    "
_WIDEST = 50  # columns or lines that one cell covers

Remark = Callable[[str, str], None]


class ArticleConverter(HtmlConverter):
    """`link` and `file` say where addresses lead here; `anchors` are the places that links name.

    `tell` hears of what does not come along as it was, by kind.
    """

    break_mark = "\\\n"

    def __init__(
        self,
        link: Link,
        file: Callable[[str], str],
        *,
        anchors: Container[str] = (),
        tell: Remark = lambda kind, detail: None,
    ) -> None:
        super().__init__(link)
        self.file, self.anchors, self.tell = file, anchors, tell

    def convert(self, source: str) -> str:
        return _LAST_BREAK.sub("\n", f"{super().convert(source)}\n").strip()

    def prepare(self, soup: BeautifulSoup) -> None:
        for element in soup.find_all(["script", "style", "form", "object"]):
            self.tell(f"removed.{element.name}", "")
        for line_break in soup.select("pre br"):
            line_break.replace_with("\n")
        for frame in soup.find_all(["iframe", "embed", "video", "audio"]):
            self._name_frame(frame)
        for figure in soup.find_all("figure"):
            _take_caption(figure)
        for tabs in soup.select(_TAB_LISTS):
            if not tabs.decomposed:
                _take_tabs(soup, tabs)
        for element in soup.find_all(_ALERT_TAGS):
            kind = "" if element.decomposed else _alert_of(element)
            if kind:
                _become_alert(element, kind)
        for element in soup.find_all(True, id=True):
            self._keep_place(soup, element, str(element["id"]))
        for element in soup.find_all("a", attrs={"name": True}):
            self._keep_place(soup, element, str(element["name"]))
        for table in soup.find_all("table"):
            self._straighten(soup, table)
        super().prepare(soup)

    def is_data(self, table: Tag) -> bool:
        """Whether a table has something in columns; a lone cell is a frame around its text."""
        if table.get("role") == "presentation" or table.find("table"):
            return False
        rows = [row.find_all(["td", "th"]) for row in table.find_all("tr")]
        return max(map(len, rows), default=0) > 1 or table.find("th") is not None

    def convert_img(self, el: Any, text: str, parent_tags: set[str]) -> str:
        alternative = " ".join((el.get("alt") or "").split())
        address = self.file(el.get("src") or el.get("data-src") or "")
        if not address:
            return f" *{self.escape(alternative, parent_tags)}* " if alternative else ""
        width = _WIDTH_OF_PICTURE.match(str(el.get("width") or ""))
        title = " ".join(str(el.get("data-caption") or "").split())
        if width and not title:
            name = escape(alternative, quote=True)
            return f'<img src="{escape(address)}" alt="{name}" width="{width[1]}">'
        quoted = '"{}"'.format(title.replace('"', "”")) if title else ""
        label = _LABEL_BRACKET.sub(r"\\\1", alternative)
        return f"![{label}]({address}{' ' * bool(quoted)}{quoted})"

    def convert_br(self, el: Any, text: str, parent_tags: set[str]) -> str:
        if {"td", "th"} & parent_tags:
            return "<br>"
        return "\n" if "pre" in parent_tags else super().convert_br(el, text, parent_tags)

    def convert_hN(self, n: int, el: Any, text: str, parent_tags: set[str]) -> str:
        words = " ".join(text.split())
        if not words or "_inline" in parent_tags:
            return f" {words} "
        place = el.get("data-place")
        return f"\n\n{'#' * n} {words}{f' {{#{place}}}' if place else ''}\n\n"

    def convert_kb_place(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return f'<a id="{el["data-place"]}"></a>'

    def convert_kb_alert(self, el: Any, text: str, parent_tags: set[str]) -> str:
        title = f" {el['data-title']}" if el.get("data-title") else ""
        lines = [f"[!{el['data-kind'].upper()}]{title}", *text.strip().split("\n")]
        return "\n\n" + "\n".join(f"> {line}".rstrip() for line in lines) + "\n\n"

    def convert_kb_tab(self, el: Any, text: str, parent_tags: set[str]) -> str:
        lines = "\n".join(f"{_INDENT}{line}".rstrip() for line in text.strip().split("\n"))
        return f'\n\n=== "{el["data-title"]}"\n\n{lines}\n\n'

    def convert_details(self, el: Any, text: str, parent_tags: set[str]) -> str:
        if "_inline" in parent_tags:
            return f" {text.strip()} "
        opened = " open" if el.has_attr("open") else ""
        return f"\n\n<details{opened}>\n{text.strip()}\n\n</details>\n\n"

    def convert_summary(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return f"<summary>{' '.join(text.split())}</summary>\n\n"

    def convert_dt(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return f"\n\n{' '.join(text.split())}\n"

    def convert_dd(self, el: Any, text: str, parent_tags: set[str]) -> str:
        lines = text.strip().replace("\n", f"\n{_INDENT}")
        return f"\n:   {lines}\n\n"

    def convert_tagged(self, el: Any, text: str, parent_tags: set[str]) -> str:
        """What Markdown has no sign for, as the tag that articles may have."""
        if not text.strip() or "_noformat" in parent_tags or "\n\n" in text:
            return text
        return f"<{el.name}>{text}</{el.name}>"

    convert_kbd = convert_sub = convert_sup = convert_u = convert_mark = convert_tagged
    convert_ins = convert_small = convert_tagged

    def _name_frame(self, frame: Tag) -> None:
        """A film is a link with words of its own."""
        inner = frame.find("source")
        source = str(frame.get("src") or (inner.get("src") if isinstance(inner, Tag) else "") or "")
        address = f"https:{source}" if source.startswith("//") else source
        host = urlsplit(address).hostname or ""
        label = " ".join(str(frame.get("title") or "").split()) or "Video"
        self.tell("framed", address)
        frame.clear()
        for name in list(frame.attrs):
            del frame[name]
        frame["href"] = address
        frame.name = "a"
        frame.string = f"{label} ({host.removeprefix('www.')})" if host else label

    def _keep_place(self, soup: BeautifulSoup, element: Tag, name: str) -> None:
        """An id is kept where a link can lead to it: of headings, and where one does."""
        if not _ID.match(name):
            return
        if element.name in _HEADINGS:
            element["data-place"] = name
        elif name in self.anchors:
            place = soup.new_tag("kb-place", attrs={"data-place": name})
            if element.name in ("table", "ul", "ol", "img", "pre", "hr"):
                element.insert_before(place)
            else:
                element.insert(0, place)

    def _straighten(self, soup: BeautifulSoup, table: Tag) -> None:
        """Every row with as many cells, every cell on one line: the only tables Markdown has."""
        if table.find("table") or not self.is_data(table):
            return
        rows = [_cells(row) for row in table.find_all("tr")]
        for cell in (cell for row in rows for cell in row):
            _flatten_cell(soup, cell)
        if any(cell.get("colspan", "1") != "1" or cell.get("rowspan", "1") != "1"
               for row in rows for cell in row):  # fmt: skip
            self.tell("joined-cells", "")
            _spread(soup, table)
        widths = [len(_cells(row)) for row in table.find_all("tr")]
        for row in table.find_all("tr"):
            for _ in range(max(widths) - len(_cells(row))):
                row.append(soup.new_tag("td"))


def anchors_of(source: str) -> Iterator[str]:
    """The places that the links of a page name, there or elsewhere."""
    for match in _LINK_TO_PLACE.finditer(source):
        yield match[1]


def _cells(row: Tag) -> list[Tag]:
    return row.find_all(["td", "th"], recursive=False)


def _spread(soup: BeautifulSoup, table: Tag) -> None:
    """Empty cells where one covered several columns or lines."""
    covered: dict[int, int] = {}  # column -> lines below that a cell still covers
    for row in table.find_all("tr"):
        column = 0
        for cell in _cells(row):
            while covered.get(column, 0):
                covered[column] -= 1
                cell.insert_before(soup.new_tag("td"))
                column += 1
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for place in range(column, column + across):
                covered[place] = down - 1
            for _ in range(across - 1):
                cell.insert_after(soup.new_tag("td"))
            column += across
        while covered.get(column, 0):
            covered[column] -= 1
            row.append(soup.new_tag("td"))
            column += 1


def _span(cell: Tag, name: str) -> int:
    text = str(cell.get(name) or "1")
    return min(max(int(text), 1), _WIDEST) if text.isascii() and text.isdecimal() else 1


def _flatten_cell(soup: BeautifulSoup, cell: Tag) -> None:
    """Blocks inside a cell are lines of it; items keep their sign."""
    for number, item in enumerate(cell.find_all("li")):
        parent = item.find_parent(["ul", "ol"])
        index = len(item.find_previous_siblings("li")) + 1
        item.insert(0, f"{index}. " if parent and parent.name == "ol" else "• ")
        if number or item.find_previous_sibling() or (parent and parent.find_previous_sibling()):
            item.insert(0, soup.new_tag("br"))
        item.name = "span"
    for code in cell.find_all("pre"):
        code.name = "code"
    for block in cell.find_all(_BLOCKS):
        if block.find_previous_sibling() is not None and block.name not in ("ul", "ol"):
            block.insert_before(soup.new_tag("br"))
        block.name = "span"


def _take_caption(figure: Tag) -> None:
    """`<figure><img><figcaption>` is an image with its caption."""
    caption, image = figure.find("figcaption"), figure.find("img")
    if isinstance(caption, Tag) and isinstance(image, Tag):
        image["data-caption"] = caption.get_text(" ", strip=True)
        caption.decompose()
    figure.name = "p" if isinstance(image, Tag) else "div"


def _take_tabs(soup: BeautifulSoup, tabs: Tag) -> None:
    """A row of links to panels is a group of tabs; one that leads nowhere stays a list."""
    pairs = []
    for link in tabs.find_all(["a", "button"]):
        name = str(link.get("href") or link.get("aria-controls") or link.get("data-target") or "")
        panel = soup.find(id=name.lstrip("#")) if name.lstrip("#") else None
        title = " ".join(link.get_text(" ", strip=True).replace('"', "'").split())[:100]
        if not isinstance(panel, Tag) or not title:
            return
        pairs.append((title, panel))
    for title, panel in pairs:
        tab = soup.new_tag("kb-tab", attrs={"data-title": title})
        tab.extend([child.extract() for child in list(panel.children)])
        tabs.insert_before(tab)
        panel.decompose()
    if pairs:
        tabs.decompose()


def _alert_of(element: Tag) -> str:
    """The kind of callout that the classes of an element name; empty where it is none."""
    names = (
        str(
            element.get("class", "")
            if isinstance(element.get("class"), str)
            else " ".join(element.get("class") or ())
        )
        .lower()
        .split()
    )
    words = [word for name in names for word in _CLASS_WORD.findall(name)]
    kinds = [_WORDS[word] for word in words if word in _WORDS and word not in _ALERTS]
    is_alert = bool(_ALERTS & set(words)) or any(name in _PLAIN_ALERTS for name in names)
    if not is_alert or _TITLE_CLASS.search(" ".join(names)) or element.find_parent("kb-alert"):
        return ""
    return kinds[0] if kinds else ("note" if "callout" in words or "infobox" in words else "")


def _become_alert(element: Tag, kind: str) -> None:
    title = element.find(class_=_TITLE_CLASS)
    if isinstance(title, Tag):
        words = " ".join(title.get_text(" ", strip=True).split())
        title.decompose()
        if words.rstrip(" :!").lower() not in _WORDS:
            element["data-title"] = words
    element["data-kind"] = kind
    element.name = "kb-alert"
