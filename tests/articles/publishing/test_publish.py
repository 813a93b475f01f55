"""Publishing: what goes live, what is refused, and that nothing in between is ever served."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kbsearch import articles
from kbsearch.access import ANONYMOUS
from kbsearch.articles.publishing import edition, publications
from kbsearch.articles.publishing import publish as publish_module
from kbsearch.articles.publishing.publish import Publication, Refusal, publish
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.database.engines import open_database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.text import markup
from kbsearch.text.markup.reuse import Pieces
from tests.kit import growth
from tests.kit.engines import address_of
from tests.kit.writers import PAGE, article, commit, git, png, repository, with_page, write


@pytest.fixture
def content(settings: Settings) -> Path:
    return with_page(settings)


def title(db: Database, slug: str = "page", language: str = "en") -> str:
    return articles.find(db, ANONYMOUS, language, slug).title


def published(db: SqliteDatabase, settings: Settings, rev: str | None = None) -> Publication:
    outcome = publish(db, settings, rev)
    assert isinstance(outcome, Publication), outcome
    return outcome


def refused(db: SqliteDatabase, settings: Settings) -> Refusal:
    outcome = publish(db, settings)
    assert isinstance(outcome, Refusal), outcome
    return outcome


def test_a_commit_goes_live_with_its_index(db, settings, content):
    publication = published(db, settings)
    assert publication.commit == git(content, "rev-parse", "HEAD") and publication.articles == 1
    assert title(db) == "First title"
    assert Articles(settings.index_path / f"articles-{publication.id}").count == 1


def test_what_is_not_committed_is_not_live(db, settings, content):
    write(content, PAGE, article("Not committed"))
    published(db, settings)
    assert title(db) == "First title"


def test_one_bad_file_holds_the_whole_commit_back(db, settings, content):
    good = published(db, settings)
    write(content, PAGE, article("Second title"))
    write(content, "articles/en/guide/bad.md", article(body="[x](gone.md)"))
    bad = commit(content)
    refusal = refused(db, settings)
    assert refusal.commit == bad
    assert [finding.rule for finding in refusal.findings] == ["broken-link"]
    assert title(db) == "First title"
    live = publications.find_live(db)
    assert live is not None and live.id == good.id


def test_a_refusal_is_kept_until_the_next_good_commit(db, settings, content):
    published(db, settings)
    write(content, PAGE, article(body="[[gone]]"))
    bad = commit(content)
    refused(db, settings)
    (row,) = db.query("SELECT value FROM state WHERE name = 'refused_publication'")
    assert json.loads(row["value"])["commit"] == bad
    assert publications.find_refused(db) is not None
    write(content, PAGE, article("Third title"))
    commit(content)
    published(db, settings)
    assert publications.find_refused(db) is None and title(db) == "Third title"


def test_going_back_to_what_is_live_forgets_the_refusal(db, settings, content):
    good = published(db, settings)
    write(content, PAGE, article(body="[[gone]]"))
    commit(content)
    refused(db, settings)
    git(content, "reset", "--quiet", "--hard", good.commit)
    assert published(db, settings).id == good.id
    assert publications.find_refused(db) is None


def test_a_warning_holds_nothing_back(db, settings, content):
    write(content, PAGE, article("Titre", body="https://kb.example/x"))
    commit(content)
    assert [finding.rule for finding in published(db, settings).findings] == ["bare-url"]


def test_the_same_commit_is_published_once(db, settings, content):
    assert published(db, settings).id == published(db, settings).id


def test_another_setting_publishes_the_same_commit_again(db, settings, content):
    write(content, PAGE, "---\ntitle: Open\n---\nText\n")
    commit(content)
    first = published(db, settings)
    with pytest.raises(NotFound):
        title(db)
    second = published(db, replace(settings, default_audience="everyone"))
    assert second.id != first.id and title(db) == "Open"


def test_any_revision_may_be_put_live(db, settings, content):
    first = git(content, "rev-parse", "HEAD")
    write(content, PAGE, article("Second title"))
    commit(content)
    published(db, settings)
    assert published(db, settings, first).commit == first
    assert title(db) == "First title"
    with pytest.raises(Invalid, match="unknown_revision"):
        publish(db, settings, "gone")


def test_only_the_branch_of_the_settings_is_live(db, settings, content):
    git(content, "checkout", "--quiet", "-b", "draft")
    write(content, PAGE, article("On a branch"))
    commit(content)
    published(db, replace(settings, branch="main"))
    assert title(db) == "First title"


def test_a_commit_that_removes_every_article_is_refused(db, settings, content):
    published(db, settings)
    git(content, "rm", "-r", "--quiet", "articles")
    commit(content)
    rules = [finding.rule for finding in refused(db, settings).findings]
    assert rules == ["no-articles", "address-gone"]
    assert title(db) == "First title"


def test_drafts_and_archives_are_not_even_stored(db, settings, content):
    for status in ("draft", "archived"):
        text = article("Hidden words", more=f"status: {status}\n")
        write(content, f"articles/en/guide/{status}.md", text)
    commit(content)
    assert published(db, settings).articles == 1
    assert db.query("SELECT path FROM articles") == [{"path": "en/guide/page"}]


def test_names_become_addresses(db, settings, content):
    write(content, "articles/fr/compte/Où ça œuvre.md", article("Un"))
    write(content, "articles/fr/compte/sous/index.md", article("Deux"))
    write(content, "articles/fr/compte/trois.md", article("Trois", more="slug: choisi\n"))
    commit(content)
    published(db, settings)
    assert title(db, "ou-ca-oeuvre", "fr") == "Un"
    assert title(db, "sous", "fr") == "Deux"
    assert title(db, "choisi", "fr") == "Trois"
    found = articles.find(db, ANONYMOUS, "fr", "sous")
    assert (found.path, found.category) == ("fr/compte/sous/index", "compte/sous")


def test_every_address_an_article_had_leads_to_it(db, settings, content):
    git(content, "mv", PAGE, "articles/en/guide/third.md")
    more = "alias: [page, /en/articles/second]\n"
    write(content, "articles/en/guide/third.md", article("Renamed", more=more))
    commit(content)
    published(db, settings)
    for old in ("page", "second"):
        found = articles.find_alias(db, ANONYMOUS, "en", old)
        assert found is not None and found.slug == "third"
    assert articles.find_alias(db, ANONYMOUS, "fr", "page") is None


def test_links_follow_an_article_that_changes_its_address(db, settings, content):
    write(content, "articles/en/guide/other.md", article("Other", body="[the page](page.md)"))
    commit(content)
    published(db, settings)
    write(content, PAGE, article("First title", more="slug: moved\n"))
    commit(content)
    published(db, settings)
    assert 'href="/en/articles/moved"' in articles.find(db, ANONYMOUS, "en", "other").html


def test_what_did_not_change_is_not_rendered_again(db, settings, content, monkeypatch):
    body = "## Part\n\n[the page](page.md#) ![box](box.png) `code`"
    write(content, "articles/en/guide/other.md", article("Other", body=body))
    write(content, "articles/en/guide/box.png", png())
    commit(content)
    published(db, settings)
    before = articles.find(db, ANONYMOUS, "en", "other")
    pages = articles.pages(db, _live(db))
    rendering: list[str] = []
    parse = markup.parse

    def counted(text: str, title: str, pieces: Pieces | None) -> markup.Document:
        rendering.append(title)
        return parse(text, title, pieces)

    monkeypatch.setattr(markup, "parse", counted)
    write(content, PAGE, article("Second title"))
    commit(content)
    published(db, settings)
    assert rendering == ["Second title"]
    after = articles.find(db, ANONYMOUS, "en", "other")
    assert replace(after, id=before.id) == before
    assert articles.pages(db, _live(db))[0] == pages[0]


def test_the_index_is_made_of_what_the_rows_say(db, settings, content):
    more = "found_by: [a phrase]\ntags: [x]\nproduct: [p]\nversion: '4'\nupdated: 2026-11-01\n"
    write(content, PAGE, article(body="Intro\n\n## Part\n\nA phrase", more=more))
    commit(content)
    indexed = edition.make(publish_module.tree_of(settings), settings).pages
    published(db, settings)
    assert articles.pages(db, _live(db)) == indexed


def test_a_refused_commit_leaves_no_index_behind(db, settings, content):
    for number in range(4):
        write(content, f"articles/en/guide/p{number}.md", article("Printer", "printer " * 9))
    write(content, PAGE, article(more="found_by: [printer]\n"))
    commit(content)
    assert [finding.rule for finding in refused(db, settings).findings] == ["not-found-by"]
    assert list(settings.index_path.iterdir()) == []


def test_findings_of_what_did_not_change_are_said_again(db, settings, content):
    write(content, "articles/en/guide/other.md", article("Other", body="https://kb.example/x"))
    commit(content)
    first = published(db, settings)
    write(content, PAGE, article("Second title"))
    commit(content)
    assert published(db, settings).findings == first.findings != ()


def test_a_link_breaks_when_its_target_goes_away(db, settings, content):
    write(content, "articles/en/guide/other.md", article("Other", body="[the page](page.md)"))
    commit(content)
    published(db, settings)
    git(content, "rm", "--quiet", PAGE)
    commit(content)
    finding, gone = refused(db, settings).findings
    assert (finding.path, finding.rule) == ("articles/en/guide/other.md", "broken-link")
    assert (gone.path, gone.rule, gone.severity) == (PAGE, "address-gone", "warning")


def test_a_translation_behind_its_original_is_told(db, settings, content):
    made_from = git(content, "rev-parse", "HEAD")
    french = article("Titre", more=f"source_commit: {made_from[:10]}\n")
    write(content, "articles/fr/guide/page.md", french)
    commit(content)
    assert published(db, settings).findings == ()
    write(content, PAGE, article("Newer"))
    commit(content)
    (finding,) = published(db, settings).findings
    assert (finding.path, finding.rule) == ("articles/fr/guide/page.md", "translation-behind")


@pytest.mark.parametrize(
    "twin, reason",
    [
        ({"title": "Forgot YOUR  password?"}, "title"),
        ({"title": "Another one", "body": f"{' word' * 20}."}, "body"),
        ({"title": "Forgot your password", "more": "product: [icownect]\n"}, None),
        ({"title": "Forgot your password", "audience": "agents"}, None),
        ({"title": "Something else entirely"}, None),
    ],
)
def test_an_article_that_says_what_another_says_is_told(db, settings, content, twin, reason):
    write(content, PAGE, article("Forgot your password", body=f"{' word' * 20}."))
    write(content, "articles/fr/guide/page.md", article("Forgot your password"))
    write(content, "articles/en/other/twin.md", article(**twin))
    commit(content)
    found = [finding for finding in published(db, settings).findings if finding.rule == "twin"]
    assert [finding.path for finding in found] == (["articles/en/other/twin.md"] if reason else [])
    for finding in found:
        assert finding.values == {"other": PAGE, "reason": reason}


def test_only_the_live_publication_and_the_one_before_are_kept(db, settings, content):
    made = []
    for number in range(4):
        write(content, PAGE, article(f"Title {number}"))
        commit(content)
        made.append(published(db, settings).id)
    assert {row["id"] for row in db.query("SELECT id FROM publications")} == set(made[-2:])
    folders = {folder.name for folder in settings.index_path.iterdir()}
    assert folders == {f"articles-{kept}" for kept in made[-2:]}
    assert len(db.query("SELECT id FROM articles")) == 2


# A plain folder


def test_in_a_folder_the_readable_files_go_live(db, settings):
    folder = settings.content_path
    write(folder, PAGE, article("Good"))
    write(folder, "articles/en/guide/yaml.md", "---\ntitle: [\n---\nText")
    write(folder, "articles/en/guide/latin.md", b"---\ntitle: caf\xe9\n---\n")
    write(folder, "articles/en/guide/huge.md", "x" * 300_000)
    write(folder, "articles/en/guide/who.md", article(audience="friends"))
    write(folder, "articles/en/guide/bare.md", "# From its heading\n\n[x](gone.md)")
    publication = published(db, replace(settings, default_audience="everyone"))
    assert publication.articles == 2 and publication.commit.startswith("folder-")
    assert title(db) == "Good" and title(db, "bare") == "From its heading"
    rules = {finding.rule for finding in publication.findings}
    assert {"front-matter", "encoding", "file-size", "title-missing", "broken-link"} <= rules


def test_in_a_folder_the_second_of_two_gets_another_address(db, settings):
    for category in ("a", "b", "c/d"):
        write(settings.content_path, f"articles/en/{category}/page.md", article(category))
    publication = published(db, settings)
    assert [finding.rule for finding in publication.findings] == ["slug-clash", "slug-clash"]
    assert [title(db, slug) for slug in ("page", "b-page", "c-d-page")] == ["a", "b", "c/d"]


def test_an_empty_folder_is_an_empty_site(db, settings):
    settings.content_path.mkdir()
    assert published(db, settings).articles == 0


def test_a_content_folder_that_is_not_there_is_said(db, settings):
    with pytest.raises(Invalid, match="no_content"):
        publish(db, settings)


# Whatever is killed, one publication is served

KILLED = """
import os, signal, sys
from pathlib import Path
from kbsearch.config import Settings
from kbsearch.articles.publishing import publications, publish
from kbsearch.search.fulltext import article_writer
from tests.kit.engines import at

