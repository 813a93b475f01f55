from pathlib import Path
from typing import Any

import pytest

from kbsearch import config_sources, field_tables, form_fields
from kbsearch.config import ConfigError
from kbsearch.form_fields import FormField

WRITTEN = """
[[fields]]
name = "where"
label = { fr = "Où ?", en = "Where?" }
kind = "choice"
choices = ["barn", "field"]
products = ["icownect"]
required = true

[[fields]]
name = "lot"
label = "Lot"
hint = { fr = "Sur la boucle" }
when = { field = "where", is = ["barn"] }
"""


def test_fields_are_written_as_tables(tmp_path: Path):
    path = tmp_path / "kbsearch.toml"
    path.write_text(WRITTEN, encoding="utf-8")
    where, lot = config_sources.load(path, environ={}).settings.fields
    assert where == FormField(
        "where",
        {"fr": "Où ?", "en": "Where?"},
        "choice",
        ("icownect",),
        True,
        ("barn", "field"),
    )
    assert lot.when == ("where", ("barn",))
    assert (where.told("en"), lot.told("en"), lot.told("fr")) == ("Where?", "Lot", "Lot")


def test_a_question_is_asked_for_its_product_and_its_condition():
    fields = field_tables.parse(
        [
            {"name": "a", "label": "A", "kind": "choice", "choices": ["x", "y"], "products": ["p"]},
            {"name": "b", "label": "B", "when": {"field": "a", "is": "x"}},
            {"name": "c", "label": "C", "when": {"field": "b", "is": "1"}},
            {"name": "d", "label": "D"},
        ]
    )

    def names(product: str | None, **answers: str) -> list[str]:
        return [field.name for field in form_fields.asked(fields, product, answers)]

    assert names("p") == ["a", "d"]
    assert names("p", a="x") == ["a", "b", "d"]
    assert names("p", a=" x ", b="1") == ["a", "b", "c", "d"]
    assert names("p", a="y", b="1") == ["a", "d"], "b is not asked, so c is not either"
    assert names("other", a="x", b="1") == ["d"]
    assert names(None) == ["d"]


GOOD: dict[str, Any] = {"name": "lot", "label": "Lot"}
OTHER = {"name": "where", "label": "Where", "kind": "choice", "choices": ["barn"]}


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ("lot", "[[fields]] table"),
        ([1], "[[fields]] table"),
        ([{"label": "Lot"}], "field 1: name"),
        ([{**GOOD, "name": "Lot 1"}], "field 1: name"),
        ([GOOD, GOOD], "there are two of that name"),
        ([{**GOOD, "lable": "x"}], "there is no 'lable'"),
        ([{**GOOD, "kind": "date"}], "kind: pick from text, choice"),
        ([{**GOOD, "kind": "choice"}], "choices"),
        ([{**GOOD, "choices": ["a"]}], "choices"),
        ([{**GOOD, "kind": "choice", "choices": ["a", "a"]}], "choices"),
        ([{**GOOD, "kind": "choice", "choices": [1]}], "choices"),
        ([{**GOOD, "required": "yes"}], "required: true or false"),
        ([{**GOOD, "products": [""]}], "products"),
        ([{"name": "lot"}], "label"),
        ([{**GOOD, "label": {}}], "label"),
        ([{**GOOD, "label": {"fr": ""}}], "label"),
        ([{**GOOD, "hint": 7}], "hint"),
        ([{**GOOD, "when": "where"}], "when"),
        ([{**GOOD, "when": {"field": "where", "is": ["barn"]}}], "no field 'where' comes before"),
        ([OTHER, {**GOOD, "when": {"field": "where", "is": ["moon"]}}], "pick from barn"),
        ([OTHER, {**GOOD, "when": {"field": ["where"], "is": ["barn"]}}], "when"),
        ([{**GOOD, "name": f"f{n}"} for n in range(51)], "more than 50"),
    ],
)
def test_what_is_wrong_is_said_with_the_name_of_the_field(tables: Any, told: str):
    with pytest.raises(ValueError, match=r".") as problem:
        field_tables.parse(tables)
    assert told in str(problem.value)


def test_a_site_with_a_wrong_field_does_not_start(tmp_path: Path):
    path = tmp_path / "kbsearch.toml"
    path.write_text('[[fields]]\nname = "lot"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"kbsearch.toml: fields: field 'lot': label"):
        config_sources.load(path, environ={})


@pytest.mark.parametrize("name", ["close_after_days", "draft_days", "search_log_days"])
@pytest.mark.parametrize("days", ["0", "-1", "3651"])
def test_days_are_counted_from_one(name: str, days: str):
    with pytest.raises(ConfigError, match=name):
        config_sources.load(None, environ={f"KBSEARCH_{name.upper()}": days})


@pytest.mark.parametrize("name", ["incoming_mail_days", "outgoing_mail_days"])
def test_days_that_mail_is_kept_are_counted_from_none(name: str):
    for days in ("-1", "36501", "a week"):
        with pytest.raises(ConfigError, match=name):
            config_sources.load(None, environ={f"KBSEARCH_{name.upper()}": days})


def test_a_value_is_read_by_its_kind_and_what_is_none_of_it_is_a_text():
    number = FormField("count", {"en": "Count"}, kind="number")
    assert [number.as_json(value) for value in ("12", "-1.5", "a dozen", "", "1.2.3")] == [
        12, -1.5, "a dozen", "", "1.2.3",
    ]  # fmt: skip
    assert FormField("is_new", {"en": "New"}, kind="yes_no").as_json("yes") is True
