"""A request as a first draft: what was said in public, by nobody, in a file that can be read."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch import tickets
from kbsearch.articles.publishing import front_matter
from kbsearch.articles.writing import files as article_files
from kbsearch.articles.writing.composition import ArticleBrief, Composed, compose
from kbsearch.articles.writing.files import ArticleFile, tidy, written
from kbsearch.errors import Invalid, NotFound
from kbsearch.search.learning import visits as analytics
from kbsearch.tickets.desk import duplicates
from tests.conftest import take_over
from tests.kit.planted import PLANTED, Planted
from tests.text.masking.test_masking import traces

DAN = "dan@support.example"


def solve(
    db, number: int = 1042, said: str = "", answer: str = "Restart the service.", **more
) -> str:
    messages = [
        {"author": "alice@acme.example", "at": "2026-01-31T10:00:00Z", "body": "It is urgent."},
        {"author": DAN, "at": "2026-01-31T11:00:00Z", "body": "NOTE-CANARY", "internal": True},
        {"author": DAN, "at": "2026-01-31T12:00:00Z", "body": answer, "solution": True},
    ]
    return take_over(
        db,
        number=number,
        description=said or "The collar is not seen any more, error ERR-1042.",
        messages=messages,
        product="icownect",
        version="4.2.1",
        **{"language": "en", **more},
    )


def whole(composed: Composed) -> str:
    return written(composed.article)


def test_the_problem_and_its_solution_are_the_draft(db, cast):
    solve(db)
    composed = compose(db, cast.dan, ArticleBrief(tickets=[1042], audience="customers"))
    assert composed.tickets == (1042,)
    article = composed.article
    assert (article.title, article.slug) == (
        "Collar lost from the herd",
        "collar-lost-from-the-herd",
    )
    assert (article.language, article.product, article.version) == ("en", "icownect", "4.2.1")
    assert article.phrases == ("Collar lost from the herd",)
    assert re.findall("^## .*", article.body, re.MULTILINE) == [
        "## Problem",
        "## Cause",
        "## Solution",
    ]
    assert "error ERR-1042." in article.body and "Restart the service." in article.body
    assert "urgent" not in article.body


def test_a_french_request_makes_a_french_draft(db, cast):
    solve(db, said="Le collier ne répond plus.", language="fr", subject="collier perdu")
    composed = compose(db, cast.dan, ArticleBrief(tickets=[1042]))
    assert composed.article.title == "Collier perdu"
    assert "## Problème" in composed.article.body and "‹à compléter" in composed.article.body
    assert "trouvable_par:" in whole(composed)


def test_internal_notes_stay_inside(db, cast):
    solve(db)
    assert "CANARY" not in str(compose(db, cast.dan, ArticleBrief(tickets=[1042])))


def test_it_is_found_by_what_customers_typed(db, cast):
    ticket = tickets.find(db, cast.alice, solve(db, requester="alice@acme.example"))
    solve(db, number=1043, subject="Re: tag gone")
    other = tickets.find_number(db, cast.dan, 1043)
    duplicates.link(db, cast.dan, other, ticket)
    visit = analytics.visit(db, cast.alice)
    for text in ("lost collar", "LOST collar", "collar of Alice Martin"):
        analytics.searched(db, visit, text, results=1)
        db.execute(
            "UPDATE visit_events SET at = :at, fails_until = :until WHERE text = :text",
            {"at": "2026-01-31T08:50:00Z", "until": "2026-02-03T08:50:00Z", "text": text},
        )
    analytics.searched(db, visit, "searched long after", results=1)
    composed = compose(db, cast.dan, ArticleBrief(tickets=[1042]))
    assert composed.article.phrases == (
        "lost collar", "collar of ‹name›", "Collar lost from the herd", "tag gone",
    )  # fmt: skip
    assert [(item.kind, item.text) for item in composed.hidden] == [("name", "Alice Martin")]


def test_people_are_masked_wherever_they_are_named(db, cast):
    solve(
        db,
        said="Bob Durand and ALICE MARTIN of Globex cannot open it. Chloé Petit neither.",
        answer="Dan Leroy reset the account of Martin at alice@acme.example.",
        cc=["bob@acme.example"],
    )
    text = whole(compose(db, cast.dan, ArticleBrief(tickets=[1042])))
    for name in ("Bob", "Durand", "Martin", "MARTIN", "Globex", "Petit", "Leroy", "alice@"):
        assert name not in text, text
    assert "‹name› and ‹name 2›" in text


def test_a_name_that_one_part_gives_away_is_masked_in_the_others(db, cast):
    solve(db, said="My name is Zorbek Quint.", answer="Quint has to restart. Password: Zx9!kk")
    composed = compose(db, cast.dan, ArticleBrief(tickets=[1042]))
    assert "Quint" not in composed.article.body and "Zx9!kk" not in composed.article.body


FRAME = "title product icownect version 4.2.1 2 1 found_by trouvable_par Problem Cause Solution or"


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.sentence)
def test_nothing_that_is_planted_reaches_a_draft(db, cast, planted: Planted):
    """In the problem, the solution, the subject and a search: none of two hundred gets through."""
    context = "The import of the file stops at line 12 with ERR-1042."
    language = "fr" if re.search("[éèàç]|Bonjour|rue|Nom|le ", planted.sentence) else "en"
    solve(
        db,
        said=f"{context}\n\n{planted.sentence}\n\n{context}",
        answer=f"{context}\n\n{planted.sentence}\n\n{context}",
        subject=planted.sentence.split("\n")[0][:200],
        language=language,
    )
    composed = compose(
        db, cast.dan, ArticleBrief(tickets=[1042], phrases=[planted.sentence.split("\n")[0]])
    )
    assert "ERR-1042" in composed.article.body, "what describes the problem stays"
    frame = set(re.findall(r"\w+", f"{context} {FRAME}"))
    told = re.findall(r"[\w@]+", f"{whole(composed)} {composed.article.slug.replace('-', ' ')}")
    assert {word for word in told if word not in frame} & set(
        traces(planted, " ".join(told))
    ) == set()
    assert any(
        planted.private in item.text or item.text in planted.private for item in composed.hidden
    )


TECHNICAL = [
    "Erreur ERR-1042 puis 0x80070005 dans kernel32.dll, version 4.2.1 (build 10.0.19045.1).",
    "Ouvrez C:\\paie\\Calcul.cs, puis /etc/kbsearch/iis.config à la ligne 42, colonne 7.",
    "ORA-12514, KB5034441, CVE-2026-41190 et SQLSTATE[42S02] dans la table clients_2024.",
    "System.NullReferenceException at Paie.Calcul.Run() le 12/03/2026 à 14:05:33, port 8080.",
    "HTTP 500 sur 127.0.0.1, `MAX_RETRY_COUNT_2=3`, {3F2504E0-4F89-11D3-9A0C-0305E82C3301}.",
]  # fmt: skip


@pytest.mark.parametrize("text", TECHNICAL)
def test_what_describes_the_problem_is_left(db, cast, text: str):
    solve(db, said=text, answer=text, language="fr")
    composed = compose(db, cast.dan, ArticleBrief(tickets=[1042]))
    assert composed.article.body.count(text) == 2 and composed.hidden == ()


def test_headings_and_private_links_of_a_message_do_not_enter(db, cast):
    answer = "# Do this\n\nSee [my file](/attachments/abc/x.png) and [it](https://a.example/fr/requests/1)."
    solve(db, answer=answer)
    body = compose(db, cast.dan, ArticleBrief(tickets=[1042])).article.body
    assert "\\# Do this" in body and "See my file and it." in body


def test_french_gets_its_no_break_spaces_but_in_code(db, cast):
    said = "Le message : « Erreur » ! Voir `a : b` et\n```\nc : d\n```\nà 12:30 ?"
    solve(db, said=said, language="fr", answer=said)
    body = compose(db, cast.dan, ArticleBrief(tickets=[1042])).article.body
    assert "Le message\u00a0: «\u00a0Erreur\u00a0»\u00a0! Voir `a : b` et" in body
    assert "c : d" in body and "à 12:30\u00a0?" in body


def test_a_gap_makes_a_draft_of_its_words(db, cast):
    composed = compose(
        db,
        cast.wendy,
        ArticleBrief(title="How to find the lost collar", phrases=["lost tag"], gap="G-42"),
    )
    assert composed.gap == "G-42" and composed.article.phrases == ("lost tag",)
    assert composed.article.language == "en"
    with pytest.raises(Invalid):
        compose(db, cast.wendy, ArticleBrief(title="x", gap="G-42\nSolves-Ticket: 1"))


def test_who_may_not_read_a_request_makes_nothing_of_it(db, cast):
    solve(db)
    for viewer in (cast.wendy, cast.alice, cast.nobody):
        with pytest.raises(NotFound):
            compose(db, viewer, ArticleBrief(tickets=[1042]))
    told = compose(db, cast.wendy, ArticleBrief(tickets=[1042], title="Collars"))
    assert told.tickets == () and "ERR-1042" not in str(told)
    with pytest.raises(NotFound):
        compose(db, cast.alice, ArticleBrief(title="Collars"))


def test_a_huge_request_makes_a_draft_that_can_be_published(db, cast):
    solve(db, said="A line of a log.\n" * 60_000, answer="x" * 300_000)
    text = whole(compose(db, cast.dan, ArticleBrief(tickets=[1042])))
    assert len(text.encode()) < 256 * 1024
    assert front_matter.read(front_matter.split(text)[0]).text("title")


HOSTILE = st.text(
    st.characters(codec=None) | st.sampled_from("\n\r\t:#-'\"{}[]&*!|>%@`,? \x85\u2028\ufeff\0")
)
FIELD = HOSTILE | st.sampled_from(
    ["---\nstatus: archived", "x: y", "- a", "&a *a", "!!python/object:x", "null", "true", "1.0",
     "...", "---", "\u2028---", "%YAML 1.1", "a\n---\nb", "\ud800", "x" * 9000, "é" * 5000]
)  # fmt: skip


@examples(max_examples=300, deadline=None)
@given(FIELD, FIELD, FIELD, FIELD, FIELD, st.lists(FIELD, max_size=20))
def test_whatever_is_typed_the_front_matter_says_just_that(
    title, summary, version, body, slug, phrases
):
    article = tidy(
        ArticleFile(
            "fr",
            title,
            body,
            category=slug,
            slug=slug,
            summary=summary,
            version=version,
            audience=f"org:{slug}",
            product=slug,
            phrases=tuple(phrases),
        )  # fmt: skip
    )
    text = written(article)
    text.encode()
    lines, rest, before = front_matter.split(text)
    front = front_matter.read(lines)
    assert front.unknown == ()
    assert front.text("title") == " ".join(article.title.split())
    assert front.text("status") == "" and front.status == "published"
    assert front.list("trouvable_par") == tuple(" ".join(each.split()) for each in article.phrases)
    assert (
        rest.strip("\n") == article.body.strip().strip("\n") or rest.strip() == article.body.strip()
    )
    assert before + 1 == article_files.lines_before(article)  # an empty line stands between
    assert yaml.safe_load(lines) is None or isinstance(yaml.safe_load(lines), dict)
