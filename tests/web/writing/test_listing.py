"""The list of all articles in the browser."""

import re
from dataclasses import replace

import pytest

from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from tests.kit.writers import article, commit, git, repository, write
from tests.web.writing.test_articles import signed_in

LIST = "/en/desk/articles/all"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings, db):
    content = repository(settings)
    for number in range(60):
        page = article(f"Page {number:02}", "Words.", more="owner: wendy\n")
        write(content, f"articles/en/guide/p{number:02}.md", page)
    commit(content)
    publish(db, settings)
    return content


def test_articles_are_listed_changed_and_changed_back(db, settings, content, app, cast):
    wendy = signed_in(app, db, cast.wendy)
    first = wendy.get(LIST).text
    assert "Page 49" in first and "Page 50" not in first and ">60 articles<" in first
    assert "Page 59" in wendy.get(f"{LIST}?page=2&owner=wendy").text
    assert 'aria-sort="descending"' in wendy.get(f"{LIST}?sort=title&order=down").text
    form = {"back": "q=page&page=2", "chosen": ["en/guide/p00", "en/guide/p01"]}
    wrong = wendy.post(LIST, data={**form, "act": "tag", "word": " "})
    assert wrong.status_code == 422 and 'value="en/guide/p51"' in wrong.text
    before = git(content, "rev-parse", "main")
    done = wendy.post(LIST, data={**form, "act": "tag", "word": "new"})
    assert done.status_code == 303 and "q=page&page=2&done=2" in done.location
    note = wendy.get(done.location).text
    assert "2 articles are changed, in one commit." in note
    (made,) = re.findall(r'name="commit" value="([0-9a-f]+)"', note)
    assert git(content, "rev-parse", f"{made}^") == before
    assert "tags:" in git(content, "show", "main:articles/en/guide/p01.md")
    undone = wendy.post(f"{LIST}/undo", data={"back": "", "commit": made})
    assert "The change is undone." in wendy.get(undone.location).text
    assert git(content, "diff", "--name-only", before, "main") == ""


def test_what_an_address_says_without_sense_is_left_out(db, settings, content, app, cast):
    wendy = signed_in(app, db, cast.wendy)
    odd = "?sort=x&order=y&state=z&language=xx&page=-1&category=../a&q=%00"
    assert wendy.get(LIST + odd).status_code == 200
    assert wendy.post(f"{LIST}/undo", data={"commit": "--all"}).status_code == 404
