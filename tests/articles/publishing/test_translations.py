"""Translations know which of their paragraphs are behind, as readers and writers see it."""

import os
import re
import shutil
from dataclasses import replace
from subprocess import CalledProcessError

import pytest

from kbsearch import articles
from kbsearch.access import ANONYMOUS
from kbsearch.articles import lags
from kbsearch.articles.publishing import file_history
from kbsearch.articles.publishing import git as git_runner
from kbsearch.articles.publishing.paragraphs import Lineage
from kbsearch.articles.publishing.publish import publish, tree_of
from kbsearch.text.markup.blocks import block_of
from tests.kit import growth
from tests.kit.bilingual import History
from tests.kit.writers import article, commit, git, repository, write

COMMITS = int(os.environ.get("KBSEARCH_COMMITS", "40"))
FR, EN = "articles/fr/guide/page.md", "articles/en/guide/page.md"
FRENCH = "Premier paragraphe.\n\n## Partie\n\n1. Ouvrir.\n2. Fermer.\n\nDernier paragraphe.\n"
ENGLISH = "First paragraph.\n\n## Part\n\n1. Open.\n2. Close.\n\nLast paragraph.\n"


@pytest.fixture
def content(settings):
    """A page in French, and its translation in a later commit."""
    content = repository(settings)
    write(content, FR, article("Titre", FRENCH))
    commit(content)
    write(content, EN, article("Title", ENGLISH))
    commit(content)
    return content


def change(content, path: str, old: str, new: str, message: str = "Change") -> str:
    file = content / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return commit(content, message)


def lines(db, settings) -> list[int]:
    """The lines of the translation that are behind once all is live."""
    publish(db, settings)
    (row,) = db.query(
        """
        SELECT a.paragraphs_behind FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE a.path = 'en/guide/page' AND s.name = 'live_publication'
        """
    )
    (text,) = db.query("SELECT findings FROM publications p JOIN state s ON s.value = p.id "
                       "AND s.name = 'live_publication'")  # fmt: skip
    found = lags.find(db, ANONYMOUS, articles.find(db, ANONYMOUS, "en", "page"))
    assert (found.count if found else 0) == row["paragraphs_behind"]
    assert ("translation-behind" in text["findings"]) == bool(row["paragraphs_behind"])
    return list(found.lines) if found else []


def test_a_changed_paragraph_is_behind_until_its_translation_follows(db, settings, content):
    assert lines(db, settings) == []
    change(content, FR, "1. Ouvrir.", "1. Ouvrir le menu.")
    assert lines(db, settings) == [10]
    change(content, EN, "Last paragraph.", "Last paragraph, better.")
    assert lines(db, settings) == [10], "another paragraph changes nothing of this one"
    change(content, EN, "1. Open.", "1. Open the menu.")
    assert lines(db, settings) == []


@pytest.mark.parametrize(
    "message", ["typo: one letter", "Coquille\u00a0: un mot", "Fix\n\nTypo: yes"]
)
def test_a_corrected_typo_puts_nothing_behind(db, settings, content, message):
    change(content, FR, "Premier paragraphe.", "Premier paragraphe !", message)
    assert lines(db, settings) == []
    change(content, FR, "Premier paragraphe !", "Second paragraphe !")
    change(content, FR, "Second paragraphe !", "Deuxième paragraphe !", message)
    assert lines(db, settings) == [6], "what was behind before it stays so"


def test_new_and_removed_paragraphs_are_behind_too(db, settings, content):
    change(content, FR, "## Partie", "Un mot de plus, ici.\n\n## Partie")
    assert lines(db, settings) == [6]
    change(content, FR, "Dernier paragraphe.\n", "")
    assert lines(db, settings) == [6, 13]
    change(content, EN, "## Part", "One more word, here.\n\n## Part")
    change(content, EN, "Last paragraph.\n", "")
    assert lines(db, settings) == []


def test_readers_see_the_original_folded_under_what_is_behind(db, settings, content, client):
    change(content, FR, "1. Ouvrir.", '1. Ouvrir [le *menu*](autre.md) <a id="main"></a>.')
    write(content, "articles/fr/guide/autre.md", article("Autre", audience="agents"))
    change(content, FR, "## Partie", "Un mot de plus, ici.\n\n## Partie")
    change(content, FR, "Dernier paragraphe.\n", "")
    publish(db, settings)
    page = client.get("/en/articles/page").get_data(as_text=True)
    body = page.partition('<div class="prose">')[2].partition("</article>")[0]
    assert body.count("<details") == 2 and body.count('<div lang="fr">') == 2
    assert re.search(r"<li>Open\.\s*<details.*changed in the original.*Ouvrir .*</li>", body, re.S)
    assert "Un mot de plus, ici." in body and "no longer in the original" in body
    assert body.count('id="main"') == 0 and "2 paragraphs" not in page and "3 paragraphs" in page
    assert "<details" not in articles.find(db, ANONYMOUS, "en", "page").html
    assert "paragraphes" not in client.get("/fr/articles/page").get_data(as_text=True)


def test_the_original_is_shown_to_those_alone_who_may_read_it(db, settings, content, client):
    change(content, FR, "Premier paragraphe.", "Un secret.")
    change(content, FR, "audience: everyone", "audience: agents")
    publish(db, settings)
    page = client.get("/en/articles/page").get_data(as_text=True)
    assert "secret" not in page and "original" not in page


