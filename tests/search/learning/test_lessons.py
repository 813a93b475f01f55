"""What people confirm moves articles: how far, for whom, and how it is undone."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kbsearch import articles, people
from kbsearch.access import ANONYMOUS, OPERATOR
from kbsearch.cli import cli
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import PersonFields, viewers
from kbsearch.search import text_of_form
from kbsearch.search.fulltext.confirmed import MOST_VOICES, Wordings, reordered
from kbsearch.search.fulltext.documents import Taught
from kbsearch.search.learning import lessons
from kbsearch.search.learning import visits as analytics
from kbsearch.search.learning import votes as article_votes
from kbsearch.search.learning.lessons import LessonOrigin
from kbsearch.search.learning.votes import VoteFields
from kbsearch.search.ranking import Search
from kbsearch.site import erasing
from tests.conftest import take_over
from tests.kit.search import ask, ids, put_live, write
from tests.kit.web import sign_in

RIGHT, OTHER, ACMES = "fr/a/right", "fr/a/other", "fr/a/acmes"
TYPED = "le collier clignote rouge"


@pytest.fixture
def shelf(db, settings, cast):
    """Two articles that say nearly the same, one of Acme's, and ten others."""
    content = settings.content_path
    write(content, OTHER, "Le collier clignote rouge quand il cherche. Collier, collier.")
    write(content, RIGHT, "Le collier clignote rouge : la pile de la balise est vide, changez-la.")
    write(content, ACMES, "Le collier rouge du troupeau d’Acme.", audience="org:acme")
    for n in range(10):
        write(content, f"fr/b/page{n}", f"La clôture numéro {n} et son électrificateur.")
    put_live(db, settings)
    return Search(settings, db)


def teach(db, viewer, wording=TYPED, target=RIGHT, source="e"):
    return lessons.teach(db, viewer, [wording], target, LessonOrigin("deflected", source=source))


def forget_all(client):
    own = {"Sec-Fetch-Site": "same-origin"}
    return client.post("/fr/articles/right/lessons", data={"all": "1"}, headers=own)


def first(search, viewer=ANONYMOUS, text=TYPED):
    return ids(ask(search, text, viewer).hits)[0]


def test_an_agents_word_moves_a_page_for_words_like_these_alone(db, cast, shelf):
    before = ids(ask(shelf, "clôture électrificateur").hits)
    assert first(shelf) == OTHER
    assert teach(db, cast.dan) == 1
    assert first(shelf) == RIGHT
    assert first(shelf, text="collier clignote rouge vite") == RIGHT
    assert ids(ask(shelf, "clôture électrificateur").hits) == before
    assert ids(ask(shelf, text_of_form(TYPED, ""), cast.alice).hits)[0] == RIGHT
    assert teach(db, cast.dan) == 0, "said twice is said once"


def test_it_is_off_by_a_setting(db, settings, cast, shelf):
    teach(db, cast.dan)
    assert first(Search(replace(settings, learning=False), db)) == OTHER


def test_customers_count_from_two_organisations_on(db, cast, shelf):
    for viewer in (cast.alice, cast.bob):
        for n in range(30):
            teach(db, viewer, f"{TYPED} {n}")
        teach(db, viewer)
    assert first(shelf) == OTHER, "one organisation alone moves nothing, with however many accounts"
    teach(db, cast.chloe)
    assert first(shelf) == RIGHT


def test_the_reason_is_told_and_no_word_of_it(db, cast, shelf):
    teach(db, cast.dan, f"{TYPED} zanzibar")
    hits = ask(shelf, TYPED, cast.chloe, explain=True).hits
    assert hits[0].id == RIGHT
    assert any("Appris" in reason for reason in hits[0].reasons)
    assert "zanzibar" not in json.dumps([vars(hit) for hit in hits])
    assert not ask(shelf, TYPED, cast.chloe).hits[0].reasons


def test_a_page_of_another_audience_is_taught_moved_and_told_for_its_readers_only(db, cast, shelf):
    everybody = (ANONYMOUS, cast.chloe)
    before = [ask(shelf, TYPED, viewer, explain=True) for viewer in everybody]
    assert teach(db, cast.chloe, target=ACMES) == 0
    assert teach(db, cast.alice, target=ACMES) == 1
    teach(db, cast.dan, target=ACMES)
    assert first(shelf, cast.alice) == ACMES
    for viewer, was in zip(everybody, before, strict=True):
        now = ask(shelf, TYPED, viewer, explain=True)
        assert (now.hits, now.total, now.facets) == (was.hits, was.total, was.facets)


