"""Every route for every visitor: who gets what, in one table that no route can be missing from."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Self
from urllib.parse import unquote

import pytest
from werkzeug.test import TestResponse

from tests.kit.matrix_world import CANARIES, VISITORS, WORD, World, made
from tests.kit.web import HTMX

ARTICLE = {
    "title": f"Le {WORD}",
    "language": "fr",
    "category": "aide",
    "slug": "le-troupeau",
    "audience": "everyone",
    "body": "Rassembler.",
}
# What a form must carry to be accepted.
FORMS: dict[str, dict[str, str]] = {
    "account.edit": {"name": "Somebody"},
    "api.find_similar": {"subject": WORD},
    "api.open_ticket": {"subject": f"Un {WORD}", "description": "Perdu"},
    "api.edit_ticket": {"severity": "major"},
    "api.add_message": {"body": "Retrouvé"},
    "api.record_time": {"spent": "1h30"},
    "api.add_copy": {"email": "bob@acme.example"},
    "api.add_organisation": {"name": "Initech"},
    "api.edit_organisation": {"name": "Acme"},
    "api.add_person": {"name": "New", "email": "new@acme.example"},
    "api.edit_person": {"name": "Bob"},
    "api.add_product": {"name": "New"},
    "api.edit_product": {"name": "iCownect"},
    "account.ask_mobile": {"mobile": "+33612345678"},
    "admin.add_organisation": {"name": "Initech", "sharing": "nobody"},
    "article_files.add": ARTICLE,
    "admin.add_person": {"name": "New", "email": "new@acme.example", "role": "customer"},
    "admin.add_product": {"name": "New"},
    "admin.add_calendar": {"name": "Night", "zone": "UTC", "monday": "9-18"},
    "admin.save_calendar": {"name": "Office", "zone": "UTC", "monday": "9-18"},
    "admin.archive_or_restore_calendar": {"state": "archived"},
    "admin.add_target": {"severity": "minor", "first_answer": "4"},
    "admin.save_target": {"solution": "4"},
    "admin.archive_or_restore_target": {"state": "archived"},
    "admin.enter_address": {"new_email": "another@acme.example"},
    "admin.save_settings": {"site_name": "Aide"},
    "admin.add_field": {"label_fr": "Lot", "kind": "text"},
    "admin.save_field": {"label_fr": "Cause"},
    "admin.archive_or_restore_field": {"state": "archived"},
    "admin.move_field": {"way": "up"},
    "admin.add_team": {"name": "New", "way": "in_turn"},
    "admin.add_rule": {"name": "New", "moment": "opened", "then_webhook": "yes"},
    "admin.save_rule": {"name": "New", "moment": "opened", "then_webhook": "yes"},
    "admin.switch_rule": {"state": "on"},
    "admin.move_rule": {"direction": "up"},
    "admin.enable_or_disable_organisation": {"state": "disabled"},
    "admin.enable_or_disable_product": {"state": "disabled"},
    "admin.add_webhook": {"url": "https://b.example/", "kinds": "ticket.opened"},
    "admin.save_organisation": {"name": "Acme", "sharing": "nobody"},
    "admin.save_person": {"name": "Bob", "role": "customer", "organisations": "acme"},
    "admin.save_product": {"name": "iCownect"},
    "admin.limit_person": {"limit_products": "icownect"},
    "admin.rename_tag": {"new_name": "other"},
    "admin.save_team": {"name": "Herds", "way": "least_busy"},
    "admin.archive_or_restore_team": {"state": "archived"},
    "admin.save_webhook": {"kinds": "ticket.opened"},
    "admin.open_or_close": {"state": "closed"},
    "admin.enable_or_disable_webhook": {"state": "disabled"},
    "assistants.talk": {"id": "1", "method": "tools/list"},
    "announcements.follow": {"following": "follows"},
    "following.follow": {"following": "yes", "kind": "article"},
    "desk_announcements.add": {"kind": "problem", "title_fr": f"Un {WORD}"},
    "desk_announcements.save": {"kind": "problem", "title_fr": f"Un {WORD}"},
    "desk_announcements.change_state": {"state": "withdrawn"},
    "timekeeping.record": {"spent": "1h30"},
    "timekeeping.watch": {"state": "start"},
    "admin.save_budget": {"budget_hours": "10", "budget_span": "month"},
    "desk.change_many": {"chosen": "unknown:0", "assignee": "me"},
    "desk.keep_view": {"name": "Mine", "back": "view=mine"},
    "desk_articles.save": ARTICLE,
    "desk_articles.mask": ARTICLE,
    "desk_articles.rank": ARTICLE,
    "desk_articles.propose": ARTICLE,
    "desk_articles.publish": ARTICLE,
    "desk_articles.download": ARTICLE,
    "desk_problems.answer": {"body": f"Le {WORD} rentre.", "key": "key-of-the-answer-to-all"},
    "desk_problems.group": {"title": f"Le {WORD}"},
    "feedback.vote": {"helped": "no", "reason": "outdated", "words": "Rien"},
    "gaps.decide": {"state": "dismissed", "reason": "CANARI"},
    "merging.merge": {"key": "key-of-a-merge"},
    "merging.split": {"key": "key-of-a-split", "subject": "La barrière"},
    "past_cases.say": {"kind": "helped"},
    "filing.send": {
        "subject": f"Un {WORD}",
        "description": "Perdu",
        "severity": "minor",
        "key": "key-of-a-form",
    },
    "filing.fields": {"software": "icownect"},
    "personal_tokens.add": {"name": "robot", "days": "30"},
    "passwords.send_link": {"email": "alice@acme.example"},
    "people.prefer": {"theme": "dark", "back": "/fr/"},
    "requests.preview": {"body": "**Perdu**"},
    "requests.reply": {"body": "Retrouvé", "key": "key-of-a-reply"},
    "requests.change_status": {"status": "solved"},
    "requests.change_copies": {"add": "bob@acme.example"},
    "requests.correct": {"version": "4.3"},
    "requests.see": {"activity": "1"},
    "saved_replies.add": {"name": "Merci", "language": "fr", "body": "Merci"},
    "saved_replies.save": {"name": "Merci", "language": "fr", "body": "Merci"},
    "satisfaction.rate": {"rating": "good"},
    "satisfaction.answer": {"rating": "good"},
    "suggestions.suggest": {"subject": WORD},
    "suggestions.solved": {"key": "key-of-a-form", "subject": WORD},
    "visits.tell": {"q": WORD},
    "zendesk.add_organization": {"zendesk": "organization", "name": "Initech"},
    "zendesk.add_or_edit_organization": {"zendesk": "organization", "name": "Acme"},
    "zendesk.edit_organization": {"zendesk": "organization", "name": "Acme"},
    "zendesk.add_user": {"zendesk": "user", "name": "New", "email": "new@acme.example"},
    "zendesk.add_or_edit_user": {"zendesk": "user", "name": "Bob", "email": "bob@acme.example"},
    "zendesk.edit_user": {"zendesk": "user", "name": "Bob"},
    "zendesk.open_ticket": {"zendesk": "ticket", "subject": WORD, "description": "Perdu"},
    "zendesk.edit_ticket": {"zendesk": "ticket", "comment": "Retrouvé"},
    "zendesk.open_request": {"zendesk": "request", "subject": WORD, "description": "Perdu"},
    "zendesk.edit_request": {"zendesk": "request", "comment": "Retrouvé"},
    "widget.send": {"subject": f"Un {WORD}", "description": "Perdu", "severity": "minor"},
}

MISSING = {
    "number": "999999",
    "closed-number": "999999",
    "merged-number": "999999",
    "other-number": "999999",
    "gap": "999999",
    **dict.fromkeys(
        (
            "user-integer",
            "organization-integer",
            "group-integer",
            "attachment-integer",
            "section-integer",
            "category-integer",
            *(f"{slug}-integer" for slug in ("public", "customers", "globex", "agents")),
        ),
        "999999",
    ),
}  # an address takes nothing but digits there
VARYING = (
    "Content-Length",
    "Date",
    "X-Request-Id",
    "X-Rate-Limit-Remaining",
    "ratelimit-remaining",
)


@dataclass(frozen=True)
class Case:
    """A line of the table."""

    method: str
    endpoint: str
    named: dict[str, str]
    outcomes: dict[str, str]

    @classmethod
    def of_line(cls, line: str) -> Self:
        method, endpoint, *words = line.split()
        named = dict(word.split("=") for word in words[: -len(VISITORS)])
        return cls(
            method, endpoint, named, dict(zip(VISITORS, words[-len(VISITORS) :], strict=True))
        )

    def __str__(self) -> str:
        return " ".join([self.method, self.endpoint, *map("=".join, self.named.items())])

    @property
    def route(self) -> str:
        return f"{self.method} {self.endpoint}"

    @property
    def hides(self) -> list[str]:
        """The visitors who must not learn whether what its address names is there."""
        if not any(text.startswith("@") for text in self.named.values()):
            return []
        hidden = ("401", "404", "sign-in")
        return [who for who, outcome in self.outcomes.items() if outcome in hidden]

    def address(self, world: World, things: dict[str, str]) -> str:
        values = self.values(things, in_form=False)
        if world.app.url_map.is_endpoint_expecting(self.endpoint, "lang"):
            values["lang"] = "fr"
        return world.app.url_map.bind("127.0.0.1").build(self.endpoint, values)

    def form(self, things: dict[str, str]) -> dict[str, str]:
        return {**FORMS.get(self.endpoint, {}), **self.values(things, in_form=True)}

    def values(self, things: dict[str, str], *, in_form: bool) -> dict[str, str]:
        return {
            name.removeprefix("+"): things[text[1:]] if text.startswith("@") else text
            for name, text in self.named.items()
            if name.startswith("+") == in_form
        }


TABLE = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
CASES = [Case.of_line(line) for line in TABLE if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def world(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made(tmp_path_factory.mktemp("matrix"), empty_database) as built:
        yield built


def ask(
    world: World,
    case: Case,
    who: str,
    things: dict[str, str],
    headers: dict[str, str] | None = None,
) -> TestResponse:
    """What the visitor gets; then it is as if it had never been asked."""
    with world.undone():
        return knock(world, case, who, things, headers)


def knock(
    world: World,
    case: Case,
    who: str,
    things: dict[str, str],
    headers: dict[str, str] | None = None,
) -> TestResponse:
    """As a browser sends it; as a program does, with the token of the visitor, where it is one."""
    form = case.form(things) if case.method != "GET" else None
    is_program = case.endpoint.startswith(("api.", "assistants.", "zendesk."))
    return world.browser_of(who).open(
        case.address(world, things),
        method=case.method,
        data=None if is_program else form,
        json=in_json(form) if form is not None and is_program else None,
        headers={
            "Sec-Fetch-Site": "same-origin",
            **(world.token_of(who) if is_program else {}),
            **(world.pass_of(who) if case.endpoint.startswith("widget.") else {}),
            **(headers or {}),
        },
        buffered=True,
    )


def in_json(form: dict[str, str]) -> dict[str, object]:
    """The form as a program writes it: numbers are numbers, and Zendesk's wrap what they send."""
    if "zendesk" in form:
        return {form["zendesk"]: {name: form[name] for name in form if name != "zendesk"}}
    return {name: int(text) if text.isdigit() else text for name, text in form.items()}


