"""Writing an article in the browser: review, save, propose; branches; previews; the request."""

import re
import shutil
from dataclasses import replace
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.writing import drafts as article_drafts
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.articles.writing.test_composition import solve
from tests.conftest import Cast
from tests.kit.web import HTMX, sign_in
from tests.kit.writers import article, commit, git, png, repository, write

KEY = "draft-key-1"
URL = f"/en/desk/articles/drafts/{KEY}"
FORM = {
    "tab": "one",
    "ticket": "1042",
    "language": "en",
    "title": "Find a lost collar",
    "body": "## Problem\n\nLost, ERR-1042.\n\n## Solution\n\nRestart it.",
    "category": "guide",
    "slug": "find-a-lost-collar",
    "audience": "everyone",
    "phrases": "collar gone\nlost tag",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings: Settings, db: SqliteDatabase):
    content = repository(settings)
    write(content, "articles/en/guide/page.md", article("Charge the battery"))
    commit(content)
    publish(db, settings)
    return content


@pytest.fixture
def dan(db, cast: Cast, app: Flask, content) -> FlaskClient:
    solve(db, said="Bob Durand cannot find it, ERR-1042.", cc=["bob@acme.example"])
    return signed_in(app, db, cast.dan)


def signed_in(app: Flask, db: SqliteDatabase, viewer) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    sign_in(client, db, viewer)
    return client


def edition(page: str) -> str:
    found = re.search(r'name="edition" value="(\d+)"', page)
    assert found
    return found[1]


def test_a_solved_request_leads_to_its_draft(dan, db, cast):
    ticket = db.query("SELECT id FROM tickets")[0]["id"]
    page = dan.get(f"/en/requests/{ticket}").text
    assert "/en/desk/articles/new?ticket=1042" in page
    draft = dan.get("/en/desk/articles/new?ticket=1042").text
    assert "## Problem" in draft and "‹name› cannot find it, ERR-1042." in draft
    assert "<q>Bob Durand</q>" in draft, "the list of what was masked says what it was"
    assert (
        "Bob" not in draft.partition('<textarea id="article-body"')[2].partition("</textarea>")[0]
    )
    assert db.query("SELECT 1 FROM article_drafts") == [], "reading changes nothing"


def test_an_open_request_is_not_written_of_yet(dan, db):
    db.execute("UPDATE tickets SET status = 'open'")
    ticket = db.query("SELECT id FROM tickets")[0]["id"]
    assert "/desk/articles/new" not in dan.get(f"/en/requests/{ticket}").text


def test_what_is_typed_is_kept_and_judged(dan, db):
    body = "A [good page](gone.md) and ‹name›."
    answer = dan.post(URL, data={**FORM, "body": body}, headers=HTMX)
    assert answer.status_code == 200 and "<html" not in answer.text
    assert "<code>broken-link</code>" in answer.text and "<code>placeholder</code>" in answer.text
    assert answer.text.count('data-line="1">line 1</a></strong> <code>') == 2
    titled = dan.post(URL, data={**FORM, "title": "‹name› is lost"}, headers=HTMX).text
    assert '<a href="#title">Title</a></strong> <code>placeholder</code>' in titled
    dan.post(URL, data={**FORM, "body": body}, headers=HTMX)
    page = dan.get(URL).text
    assert "A [good page](gone.md) and ‹name›." in unescape(page)
    assert dan.get("/en/desk/articles/new?ticket=1042").status_code == 303, "it goes on there"


def test_the_preview_is_rendered_as_published_and_safe(dan):
    body = "## Steps\n\n> [!NOTE]\n> Careful\n\n<script>alert(1)</script> [x](javascript:alert(1))"
    answer = dan.post(URL, data={**FORM, "body": body}, headers=HTMX).text
    assert "Careful</p>" in answer
    assert "[!NOTE]" not in answer
    assert "<script>alert" not in answer and 'href="javascript' not in answer


@pytest.mark.parametrize("path", ["", "/ranks", "/file", "/branch", "/masking"])
def test_a_text_too_long_to_publish_is_not_worked_on_and_stays_on_the_page(dan, db, path):
    body = "[" * 250_000
    page = dan.post(f"{URL}{path}", data={**FORM, "body": body})
    assert page.status_code == 422
    assert "too long" in page.text and body in page.text
    piece = dan.post(f"{URL}{path}", data={**FORM, "body": body}, headers=HTMX)
    assert piece.status_code < 500
    assert path == "/ranks" or "too long" in piece.text
    assert db.query("SELECT 1 FROM article_drafts") == []