def test_a_stranger_teaches_nothing(db, cast, shelf):
    assert teach(db, ANONYMOUS) == 0
    with pytest.raises(Invalid):
        lessons.teach(db, cast.dan, [TYPED], RIGHT, LessonOrigin("liked", source="e"))  # type: ignore[arg-type]


def test_what_did_not_hold_is_taken_back_by_its_teacher(db, cast, shelf):
    teach(db, cast.dan, source="e1")
    lessons.take_back(db, cast.alice, "e1")
    assert first(shelf) == RIGHT
    lessons.take_back(db, cast.dan, "e1")
    assert first(shelf) == OTHER


def test_a_solution_teaches_the_subject(db, cast, shelf):
    ticket = take_over(db, number=7, subject=TYPED)
    with pytest.raises(NotFound):
        lessons.teach_from_solution(db, cast.alice, ticket, [RIGHT])
    assert lessons.teach_from_solution(db, cast.dan, ticket, [RIGHT, "fr/a/none"]) == 1
    assert first(shelf) == RIGHT


def test_a_yes_after_a_search_teaches_until_it_is_a_no(db, cast, shelf):
    visit = analytics.visit(db, cast.alice)
    analytics.searched(db, visit, TYPED, results=2)
    article = articles.find(db, cast.alice, "fr", "right")
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=True))
    assert [each.wording for each in lessons.active(db)] == [TYPED]
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=False))
    assert lessons.active(db) == []
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=True))
    article_votes.take_back(db, cast.alice, visit, article)
    assert lessons.active(db) == []


def test_lessons_follow_a_page_sleep_and_wake_with_what_it_says(db, settings, cast, shelf):
    teach(db, cast.dan)
    folder = settings.content_path / "articles" / "fr" / "a"
    text = (folder / "right.md").read_text()
    (folder / "right.md").write_text(text.replace("pile", "batterie"))
    put_live(db, settings)
    assert first(shelf) == RIGHT, "a word more or less changes nothing"
    write(
        settings.content_path,
        RIGHT,
        "Collier clignote rouge, autre chose : "
        + "vache brebis " * 3
        + "agneau bélier enclos pâture rivière montagne orage neige printemps automne",
    )
    put_live(db, settings)
    article = articles.find(db, cast.dan, "fr", "right")
    assert lessons.list_phrases(db, cast.dan, article)[0].sleeps
    (folder / "right.md").unlink()
    put_live(db, settings)
    assert lessons.active(db) == []
    (folder / "moved.md").write_text(text.replace("---\n", "---\nalias: [right]\n", 1))
    put_live(db, settings)
    assert [each.path for each in lessons.active(db)] == ["fr/a/moved"]


def test_phrases_are_seen_and_forgotten_by_the_staff_alone(db, cast, shelf):
    teach(db, cast.alice, "collier rouge alice@acme.example")
    teach(db, cast.dan)
    article = articles.find(db, cast.dan, "fr", "right")
    for viewer in (cast.alice, ANONYMOUS):
        with pytest.raises(NotFound):
            lessons.list_phrases(db, viewer, article)
        with pytest.raises(NotFound):
            lessons.forget(db, viewer, article)
    phrases = lessons.list_phrases(db, cast.wendy, article)
    assert "alice@" not in str(phrases) and len(phrases) == 2
    one = next(phrase for phrase in phrases if phrase.wording == TYPED)
    assert lessons.forget(db, cast.wendy, article, one.id) == 1
    with pytest.raises(NotFound):
        lessons.forget(db, cast.wendy, article, one.id)
    assert first(shelf) == OTHER
    assert lessons.forget(db, cast.wendy, article) == 1
    rows = db.query("SELECT actor_id FROM security_log WHERE kind = 'lessons.forgotten'")
    assert {row["actor_id"] for row in rows} == {cast.wendy.person_id}


def test_whoever_is_erased_takes_their_lessons_along(db, settings, cast, shelf):
    people.add(
        db, OPERATOR, PersonFields(email="eve@support.example", name="Eve Roux", role="agent")
    )
    teach(db, viewers.find(db, "eve@support.example"))
    assert first(shelf) == RIGHT
    erasing.erase(db, OPERATOR, settings, "eve@support.example")
    assert first(shelf) == OTHER and lessons.active(db) == []