def outcome(answer: TestResponse) -> str:
    if answer.headers.get("Location", "").partition("?")[0] == "/fr/login":
        return "sign-in"
    return "ok" if answer.status_code < 400 else str(answer.status_code)


def told(answer: TestResponse) -> str:
    """All that an answer says, but for how long it is and when it was given."""
    headers = [f"{name}: {text}" for name, text in answer.headers if name not in VARYING]
    text = "\n".join([answer.status, *headers, answer.data.decode(errors="replace")])
    return unescape(unquote(text))


def leaks(answer: TestResponse, who: str) -> set[str]:
    """The words in an answer that this visitor may not read, there or in its headers."""
    text = told(answer)
    return {word for word, readers in CANARIES.items() if word in text and who not in readers}


def test_no_route_is_missing_from_the_table(world: World):
    routes = {
        f"{method} {rule.endpoint}"
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {case.route for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_visitor_gets_what_the_table_says(world: World, case: Case):
    answers = {who: ask(world, case, who, world.things) for who in VISITORS}
    assert {who: outcome(answer) for who, answer in answers.items()} == case.outcomes
    assert {who: leaks(answer, who) for who, answer in answers.items() if leaks(answer, who)} == {}


@pytest.mark.parametrize("case", [each for each in CASES if each.hides], ids=str)
def test_what_is_hidden_answers_as_what_is_missing(world: World, case: Case):
    """The same status, headers and bytes, but for the address itself."""
    nothing = {name: MISSING.get(name, "nothing") for name in world.things}
    address, other = (unquote(case.address(world, each)) for each in (world.things, nothing))
    for who in case.hides:
        hidden, missing = (ask(world, case, who, each) for each in (world.things, nothing))
        assert outcome(missing) == case.outcomes[who], who
        assert told(hidden).replace(address, other) == told(missing), who


@pytest.mark.parametrize("case", [each for each in CASES if each.method == "GET"], ids=str)
def test_a_piece_of_a_page_tells_no_more_than_the_page(world: World, case: Case):
    for who in VISITORS:
        answer = ask(world, case, who, world.things, HTMX)
        assert leaks(answer, who) == set(), who


@pytest.mark.parametrize("word", CANARIES)
def test_what_is_hidden_from_some_is_read_by_the_others(world: World, word: str):
    """Otherwise nothing would follow from its being nowhere."""
    pages = [case for case in CASES if case.method == "GET"]
    for who in CANARIES[word]:
        assert any(
            word in told(ask(world, case, who, world.things))
            for case in pages
            if case.outcomes[who] == "ok"
        ), who