def test_two_windows_are_told_of_each_other(dan):
    first = edition(dan.post(URL, data=FORM, headers=HTMX).text)
    other = {**FORM, "tab": "two", "edition": first, "title": "The other window"}
    assert dan.post(URL, data=other, headers=HTMX).status_code == 200
    mine = {**FORM, "edition": first, "title": "My window"}
    told = dan.post(URL, data=mine, headers=HTMX)
    assert told.status_code == 422 and "another window" in told.text
    page = dan.post(URL, data=mine)
    assert page.status_code == 409 and "My window" in page.text
    over = re.search(r'name="over" value="(\d+)"', page.text)
    assert over and dan.post(URL, data={**mine, "over": over[1]}).status_code == 303
    assert "My window" in dan.get(URL).text


def test_what_was_nobody_is_put_back_with_one_click(dan):
    page = dan.get("/en/desk/articles/new?ticket=1042").text
    form = {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    }
    body = "## Problem\n\n‹name› cannot find it."
    sent = {**FORM, **form, "body": body, "restore": "1"}
    answer = dan.post(f"{URL}/masking", data=sent, headers=HTMX)
    assert "Bob Durand cannot find it." in answer.text and "Mask it again" in answer.text
    sent = {
        **sent,
        "body": "## Problem\n\nBob Durand cannot find it.",
        "edition": edition(answer.text),
    }
    del sent["restore"]
    assert dan.post(f"{URL}/masking", data={**sent, "mask": "1"}).status_code == 303
    assert "‹name› cannot find it." in dan.get(URL).text


MASKED = '[{"kind": "%s", "text": "x", "placeholder": "%s"}]'


@pytest.mark.parametrize(
    "hidden",
    ["[", "{}", '[{"kind": 1}]', "[" * 5000, "null", MASKED % ("name", "the")]
    + [MASKED % ("zzz", "‹name›"), MASKED % ("name", "a ‹name›")],
)
def test_a_list_of_masked_pieces_that_is_not_ours_is_none(dan, hidden):
    assert dan.post(URL, data={**FORM, "hidden": hidden}).status_code == 303
    assert "0 pieces masked" in dan.get(URL).text


def test_ranks_are_those_of_the_published_article(dan):
    answer = dan.post(f"{URL}/ranks", data=FORM, headers=HTMX).text
    assert answer.count('<strong class="good">1</strong>') == 2
    page = dan.post(f"{URL}/ranks", data=FORM)
    assert page.status_code == 200 and "Find a lost collar" in page.text


def test_it_is_proposed_previewed_published_and_shown(dan, db, settings, content, app, cast):
    dan.post(URL, data={**FORM, "title": "Fi", "slug": ""})  # kept as it is typed: no address yet
    sent = dan.post(f"{URL}/branch", data={**FORM, "slug": "", "tab": "another", "edition": "1"})
    assert sent.headers["Location"] == "/en/preview/draft/find-a-lost-collar/?proposed=1"
    preview = dan.get(sent.headers["Location"])
    assert preview.status_code == 200
    assert "Dan Leroy" in preview.text and "<h1>Find a lost collar</h1>" in preview.text
    assert preview.headers["Cache-Control"] == "no-store"
    url = "/en/preview/draft/find-a-lost-collar/en/guide/find-a-lost-collar"
    differences = dan.get(f"{url}?view=differences").text
    assert '<tr class="added">' in differences and "trouvable_par" not in differences
    assert "found_by:" in dan.get(f"{url}?view=source").text
    assert dan.get(f"{url}?view=ranks").text.count('<strong class="good">') == 2
    search = app.test_client().get("/en/search?q=collar+gone").text
    assert "Find a lost collar" not in search, "nothing of a draft is found"

    git(content, "merge", "--quiet", "draft/find-a-lost-collar")
    publish(db, settings)
    ticket = db.query("SELECT id FROM tickets")[0]["id"]
    page = dan.get(f"/en/requests/{ticket}").text
    assert "/en/articles/find-a-lost-collar" in page and "Tell 2 people" in page
    customer = signed_in(app, db, cast.alice)
    theirs = customer.get(f"/en/requests/{ticket}").text
    assert "/en/articles/find-a-lost-collar" in theirs
    assert "Tell" not in theirs and "/desk/" not in theirs
    told = dan.post("/en/desk/tickets/1042/articles", data={"path": "en/guide/find-a-lost-collar"})
    assert told.status_code == 303
    assert len(db.query("SELECT 1 FROM outbox WHERE kind = 'article.told'")) == 2
    assert "were written to" in dan.get(f"/en/requests/{ticket}").text
    assert dan.get(url).status_code == 404, "the branch has nothing more than what is live"
    mine = dan.get("/en/desk/articles").text
    assert '<a href="/en/articles/find-a-lost-collar">Published</a>' in mine
    assert "Go on with the article" not in dan.get(f"/en/requests/{ticket}").text


