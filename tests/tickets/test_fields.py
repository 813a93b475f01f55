"""Fields that a vendor added: kinds, conditions, for whom, in order, never losing a value."""

from dataclasses import replace

import pytest

from kbsearch import form_fields, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import Database, new_id
from kbsearch.errors import Conflict, Invalid, InvalidForm, NotFound
from kbsearch.form_fields import FormField
from kbsearch.tickets import Ticket, changes, field_editing, fields, filing, records
from kbsearch.tickets.conversation import corrections
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.desk import properties, queue
from kbsearch.tickets.desk.properties import PropertyEdits
from kbsearch.tickets.desk.queue import QueueFilter
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from tests.conftest import Cast

WHERE = FieldForm("Où", "Where", kind="choice", choices="Étable | Barn\nPré", in_form=True)
LOT = FieldForm("Lot", "Lot", when_field="where", when_values="Étable", kind="text", in_form=True)
HERD = FieldForm("Bêtes", "Animals", kind="number", in_form=True)
DAY = FieldForm("Depuis", "Since", kind="date", in_form=True)
SIGNS = FieldForm("Signes", "Signs", kind="choices", choices="rouge\nvert\nbleu", in_form=True)
RISK = FieldForm("Risque", "Risk", kind="yes_no")
CAUSE = FieldForm("Cause", "Cause", kind="text")


def add(db: Database, *forms: FieldForm) -> list[FormField]:
    return [field_editing.add(db, OPERATOR, form) for form in forms]


def file(db: Database, viewer: Viewer, **answers: str) -> Ticket:
    request = RequestForm("Collar", "It is lost.", software="icownect", fields=answers)
    terms = FilingTerms(new_id(), fields.definitions(db, viewer))
    return filing.open(db, viewer, request, terms)


def correct(db: Database, viewer: Viewer, ticket: Ticket, **answers: str) -> Ticket:
    there = tickets.find(db, viewer, ticket.id)
    texts = {f"fields.{name}": text for name, text in answers.items()}
    edits = FieldEdits(texts, edition=there.edition)
    asked = fields.definitions(db, viewer)
    corrections.edit_fields(db, viewer, there, edits, fields=asked)
    return tickets.find(db, viewer, ticket.id)


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("number", " 1 200,50 ", "1200.5"),
        ("number", "−3", "-3"),
        ("number", "0100", "100"),
        ("date", "31/1/2026", "2026-01-31"),
        ("date", "2026-01-31", "2026-01-31"),
        ("yes_no", "yes", "yes"),
        ("choice", "b", "b"),
        ("choices", "c\na\n", "a\nc"),
        ("text", " one\ntwo ", "one\ntwo"),
        ("number", "  ", ""),
    ],
)
def test_a_value_is_kept_in_one_form_however_it_is_typed(
    kind: form_fields.Kind, typed: str, value: str
):
    choices = ("a", "b", "c") if kind in form_fields.WITH_CHOICES else ()
    assert FormField("x", {"fr": "X"}, kind, choices=choices).read(typed) == value


