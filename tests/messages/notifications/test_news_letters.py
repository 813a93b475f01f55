"""Following articles: who is told of what a publication brings, how often, and of nothing else."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from kbsearch import access, outbox, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.articles import follows, news
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.clock import parsed, running_on
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound, SignInNeeded
from kbsearch.messages.notifications import digests, news_letters, opt_outs
from kbsearch.people import PersonFields, notification_choices
from tests.conftest import Cast
from tests.kit import mail
from tests.kit.following import others
from tests.kit.writers import PAGE, article, commit, git, with_page, write

ALICE, BOB, WENDY = "alice@acme.example", "bob@acme.example", "wendy@support.example"
GUIDE = "en/guide"
STEPS = "Before.\n\n## Call it\n\n{first}\n\n## Follow it\n\n{second}"


@pytest.fixture
def content(settings: Settings, db: Database, cast: Cast) -> Path:
    """A repository with one article, which is live."""
    content = with_page(settings)
    write(content, PAGE, article("Collars", STEPS.format(first="By name.", second="Slowly.")))
    commit(content)
    live(db, settings)
    return content


def live(db: Database, settings: Settings, rev: str | None = None) -> Publication:
    outcome = publish(db, settings, rev)
    assert isinstance(outcome, Publication), outcome
    return outcome


def changed(content: Path, message: str = "Say more", *, by: str = "dan@support.example") -> None:
    """Commit another text of the article's first section."""
    write(content, PAGE, article("Collars", STEPS.format(first=f"{message}.", second="Slowly.")))
    git(content, "add", "--all")
    git(content, "commit", "--quiet", "--message", message, "--author", f"Writer <{by}>")


def fan_out(db: Database) -> None:
    """Do what is done inside after a publication."""
    handlers = {**others(db), **news_letters.fan_out(db)}
    while outbox.run_one(db, handlers, outbox.Share(channel="inside")):
        pass


def sent(db: Database, settings: Settings) -> list[tuple[str, str]]:
    """Do what the outbox asks for; the letters that left, by address and text."""
    fan_out(db)
    before = len(mail.letters(settings))
    while outbox.run_one(db, {**others(db), **news_letters.handlers(settings, db)}):
        pass
    assert db.query("SELECT problem FROM outbox WHERE problem IS NOT NULL") == []
    return sorted(
        (str(letter["To"]).partition("<")[2].rstrip(">"), mail.text_of(letter))
        for letter in mail.letters(settings)[before:]
    )


def told(db: Database, settings: Settings) -> list[str]:
    return [address for address, _ in sent(db, settings)]


def page_of(db: Database, viewer: Viewer) -> None:
    follows.follow(db, viewer, "article", "en/guide/page")