def test_branches_are_listed_counted_thrown_away_and_brought_back(dan):
    dan.post(f"{URL}/branch", data={**FORM, "body": "[x](gone.md)"})
    page = dan.get("/en/desk/articles").text
    assert "/en/preview/draft/find-a-lost-collar/" in page and "1 commit ahead" in page
    count = dan.get("/en/desk/articles/findings?branch=draft/find-a-lost-collar", headers=HTMX).text
    assert "1 error" in count
    (commit_id,) = set(re.findall(r'name="commit" value="(\w+)"', page))
    data = {"branch": "draft/find-a-lost-collar", "commit": commit_id}
    gone = dan.post("/en/desk/articles/branches/discard", data=data)
    page = dan.get(gone.headers["Location"]).text
    assert "1 commit ahead" not in page and "Bring it back" in page
    assert dan.post("/en/desk/articles/branches/restore", data=data).status_code == 303
    assert "1 commit ahead" in dan.get("/en/desk/articles").text
    stale = dan.post("/en/desk/articles/branches/discard", data={**data, "commit": "0" * 40})
    assert stale.status_code == 409


def test_findings_say_file_line_rule_and_remedy(dan):
    dan.post(f"{URL}/branch", data={**FORM, "body": "Fine.\n\n[x](gone.md)"})
    page = unescape(dan.get("/en/preview/draft/find-a-lost-collar/").text)
    assert re.search(r">articles/en/guide/find-a-lost-collar\.md:\d+:5<", page)
    assert "broken-link" in page and "error stops the publication" in page


def test_images_of_a_branch_are_shown_to_those_who_write(dan, content, db, app, cast):
    git(content, "checkout", "--quiet", "-b", "pictures")
    write(content, "articles/en/guide/box.png", png(shade=7))
    write(content, "articles/en/guide/page.md", article("Charge", body="![A box](box.png)"))
    commit(content)
    git(content, "checkout", "--quiet", "main")
    page = dan.get("/en/preview/pictures/en/guide/page").text
    (url,) = re.findall(r'src="([^"]*box.png[^"]*)"', page)
    image = dan.get(unescape(url))
    assert image.data == png(shade=7) and image.content_type == "image/png"
    assert "sandbox" in image.headers["Content-Security-Policy"]
    assert "box.png?raw=1" in dan.get("/en/preview/pictures/articles/en/guide/box.png").text
    assert signed_in(app, db, cast.alice).get(unescape(url)).status_code == 404
    assert dan.get("/en/preview/pictures/en/guide/page?raw=1").status_code == 404


def test_a_branch_is_shown_line_by_line(dan, content):
    lines = [f"Line {n}." for n in range(40)]
    write(content, "articles/en/guide/long.md", article("Long", body="\n".join(lines)))
    commit(content)
    git(content, "checkout", "--quiet", "-b", "reword")
    lines[2], lines[30] = "Another line.", "-- and a dash"
    write(content, "articles/en/guide/long.md", article("Long", body="\n".join(lines)))
    git(content, "rm", "--quiet", "articles/en/guide/page.md")
    commit(content)
    git(content, "checkout", "--quiet", "main")
    page = dan.get("/en/preview/reword/en/guide/long?view=differences").text
    cells = r'<tr class="(\w+)"><td class="n">(\d+)</td>.*?<td>([^<]*)</td></tr>'
    told = [each for each in re.findall(cells, page) if each[0] != "same"]
    assert told == [
        ("removed", "8", "Line 2."),
        ("added", "8", "Another line."),
        ("removed", "36", "Line 30."),
        ("added", "36", "-- and a dash"),
    ]
    assert page.count('<tr class="gap">') == 1
    assert (
        "removes articles/en/guide/page.md"
        in dan.get("/en/preview/reword/en/guide/page?view=source").text
    )


def test_a_phrase_that_would_not_find_it_is_a_finding(dan, content):
    for number in range(4):
        write(content, f"articles/en/guide/lost-{number}.md", article(f"Lost collar {number}"))
    commit(content)
    other = {**FORM, "title": "Zzz", "phrases": "collar 1 2 3", "body": "Words."}
    dan.post(f"{URL}/branch", data=other)
    page = dan.get("/en/preview/draft/find-a-lost-collar/").text
    assert "not-found-by" in page and "1 error stops the publication" in page


def test_what_cannot_be_proposed_comes_back_whole(dan, content):
    answer = dan.post(f"{URL}/branch", data={**FORM, "slug": "page"})
    assert answer.status_code == 422 and "exists already" in answer.text
    assert "Find a lost collar" in answer.text and "collar gone" in answer.text
    assert git(content, "for-each-ref", "refs/heads/draft") == ""
    empty = dan.post(f"{URL}/branch", data={**FORM, "title": ""})
    assert empty.status_code == 422 and "Restart it." in empty.text


