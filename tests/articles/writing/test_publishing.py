"""From the editor to what is live: edited, overtaken by others, refused, stopped in between."""

import fcntl
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kbsearch import articles
from kbsearch.articles.publishing import branches
from kbsearch.articles.publishing import publish as publishing
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.articles.writing import amending, drafts, originals, proposals
from kbsearch.articles.writing.composition import Composed
from kbsearch.articles.writing.originals import Overtaken
from kbsearch.articles.writing.proposals import GateClosed
from kbsearch.config import Settings
from kbsearch.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from kbsearch.i18n import explain
from tests.kit.engines import address_of
from tests.kit.writers import PAGE, article, commit, git, repository, write

KEY = "draft-key-1"
PATH = "en/guide/page"
BODY = "First.\n\nSecond.\n\nThird."
OTHER = "articles/en/guide/other.md"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings: Settings, db) -> Path:
    content = repository(settings)
    write(content, PAGE, article("A page", BODY, more="owner: wendy # hers\n"))
    write(content, OTHER, article("Another", "Other words."))
    commit(content)
    publish(db, settings)
    return content


def begin(db, viewer, settings: Settings, **values: str) -> None:
    """Change the page in the editor of a viewer."""
    original = originals.current(settings, PAGE)
    read = replace(amending.read(original, "everyone"), **values)  # type: ignore[arg-type]
    drafts.save(db, viewer, KEY, Composed(read, original=original), tab="one")


def text_live(db, viewer) -> str:
    card = articles.find_path(db, viewer, PATH)
    assert card is not None
    return str(articles.find(db, viewer, "en", card.slug).html)


def test_a_writer_changes_a_word_and_it_is_live(db, cast, settings, content):
    begin(db, cast.wendy, settings, body=BODY.replace("Second", "2nd"))
    assert proposals.publish(db, cast.wendy, settings, KEY) == PATH
    assert "2nd." in text_live(db, cast.alice)
    shown = git(content, "log", "-1", "--format=%an <%ae> %s", "-p", "-U0", "main").split("\n")
    assert shown[0] == "Wendy Faure <wendy@support.example> A page"
    assert shown[-2:] == ["-Second.", "+2nd."]
    assert git(content, "status", "--porcelain") == ""
    assert branches.list_all(settings) == [] and git(content, "branch", "--list", "draft/*") == ""
    assert drafts.list_all(db, cast.wendy) == []
    (row,) = db.query("SELECT * FROM security_log WHERE kind = 'branch.published'")
    assert row["actor_id"] == cast.wendy.person_id
    assert git(content, "rev-parse", "main") in row["details"]


