"""What became of an article: who changed it, when and why, in words; and an old text again."""

import re
from pathlib import Path

from kbsearch.articles.publishing.publish import publish
from tests.kit.writers import PAGE, article, commit, git, write
from tests.web.writing.test_articles import signed_in
from tests.web.writing.test_publishing import LIVE, content, form_of, opened, settings, wendy

__all__ = ["content", "settings", "wendy"]  # fixtures
URL = "/en/desk/articles/en/page/history"
LINE = re.compile(r'<th scope="row"><a href="[^"]+\?to=(\w+)">([^<]*)</a>')


def test_every_change_is_told_with_its_author_and_message(wendy, content: Path):
    write(content, PAGE, article("Charge it", "One.\n\nThree words here."))
    second = commit(content, "Say three words")
    page = wendy.get(URL).text
    assert LINE.findall(page)[0] == (second, "Say three words")
    assert page.count(">Wendy</td>") == 2
    assert URL in wendy.get(LIVE).text


def test_the_difference_is_in_words(wendy, content: Path):
    write(content, PAGE, article("Charge it", "One.\n\nTwo small words."))
    first = git(content, "rev-parse", "HEAD")
    commit(content)
    write(content, PAGE, article("Charge it", "One.\n\nTwo <b>large</b> words."))
    third = commit(content)
    page = wendy.get(f"{URL}?to={third}").text
    assert "Two <del>small</del><ins>&lt;b&gt;large&lt;/b&gt;</ins> words." in page
    both = wendy.get(f"{URL}?from={first}&to={third}").text
    assert "<del>Two.</del><ins>Two &lt;b&gt;large&lt;/b&gt; words.</ins>" in both
    assert "<ins>One.</ins>" in wendy.get(f"{URL}?to={first}").text, "the first brought it all"


def test_an_article_that_was_moved_keeps_its_history(wendy, db, settings, content: Path):
    made = git(content, "rev-parse", "HEAD")
    (content / "articles/en/other").mkdir()
    git(content, "mv", PAGE, "articles/en/other/page.md")
    moved = commit(content)
    publish(db, settings)
    assert [version for version, _ in LINE.findall(wendy.get(URL).text)] == [moved, made]
    assert "No difference." in wendy.get(f"{URL}?from={made}&to={moved}").text
    again = f"/en/desk/articles/new?article=en/other/page&version={made}"
    assert form_of(wendy.get(again).text)[1]["body"] == "One.\n\nTwo."


def test_an_old_text_goes_live_as_a_new_version(wendy, content: Path):
    first = git(content, "rev-parse", "HEAD")
    write(content, PAGE, article("Charge it", "Other.", more="owner: root\n"))
    second = commit(content)
    page = wendy.get(f"/en/desk/articles/new?article=en/guide/page&version={first}").text
    url, form = form_of(page)
    assert form["body"] == "One.\n\nTwo."
    assert wendy.post(f"{url}/publication", data=form).location == f"{LIVE}?published=1"
    text = git(content, "show", f"main:{PAGE}")
    assert text.endswith("One.\n\nTwo.") and "owner: root" in text
    assert git(content, "rev-parse", "main^") == second


def test_nobody_else_reads_it_and_no_other_commit_is_shown(wendy, db, cast, app, content: Path):
    git(content, "switch", "--quiet", "-c", "elsewhere")
    write(content, PAGE, article("Charge it", "Secret."))
    hidden = commit(content)
    git(content, "switch", "--quiet", "main")
    for revision in (hidden, "main", "--output=/tmp/x", "HEAD~1:secret"):
        assert wendy.get(URL, query_string={"to": revision}).status_code == 404
    assert signed_in(app, db, cast.alice).get(URL).status_code == 404
    assert opened(wendy)
