"""Tokens to HTML: sections, regions one can scroll, callouts, images with their size."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Protocol

from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from kbsearch.i18n import gettext
from kbsearch.text.markup.callouts import TITLES
from kbsearch.text.markup.code import highlighted
from kbsearch.text.markup.outline import Heading, text_of
from kbsearch.text.typography import NARROW, typeset

Tokens = Sequence[Token]


@dataclass(frozen=True)
class Picture:
    """An image as it is served."""

    url: str
    width: int
    height: int


@dataclass(frozen=True)
class LinkTarget:
    """Where a link leads; `title` names the page it leads to, when that is known."""

    url: str
    title: str = ""
    is_external: bool = False
    is_narrower: bool = False  # not for everybody who reads the text: `title` is not told
    note: str = ""  # what stands behind the link: the kind and the size of a file


def outside(address: str) -> LinkTarget:
    """An absolute address; mail and telephone leave no site."""
    return LinkTarget(address, is_external=address.lower().startswith("http"))


class Resolver(Protocol):
    """What links and images of a text stand for; None is something that does not exist."""

    def link(self, target: str) -> LinkTarget | None:
        """What a link written in the text leads to."""

    def by_slug(self, slug: str) -> LinkTarget | None:
        """What `[[slug]]` leads to."""

    def picture(self, target: str) -> Picture | None:
        """The image of that name."""


@dataclass
class Context:
    """What one rendering knows and counts; it travels in the renderer's `env`."""

    language: str
    resolver: Resolver
    headings: dict[int, Heading] = field(default_factory=dict)  # by position
    coloured: bool = True
    region: str = "region"  # "group" where several texts share a page: landmarks have unique names
    link_ends: list[str] = field(default_factory=list)
    tables: int = 0
    examples: int = 0

    def say(self, message: str, /, **values: object) -> str:
        return escape(gettext(self.language, message, **values))