def test_without_a_repository_it_is_a_file(db, cast, settings, content, app):
    shutil.rmtree(content / ".git")
    solve(db)
    dan = signed_in(app, db, cast.dan)
    page = dan.get("/en/desk/articles/new?ticket=1042").text
    assert "Download the file" in page and "Propose" not in page
    file = dan.post(f"{URL}/file", data=FORM)
    assert file.headers["Content-Disposition"] == "attachment; filename=find-a-lost-collar.md"
    assert file.text.startswith("---\ntitle: Find a lost collar\naudience: everyone\n")
    assert dan.post(f"{URL}/branch", data=FORM).status_code == 422
    assert dan.get("/en/desk/articles").status_code == 200


def test_without_content_nothing_fails(db, cast, settings):
    solve(db)
    app = create_app(settings, db)
    dan = signed_in(app, db, cast.dan)
    page = dan.get("/en/desk/articles/new?ticket=1042")
    assert page.status_code == 200 and "how it would look is not known" in page.text
    assert dan.post(URL, data=FORM).status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "/en/desk/articles", "/en/desk/articles/new", "/en/desk/articles/new?ticket=1042", URL,
        "/en/preview/draft/find-a-lost-collar/", "/en/preview/nothing/",
        "/en/desk/articles/findings?branch=draft/find-a-lost-collar",
    ],
)  # fmt: skip
def test_customers_do_not_know_of_any_of_it(dan, db, app, cast, path):
    dan.post(f"{URL}/branch", data=FORM)
    alice = signed_in(app, db, cast.alice)
    assert alice.get(path).status_code == 404
    assert app.test_client().get(path).status_code in (303, 404)


def test_writers_write_without_the_requests_they_do_not_see(dan, db, app, cast):
    wendy = signed_in(app, db, cast.wendy)
    assert wendy.get("/en/desk/articles/new?ticket=1042").status_code == 404
    page = wendy.get("/en/desk/articles/new?title=Collars&phrases=a%0Ab&gap=G-7&ticket=1042").text
    assert "Collars" in page and "ERR-1042" not in page
    assert wendy.post(URL, data={**FORM, "gap": "G-7"}).status_code == 303
    assert "#1042" not in wendy.get(URL).text
    sent = wendy.post(f"{URL}/branch", data={**FORM, "gap": "G-7"})
    assert wendy.get(sent.headers["Location"]).status_code == 200
    draft = article_drafts.find(db, cast.wendy, KEY)
    assert draft.gap == "G-7" and draft.tickets == ()


@pytest.mark.parametrize(
    "address",
    ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "-x", "--help", "main", "HEAD", "a" * 3000,
     "draft/find-a-lost-collar/../../x", "draft/find-a-lost-collar/en/guide/page", "%00",
     "draft/find-a-lost-collar%00", "draft/find-a-lost-collar^", "refs/heads/draft/x"],
)  # fmt: skip
def test_no_address_of_a_preview_reaches_anything_else(dan, address):
    dan.post(f"{URL}/branch", data=FORM)
    assert dan.get(f"/en/preview/{address}").status_code == 404


@pytest.mark.parametrize("name", ["ticket", "gap", "phrases", "language", "product", "title"])
@pytest.mark.parametrize("value", ["", "x", "\0", "é" * 5000, "-1", "9" * 40, "G-1'", "\ud800"])
def test_no_address_of_a_new_article_makes_it_fail(dan, name, value):
    query = {"title": "A", name: value.encode("utf-8", "surrogatepass")}
    assert dan.get("/en/desk/articles/new", query_string=query).status_code in (200, 404, 422)


def test_any_text_is_a_draft(dan):
    texts = ("\0\ud800", "---\n---\nx", "```", "x" * 300_000, "‹", "[[", "\u2028")
    for value in texts:
        sent = {name: value for name in FORM if name not in ("tab", "ticket")}
        data = {k: v.encode("utf-8", "replace") for k, v in {**FORM, **sent}.items()}
        expected = 422 if len(value) > 64_000 else 200  # refused, with all of it on the page
        assert dan.post(URL, data=data, headers=HTMX).status_code == expected
        assert dan.get(URL).status_code == 200


def test_the_log_says_nothing_of_what_is_written(dan, caplog):
    caplog.set_level("DEBUG")
    dan.post(URL, data={**FORM, "body": "CANARY-OF-THE-TEXT"})
    dan.post(f"{URL}/branch", data={**FORM, "body": "CANARY-OF-THE-TEXT"})
    assert "CANARY" not in caplog.text