@pytest.mark.parametrize(
    ("kind", "typed", "key"),
    [
        ("number", "many", "request.field_number"),
        ("number", "1e5", "request.field_number"),
        ("number", "9" * 40, "request.field_number"),
        ("date", "31/2/2026", "request.field_date"),
        ("date", "soon", "request.field_date"),
        ("yes_no", "perhaps", "request.field_unknown"),
        ("choice", "d", "request.field_unknown"),
        ("choices", "a\nd", "request.field_unknown"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(kind: form_fields.Kind, typed: str, key: str):
    choices = ("a", "b", "c") if kind in form_fields.WITH_CHOICES else ()
    with pytest.raises(Invalid) as refusal:
        FormField("x", {"fr": "X"}, kind, choices=choices).read(typed)
    assert refusal.value.key == key


def test_programs_read_values_by_their_kind(db: Database, cast: Cast):
    add(db, HERD, SIGNS, DAY, RISK)
    ticket = file(db, cast.dan, animals="12,5", signs="vert\nrouge", since="2026-01-31", risk="no")
    (record,) = records.heads(db, cast.dan, [ticket.id])
    values = {"animals": 12.5, "signs": ["rouge", "vert"], "since": "2026-01-31", "risk": False}
    assert record["fields"] == values
    for name, value in values.items():
        assert form_fields.text_of(value)  # type: ignore[arg-type]
        assert ticket.fields[name]


def test_a_condition_asks_for_a_field_and_takes_its_value_away_with_a_trace(
    db: Database, cast: Cast
):
    add(db, WHERE, LOT)
    ticket = file(db, cast.alice, where="Étable", lot="7")
    assert ticket.fields == {"where": "Étable", "lot": "7"}
    assert file(db, cast.alice, where="Pré", lot="7").fields == {"where": "Pré"}
    moved = correct(db, cast.alice, ticket, where="Pré")
    assert moved.fields == {"where": "Pré"}
    changed = {(event.field, event.before, event.after) for event in moved.events}
    assert ("fields.lot", "7", "") in changed


def test_what_is_for_agents_alone_is_nothing_to_customers(db: Database, cast: Cast):
    add(db, WHERE, CAUSE)
    ticket = file(db, cast.alice, where="Pré", cause="hers")
    assert ticket.fields == {"where": "Pré"}, "she has no such field"
    there = correct(db, cast.dan, ticket, cause="SECRET", where="Étable")
    assert there.fields == {"where": "Étable", "cause": "SECRET"}
    seen = tickets.find(db, cast.alice, ticket.id)
    assert "SECRET" not in repr(seen)
    assert "SECRET" not in repr(records.read(db, cast.alice, [ticket.id]))
    assert [event.field for event in seen.events] == ["fields.where"]
    assert "fields.cause" in {event.field for event in there.events}
    edits = FieldEdits({"fields.cause": "guess"}, edition=0)
    asked = fields.definitions(db, cast.alice)
    corrections.edit_fields(db, cast.alice, seen, edits, fields=asked)
    assert correct(db, cast.alice, ticket, where="Pré").fields == {"where": "Pré"}
    assert tickets.find(db, cast.dan, ticket.id).fields["cause"] == "SECRET"


def test_the_index_takes_texts_in_for_those_who_may_read_them(db: Database, cast: Cast):
    add(db, LOT_OF_ALL, CAUSE, HERD)
    ticket = file(db, cast.alice, lot="PUBLICLOT", animals="12")
    correct(db, cast.dan, ticket, cause="SECRETCAUSE")
    (case,) = changes.list_changed(db, 0, 10)
    assert "PUBLICLOT" in case.description and "SECRETCAUSE" in case.notes
    assert "SECRETCAUSE" not in case.description + case.answers
    assert "12" not in case.description


LOT_OF_ALL = replace(LOT, when_field="", when_values="")


def test_two_agents_do_not_undo_each_other(db: Database, cast: Cast):
    add(db, CAUSE)
    ticket = correct(db, cast.dan, file(db, cast.alice), cause="first")
    asked = fields.definitions(db, cast.dan)
    edits = PropertyEdits(
        FieldEdits({"fields.cause": "mine"}, edition=ticket.edition), shown_answers={"cause": ""}
    )
    with pytest.raises(Conflict) as conflict:
        properties.edit(db, cast.dan, ticket, edits, fields=asked)
    assert conflict.value.differences == {"fields.cause": ("mine", "first")}


def test_a_list_is_narrowed_by_values(db: Database, cast: Cast):
    where, lot, herd, signs = add(db, WHERE, LOT, HERD, SIGNS)
    first = file(db, cast.alice, where="Étable", lot="A-77", animals="12", signs="vert\nbleu")
    second = file(db, cast.alice, where="Pré", animals="120", signs="rouge")

    def numbers(*answers: tuple[FormField, str]) -> list[int]:
        page = queue.look(db, cast.dan, QueueFilter(view="all", answers=answers))
        return sorted(line.number for line in page.lines)

    assert numbers((where, "Pré")) == [second.number]
    assert numbers((lot, "a-7")) == [first.number]
    assert numbers((herd, "12,0")) == [first.number]
    assert numbers((signs, "bleu")) == [first.number]
    assert numbers((signs, "bleu"), (where, "Pré")) == []
    assert numbers((herd, "many")) == []


def test_an_archived_field_keeps_its_values_and_a_choice_taken_away_too(db: Database, cast: Cast):
    where, herd = add(db, WHERE, HERD)
    ticket = file(db, cast.alice, where="Pré", animals="3")
    field_editing.archive(db, cast.root, herd)
    field_editing.edit(db, cast.root, where, replace(WHERE, choices="Étable | Barn"))
    there = correct(db, cast.dan, ticket, animals="9")
    assert there.fields == {"where": "Pré", "animals": "3"}
    assert [field.name for field in fields.definitions(db, cast.dan)] == ["where"]
    field_editing.restore(db, cast.root, herd)
    assert correct(db, cast.dan, ticket, animals="9").fields == {"where": "Pré", "animals": "9"}


def test_a_required_field_that_came_later_is_in_the_way_of_no_other_change(
    db: Database, cast: Cast
):
    add(db, HERD)
    ticket = file(db, cast.alice)
    add(db, replace(WHERE, required=True))
    assert correct(db, cast.dan, ticket, animals="4").fields == {"animals": "4"}
    with pytest.raises(InvalidForm):
        file(db, cast.alice)


def test_the_order_is_that_of_administrators_after_what_a_condition_is_about(
    db: Database, cast: Cast
):
    where, lot, herd = add(db, WHERE, LOT, HERD)
    field_editing.move(db, cast.root, herd, -1)
    names = [field.name for field in fields.definitions(db, cast.alice)]
    assert names == ["where", "animals", "lot"]
    with pytest.raises(Invalid) as refusal:
        field_editing.move(db, cast.root, lot, -2)
    assert refusal.value.key == "field.condition_before"
    with pytest.raises(Invalid) as refusal:
        field_editing.archive(db, cast.root, where)
    assert refusal.value.key == "field.others_depend"


@pytest.mark.parametrize(
    ("form", "key"),
    [
        (FieldForm(kind="text"), "field.label_missing"),
        (FieldForm("x" * 201, kind="text"), "field.label_too_long"),
        (FieldForm("X", kind="colour"), "field.kind_unknown"),
        (FieldForm("X", kind="text", name="Été"), "field.name_invalid"),
        (FieldForm("X", kind="text", name="where"), "field.name_taken"),
        (FieldForm("X", kind="choice"), "field.choices_missing"),
        (FieldForm("X", kind="choice", choices="a\na"), "field.choices_repeated"),
        (FieldForm("X", kind="choice", choices="x" * 101), "field.choices_too_many"),
        (FieldForm("X", kind="text", products=["x"]), "field.product_unknown"),
        (FieldForm("X", kind="text", when_field="x", when_values="1"), "field.condition_unknown"),
        (replace(LOT, when_values="Lune"), "field.condition_values"),
        (replace(LOT, when_field="cause", when_values="1"), "field.condition_hidden"),
    ],
)
def test_what_can_be_no_field_is_refused(db: Database, cast: Cast, form: FieldForm, key: str):
    add(db, WHERE, CAUSE)
    with pytest.raises(Invalid) as refusal:
        field_editing.add(db, cast.root, form)
    assert refusal.value.key == key
    assert len(fields.list_all(db, cast.root)) == 2


def test_agents_change_no_field(db: Database, cast: Cast):
    with pytest.raises(NotFound):
        field_editing.add(db, cast.dan, WHERE)


def test_names_for_programs_are_made_of_the_label(db: Database, cast: Cast):
    forms = [FieldForm(label, kind="text") for label in ("Numéro de lot !", "Numéro de lot", "42")]
    assert [field.name for field in add(db, *forms)] == ["numero_de_lot", "numero_de_lot_2", "f_42"]


def test_tables_of_the_settings_become_rows_once_and_old_values_are_found(db: Database, cast: Cast):
    there = FormField("where", {"fr": "Où"}, "choice", choices=("barn", "field"))
    lot = FormField("lot", {"": "Lot"}, products=("icownect",), when=("where", ("barn",)))
    request = RequestForm("A", "B", software="icownect", fields={"where": "barn", "lot": "7"})
    ticket = filing.open(db, cast.alice, request, FilingTerms(new_id(), (there, lot)))
    db.execute("DELETE FROM ticket_field_lines")
    field_editing.take_over(db, OPERATOR, (there, lot))
    first, second = fields.definitions(db, cast.alice)
    assert (first.name, first.choices, first.label) == (
        "where",
        there.choices,
        {"fr": "Où", "en": "Où"},
    )
    assert (second.when, second.products) == (("where", ("barn",)), ("icownect",))
    page = queue.look(db, cast.dan, QueueFilter(view="all", answers=((first, "barn"),)))
    assert [line.number for line in page.lines] == [ticket.number]
    field_editing.edit(db, cast.root, second, replace(LOT, label_fr="Other", when_values="barn"))
    field_editing.take_over(db, OPERATOR, (there, lot))
    assert fields.definitions(db, cast.alice)[1].told("fr") == "Other"