db = at(sys.argv[3])
engine = type(db)

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(module, name):
    original = getattr(module, name)
    setattr(module, name, lambda *a, **k: (original(*a, **k), die()))

def in_statement(word):
    original = engine.execute
    def execute(self, sql, values=None):
        changed = original(self, sql, values)
        if word in sql:
            die()
        return changed
    engine.execute = execute

settings = Settings(site=Path(sys.argv[1]))
moment = sys.argv[2]
if moment == "rendered": article_writer.build = die
elif moment == "writing the index": article_writer.write = die
elif moment == "index written": publish.publications.write = die
elif moment == "writing rows": after(engine, "insert_many")
elif moment == "rows written": publish.publications.put_live = die
elif moment == "switching": in_statement("INSERT INTO state")
elif moment == "switched": publish.publications.forget = die
elif moment == "forgetting": in_statement("DELETE FROM articles ")
elif moment == "forgotten": publish._forget_indexes = die
publish.publish(db, settings)
"""
BEFORE = ("rendered", "writing the index", "index written", "writing rows", "rows written")
MOMENTS = (*BEFORE, "switching", "switched", "forgetting", "forgotten", "never")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_publisher_killed_at_any_moment_leaves_one_commit_served(db, settings, content, moment):
    write(content, "articles/en/guide/twin.md", article("First title"))
    commit(content)
    old = published(db, settings)
    for path in (PAGE, "articles/en/guide/twin.md"):
        write(content, path, article("Second title"))
    new = commit(content)
    command = [sys.executable, "-c", KILLED, str(settings.site), moment, address_of(db)]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == (0 if moment == "never" else -signal.SIGKILL), done.stderr
    live = publications.find_live(db)
    assert live is not None
    assert live.commit == (old.commit if moment in (*BEFORE, "switching") else new)
    expected = "First title" if live.commit == old.commit else "Second title"
    assert {title(db), title(db, "twin")} == {expected}
    assert Articles(settings.index_path / f"articles-{live.id}").count == 2
    after = published(db, settings)
    assert after.commit == new and title(db) == "Second title"


def test_what_a_killed_publisher_left_is_removed_by_the_next(db, settings, content):
    published(db, settings)
    write(content, PAGE, article("Second title"))
    commit(content)
    command = [sys.executable, "-c", KILLED, str(settings.site), "rows written", address_of(db)]
    subprocess.run(command, check=False)
    assert len(db.query("SELECT id FROM publications")) == 2
    published(db, settings)
    assert len(db.query("SELECT id FROM publications")) == 2
    assert len(list(settings.index_path.iterdir())) == 2


def test_a_reader_never_sees_a_mix(db, settings, content):
    """While ten commits go live, every look at two pages sees one and the same commit."""
    write(content, "articles/en/guide/twin.md", article("Title 0"))
    write(content, PAGE, article("Title 0"))
    commit(content)
    published(db, settings)
    seen: list[tuple[str, str]] = []
    over = threading.Event()

    def read() -> None:
        reader = open_database(settings.database_address)
        while not over.is_set():
            with reader.snapshot():
                seen.append((title(reader), title(reader, "twin")))
        reader.close()

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(1, 6):
        for path in (PAGE, "articles/en/guide/twin.md"):
            write(content, path, article(f"Title {number}"))
        commit(content)
        published(db, settings)
    over.set()
    thread.join()
    assert len({page for page, _ in seen}) > 1, "the reader must have seen a change"
    assert all(page == twin for page, twin in seen)


def test_two_publishers_take_turns(settings, db, content):
    script = (
        "import sys; from pathlib import Path; from kbsearch.config import Settings;"
        "from kbsearch.articles.publishing.publish import publish;"
        "from tests.kit.engines import at;"
        "publish(at(sys.argv[2]), Settings(site=Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", script, str(settings.site), address_of(db)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(db.query("SELECT id FROM publications")) == 1


def test_of_a_commit_to_a_large_site_little_is_made_anew(db, settings):
    content = repository(settings)
    body = "\n\n".join(f"## Part {part}\n\n" + "Some words about it. " * 20 for part in range(4))
    for number in range(200):
        text = article(f"Page {number}", body=body, more=f"found_by: ['page {number}']\n")
        write(content, f"articles/en/guide/page-{number}.md", text)
    commit(content)
    whole = growth.cost(lambda: published(db, settings))
    write(content, "articles/en/guide/page-1.md", article("New title", body=body))
    commit(content)
    again = growth.cost(lambda: published(db, settings))
    assert again < whole / 2
    assert title(db, "page-1") == "New title"


def _live(db: SqliteDatabase) -> str:
    live = publications.find_live(db)
    assert live is not None
    return live.id


def lose_head(content: Path) -> None:
    (content / ".git/HEAD").unlink()


def spoil_head(content: Path) -> None:
    (content / ".git/HEAD").write_text("nonsense\n")


def lose_the_objects(content: Path) -> None:
    shutil.rmtree(content / ".git/objects")


def empty_the_objects(content: Path) -> None:
    lose_the_objects(content)
    (content / ".git/objects").mkdir()


def lose_a_folder(content: Path) -> None:
    lose_object(content, "articles/en")


def lose_a_file(content: Path) -> None:
    lose_object(content, PAGE)


def lose_object(content: Path, path: str) -> None:
    """One that a new commit needs."""
    (page,) = content.glob(f"**/{PAGE}")
    page.write_text(article("Committed"))
    commit(content)
    prefix = str(page.relative_to(content)).removesuffix(PAGE)
    name = git(content, "rev-parse", f"HEAD:{prefix}{path}")
    (content / ".git/objects" / name[:2] / name[2:]).unlink()


def spoil_the_branch(content: Path) -> None:
    (content / ".git/refs/heads/main").write_bytes(b"")


def point_nowhere(content: Path) -> None:
    shutil.rmtree(content / ".git")
    (content / ".git").write_text("gitdir: /nowhere/.git/worktrees/content\n")


def link_nowhere(content: Path) -> None:
    shutil.rmtree(content / ".git")
    (content / ".git").symlink_to("/nowhere")


def empty_it(content: Path) -> None:
    shutil.rmtree(content / ".git")
    (content / ".git").mkdir()


DAMAGES = [lose_head, spoil_head, lose_the_objects, empty_the_objects, lose_a_folder, lose_a_file]
DAMAGES += [spoil_the_branch, point_nowhere, link_nowhere, empty_it]


@pytest.mark.parametrize(("part", "branch"), [("", "main"), ("docs", "HEAD")])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_repository_is_no_plain_folder(db, settings, content, damage, part, branch):
    """What nobody committed stays unread, and what is live stays."""
    settings = replace(settings, branch=branch)
    if part:
        (content / part).mkdir()
        git(content, "mv", "articles", f"{part}/articles")
        commit(content)
        settings = replace(settings, content=f"content/{part}")
    live = published(db, settings)
    damage(content)
    write(settings.content_path, PAGE, article("Not committed"))
    with pytest.raises(Invalid, match="damaged_repository|unknown_revision"):
        publish(db, settings)
    assert title(db) == "First title"
    assert publications.find_live(db) == live
