"""The articles of a live Zendesk move in: every language, drafts, files, and what changed since."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.errors import Invalid, Unavailable
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.site.importing.systems.zendesk.account import LiveAccount
from kbsearch.site.importing.systems.zendesk.guide_mirror import GuideMirror
from tests.kit.requests import PNG
from tests.kit.writers import git, with_page
from tests.kit.zendesk_account import TOKEN, Mood, ZendeskAccount, zendesk_account

OPEN = Guard(Exceptions.of(["127.0.0.0/8", "localhost"]))
GUIDE = "help_center"


def article(number: int, locale: str = "fr", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "locale": locale,
        "source_locale": "fr",
        "section_id": 7,
        "title": f"Article {number}",
        "body": f"<p>Le texte {number}, en {locale}.</p>",
        "user_segment_id": None,
        "updated_at": "2025-03-01T10:00:00Z",
        **more,
    }


def said(number: int, locale: str, **more: Any) -> dict[str, Any]:
    own = {"source_id": number, "source_type": "Article", "locale": locale}
    texts = {"title": f"Article {number}", "body": "<p>Texte</p>", "draft": False}
    return {**own, **texts, "updated_at": "2025-03-01T10:00:00Z", **more}


def furnish(account: ZendeskAccount) -> None:
    """Three articles: one with pictures and a file, one for an organisation, one in English too."""
    body = '<p>Voir <img src="/hc/article_attachments/501" alt="écran"> et'
    body += ' <img src="/hc/article_attachments/777/ailleurs.png"></p>'
    file = {"id": 503, "article_id": 101, "file_name": "notice.pdf", "inline": False, "size": 0}
    picture = {"id": 501, "article_id": 101, "file_name": "ecran.png", "inline": True}
    for attachment in (file, picture):
        number = attachment["id"]
        attachment["content_url"] = f"{account.url}/hc/article_attachments/{number}/x"
    account.guide = {
        f"{GUIDE}/fr/categories": [{"id": 8, "name": "Compte", "locale": "fr"}],
        f"{GUIDE}/en-us/categories": [{"id": 8, "name": "Account", "locale": "en-us"}],
        f"{GUIDE}/fr/sections": [{"id": 7, "category_id": 8, "name": "Début", "locale": "fr"}],
        f"{GUIDE}/en-us/sections": [{"id": 7, "category_id": 8, "name": "Go", "locale": "en-us"}],
        f"{GUIDE}/fr/articles": [article(101, body=body), article(102, user_segment_id=62)]
        + [article(103)],
        f"{GUIDE}/en-us/articles": [article(103, "en-us", title="Third")],
        f"{GUIDE}/user_segments": [
            {"id": 62, "user_type": "signed_in_users", "organization_ids": [7001], "tags": []}
        ],
    }
    for number in (101, 102, 103):
        draft = said(number, "en-us", title=f"Draft {number}", draft=True)
        translations = [said(number, "fr", body=body if number == 101 else "<p>Texte</p>"), draft]
        if number == 103:
            translations[1] = said(103, "en-us", title="Third")
        account.guide[f"{GUIDE}/articles/{number}/translations"] = translations
        files = [file, picture] if number == 101 else []
        account.guide[f"{GUIDE}/articles/{number}/attachments"] = files


@pytest.fixture
def account() -> Iterator[ZendeskAccount]:
    with zendesk_account() as running:
        furnish(running)
        yield running


@pytest.fixture
def command(account: ZendeskAccount, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    with_page(settings)
    monkeypatch.chdir(settings.site)
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    settings.site.joinpath("kbsearch.toml").write_text('webhook_private_targets = ["127.0.0.1"]\n')

    def run(*words: str, token: str = f"{TOKEN}\n") -> Result:
        return CliRunner().invoke(
            cli, ["import", "articles", "--url", account.url, *words], input=token
        )

    return run


def mirror(account: ZendeskAccount, folder: Path) -> GuideMirror:
    return GuideMirror(folder, LiveAccount(account.url, TOKEN, OPEN, lambda seconds: None))


def asked_of_articles(account: ZendeskAccount) -> set[str]:
    """The articles whose translations or files were asked for."""
    parts = (address.partition("?")[0].split("/") for address in account.asked)
    return {part[5] for part in parts if part[4:5] == ["articles"]}


def test_a_live_guide_becomes_a_branch(account: ZendeskAccount, settings: Settings, command: Any):
    outcome = json.loads(command("--json").stdout)
    assert (outcome["articles"], outcome["drafts"], outcome["errors"]) == (6, 2, [])
    branch = outcome["branch"]
    names = git(settings.content_path, "ls-tree", "-r", "--name-only", branch)
    files = [name for name in names.splitlines() if "/article-101/" in name]
    assert {Path(name).name for name in files} == {"ecran.png", "ailleurs.png", "notice.pdf"}
    texts = {
        name: git(settings.content_path, "show", f"{branch}:{name}")
        for name in names.splitlines()
        if name.endswith(".md")
    }
    assert sum("audience: org:elan" in text for text in texts.values()) == 2
    assert any("title: Third" in text for text in texts.values())
    again = json.loads(command("--json").stdout)
    assert (again["created"], again["updated"]) == (0, 0)


def test_only_what_changed_is_asked_for_again(account: ZendeskAccount, tmp_path: Path):
    assert mirror(account, tmp_path).fill() == []
    assert asked_of_articles(account) == {"101", "102", "103"}
    picture = tmp_path / "article_attachments" / "777"
    assert [path.read_bytes() for path in picture.iterdir()] == [PNG]
    account.asked.clear()
    account.guide[f"{GUIDE}/fr/articles"] = [
        article(101, body="<p>Neuf</p>"),
        article(102, updated_at="2025-09-01T10:00:00Z"),
    ]
    mirror(account, tmp_path).fill()
    assert asked_of_articles(account) == {"102", "103"}, "one has changed, one lost a language"
    pages = sorted((tmp_path / "api/v2" / GUIDE / "fr").glob("articles.page*.json"))
    assert [path.name for path in pages] == ["articles.page1.json"], "the second one is gone"


def test_what_does_not_come_now_comes_the_next_time(account: ZendeskAccount, tmp_path: Path):
    account.moods = {
        "/hc/article_attachments/503": [Mood(500)] * 3,
        f"/api/v2/{GUIDE}/fr/sections": [Mood(429, {"Retry-After": "3"})],
        f"/api/v2/{GUIDE}/articles/102/translations": [Mood(404)],
    }
    mirror(account, tmp_path).fill()
    assert not (tmp_path / "article_attachments" / "503").exists()
    account.moods = {}
    account.asked.clear()
    mirror(account, tmp_path).fill()
    assert asked_of_articles(account) == {"101"}
    assert (tmp_path / "article_attachments" / "503" / "notice.pdf").read_bytes() == PNG
    account.moods = {f"/api/v2/{GUIDE}/articles/101/attachments": [Mood(502)] * 10}
    account.guide[f"{GUIDE}/fr/articles"][0]["updated_at"] = "2025-10-01T10:00:00Z"
    with pytest.raises(Unavailable):
        mirror(account, tmp_path).fill()
    account.asked.clear()
    mirror(account, tmp_path).fill()
    assert asked_of_articles(account) == {"101"}, "it goes on where it was"
    assert account.strangers == []


def test_what_cannot_be_is_said_in_a_line(account: ZendeskAccount, tmp_path: Path, command: Any):
    account.moods = {f"/api/v2/{GUIDE}/user_segments": [Mood(403)]}
    assert mirror(account, tmp_path / "a").fill() == [f"{GUIDE}/user_segments"]
    account.guide = {}
    with pytest.raises(Invalid, match="no_guide"):
        mirror(account, tmp_path / "b").fill()
    for result in (command(), command(token=""), command(token="x\n"), command("--from", "html")):
        assert result.exit_code in (1, 2) and "Traceback" not in result.output
        assert result.stderr.count("\n") <= 4