class Renderer(RendererHTML):
    """One method a kind of token, called by its name."""

    def text(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return escapeHtml(typeset(tokens[idx].content))

    def softbreak(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        if not options["breaks"] and _is_held(tokens, idx):
            return NARROW
        return super().softbreak(tokens, idx, options, env)

    def heading_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        heading = _context(env).headings.get(idx)
        if heading is None:
            return '<p class="heading"><strong>'
        places = "".join(f'<span id="{alias}"></span>' for alias in heading.aliases)
        return f'<h{heading.section.level} id="{heading.section.anchor}">{places}'

    def heading_close(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        context = _context(env)
        heading = context.headings.get(idx - 2)
        if heading is None:
            return "</strong></p>\n"
        section = heading.section
        name = context.say("Link to the section “%(title)s”", title=section.title)
        return (
            f' <a class="anchor" href="#{section.anchor}" aria-label="{name}">'
            f'<span aria-hidden="true">#</span></a></h{section.level}>\n'
        )

    def table_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        context = _context(env)
        context.tables += 1
        label = context.say("Table %(number)s", number=context.tables)
        return f"{_region(context, 'scroll', label)}<table>"

    def table_close(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        # an empty corner is not the header of anything
        empty = not tokens[idx + 1].content.strip()
        return (
            f"<td{_aligned(tokens[idx])}>" if empty else f'<th scope="col"{_aligned(tokens[idx])}>'
        )

    def th_close(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</th>" if tokens[idx - 1].content.strip() else "</td>"

    def td_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"<td{_aligned(tokens[idx])}>"

    def fence(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        words = tokens[idx].info.split(maxsplit=1)
        return _example(_context(env), tokens[idx].content, words[0] if words else "")

    def code_block(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return _example(_context(env), tokens[idx].content, "")

    def link_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        context = _context(env)
        target = context.resolver.link(str(tokens[idx].attrGet("href") or ""))
        note = (
            f' <span class="file">({escape(target.note)})</span>' if target and target.note else ""
        )
        context.link_ends.append(f"</a>{note}" if target else "</span>")
        return _link(target) if target else '<span class="broken-link">'

    def link_close(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return _context(env).link_ends.pop()

    def by_slug(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        slug = str(tokens[idx].meta["slug"])
        target = _context(env).resolver.by_slug(slug)
        label = escape(typeset(tokens[idx].content or (target.title if target else "")))
        if target is None:
            return f'<span class="broken-link">{label or escape(slug)}</span>'
        return f"{_link(target)}{label}</a>" if label else escape(slug)

    def image(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        token, context = tokens[idx], _context(env)
        address = str(token.attrGet("src") or "")
        alternative = escape(text_of(token.children or []))
        picture = context.resolver.picture(address)
        if picture is None:
            target = context.resolver.link(address)
            label = alternative or escape(address)
            return f"{_link(target)}{label}</a>" if target else f"<em>{label}</em>"
        width = min(token.meta.get("width") or picture.width, picture.width)
        height = round(picture.height * width / picture.width) if picture.width else picture.height
        html = (
            f'<img src="{escape(picture.url)}" alt="{alternative}" width="{width}" '
            f'height="{height}" loading="lazy" decoding="async">'
        )
        caption = token.meta.get("caption")
        return f"{html}<figcaption>{escape(typeset(caption))}</figcaption>" if caption else html

    def bullet_list_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<ul class="tasks">\n' if tokens[idx].attrGet("class") else "<ul>\n"

    def list_item_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        checked = tokens[idx].meta.get("checked")
        if checked is None:
            return "<li>"
        label = _context(env).say("Done" if checked else "To do")
        box = "☑" if checked else "☐"
        return f'<li><span class="task" role="img" aria-label="{label}">{box}</span> '

    def translation_note(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return tokens[idx].content

    def keys(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        names = tokens[idx].content.split("+")
        keys = "+".join(f"<kbd>{_context(env).say(_key(name))}</kbd>" for name in names)
        return f'<span class="keys">{keys}</span>'

    def callout_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        kind = token.meta["kind"]
        if token.tag == "details":
            opened = " open" if token.meta["open"] else ""
            return f'<details{opened} class="alert alert-{kind}">\n'
        name = "" if token.meta["titled"] else f' aria-label="{_context(env).say(TITLES[kind])}"'
        return f'<div class="alert alert-{kind}" role="note"{name}>\n'

    def callout_title_open(
        self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        tag = "summary" if tokens[idx - 1].tag == "details" else "p"
        kind = tokens[idx].meta.get("kind")
        own = _context(env).say(TITLES[kind]) if kind else ""
        return f'<{tag} class="alert-title">{own}'

    def callout_title_close(
        self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return "</summary>\n" if tokens[idx - 3].tag == "details" else "</p>\n"

    def tab_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        title = escape(typeset(tokens[idx].meta["title"]))
        return f'<section class="tab"><p class="tab-title">{title}</p>\n'

    def html_anchor(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        identity = tokens[idx].meta["id"]
        return f'<span id="{escape(identity)}"></span>' if identity else ""

    def footnote_ref(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        number, place = _footnote(tokens[idx])
        name = _context(env).say("Note %(number)s", number=number)
        return (
            f'<sup class="footnote-ref"><a id="fnref-{place}" href="#fn-{number}" '
            f'aria-label="{name}">[{number}]</a></sup>'
        )

    def footnote_block_open(
        self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return f'<section class="footnotes" aria-label="{_context(env).say("Notes")}"><ol>\n'

    def footnote_block_close(
        self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return "</ol></section>\n"

    def footnote_open(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<li id="fn-{_footnote(tokens[idx])[0]}">'

    def footnote_close(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</li>\n"

    def footnote_anchor(self, tokens: Tokens, idx: int, options: OptionsDict, env: EnvType) -> str:
        number, place = _footnote(tokens[idx])
        name = _context(env).say("Back to note %(number)s in the text", number=number)
        return f' <a class="footnote-back" href="#fnref-{place}" aria-label="{name}">↩</a>'


def _is_held(tokens: Tokens, idx: int) -> bool:
    """Whether the writer broke the line where French typography has a blank that does not break."""
    before, after = (
        token.content if token.type == "text" else ""
        for token in (tokens[idx - 1], tokens[min(idx + 1, len(tokens) - 1)])
    )
    return before.endswith("«") or typeset(f" {after}").startswith(NARROW)


def _context(env: EnvType) -> Context:
    context = env["context"]
    assert isinstance(context, Context)
    return context


def _region(context: Context, name: str, label: str) -> str:
    return f'<div class="{name}" tabindex="0" role="{context.region}" aria-label="{label}">'


def _example(context: Context, source: str, language: str) -> str:
    context.examples += 1
    label = context.say("Example %(number)s", number=context.examples)
    code = highlighted(source, language if context.coloured else "")
    return f"{_region(context, 'code', label)}<pre><code>{code}</code></pre></div>\n"


def _aligned(token: Token) -> str:
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f' class="align-{side}"' if side in ("center", "right") else ""


def _link(target: LinkTarget) -> str:
    outside = ' class="external" rel="noopener noreferrer"' if target.is_external else ""
    return f'<a href="{escape(target.url)}"{outside}>'


def _key(name: str) -> str:
    """What is written on a key; these names are translated by the catalogues."""
    return _KEYS.get(name.lower(), name.upper() if len(name) == 1 else name.capitalize())


_KEYS = {
    "shift": "Shift",
    "enter": "Enter",
    "esc": "Esc",
    "escape": "Esc",
    "del": "Delete key",
    "delete": "Delete key",
    "space": "Space key",
    "backspace": "Backspace",
    "pageup": "Page up",
    "pagedown": "Page down",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "cmd": "⌘",
}


def _footnote(token: Token) -> tuple[int, str]:
    """The note's number, and the place that refers to it."""
    number = int(token.meta["id"]) + 1
    again = int(token.meta.get("subId", 0))
    return number, f"{number}-{again + 1}" if again > 0 else str(number)
