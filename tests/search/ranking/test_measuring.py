"""`evaluate` and `search --explain`: what is measured is there, and what is shown says why."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast, take_over
from tests.kit.search import follow, put_live, write

COLLARS = "fr/elevage/colliers"


@pytest.fixture(autouse=True)
def site(
    db: SqliteDatabase, settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings.content_path, COLLARS, "Sa carte, et ERR-7.", title="Localiser un collier")
    write(settings.content_path, "fr/elevage/autre", "Rien de tel.", title="Autre page")
    put_live(db, settings)
    take_over(db, number=7, subject="ERR-1042 depuis hier", description="Le collier est muet.")
    follow(settings, db)
    monkeypatch.chdir(settings.site)
    monkeypatch.setenv("KBSEARCH_LANG", "en")


def evaluate(folder: Path, judgements: dict[str, str], *options: str) -> Result:
    """Measure questions, each with the document that is judged to answer it."""
    lines = [json.dumps({"id": text, "text": text, "lang": "fr"}) for text in judgements]
    (folder / "queries.jsonl").write_text("\n".join(lines), "utf-8")
    rows = [f"{text}\t0\t{name}\t1" for text, name in judgements.items() if name]
    (folder / "qrels.tsv").write_text("\n".join(rows), "utf-8")
    files = [str(folder / name) for name in ("queries.jsonl", "qrels.tsv")]
    return CliRunner().invoke(cli, ["evaluate", *files, "--json", *options])


def test_articles_and_requests_are_measured_together(tmp_path: Path):
    result = evaluate(tmp_path, {"localiser": COLLARS, "ERR-1042": "7"}, "--kind", "all")
    measures = json.loads(result.stdout)
    assert (measures["queries"], measures["hit@1"]) == (2, 1.0)


@pytest.mark.parametrize(
    "kind, document, named",
    [
        ("all", "fr/elevage/gone", "fr/elevage/gone"),
        ("all", "8", "8"),
        ("article", "7", "7"),
        ("ticket", COLLARS, COLLARS),
        ("article", "it/elevage/colliers", "it/elevage/colliers"),
    ],
)
def test_nothing_is_measured_against_what_is_not_there(
    tmp_path: Path, kind: str, document: str, named: str
):
    result = evaluate(tmp_path, {"localiser": document}, "--kind", kind)
    assert result.exit_code == 1 and result.stdout == ""
    assert f"1 of the 1 judged documents are not in the index: {named}." in result.stderr


def test_a_question_without_a_judgement_is_one_without_an_answer(tmp_path: Path):
    asked = {"localiser": COLLARS, "muet": "", "quetzalcoatl": ""}
    measures = json.loads(evaluate(tmp_path, asked, "--kind", "all", "--abstain").stdout)
    assert measures["queries"] == 1
    assert measures["abstain"][0]["unanswerable"] == 0.3333


def explained(text: str, email: str) -> str:
    arguments = ["search", text, "--lang", "fr", "--as", email, "--explain"]
    return CliRunner().invoke(cli, arguments).output


@pytest.mark.parametrize("email", ["dan@support.example", "alice@acme.example"])
def test_search_says_in_words_why_a_hit_stands_where_it_stands(email: str):
    text = explained("ERR-1042", email)
    assert "Ce code même s’y trouve" in text and "err1042" in text
    assert "Dans son titre : localiser" in explained("localiser ", email).replace("\xa0", " ")
    assert "Il porte ce numéro même" in explained("7", email)
    assert "C’est son titre même" in explained("err-1042 depuis hier", email)
    assert "Dans son titre et son texte" in explained("muet", email)