@pytest.mark.both_engines
def test_whoever_follows_it_is_told_what_changed(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    follows.follow(db, cast.bob, "category", GUIDE)
    follows.follow(db, cast.bob, "article", "en/guide/page")
    people.edit(db, OPERATOR, people.find(db, BOB), PersonFields(language="en"))
    changed(content)
    live(db, settings)
    (alice, french), (bob, other) = sent(db, settings)
    assert (alice, bob) == (ALICE, BOB)
    assert "Collars" in french and "Ce qui a changé\u00a0: Call it\n" in french
    assert "/en/articles/page" in french and "Before" not in french and "Follow it" not in french
    assert "What changed: Call it\n" in other
    assert told(db, settings) == []


def test_a_letter_can_be_declined_by_one_click(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    changed(content)
    live(db, settings)
    sent(db, settings)
    (letter,) = mail.letters(settings)
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = str(letter["List-Unsubscribe"]).strip("<>").rpartition("/")[2]
    opt_outs.follow(db, opt_outs.read(settings, token))
    changed(content, "Say even more")
    live(db, settings)
    assert told(db, settings) == []
    assert follows.list_mine(db, cast.alice), "it stays in the list, and in the feed"


def test_what_a_publication_brings_is_one_letter(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    follows.follow(db, cast.alice, "category", GUIDE)
    changed(content)
    for number in range(14):
        write(content, f"articles/en/guide/n{number}.md", article(f"Number {number}"))
    commit(content)
    live(db, settings)
    ((_, text),) = sent(db, settings)
    assert mail.letters(settings)[-1]["Subject"].startswith("15 ")
    assert text.count("Number ") + text.count("Collars") == news_letters.MOST_TOLD
    assert "5 autres articles" in text and "/fr/news" in text


def test_an_article_about_a_product_is_told_to_who_follows_that(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    follows.follow(db, cast.alice, "product", "en/icownect")
    with pytest.raises(NotFound):
        follows.follow(db, cast.chloe, "product", "en/icownect")
    write(content, "articles/en/guide/new.md", article("New one", more="product: [icownect]\n"))
    commit(content)
    live(db, settings)
    ((who, text),) = sent(db, settings)
    assert who == ALICE and "Nouvel article" in text and "Collars" not in text


def test_minor_changes_are_told_to_nobody(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    for message in (
        "typo: say more",
        "coquille : say much more",
        "Say this\n\nTypo: yes",
        "Say that\n\nQuiet: yes",
        "Say all\n\nDiscret: oui",
    ):
        changed(content, message)
        live(db, settings)
        assert told(db, settings) == [], message
    changed(content, "Say more of typos")
    live(db, settings)
    assert told(db, settings) == [ALICE]


def test_a_real_change_beside_a_minor_one_is_told(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    changed(content, "Call it twice")
    changed(content, "typo: call it twice")
    live(db, settings)
    assert told(db, settings) == [ALICE]


def test_what_commits_say_to_readers_is_told_in_their_language(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    changed(
        content, "WIP\n\nFor-Readers: Collars answer\n  to their name.\nPour-Lecteurs: Autrement."
    )
    live(db, settings)
    ((_, text),) = sent(db, settings)
    assert "Collars answer to their name." in text
    assert "WIP" not in text and "Autrement" not in text and "Call it" not in text


def test_nothing_is_told_of_what_only_moved_or_came_back(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    follows.follow(db, cast.bob, "category", GUIDE)
    first = git(content, "rev-parse", "HEAD")
    git(content, "mv", "articles/en/guide", "articles/en/manual")
    commit(content, "Move")
    live(db, settings)
    assert told(db, settings) == []
    assert [each.subject for each in follows.list_mine(db, cast.alice)] == ["en/manual/page"]
    assert [each.subject for each in follows.list_mine(db, cast.bob)] == ["en/manual"]
    live(db, settings, first)
    live(db, settings)
    assert told(db, settings) == []
    moved_page = PAGE.replace("guide", "manual")
    write(content, moved_page, article("Collars", "Another text."))
    commit(content)
    git(content, "mv", "articles/en/manual", "articles/en/guide")
    commit(content, "Move back, in the same publication")
    live(db, settings)
    assert told(db, settings) == [ALICE, BOB]


def test_going_back_and_forth_between_commits_tells_once(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    first = git(content, "rev-parse", "HEAD")
    changed(content)
    live(db, settings)
    assert told(db, settings) == [ALICE]
    live(db, settings, first)
    live(db, settings)
    assert told(db, settings) == []


def test_a_first_publication_an_import_and_a_rebuild_tell_nobody(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    follows.follow(db, cast.alice, "category", GUIDE)
    assert news.list_of_publication(db, live(db, settings).id) == []
    write(content, "articles/en/guide/imported.md", article("Imported"))
    commit(content, "Import 1 articles from zendesk\n\nQuiet: yes")
    write(content, "articles/en/guide/imported.md", article("Imported", "And mended."))
    commit(content, "Mend it")
    live(db, settings)
    db.execute("UPDATE publications SET made_with = 'an earlier release'")
    live(db, settings)
    assert told(db, settings) == []


def test_nothing_readable_changed_is_no_news(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    text = STEPS.format(first="By name.", second="Slowly.")
    write(content, PAGE, article("Collars", text, more="tags: [herd]\n"))
    commit(content, "Tag")
    live(db, settings)
    assert told(db, settings) == []


def test_nobody_is_told_of_what_they_wrote_alone(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    for viewer in (cast.wendy, cast.alice):
        page_of(db, viewer)
    changed(content, by="Wendy@support.example")
    live(db, settings)
    assert told(db, settings) == [ALICE]
    changed(content, "And more", by=WENDY)
    changed(content, "And so on", by="dan@support.example")
    live(db, settings)
    assert told(db, settings) == [ALICE, WENDY]


def test_who_may_not_read_it_is_told_nothing_also_as_the_letter_leaves(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    secret = "articles/en/guide/secret.md"
    for viewer in (cast.alice, cast.bob, cast.chloe, cast.dan):
        follows.follow(db, viewer, "category", GUIDE)
    write(content, secret, article("SECRET-TITLE", audience="org:acme"))
    commit(content)
    live(db, settings)
    with pytest.raises(NotFound):
        follows.follow(db, cast.chloe, "article", "en/guide/secret")
    assert told(db, settings) == [ALICE, BOB, "dan@support.example"]
    values = {"chloe": cast.chloe.person_id}
    assert not db.query("SELECT 1 FROM news_letters WHERE person_id = :chloe", values)
    write(content, secret, article("SECRET-TITLE", "Otherwise.", audience="org:acme"))
    commit(content)
    live(db, settings)
    fan_out(db)  # they are asked for, and wait; meanwhile it is closed to them
    write(content, secret, article("SECRET-TITLE", "Otherwise.", audience="agents"))
    commit(content, "Quiet\n\nQuiet: yes")
    live(db, settings)
    people.disable(db, OPERATOR, people.find(db, BOB))
    assert told(db, settings) == ["dan@support.example"]
    assert {row["outcome"] for row in db.query("SELECT outcome FROM news_letters")} == {
        "sent",
        "dropped",
    }


def test_what_was_said_to_some_is_told_to_no_others_when_it_is_opened(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    follows.follow(db, cast.alice, "category", GUIDE)
    secret = "articles/en/guide/secret.md"
    write(content, secret, article("Keys", "Here.\n\n## SECRET-PART\n\nNo.", audience="agents"))
    commit(content, "Keys\n\nFor-Readers: SECRET-NOTE")
    live(db, settings)
    assert told(db, settings) == []
    write(content, secret, article("Keys", "Here.\n\n## OPEN-PART\n\nYes.\n\n## Gone\n\nOh."))
    commit(content)
    live(db, settings)
    fan_out(db)
    write(content, secret, article("Keys", "Here.\n\n## OPEN-PART\n\nYes."))
    commit(content, "typo: take it back")
    live(db, settings)
    assert told(db, settings) == [ALICE]
    (one, _) = news.list_followed(db, cast.alice, 9)[0]
    assert (len(news.list_followed(db, cast.alice, 9)), one.sections) == (1, ("OPEN-PART",))
    assert len(news.list_followed(db, cast.dan, 9)) == 0
    follows.follow(db, cast.dan, "category", GUIDE)
    notes = {line.note for line, _ in news.list_followed(db, cast.dan, 9)}
    assert notes == {"", "SECRET-NOTE"}


def test_what_is_followed_no_more_or_withdrawn_is_not_told(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    page_of(db, cast.bob)
    changed(content)
    live(db, settings)
    fan_out(db)
    (mine,) = follows.list_mine(db, cast.alice)
    follows.leave(db, cast.alice, mine.id)
    assert told(db, settings) == [BOB]
    changed(content, "Say it again")
    live(db, settings)
    fan_out(db)
    write(content, "articles/en/guide/other.md", article("Other"))
    (content / PAGE).unlink()
    commit(content, "Withdraw")
    live(db, settings)
    assert told(db, settings) == []


def test_a_week_is_gathered_into_one_letter_on_monday(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    (mine,) = follows.list_mine(db, cast.alice)
    follows.choose(db, cast.alice, {mine.id: "weekly"})
    follows.follow(db, cast.alice, "category", GUIDE)
    (of_all,) = [each for each in follows.list_mine(db, cast.alice) if each.kind == "category"]
    follows.choose(db, cast.alice, {of_all.id: "feed"})
    for day, message in ((4, "One"), (5, "Two")):
        with running_on(partial(datetime, 2026, 6, day, 9, tzinfo=UTC)):  # a Thursday
            changed(content, message)
            live(db, settings)
            assert told(db, settings) == []
    (letter,) = db.query("SELECT due_at FROM outbox WHERE kind = :kind", {"kind": "news.letter"})
    assert letter["due_at"] == "2026-06-08T06:00:00Z"
    with running_on(lambda: datetime(2026, 6, 8, 6, 1, tzinfo=UTC)):
        assert told(db, settings) == [ALICE]
        changed(content, "Three")
        live(db, settings)
        assert told(db, settings) == [], "it is for the week that begins"


def test_who_follows_it_twice_is_told_the_sooner_way_and_once(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    (mine,) = follows.list_mine(db, cast.alice)
    follows.choose(db, cast.alice, {mine.id: "weekly"})
    follows.follow(db, cast.alice, "category", GUIDE)
    changed(content)
    live(db, settings)
    assert told(db, settings) == [ALICE]
    assert len(db.query("SELECT 1 FROM news_letters")) == 1
    for each in follows.list_mine(db, cast.alice):
        way = {"article": "mail", "category": "weekly"}[each.kind]
        follows.choose(db, cast.alice, {each.id: way})
    changed(content, "Say it again")
    live(db, settings)
    assert told(db, settings) == [ALICE]
    assert len(db.query("SELECT 1 FROM news_letters")) == 2


def test_a_publication_that_is_handled_again_tells_nobody_twice(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    changed(content)
    publication = live(db, settings)
    assert told(db, settings) == [ALICE]
    outbox.add(db, "news.published", publication.id)
    assert told(db, settings) == []
    (task,) = db.query("SELECT id FROM outbox WHERE kind = 'news.letter'")
    outbox.again(db, task["id"], also_done=True)
    assert told(db, settings) == []


@pytest.mark.parametrize(
    ("zone", "moment", "due"),
    [
        (None, "2026-06-08T05:59:00Z", "2026-06-08T06:00:00Z"),
        ("Europe/Paris", "2026-06-08T06:00:00Z", "2026-06-15T06:00:00Z"),
        ("America/Guadeloupe", "2026-06-08T06:00:00Z", "2026-06-08T12:00:00Z"),
        ("Europe/Paris", "2026-10-20T12:00:00Z", "2026-10-26T07:00:00Z"),
    ],
)
def test_a_week_ends_on_monday_morning_where_its_reader_is(zone: str | None, moment: str, due: str):
    assert digests.next_week(zone, parsed(moment)) == parsed(due)


def test_following_has_an_end_and_needs_an_account(
    db: Database, settings: Settings, cast: Cast, content: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(SignInNeeded):
        page_of(db, access.ANONYMOUS)
    for kind, subject in (
        ("article", "en/guide/none"),
        ("category", "en/"),
        ("category", "de/guide"),
        ("person", ALICE),
        ("article", "x" * 10_000),
        ("product", 'en/"'),
    ):
        with pytest.raises(NotFound):
            follows.follow(db, cast.alice, kind, subject)
    monkeypatch.setattr(follows, "MOST_FOLLOWS", 1)
    page_of(db, cast.alice)
    page_of(db, cast.alice)
    with pytest.raises(Invalid):
        follows.follow(db, cast.alice, "category", GUIDE)
    (mine,) = follows.list_mine(db, cast.alice)
    follows.choose(db, cast.bob, {mine.id: "feed"})
    follows.leave(db, cast.bob, mine.id)
    assert follows.list_mine(db, cast.alice) == [mine]
    with pytest.raises(Invalid):
        follows.choose(db, cast.alice, {mine.id: "pigeon"})


def test_a_letter_that_never_left_is_forgotten_too(
    db: Database, settings: Settings, cast: Cast, content: Path
):
    page_of(db, cast.alice)
    changed(content)
    live(db, settings)
    fan_out(db)
    db.execute("DELETE FROM outbox")  # as it is given up, and swept by its age
    assert news_letters.forget_old(db) == 0
    with running_on(lambda: datetime.now(UTC) + news.KEEP * 2):
        assert news_letters.forget_old(db) == 1


def test_news_is_forgotten_by_its_age(db: Database, settings: Settings, cast: Cast, content: Path):
    page_of(db, cast.alice)
    changed(content)
    live(db, settings)
    assert told(db, settings) == [ALICE]
    assert (news_letters.forget_old(db), news.forget_old(db)) == (0, 0)
    later = datetime.now(UTC) + news.KEEP * 2
    with running_on(lambda: later):
        assert (news_letters.forget_old(db), news.forget_old(db)) == (1, 1)
    assert notification_choices.wants(db, cast.alice.person_id or "", "article.followed", "mail")
