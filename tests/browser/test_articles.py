"""From a solved request to an article that answers it, through a branch of a real repository."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from tests.articles.writing.test_composition import solve
from tests.browser.conftest import Live, serving
from tests.browser.test_accessibility import violations
from tests.conftest import introduce
from tests.kit.writers import article, commit, git, repository, write

Visit = Callable[..., Page]
DAN = "dan@support.example"
SAID = (
    "Bonjour,\nle collier de Bob Durand ne répond plus, ERR-1042. Joignable au 06 12 34 56 78.\n"
    "Cordialement,\nAlice Martin"
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(Settings(site=tmp_path_factory.mktemp("site")), default_audience="everyone")


@pytest.fixture(scope="module")
def content(settings: Settings) -> Path:
    content = repository(settings)
    for number in range(4):
        write(content, f"articles/fr/colliers/page-{number}.md", article(f"Page {number}"))
    commit(content)
    return content


@pytest.fixture(scope="module")
def live(settings: Settings, content: Path) -> Iterator[Live]:
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    introduce(db)
    ticket = solve(db, said=SAID, answer="Redémarrez la passerelle.", subject="collier muet",
                   language="fr", cc=["bob@acme.example"])  # fmt: skip
    assert isinstance(publish(db, settings), Publication)
    with serving(settings, db, ticket) as there:
        yield there


def test_a_solved_request_becomes_an_article_that_answers_it(
    live: Live, visit: Visit, settings: Settings, content: Path
):
    page = visit(f"/fr/requests/{live.ticket}", person=DAN)
    page.get_by_role("link", name="Écrire l’article").click()
    text = page.get_by_label("Texte", exact=True)
    expect(text).to_have_value(re.compile("le collier de ‹nom› ne répond plus, ERR-1042"))
    assert not re.search("Bob|Durand|Alice|Martin|06 12", text.input_value())
    review = page.locator("#article-review")
    expect(review).to_contain_text("Bob Durand")
    expect(review).to_contain_text("Gardé dès votre première modification")

    # what is typed is kept, judged and shown as it will be read
    page.get_by_label("Titre", exact=True).fill("Un collier ne répond plus")
    text.fill(
        "## Problème\n\nLe collier de ‹nom› ne répond plus.\n\n## Solution\n\n[Lire](rien.md)"
    )
    expect(review).to_contain_text("Enregistré")
    expect(review.get_by_text("broken-link")).to_be_visible()
    expect(review.locator(".seen-as")).to_contain_text("Le collier de ‹nom› ne répond plus.")
    review.locator(".remarks").get_by_role("link", name="ligne 7").click()
    expect(text).to_be_focused()
    assert (
        text.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == "[Lire](rien.md)"
    )

    # a false alarm is put back with one click, and masked again
    review.get_by_role("button", name="Rétablir (Bob Durand)").click()
    expect(text).to_have_value(re.compile("Le collier de Bob Durand ne répond plus"))
    review.get_by_role("button", name="Masquer de nouveau (Bob Durand)").click()
    expect(text).to_have_value(re.compile("Le collier de ‹nom› ne répond plus"))

    # somebody who leaves finds it again
    page.reload()
    page.goto("/fr/desk/articles/new?ticket=1042")
    page.wait_for_url("**/desk/articles/drafts/*")
    expect(text).to_have_value(re.compile("rien.md"))

    text.fill(
        "## Problème\n\nUn collier ne répond plus.\n\n## Solution\n\nRedémarrez la passerelle."
    )
    page.get_by_label("Trouvable par").fill("collier muet\npasserelle à redémarrer")
    page.keyboard.press("Tab")  # to a button that leads elsewhere: what is typed is still saved
    expect(page.get_by_role("button", name="Où serait-il trouvé")).to_be_focused()
    expect(page.locator("#article-ranks .good")).to_have_text(["1", "1"])
    expect(review.locator(".seen-as")).to_contain_text("Redémarrez la passerelle.")
    expect(review.locator(".remarks li")).to_have_count(0)
    page.get_by_label("Catégorie").select_option("colliers")
    page.get_by_label("Adresse").fill("collier-muet")
    page.get_by_label("À la publication, écrire à ceux").check()
    page.get_by_role("button", name="Proposer l’article").click()

    page.wait_for_url("**/fr/preview/draft/collier-muet/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("Un collier ne répond plus")
    expect(page.locator(".previewed")).to_contain_text("Dan Leroy")
    expect(page.locator("#findings")).to_contain_text("la branche peut être publiée")
    for name in ("Différences", "Source", "Où il est trouvé", "Tel qu’il sera lu"):
        page.get_by_role("navigation", name="Manière").get_by_role("link", name=name).click()
        expect(
            page.get_by_role("navigation", name="Manière").locator("[aria-current]")
        ).to_have_text(name)
    page.goto("/fr/search?q=collier+muet")
    expect(page.get_by_role("link", name="Un collier ne répond plus")).to_have_count(0)

    git(content, "merge", "--quiet", "draft/collier-muet")
    assert isinstance(publish(live.db, settings), Publication)
    theirs = visit(f"/fr/requests/{live.ticket}", person="alice@acme.example")
    theirs.get_by_role("link", name="Un collier ne répond plus").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Un collier ne répond plus")
    page.goto(f"/fr/requests/{live.ticket}")
    expect(page.locator("#answered-by")).to_contain_text("Prévenir 2 personnes")


def test_a_writer_changes_a_word_and_publishes_by_keyboard(live: Live, visit: Visit, content: Path):
    page = visit("/fr/articles/page-3", person="wendy@support.example", java_script_enabled=False)
    page.get_by_role("link", name="Modifier").focus()
    page.keyboard.press("Enter")
    text = page.get_by_label("Texte", exact=True)
    expect(text).to_have_value("Some words.")
    text.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Et d’autres.")
    page.get_by_role("button", name="Publier").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/articles/page-3?published=1")
    expect(page.get_by_text("L’article est publié.")).to_be_visible()
    expect(page.locator(".prose")).to_contain_text("Some words. Et d’autres.")
    assert git(content, "log", "-1", "--format=%an", "main").startswith("Wendy")


PASTE = """(area) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 30 });
  return new Promise((done) => canvas.toBlob((body) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([body], "Écran d’accueil.png", { type: "image/png" }));
    area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
    done();
  }));
}"""


def test_a_writer_s_first_hour(live: Live, visit: Visit, content: Path):
    """Bold words, a link found by its title, a pasted picture, another address; and it is live."""
    page = visit("/fr/articles/page-1", person="wendy@support.example")
    page.get_by_role("link", name="Modifier").click()
    text = page.get_by_label("Texte", exact=True)
    text.fill("Redémarrez")
    text.press("Control+a")
    text.press("Control+b")
    expect(text).to_have_value("**Redémarrez**")
    text.press("Control+End")
    text.press_sequentially(" puis voyez [[page 0")
    expect(page.get_by_role("option", name="Page 0")).to_be_visible()
    text.press("Enter")
    expect(text).to_have_value("**Redémarrez** puis voyez [[page-0]]")
    text.press_sequentially(".\n\n")
    text.evaluate(PASTE)
    expect(text).to_have_value(re.compile(r"!\[‹.*›\]\(ecran-d-accueil\.png\)"))
    page.keyboard.type("L’écran")  # in the place of what was to be written
    expect(text).to_have_value(re.compile(r"!\[L’écran\]\(ecran-d-accueil\.png\)"))
    expect(page.locator(".seen-as img")).to_have_attribute("alt", "L’écran")
    assert violations(page) == []
    page.get_by_label("Adresse").fill("redemarrer")
    page.get_by_role("button", name="Publier", exact=True).click()
    page.wait_for_url("**/articles/redemarrer?published=1")
    picture = page.locator(".prose img")
    expect(picture).to_have_attribute("alt", "L’écran")
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 40
    expect(page.locator(".prose").get_by_role("link", name="Page 0")).to_be_visible()
    page.goto("/fr/articles/page-1")
    expect(page).to_have_url(re.compile("/fr/articles/redemarrer$"))


def test_a_conflict_is_solved_beside_the_other_text(live: Live, visit: Visit, content: Path):
    page = visit("/fr/articles/page-2", person="wendy@support.example",
                 viewport={"width": 320, "height": 800})  # fmt: skip
    page.get_by_role("link", name="Modifier").click()
    page.get_by_label("Texte", exact=True).fill("Les miens.")
    expect(page.locator("#article-review")).to_contain_text("Enregistré")
    write(content, "articles/fr/colliers/page-2.md", article("Page 2", "Les leurs."))
    commit(content)
    page.get_by_role("button", name="Publier").click()
    expect(page.locator(".sides mark")).to_have_text(["Les leurs.", "Les miens."])
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.get_by_role("button", name="Publier").click()
    page.wait_for_url("**/articles/page-2?published=1")
    expect(page.locator(".prose")).to_contain_text("Les miens.")
    assert violations(page) == []


def test_two_windows_keep_both_texts(visit: Visit):
    first = visit("/fr/desk/articles/new?title=Deux+fenêtres", person=DAN)
    first.get_by_label("Version").fill("1")
    expect(first.locator("#article-review")).to_contain_text("Enregistré")
    url = re.sub(
        ".*/drafts/",
        "/fr/desk/articles/drafts/",
        first.locator("#article-form").get_attribute("action") or "",
    )
    second = first.context.new_page()
    second.goto(url)
    second.get_by_label("Titre", exact=True).fill("Dans la seconde")
    expect(second.locator("#article-review .seen-as")).to_contain_text("Dans la seconde")
    first.get_by_label("Titre", exact=True).fill("Dans la première")
    expect(first.locator("#article-review [role=alert]")).to_contain_text("dans une autre fenêtre")
    expect(first.get_by_label("Titre", exact=True)).to_have_value("Dans la première")
    first.get_by_role("button", name="Garder mon texte").click()
    first.wait_for_url("**/drafts/*")
    expect(first.get_by_label("Titre", exact=True)).to_have_value("Dans la première")


def test_without_script_an_article_is_written_and_proposed(visit: Visit):
    page = visit("/fr/desk/articles/new?title=Sans+script", person=DAN, java_script_enabled=False)
    page.get_by_label("Texte", exact=True).fill("Des mots.")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.locator(".seen-as")).to_contain_text("Des mots.")
    page.get_by_role("button", name="Proposer l’article").click()
    expect(page.locator("#problem")).to_contain_text("Choisissez une catégorie")
    page.get_by_label("Catégorie").select_option("colliers")
    page.get_by_role("button", name="Proposer l’article").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sans script")
    page.goto("/fr/desk/articles")
    page.get_by_role("button", name=re.compile("sans-script")).click()
    page.get_by_role("button", name="La rétablir").click()
    expect(page.get_by_role("link", name="draft/sans-script").first).to_be_visible()


@pytest.mark.parametrize(("width", "theme"), [(320, "light"), (1280, "dark")])
def test_pages_of_branches_are_accessible(visit: Visit, content: Path, width: int, theme: str):
    if not git(content, "branch", "--list", "reword"):
        git(content, "checkout", "--quiet", "-b", "reword")
        write(
            content, "articles/fr/colliers/page-1.md", article("Mots", "# Trop\n\n[ici](rien.md)")
        )
        write(content, "articles/fr/colliers/page-2.md", article("Mots", "D’autres mots."))
        commit(content, "Reword")
        git(content, "checkout", "--quiet", "main")
    page = visit(
        "/fr/desk/articles", person=DAN, color_scheme=theme, reduced_motion="reduce",
        viewport={"width": width, "height": 800},
    )  # fmt: skip
    found = []
    url = "/en/preview/reword/fr/colliers/page-1"
    file = "articles/fr/colliers/page-2.md"
    changed = git(content, "log", "-1", "--format=%H", "main", "--", file)
    for path in (
        "/fr/desk/articles", "/fr/desk/articles/findings?branch=reword", "/fr/preview/reword/",
        "/en/desk/articles/fr/page-2/history",
        f"/fr/desk/articles/fr/page-2/history?to={changed}",
        url, f"{url}?view=differences", f"{url}?view=source", f"{url}?view=ranks",
    ):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found += [f"{path}: {each}" for each in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{path}: too wide")
        if page.evaluate("document.querySelectorAll('h1').length") != 1:
            found.append(f"{path}: not exactly one h1")
    assert found == []
