"""The forms of the site as each visitor finds them on its pages, and what comes of sending one."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from werkzeug.test import TestResponse

from tests.kit.matrix_world import World
from tests.test_route_matrix import CASES, FORMS, Case

NOT_SENT = ("file", "submit", "button", "image", "reset")


@dataclass
class Form:
    """A form of a page, or a field that is sent alone as one types: where to, and its fields."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)  # as a browser would send them
    names: set[str] = field(default_factory=set)  # of all it has, chosen or not
    texts: set[str] = field(default_factory=set)  # of these, where anything may be typed
    news: set[str] = field(default_factory=set)  # of these, what was sent nowhere before


class Forms(HTMLParser):
    """The forms of a page, with what stands in them at first."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._select: tuple[Form, str, bool] | None = None
        self._text: tuple[Form, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: text or "" for name, text in attrs}
        if tag == "form":
            self._open = Form(said.get("action", ""), said.get("method", "get").upper())
            self.found.append(self._open)
            self._by_id[said.get("id", "")] = self._open
            return
        form = self._by_id.get(said["form"]) if "form" in said else self._open
        if form is None:
            return
        if said.get("formaction") or said.get("hx-post"):
            action = said.get("formaction") or said["hx-post"]
            self.found.append(Form(action, "POST", form.fields, form.names, form.texts))
        name = said.get("name", "")
        if tag == "select":
            self._select = (form, name, "multiple" in said)
            form.names.add(name)
        elif tag == "option" and self._select:
            self._option(*self._select, said)
        elif tag == "textarea":
            self._text = (form, name)
            form.names.add(name)
            form.texts.add(name)
            form.fields.append((name, ""))
        elif tag in ("input", "button") and name:
            kind = "submit" if tag == "button" else said.get("type", "text")
            self._input(form, name, kind, said)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._text = None

    def handle_data(self, data: str) -> None:
        if self._text:
            form, name = self._text
            before = form.fields[-1][1]
            form.fields[-1] = (name, before + (data if before else data.removeprefix("\n")))

    def _option(self, form: Form, name: str, takes_several: bool, said: dict[str, str]) -> None:
        there = {each for each, _ in form.fields}
        if takes_several:
            if "selected" in said:
                form.fields.append((name, said.get("value", "")))
        elif name not in there:
            form.fields.append((name, said.get("value", "")))
        elif "selected" in said:
            form.fields[:] = [pair for pair in form.fields if pair[0] != name]
            form.fields.append((name, said.get("value", "")))

    def _input(self, form: Form, name: str, kind: str, said: dict[str, str]) -> None:
        form.names.add(name)
        if kind in ("text", "email", "search", "tel", "url"):
            form.texts.add(name)
        if kind not in ("radio", "checkbox", *NOT_SENT) or "checked" in said:
            form.fields.append((name, said.get("value", "on")))


def send(world: World, who: str, form: Form, body: str) -> TestResponse:
    """What the visitor gets for a body as it travels; then it is as if it was never sent."""
    client, headers = world.browser_of(who), {"Sec-Fetch-Site": "same-origin"}
    with world.undone():
        if form.method == "GET":
            return client.get(f"{form.action}?{body}", headers=headers, buffered=True)
        return client.post(
            form.action,
            data=body,
            content_type="application/x-www-form-urlencoded",
            headers=headers,
            buffered=True,
        )


def read(world: World, who: str, case: Case) -> TestResponse:
    with world.undone():
        return world.browser_of(who).get(case.address(world, world.things), buffered=True)


def forms_of(world: World, who: str) -> list[Form]:
    """Every form this visitor finds on any page, and whatever else takes a POST; each once."""
    found: dict[tuple[str, str, frozenset[str]], Form] = {}
    for case in CASES:
        if case.outcomes[who] not in ("ok", "422"):
            continue
        address = case.address(world, world.things)
        if case.method == "POST":
            said = list(case.form(world.things).items())
            names = {name for name, _ in said}
            forms = [Form(address, "POST", said, names)] if case.endpoint in FORMS else []
        else:
            answer = read(world, who, case)
            if answer.mimetype != "text/html":
                continue
            forms = Forms(answer.get_data(as_text=True)).found
        for form in forms:
            form.action = urljoin(address, form.action)
            kind = (form.method, endpoint(world, form), frozenset(form.names))
            found.setdefault(kind, form)
    return list(found.values())


def endpoint(world: World, form: Form) -> str:
    path = urlsplit(form.action).path
    name, _ = world.app.url_map.bind("127.0.0.1").match(path, form.method)
    return str(name)