def test_a_move_of_both_files_loses_nothing(db, settings, content):
    change(content, FR, "1. Ouvrir.", "1. Ouvrir le menu.")
    for language in ("fr", "en"):
        (content / f"articles/{language}/other").mkdir()
        place = f"articles/{language}/guide/page.md"
        git(content, "mv", place, f"articles/{language}/other/page.md")
    commit(content)
    publish(db, settings)
    found = lags.find(db, ANONYMOUS, articles.find(db, ANONYMOUS, "en", "page"))
    assert found is not None and found.lines == (10,)


def test_the_commit_that_a_translation_names_is_what_it_was_made_from(db, settings, content):
    old = git(content, "rev-parse", "HEAD")
    change(content, FR, "Premier paragraphe.", "Un autre début.")
    write(content, EN, article("Title", f"{ENGLISH}\nMore.\n", more=f"source_commit: {old}\n"))
    new = commit(content)
    assert lines(db, settings) == [7]
    change(content, EN, f"source_commit: {old}", f"source_commit: {new}")
    assert lines(db, settings) == []


def test_a_branch_was_made_from_what_it_began_with(db, settings, content):
    git(content, "checkout", "--quiet", "-b", "english")
    change(content, EN, "First paragraph.", "The first paragraph.")
    git(content, "checkout", "--quiet", "main")
    change(content, FR, "Premier paragraphe.", "Un autre début.")
    git(content, "merge", "--quiet", "--no-edit", "english")
    assert lines(db, settings) == [6]


def test_nothing_is_said_where_the_history_is_cut_off(db, settings, content, tmp_path):
    change(content, FR, "1. Ouvrir.", "1. Ouvrir le menu.")
    whole = tmp_path / "whole"
    shutil.move(content, whole)
    git(tmp_path, "clone", "--quiet", "--depth=1", whole.as_uri(), str(content))
    outcome = publish(db, settings)
    assert [finding.rule for finding in outcome.findings] == ["shallow-history"]


@pytest.mark.parametrize("words", [3, 10**6], ids=["few", "all different"])
def test_following_a_page_takes_a_time_that_grows_with_it_alone(words):
    def page(size, begin):
        return [
            block_of("paragraph_open", f"{begin} {place % words} of it", 0, 0, 0)
            for place in range(size)
        ]

    def follow(text):
        lineage = Lineage()
        lineage.change_original(page(len(text), "One"))
        lineage.change_translation(page(len(text), "Une"))
        lineage.change_original(page(len(text), "Two"))
        assert len(lineage.lags()) == len(text)

    assert growth.excess_at(follow, "a", 300) is None


def test_what_git_could_not_tell_is_asked_again(db, settings, content, monkeypatch):
    change(content, FR, "1. Ouvrir.", "1. Ouvrir le menu.")
    run = git_runner.run

    def fail(repository, *arguments, **options):
        if "--full-history" in arguments:
            raise CalledProcessError(128, "git")
        return run(repository, *arguments, **options)

    monkeypatch.setattr(git_runner, "run", fail)
    assert lines(db, settings) == []
    assert lags.find(db, ANONYMOUS, articles.find(db, ANONYMOUS, "en", "page")) is None
    monkeypatch.setattr(git_runner, "run", run)
    write(content, "articles/fr/guide/other.md", article("Autre"))
    commit(content)
    assert lines(db, settings) == [10]


def test_git_is_asked_about_all_changes_of_a_translation_at_once(
    db, settings, content, monkeypatch
):
    git(content, "checkout", "--quiet", "-b", "english")
    for place in range(4):
        change(content, EN, "Open", f"Open {place}")
    git(content, "checkout", "--quiet", "main")
    change(content, FR, "Premier paragraphe.", "Un autre début.")
    git(content, "merge", "--quiet", "--no-edit", "english")
    questions, converse = [], git_runner.conversation

    def count(repository, *arguments):
        questions.append(arguments)
        return converse(repository, *arguments)

    monkeypatch.setattr(git_runner, "conversation", count)
    assert lines(db, settings) == [6]
    assert sum("--batch-check=%(objectname)" in words for words in questions) == 1


def test_what_did_not_change_is_not_looked_up_again(db, settings, content, monkeypatch):
    change(content, FR, "1. Ouvrir.", "1. Ouvrir le menu.")
    assert lines(db, settings) == [10]
    write(content, "articles/fr/guide/other.md", article("Autre"))
    commit(content)
    monkeypatch.setattr(file_history, "read", lambda tree: pytest.fail("it was read"))
    assert lines(db, settings) == [10]


def test_a_history_of_two_languages_is_followed(db, settings):
    settings = replace(settings, check_levels=("empty-section=warning",))
    content = repository(settings)
    history = History(seed=19, articles=max(4, COMMITS // 15), commits=COMMITS)
    git(content, "fast-import", "--quiet", data=history.stream.encode())
    assert tree_of(settings).is_committed
    publish(db, settings)
    stale = flagged = right = missing = missing_found = 0
    for pair in history.pairs:
        pair.translation()  # which says the lines
        behind = {each.line for each in pair.paragraphs if each.is_behind}
        page = articles.find(db, ANONYMOUS, "en", pair.name)
        found = lags.find(db, ANONYMOUS, page)
        told = list(zip(found.kinds, found.lines, strict=True)) if found else []
        shown = {line for kind, line in told if kind != "missing"}
        stale, flagged = stale + len(behind), flagged + len(shown)
        right += len(behind & shown)
        missing += sum(each.is_missing for each in pair.paragraphs)
        missing_found += sum(kind == "missing" for kind, _ in told)
    assert stale > COMMITS / 10
    assert right >= 0.95 * stale and flagged - right <= 0.05 * flagged
    assert abs(missing - missing_found) <= 0.05 * missing + 1
