"""How the HTML of an article becomes Markdown again; apart, as its library is megabytes to load."""

from typing import Any
from urllib.parse import urljoin

from markdownify import MarkdownConverter

TITLES = {"alert-title", "tab-title"}


class Converter(MarkdownConverter):
    """The rules for what articles have and messages do not."""

    def __init__(self, base: str) -> None:
        super().__init__(
            heading_style="ATX", bullets="-", escape_underscores=False, wrap=True, wrap_width=None
        )
        self.base = base

    def convert_a(self, element: Any, text: str, parent_tags: set[str]) -> str:
        target = element.get("href", "")
        if "anchor" in element.get("class", ()):
            return ""
        return text if target.startswith("#") else f"[{text}]({urljoin(self.base, target)})"

    def convert_img(self, element: Any, text: str, parent_tags: set[str]) -> str:
        return ""

    def convert_div(self, element: Any, text: str, parent_tags: set[str]) -> str:
        if "alert" not in element.get("class", ()):
            return _block(text)
        return _block("\n".join(f"> {line}".rstrip() for line in text.strip().split("\n")))

    def convert_p(self, element: Any, text: str, parent_tags: set[str]) -> str:
        if "_inline" in parent_tags:  # in a table
            return f" {text.strip()} "
        is_title = TITLES & set(element.get("class", ()))
        return _block(f"**{text.strip()}**" if is_title else text)

    def convert_dt(self, element: Any, text: str, parent_tags: set[str]) -> str:
        return _block(f"**{text.strip()}**")

    def convert_dd(self, element: Any, text: str, parent_tags: set[str]) -> str:
        return _block(text)


def _block(text: str) -> str:
    return f"\n\n{text.strip()}\n\n"