def test_behind_a_long_publication_a_writer_is_told_whose_it_is_and_nothing_is_lost(
    db, cast, settings, content, monkeypatch
):
    monkeypatch.setattr(publishing, "WRITERS_PATIENCE", 0.1)
    begin(db, cast.wendy, settings, body=BODY.replace("Second", "2nd"))
    with (settings.data_path / "publish.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("2026-12-01T14:05:09Z kbsearch publish", end="", file=lock, flush=True)
        with pytest.raises(Unavailable) as refused:
            proposals.publish(db, cast.wendy, settings, KEY)
    told = [explain(refused.value, language) for language in ("fr", "en")]
    assert all("kbsearch publish" in each and "14:05" in each for each in told), told
    assert "2nd." not in text_live(db, cast.alice)
    assert isinstance(publish(db, settings), Publication)  # as the worker does, which sees it
    assert "2nd." in text_live(db, cast.alice)
    assert proposals.publish(db, cast.wendy, settings, KEY) == PATH
    assert drafts.list_all(db, cast.wendy) == []


def test_a_new_article_goes_live_the_same_way(db, cast, settings, content):
    made = amending.read(originals.current(settings, PAGE), "everyone")
    new = Composed(replace(made, slug="new", title="New"))
    drafts.save(db, cast.wendy, KEY, new)
    assert proposals.publish(db, cast.wendy, settings, KEY) == "en/guide/new"
    assert articles.find_path(db, cast.alice, "en/guide/new") is not None


def test_others_propose_and_a_writer_publishes_it(db, cast, settings, content):
    begin(db, cast.dan, settings, title="By Dan")
    with pytest.raises(Forbidden):
        proposals.publish(db, cast.dan, settings, KEY)
    for stranger in (cast.alice, cast.nobody, cast.wendy):
        with pytest.raises(NotFound):
            proposals.publish(db, stranger, settings, KEY)
    branch = branches.find(settings, proposals.propose(db, cast.dan, settings, KEY))
    write(content, OTHER, article("Another", "Changed by hand."))
    commit(content)
    for other in (cast.dan, cast.alice):
        with pytest.raises((Forbidden, NotFound)):
            proposals.publish_branch(db, other, settings, branch)
    proposals.publish_branch(db, cast.wendy, settings, branch)
    card = articles.find_path(db, cast.alice, PATH)
    assert card is not None and card.title == "By Dan"
    assert git(content, "log", "-1", "--format=%an %ce") == "Dan Leroy wendy@support.example"


def test_where_articles_are_reviewed_nobody_publishes_their_own(db, cast, settings, content):
    reviewed = replace(settings, article_review=True)
    begin(db, cast.wendy, reviewed, title="By Wendy")
    with pytest.raises(Forbidden):
        proposals.publish(db, cast.wendy, reviewed, KEY)
    branch = branches.find(settings, proposals.propose(db, cast.wendy, reviewed, KEY))
    with pytest.raises(Forbidden):
        proposals.publish_branch(db, cast.wendy, reviewed, branch)
    proposals.publish_branch(db, cast.root, reviewed, branch)
    assert "By Wendy" in git(content, "show", f"main:{PAGE}")


def test_an_error_keeps_it_out_and_nothing_moves(db, cast, settings, content):
    before = git(content, "rev-parse", "main")
    begin(db, cast.wendy, settings, body="[Read](gone.md)")
    with pytest.raises(GateClosed) as gate:
        proposals.publish(db, cast.wendy, settings, KEY)
    assert [finding.rule for finding in gate.value.findings] == ["broken-link"]
    assert git(content, "rev-parse", "main") == before
    assert "First." in text_live(db, cast.alice)
    assert drafts.find(db, cast.wendy, KEY).article.body == "[Read](gone.md)"


def test_somebody_elses_change_is_shown_and_put_together(db, cast, settings, content):
    begin(db, cast.wendy, settings, body=BODY.replace("Second", "Mine"), summary="Mine too")
    write(content, PAGE, article("Theirs", BODY.replace("Second", "Theirs").replace("Third", "3")))
    commit(content)
    with pytest.raises(Overtaken) as both:
        proposals.publish(db, cast.wendy, settings, KEY)
    merged = both.value.merged
    assert (merged.title, merged.summary) == ("Theirs", "Mine too")
    assert merged.body == "First.\n\nMine.\n\n3."
    assert both.value.sides.theirs and "Theirs." in both.value.sides.theirs.body
    assert drafts.find(db, cast.wendy, KEY).article.body == BODY.replace("Second", "Mine")
    composed = Composed(merged)
    drafts.save(db, cast.wendy, KEY, composed, tab="one")
    proposals.publish(db, cast.wendy, settings, KEY, seen=both.value.revision)
    text = git(content, "show", f"main:{PAGE}")
    assert text.startswith("---\ntitle: Theirs\n") and text.endswith("Mine.\n\n3.")
    assert git(content, "status", "--porcelain") == ""


def test_a_third_change_is_shown_again(db, cast, settings, content):
    begin(db, cast.wendy, settings, body="Mine.")
    revisions = set()
    seen = ""
    for words in ("Theirs.", "Theirs again."):
        write(content, PAGE, article("A page", words))
        commit(content)
        with pytest.raises(Overtaken) as both:
            proposals.propose(db, cast.wendy, settings, KEY, seen=seen)
        seen = both.value.revision
        revisions.add(seen)
    assert len(revisions) == 2


def test_a_change_of_what_the_editor_does_not_show_is_no_conflict(db, cast, settings, content):
    begin(db, cast.wendy, settings, body="Mine.")
    write(content, PAGE, article("A page", BODY, more="owner: dan\nreviewed: 2026-11-01\n"))
    commit(content)
    proposals.publish(db, cast.wendy, settings, KEY)
    text = git(content, "show", f"main:{PAGE}")
    assert "owner: dan\nreviewed: 2026-11-01\n" in text and text.endswith("Mine.")


def test_what_was_proposed_before_others_went_on_is_put_on_top(db, cast, settings, content):
    begin(db, cast.wendy, settings, body="Mine.")
    proposals.propose(db, cast.wendy, settings, KEY)
    write(content, PAGE, article("A page", "Theirs."))
    commit(content)
    with pytest.raises(Overtaken) as both:
        proposals.publish(db, cast.wendy, settings, KEY)
    proposals.publish(db, cast.wendy, settings, KEY, seen=both.value.revision)
    assert git(content, "show", f"main:{PAGE}").endswith("Mine.")
    assert git(content, "branch", "--list", "draft/*") == ""


def test_an_article_that_was_removed_is_put_back_if_that_is_meant(db, cast, settings, content):
    begin(db, cast.wendy, settings, body="Mine.")
    (content / PAGE).unlink()
    commit(content)
    with pytest.raises(Overtaken) as both:
        proposals.publish(db, cast.wendy, settings, KEY)
    assert both.value.sides.theirs is None and both.value.merged.body == "Mine."
    proposals.publish(db, cast.wendy, settings, KEY, seen=both.value.revision)
    assert "owner: wendy # hers" in git(content, "show", f"main:{PAGE}")


def test_an_article_in_which_nothing_differs_is_not_proposed(db, cast, settings, content):
    begin(db, cast.wendy, settings)
    with pytest.raises(Invalid, match="unchanged"):
        proposals.propose(db, cast.wendy, settings, KEY)


def test_the_branch_of_a_proposal_that_moved_is_not_published(db, cast, settings, content):
    begin(db, cast.dan, settings, title="By Dan")
    branch = branches.find(settings, proposals.propose(db, cast.dan, settings, KEY))
    write(content, PAGE, article("Theirs", BODY))
    commit(content)
    with pytest.raises(Conflict, match="file_changed"):
        proposals.publish_branch(db, cast.wendy, settings, branch)
    assert branches.find(settings, branch.name).commit == branch.commit


KILLED = """
import os, signal, sys
from pathlib import Path
from kbsearch.access import Viewer, principals
from kbsearch.articles.publishing import publish as publishing
from kbsearch.articles.writing import proposals
from kbsearch.config import Settings
from tests.kit.engines import at
site, database, person = sys.argv[1:]
settings = Settings(site=Path(site), default_audience="everyone")
wendy = Viewer("writer", person, "Wendy Faure", "wendy@support.example",
               principals=principals("writer", person))
publishing.publish = lambda db, settings, **_: os.kill(os.getpid(), signal.SIGKILL)
proposals.publish(at(database), wendy, settings, "draft-key-1")
"""


def test_killed_between_the_commit_and_its_publication_nothing_is_lost(db, cast, settings, content):
    begin(db, cast.wendy, settings, body="Mine.")
    places = str(settings.site), address_of(db)
    command = [sys.executable, "-c", KILLED, *places, str(cast.wendy.person_id)]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False)
    assert killed.returncode == -9
    assert git(content, "show", f"main:{PAGE}").endswith("Mine.")
    assert "First." in text_live(db, cast.alice)
    assert drafts.find(db, cast.wendy, KEY).article.body == "Mine."
    assert isinstance(publish(db, settings), Publication)  # the worker's round
    assert "Mine." in text_live(db, cast.alice)
    assert proposals.begun(db, cast.wendy, settings, PAGE) is None
    assert proposals.publish(db, cast.wendy, settings, KEY) == PATH
    assert drafts.list_all(db, cast.wendy) == []