def test_the_page_shows_phrases_to_the_staff_and_forgets_them(client, settings, db, cast, shelf):
    teach(db, cast.dan)
    sign_in(client, db, cast.alice)
    assert "Phrases apprises" not in client.get("/fr/articles/right").text
    assert forget_all(client).status_code == 404
    sign_in(client, db, cast.dan)
    page = client.get("/fr/articles/right").text
    assert "Phrases apprises" in page and TYPED in page
    assert forget_all(client).status_code == 303
    assert "Phrases apprises" not in client.get("/fr/articles/right").text


def test_the_command_lists_and_forgets(db, settings, cast, shelf, monkeypatch):
    teach(db, cast.dan)
    monkeypatch.chdir(settings.site)
    told = json.loads(CliRunner().invoke(cli, ["lessons", "list", RIGHT, "--json"]).stdout)
    assert [phrase["wording"] for phrase in told] == [TYPED]
    assert CliRunner().invoke(cli, ["lessons", "forget", RIGHT, told[0]["id"]]).exit_code == 0
    assert lessons.active(db) == []


def test_learning_in_the_search_box_is_measured_and_writes_nothing(
    db, settings, cast, shelf, monkeypatch, tmp_path
):
    monkeypatch.chdir(settings.site)
    files = {
        "queries.jsonl": json.dumps({"id": "q", "text": TYPED}) + "\n",
        "qrels.tsv": f"q\t0\t{RIGHT}\t1\n",
        "clicks.jsonl": json.dumps({"text": "collier clignote rouge", "doc": RIGHT, "by": "a"}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    asked = [str(tmp_path / name) for name in ("queries.jsonl", "qrels.tsv")]
    options = ["--kind", "article", "--mode", "search", "--learn", str(tmp_path / "clicks.jsonl")]
    told = CliRunner().invoke(cli, ["evaluate", *asked, *options, "--json"])
    measures = json.loads(told.stdout)
    assert measures["before"]["mrr@10"] < measures["mrr@10"] == 1.0
    assert lessons.active(db) == []


# What nobody can do alone

SAID = st.lists(st.sampled_from(["rouge", "vert", "collier", "pile"]), min_size=1, max_size=4)


@given(said=st.lists(SAID, min_size=1, max_size=100))
def test_one_voice_counts_once_however_often_it_clicks(said):
    mine = [Taught(" ".join(words), "fr", RIGHT, "acme", False) for words in said * 10]
    asked = {"roug", "coll"} | {"collier"}
    assert Wordings(mine, "fr").votes(asked, lambda stem: 1.0) == {}
    agents = [replace(each, is_staff=True) for each in mine]
    assert sum(Wordings(agents, "fr").votes(asked, lambda stem: 1.0).values()) <= 1.0


@given(voices=st.integers(2, 50))
def test_many_voices_count_as_three(voices):
    said = [Taught("collier rouge", "fr", RIGHT, str(n), False) for n in range(voices)]
    stems = {stem for stems in Wordings(said, "fr")._by_stems for stem in stems}
    votes = Wordings(said, "fr").votes(stems, lambda stem: 1.0)
    assert votes[RIGHT] == min(voices, MOST_VOICES)


def test_a_code_letter_for_letter_stays_first():
    assert [place for place, _ in reordered([1010.0, 9.0], ["x", RIGHT], {RIGHT: 3.0}, 1000.0)] == [
        0,
        1,
    ]


def test_solved_before_a_request_teaches_its_words_until_it_is_undone(client, db, cast, shelf):
    sign_in(client, db, cast.alice)
    own = {"Sec-Fetch-Site": "same-origin"}
    client.post("/visits", data={"q": "balise vide", "results": "1"}, headers=own)
    sent = {"key": "k" * 16, "subject": TYPED, "target": RIGHT}
    page = client.post("/fr/requests/suggestions/solved", data=sent, headers=own)
    said = {each.wording for each in lessons.active(db)}
    assert TYPED in said
    event = db.query("SELECT source FROM lessons")[0]["source"]
    assert event in page.text
    client.post("/fr/requests/suggestions/undo", data={"event": event, "key": ""}, headers=own)
    assert lessons.active(db) == []
