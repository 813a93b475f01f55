"""What is published after a small change is what the whole content would give.

KBSEARCH_EXAMPLES says how many changes are tried: a few at every change, thousands at night.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

from kbsearch.access import article_readers
from kbsearch.articles.publishing import article_rows, edition, previews, publications
from kbsearch.articles.publishing.findings import has_errors
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.publish import Publication, publish, tree_of
from kbsearch.search.fulltext import article_writer, corrector
from kbsearch.search.fulltext.shelf import Articles
from tests.kit.writers import article, commit, git, repository, write

CHANGES = int(os.environ.get("KBSEARCH_EXAMPLES", "19"))
WORDS = ("imprimante", "facture", "réseau", "compte", "séance", "droits", "écran", "export")
PAGES = 14


def test_a_small_change_gives_what_the_whole_would(db, settings, monkeypatch):
    monkeypatch.setattr(article_writer, "MOST_AMENDED", 10.0**6)
    chance = random.Random(3)
    content = fill(repository(settings), chance)
    assert isinstance(publish(db, settings), Publication)
    outcomes = set()
    for number in range(CHANGES):
        change = CHANGING[number % len(CHANGING)]
        change(content, chance)
        commit(content, change.__name__)
        outcomes.add(is_published_as_a_whole(db, settings, change.__name__))
        if publications.find_refused(db):
            git(content, "reset", "--quiet", "--hard", "HEAD~1")
    assert outcomes == {True, False}, "some are to be refused, some to go live"


def is_published_as_a_whole(db, settings, change: str) -> bool:
    """Compare with an edition that takes nothing from the one before; whether it went live."""
    before = publications.reusable(db, publications.find_live(db), made_with="nothing of that")
    whole = edition.make(tree_of(settings), settings, before)
    tree = tree_of(settings)
    assert isinstance(tree, GitTree)
    previewed = previews.of_tree(db, settings, tree)
    assert previewed.edition.findings == whole.findings, change
    outcome = publish(db, settings)
    assert outcome.findings == whole.findings, change
    assert has_errors(whole.findings) == (not isinstance(outcome, Publication)), change
    if not isinstance(outcome, Publication):
        return False
    rows = db.query("SELECT * FROM articles WHERE publication_id = :id", {"id": outcome.id})
    there = {row["path"]: row for row in rows}
    assert there.keys() == {each.source.path for each in whole.articles}, change
    for each in article_rows.read(db, outcome.id).values():
        (other,) = (other for other in whole.articles if other.source.path == each.source.path)
        assert (each.text(), each.slug, each.audience) == (other.text(), other.slug, other.audience)
        assert (each.lag, each.references) == (other.lag, other.references), change
        assert there[each.source.path]["position"] == whole.positions[each.source.entry.path]
        assert readers(db, there[each.source.path]["id"]) == [*article_readers(other.audience)]
    for left in whole.leaving_addresses.addresses:
        sql = "SELECT path FROM former_addresses WHERE language = :language AND slug = :slug"
        rows = db.query(sql, {"language": left.language, "slug": left.slug})
        assert [row["path"] for row in rows] == [left.path], change
    is_indexed_as_a_whole(settings, outcome, whole, previewed, change)
    return True


def readers(db, article_id: str) -> list[str]:
    sql = "SELECT word FROM article_readers WHERE article_id = :id ORDER BY word"
    return [row["word"] for row in db.query(sql, {"id": article_id})]


def is_indexed_as_a_whole(settings, outcome, whole, previewed, change: str) -> None:
    folder = settings.index_path / f"articles-{outcome.id}"
    index, trial = Articles(folder), edition.trial_index(whole.articles, whole.synonyms)
    other = settings.site / "other"
    for language in ("fr", "en"):
        for word in (*WORDS, "nouveau"):
            hits = {*index.top(language, word, 50)}
            assert hits == {*trial.top(language, word, 50)}, (change, word)
            assert hits == {*previewed.trial.top(language, word, 50)}, (change, word)
        other.mkdir(exist_ok=True)
        corrector.write_words(other, [page for page in whole.pages if page.language == language])
        assert corrector.read_words(folder / language) == corrector.read_words(other), change
    assert all(index.has(page.path) for page in whole.pages)
    assert not list(settings.index_path.glob("articles-preview-*"))


def test_an_index_is_built_again_when_much_of_it_was_replaced_or_it_is_damaged(db, settings):
    content = fill(repository(settings), random.Random(1), pages=60)
    amended = []
    for number in range(5):
        change_a_line(content, random.Random(number))
        commit(content)
        outcome = publish(db, settings)
        assert isinstance(outcome, Publication)
        folder = settings.index_path / f"articles-{outcome.id}"
        amended.append(Articles(folder).is_amended)
        if number == 1:
            words = folder / "fr" / corrector.FILE
            words.write_bytes(words.read_bytes()[:-1] + b"x")
    assert amended == [False, True, False, True, True]


def fill(content: Path, chance: random.Random, pages: int = PAGES) -> Path:
    """Articles that lean on each other in every way there is."""
    write(content, "variables.yml", "support: 01 23 45 67 89\n")
    write(content, "snippets/contact.md", "Appelez le {{ support }}.\n")
    write(content, "synonyms.txt", "imprimante, traceur\n")
    for number in range(pages):
        write(content, french(number), page(chance, number, pages))
        if number % 4 == 0:
            text = article(f"Page {number} {chance.choice(WORDS)}", f"Text.\n\n{words(chance)}")
            write(content, f"articles/en/guide/page-{number}.md", text)
    text = article("Page libre", words(chance)).replace("audience: everyone\n", "")
    write(content, "articles/fr/libre/page-libre.md", text)  # its category says whom it is for
    commit(content)
    return content


def french(number: int) -> str:
    return f"articles/fr/guide-{number % 2}/page-{number}.md"


def page(chance: random.Random, number: int, pages: int = PAGES) -> str:
    other = (number + 1) % pages
    link = f"[Suite](../guide-{other % 2}/page-{other}.md#la-suite)"
    body = [words(chance), "## La suite", words(chance), link, f"[[page-{(number + 2) % pages}]]"]
    if number % 3 == 0:
        body.append("{{ snippet: contact }}" if number % 2 else "Le {{ support }}.")
    if number == 1:
        body.append("{{ section: ../guide-0/page-2#la-suite }}")
    more = f"found_by: ['page {number} zz{number}zz']\n" if number % 2 else ""
    more += f"alias: ancienne-{number}\n"
    return article(
        f"Page {number} {chance.choice(WORDS)}", "\n\n".join([*body, f"zz{number}zz"]), more=more
    )


def words(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=12)) + "."


def some_page(content: Path, chance: random.Random, having: str = "") -> Path:
    files = sorted((content / "articles/fr").rglob("*.md"))
    return chance.choice([file for file in files if having in file.read_text()])


def replace(content: Path, chance: random.Random, old: str, new: str) -> None:
    file = some_page(content, chance, having=old)
    file.write_text(file.read_text().replace(old, new, 1))


def change_a_line(content: Path, chance: random.Random) -> None:
    file = some_page(content, chance)
    file.write_text(file.read_text() + f"\n{words(chance)} Nouveau.\n")


def change_a_title(content: Path, chance: random.Random) -> None:
    replace(content, chance, "title: Page", "title: Nouveau titre de page")


def change_a_heading(content: Path, chance: random.Random) -> None:
    replace(content, chance, "## La suite", "## La fin")


def move_a_file(content: Path, chance: random.Random) -> None:
    file = some_page(content, chance)
    file.rename(file.with_name(f"autre-{chance.randrange(1000)}-{file.name}"))


def remove_a_file(content: Path, chance: random.Random) -> None:
    some_page(content, chance).unlink()


def add_a_file(content: Path, chance: random.Random) -> None:
    text = article(f"Une page de plus, {chance.choice(WORDS)}", words(chance))
    write(content, f"articles/fr/guide-0/plus-{chance.randrange(1000)}.md", text)


def add_a_twin(content: Path, chance: random.Random) -> None:
    text = some_page(content, chance).read_text().replace("alias: ", "alias: autre-")
    write(content, f"articles/fr/guide-0/twin-{chance.randrange(1000)}.md", text)


def take_an_address(content: Path, chance: random.Random) -> None:
    replace(content, chance, "alias: ", "slug: page-3\nalias: ")


def narrow_an_audience(content: Path, chance: random.Random) -> None:
    replace(content, chance, "audience: everyone", "audience: agents")


def change_a_snippet(content: Path, chance: random.Random) -> None:
    write(
        content, "snippets/contact.md", f"Écrivez au {{{{ support }}}}, {chance.choice(WORDS)}.\n"
    )


def remove_a_variable(content: Path, chance: random.Random) -> None:
    write(content, "variables.yml", "other: 1\n")


def change_synonyms(content: Path, chance: random.Random) -> None:
    write(content, "synonyms.txt", f"{chance.choice(WORDS)}, nouveau\n")


def order_a_category(content: Path, chance: random.Random) -> None:
    write(
        content, "articles/fr/guide-0/_category.yml", "name: Le guide\narticles: [page-6, page-2]\n"
    )


def narrow_a_category(content: Path, chance: random.Random) -> None:
    write(content, "articles/fr/libre/_category.yml", "name: Interne\naudience: agents\n")


def change_an_included_section(content: Path, chance: random.Random) -> None:
    file = content / "articles/fr/guide-0/page-2.md"
    if file.exists():
        file.write_text(file.read_text().replace("## La suite\n", "## La suite\n\nInclus.\n"))


def hold_a_page_back(content: Path, chance: random.Random) -> None:
    replace(content, chance, "audience: everyone", "audience: everyone\nstatus: draft")


def swap_two_pages(content: Path, chance: random.Random) -> None:
    one, other = (some_page(content, chance) for _ in range(2))
    texts = one.read_text(), other.read_text()
    other.write_text(texts[0])
    one.write_text(texts[1])


def take_a_phrase(content: Path, chance: random.Random) -> None:
    """Other pages come to say more of what a phrase asks for."""
    for number in range(3):
        phrase = "found_by: ['page 3 zz3zz']\n"
        text = article(f"Page 3 zz3zz, {number}", f"Page 3 zz3zz.\n\n{words(chance)}", more=phrase)
        write(content, f"articles/fr/guide-1/taken-{number}.md", text)


CHANGING: tuple[Callable[[Path, random.Random], None], ...] = (
    change_a_line,
    change_a_heading,
    order_a_category,
    take_a_phrase,
    change_an_included_section,
    change_a_title,
    add_a_file,
    change_a_snippet,
    move_a_file,
    narrow_an_audience,
    hold_a_page_back,
    add_a_twin,
    swap_two_pages,
    narrow_a_category,
    change_synonyms,
    take_an_address,
    remove_a_variable,
    remove_a_file,
    change_a_line,
)
