"""Pictures and files of articles being written: taken in, shown, published beside them."""

from dataclasses import replace
from pathlib import Path

import pytest

from kbsearch import articles
from kbsearch.articles.publishing import branches
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.publishing.tree import MAX_FILE, blob_id
from kbsearch.articles.writing import amending, draft_files, drafts, originals, proposals
from kbsearch.articles.writing.composition import Composed
from kbsearch.config import Settings
from kbsearch.errors import Invalid, NotFound, TooMany, Unavailable
from tests.kit.writers import PAGE, article, commit, git, png, repository, write

KEY = "draft-key-1"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings: Settings, db) -> Path:
    content = repository(settings)
    write(content, PAGE, article("A page", "First."))
    write(content, "articles/en/guide/taken.png", png())
    commit(content)
    publish(db, settings)
    return content


@pytest.fixture
def draft(db, cast, settings, content) -> str:
    keep(db, cast.wendy, settings, "First.")
    return KEY


def keep(db, viewer, settings: Settings, body: str) -> None:
    original = originals.current(settings, PAGE)
    written = replace(amending.read(original, "everyone"), body=body)
    drafts.save(db, viewer, KEY, Composed(written, original=original), tab="one")


def test_what_the_text_names_goes_live_beside_it(db, cast, settings, content, draft):
    shot = draft_files.add(db, cast.wendy, settings, draft, "Écran d’accueil.PNG", png(9, 8))
    manual = draft_files.add(db, cast.wendy, settings, draft, "../The manual.pdf", b"%PDF-1.4\n")
    draft_files.add(db, cast.wendy, settings, draft, "unused.png", png(5, 5))
    assert (shot.name, shot.width) == ("ecran-d-accueil.png", 9)
    assert (manual.name, manual.width) == ("the-manual.pdf", None)
    body = f"{shot.markdown('en', 'The first page')}\n\n{manual.markdown('en', '')}"
    assert body == "![The first page](ecran-d-accueil.png)\n\n[the-manual.pdf](the-manual.pdf)"
    keep(db, cast.wendy, settings, body)
    proposals.publish(db, cast.wendy, settings, draft)
    names = git(content, "show", "--format=", "--name-only", "main").split("\n")
    folder = "articles/en/guide/"
    assert names == [f"{folder}ecran-d-accueil.png", PAGE, f"{folder}the-manual.pdf"]
    live = articles.find_media(db, cast.alice, blob_id(png(9, 8)))
    assert (live.media_type, live.width) == ("image/png", 9)
    assert db.query("SELECT 1 FROM article_draft_files") == [], "they went with the draft"


def test_what_leaves_the_text_leaves_the_branch(db, cast, settings, content, draft):
    shot = draft_files.add(db, cast.wendy, settings, draft, "shot.png", png(9, 8))
    keep(db, cast.wendy, settings, shot.markdown("en", "A"))
    proposals.propose(db, cast.wendy, settings, draft)
    assert proposals.propose(db, cast.wendy, settings, draft) == "draft/page"
    branch = branches.find(settings, "draft/page")
    assert branch.ahead == 1, "the same again is no commit"
    assert sorted(branches.changed(settings, branch)) == [PAGE, "articles/en/guide/shot.png"]
    keep(db, cast.wendy, settings, "None.")
    proposals.propose(db, cast.wendy, settings, draft)
    assert branches.changed(settings, branches.find(settings, "draft/page")) == [PAGE]


def test_a_picture_without_words_stops_the_publication(db, cast, settings, content, draft):
    shot = draft_files.add(db, cast.wendy, settings, draft, "shot.png", png(9, 8))
    keep(db, cast.wendy, settings, shot.markdown("en", " "))
    with pytest.raises(proposals.GateClosed) as gate:
        proposals.publish(db, cast.wendy, settings, draft)
    assert [finding.rule for finding in gate.value.findings] == ["placeholder"]


def test_names_are_free_and_the_same_file_is_there_once(db, cast, settings, content, draft):
    def name(sent: str, body: bytes) -> str:
        return draft_files.add(db, cast.wendy, settings, draft, sent, body).name

    assert name("taken.png", png(7, 7)) == "taken-2.png", "one of the folder has that name"
    assert name("again.png", png(7, 7)) == "taken-2.png"
    assert name("猫.jfif", png(6, 6)).endswith(".png"), "named after what it holds"
    assert name("???.png", png(5, 6)) == "file.png"
    write(content, "articles/en/guide/taken-2.png", png(1, 1))
    commit(content)
    keep(db, cast.wendy, settings, "![A](taken-2.png)")
    with pytest.raises(Invalid, match="name_taken"):
        proposals.propose(db, cast.wendy, settings, draft)


REFUSED = [
    ("page.html", b"<script>", "attachment.type_refused"),
    ("drawing.svg", b"<svg/>", "attachment.type_refused"),
    ("article.md", b"# No", "attachment.type_refused"),
    ("shot.png", b"\x89PNG\r\n\x1a\n", "attachment.type_differs"),
    ("manual.pdf", b"no pdf", "attachment.type_differs"),
    ("long.txt", b"a" * (MAX_FILE + 1), "article_file.too_large"),
]


def test_what_could_not_be_published_is_not_taken(db, cast, settings, content, draft):
    for name, body, key in REFUSED:
        with pytest.raises(Invalid, match=key):
            draft_files.add(db, cast.wendy, settings, draft, name, body)
    guarded = replace(settings, clamd="127.0.0.1:1")  # nobody answers there
    with pytest.raises(Unavailable):
        draft_files.add(db, cast.wendy, guarded, draft, "shot.png", png())
    assert draft_files.list_all(db, cast.wendy, draft) == []


def test_they_are_whose_draft_it_is(db, cast, settings, content, draft, monkeypatch):
    draft_files.add(db, cast.wendy, settings, draft, "shot.png", png())
    assert draft_files.find(db, cast.wendy, draft, "shot.png")[1] == png()
    for other in (cast.dan, cast.alice):
        with pytest.raises(NotFound):
            draft_files.find(db, other, draft, "shot.png")
        with pytest.raises(NotFound):
            draft_files.add(db, other, settings, draft, "shot.png", png())
    monkeypatch.setattr(draft_files, "MOST", 1)
    with pytest.raises(TooMany):
        draft_files.add(db, cast.wendy, settings, draft, "more.png", png(2, 2))


def test_another_address_keeps_the_old_one_and_can_be_taken_back(db, cast, settings, content):
    original = originals.current(settings, PAGE)
    read = amending.read(original, "everyone")
    renamed = amending.written(replace(read, slug="better"), original, "everyone")
    assert "slug: better\nalias:\n- page\n" in renamed
    again = amending.OriginalFile(PAGE, renamed)
    back = amending.written(replace(read, slug="page"), again, "everyone")
    assert amending.list_of(back, "alias") == ("better",)
    drafts.save(
        db, cast.wendy, KEY, Composed(replace(read, slug="better"), original=original), tab="one"
    )
    proposals.publish(db, cast.wendy, settings, KEY)
    assert articles.find(db, cast.alice, "en", "better").path == "en/guide/page"
    moved = articles.find_alias(db, cast.alice, "en", "page")
    assert moved is not None and moved.slug == "better"


def test_a_front_page_has_the_address_of_its_folder_in_the_editor():
    original = amending.OriginalFile("articles/fr/guide/index.md", "---\ntitle: G\n---\n\nA\n")
    read = amending.read(original, "everyone")
    assert (read.category, read.slug) == ("guide", "guide")
    assert amending.written(read, original, "everyone") == original.text
