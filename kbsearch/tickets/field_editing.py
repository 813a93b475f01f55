"""Administrators add fields to requests, change and order them; none is ever deleted."""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kbsearch import audit, revisions
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.database import Database, Row, new_id, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.form_fields import (
    KINDS,
    MAX_CHOICES,
    MAX_FIELDS,
    MAX_LABEL,
    NAME,
    WITH_CHOICES,
    YES_NO,
    FormField,
)
from kbsearch.text.normal_form import nfkd
from kbsearch.tickets import fields

log = logging.getLogger(__name__)

MAX_CHOICE = 100
_APART = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class FieldForm:
    """A field as it is typed; kind and name are for one that is new."""

    label_fr: str = ""
    label_en: str = ""
    hint_fr: str = ""
    hint_en: str = ""
    choices: str = ""
    when_field: str = ""
    when_values: str = ""
    products: Sequence[str] = ()
    required: bool = False
    in_form: bool = False
    kind: str = ""
    name: str = ""


def add(db: Database, viewer: Viewer, form: FieldForm) -> FormField:
    """Have one more field, after all others; raises Invalid for what cannot be one."""
    only_administrators(viewer)
    with db.atomic():
        present = fields.list_all(db, viewer)
        if sum(field.archived_at is None for field in present) >= MAX_FIELDS:
            raise Invalid("field.too_many", limit=MAX_FIELDS)
        kind = next((kind for kind in KINDS if kind == form.kind), None)
        if kind is None:
            raise Invalid("field.kind_unknown")
        new = FormField(_new_name(form, present), {}, kind, id=new_id())
        row = _checked(present, new, form)
        last = db.query("SELECT COALESCE(MAX(position), 0) AS last FROM fields")[0]["last"]
        named = {"id": new.id, "name": new.name, "kind": kind}
        db.insert("fields", {**named, **row, "position": last + 1, "created_at": now()})
        _put_products(db, new.id, form.products)
        added = find(db, viewer, new.id)
        audit.change(db, viewer, "field.added", added.name, {}, texts(added))
    return added


def edit(
    db: Database, viewer: Viewer, field: FormField, form: FieldForm, *, revision: str | None = None
) -> FormField:
    """Change a field, its kind and name excepted; what requests have in it stays.

    Raises Outdated when it is not as a page showed it at that revision.
    """
    only_administrators(viewer)
    with db.atomic():
        old = find(db, viewer, field.id)
        row = _checked(fields.list_all(db, viewer), old, form)
        edited = {**texts(old), **_texts(row, form.products)}
        revisions.check(revision, texts(old), edited)
        db.execute(
            """
            UPDATE fields SET label_fr = :label_fr, label_en = :label_en, hint_fr = :hint_fr,
              hint_en = :hint_en, choices = :choices, when_field = :when_field,
              when_values = :when_values, required = :required, in_form = :in_form
            WHERE id = :id
            """,
            {**row, "id": old.id},
        )
        _put_products(db, old.id, form.products)
        new = find(db, viewer, old.id)
        if new.in_form != old.in_form:
            fields.mark_changed(db, old.name)
        audit.change(db, viewer, "field.changed", new.name, texts(old), texts(new))
    return new


def archive(db: Database, viewer: Viewer, field: FormField) -> None:
    """Ask for it no more; requests keep what they have in it. Not while another depends on it."""
    only_administrators(viewer)
    with db.atomic():
        dependent = next(
            (
                other
                for other in fields.definitions(db, viewer)
                if other.when and other.when[0] == field.name
            ),
            None,
        )
        if dependent:
            raise Invalid("field.others_depend", name=dependent.name)
        _changed(db, viewer, "field.archived", field, now())


def restore(db: Database, viewer: Viewer, field: FormField) -> None:
    """Ask for it again; what its condition was about must be asked for too."""
    only_administrators(viewer)
    with db.atomic():
        names = {other.name for other in fields.definitions(db, viewer)}
        if field.when and field.when[0] not in names:
            raise Invalid("field.condition_unknown")
        _changed(db, viewer, "field.restored", field, None)


def move(db: Database, viewer: Viewer, field: FormField, places: int) -> None:
    """Have it asked some places earlier (below 0) or later, after what its condition is about."""
    only_administrators(viewer)
    with db.atomic():
        active = fields.definitions(db, viewer)
        ids = [other.id for other in active]
        if field.id not in ids:
            raise NotFound("web.not_found")
        before = [other.name for other in active]
        active.insert(max(0, ids.index(field.id) + places), active.pop(ids.index(field.id)))
        after = [other.name for other in active]
        for other in active:
            if other.when and after.index(other.when[0]) > after.index(other.name):
                raise Invalid("field.condition_before", name=other.name, other=other.when[0])
        archived = [other for other in fields.list_all(db, viewer) if other.archived_at]
        for position, other in enumerate([*active, *archived], 1):
            db.execute(
                "UPDATE fields SET position = :position WHERE id = :id",
                {"position": position, "id": other.id},
            )
        order = {"order": ", ".join(before)}, {"order": ", ".join(after)}
        audit.change(db, viewer, "field.moved", field.name, *order)


def find(db: Database, viewer: Viewer, field_id: str) -> FormField:
    """The field with that id, archived or not; raises NotFound."""
    only_administrators(viewer)
    for field in fields.list_all(db, viewer):
        if field.id == field_id:
            return field
    raise NotFound("web.not_found")


def take_over(db: Database, viewer: Viewer, tables: Sequence[FormField]) -> None:
    """Make rows of the tables of a settings file, once: where there has been no field yet.

    What requests have in them is looked through, so that lists find it. Products that are not
    there yet are waited for.
    """
    if not tables or db.query("SELECT 1 FROM fields LIMIT 1"):
        return
    slugs = {row["slug"] for row in db.query("SELECT slug FROM products")}
    if not all(slugs.issuperset(table.products) for table in tables):
        return
    with db.atomic():
        for table in tables:
            add(db, viewer, _form_of(table))
            log.warning("field %s is taken over from the settings: /admin/fields", table.name)
        for row in db.query("SELECT id, fields FROM tickets WHERE fields <> '{}'"):
            fields.index_lines(db, row["id"], json.loads(row["fields"]))


def texts(field: FormField) -> dict[str, str]:
    """What can be edited of a field, as its form shows it."""
    hint = field.hint or {}
    when_field, when_values = field.when or ("", ())
    row = {
        "label_fr": field.label.get("fr", ""),
        "label_en": field.label.get("en", ""),
        "hint_fr": hint.get("fr", ""),
        "hint_en": hint.get("en", ""),
        "choices": fields.choices_text(field),
        "when_field": when_field,
        "when_values": "\n".join(when_values),
        "required": field.required,
        "in_form": field.in_form,
    }
    return _texts(row, field.products)


def _texts(row: Row, products: Sequence[str]) -> dict[str, str]:
    flags = {name: "yes" if row[name] else "" for name in ("required", "in_form")}
    return {**row, **flags, "products": revisions.several(products) or ""}


def _form_of(table: FormField) -> FieldForm:
    """A table of a settings file as it would be typed."""

    def in_both(said: dict[str, str]) -> tuple[str, str]:
        first = next(iter(said.values()), "")
        return said.get("fr") or first, said.get("en") or first

    labels, hints = in_both(dict(table.label)), in_both(dict(table.hint or {}))
    when_field, when_values = table.when or ("", ())
    choices = fields.choices_text(table)
    return FieldForm(
        *labels,
        *hints,
        choices,
        when_field,
        "\n".join(when_values),
        table.products,
        table.required,
        True,
        table.kind,
        table.name,
    )


def _new_name(form: FieldForm, present: Sequence[FormField]) -> str:
    """The name that was typed, or one made of the label; raises Invalid where it is taken."""
    names = {field.name for field in present}
    typed = form.name.strip()
    if typed:
        if not NAME.fullmatch(typed):
            raise Invalid("field.name_invalid")
        if typed in names:
            raise Invalid("field.name_taken", name=typed)
        return typed
    label = form.label_en.strip() or form.label_fr
    made = _APART.sub("_", nfkd(label[:MAX_LABEL]).encode("ascii", "ignore").decode().lower())
    stem = f"f_{made}".strip("_") if not NAME.match(made) else made.strip("_")
    tries = (stem[:36] if n == 1 else f"{stem[:36]}_{n}" for n in range(1, len(names) + 2))
    return next(name for name in tries if name not in names)


def _checked(present: Sequence[FormField], field: FormField, form: FieldForm) -> Row:
    """The columns of a field once its form is read; raises Invalid for the first mistake."""
    labels = {name: " ".join(getattr(form, name).split()) for name in ("label_fr", "label_en")}
    if not any(labels.values()):
        raise Invalid("field.label_missing")
    hints = {name: " ".join(getattr(form, name).split()) for name in ("hint_fr", "hint_en")}
    for name, line in (labels | hints).items():
        if len(line) > MAX_LABEL:
            raise Invalid("field.label_too_long" if name in labels else "field.hint_too_long")
    one = labels["label_fr"] or labels["label_en"]
    choices = _choices(field, form.choices)
    renewed = replace(field, in_form=form.in_form)
    when_field, when_values = _condition(present, renewed, form)
    return {
        **{name: line or one for name, line in labels.items()},
        **hints,
        "choices": choices,
        "when_field": when_field,
        "when_values": when_values,
        "required": int(form.required and form.in_form),
        "in_form": int(form.in_form),
    }


def _choices(field: FormField, text: str) -> str:
    if field.kind not in WITH_CHOICES:
        return ""
    choices, english = fields.split_choices(text.replace("\r\n", "\n"))
    if not choices:
        raise Invalid("field.choices_missing")
    longest = max(map(len, [*choices, *english.values()]))
    if len(choices) > MAX_CHOICES or longest > MAX_CHOICE or not all(choices):
        raise Invalid("field.choices_too_many", limit=MAX_CHOICES, length=MAX_CHOICE)
    if len(set(choices)) < len(choices):
        raise Invalid("field.choices_repeated")
    return fields.choices_text(replace(field, choices=choices, translations=english))


def _condition(present: Sequence[FormField], field: FormField, form: FieldForm) -> tuple[str, str]:
    """The name of another field and its values, one a line; raises Invalid."""
    if not form.when_field:
        return "", ""
    earlier: list[FormField] = []
    for other in present:
        if other.id == field.id:
            break
        earlier.append(other)
    condition = next(
        (other for other in earlier if other.name == form.when_field and not other.archived_at),
        None,
    )
    if condition is None:
        raise Invalid("field.condition_unknown")
    if field.in_form and not condition.in_form:
        raise Invalid("field.condition_hidden")
    values = [line.strip() for line in form.when_values.replace("\r\n", "\n").split("\n")]
    values = [value for value in values if value]
    offered = YES_NO if condition.kind == "yes_no" else condition.choices
    if not values or (offered and not set(values) <= set(offered)):
        raise Invalid("field.condition_values", answers=", ".join(offered) or "…")
    if not offered:
        values = [condition.read(value) for value in values]
    return condition.name, "\n".join(values)


def _put_products(db: Database, field_id: str, slugs: Sequence[str]) -> None:
    places, values = one_of("slug", sorted(set(slugs)))
    rows = db.query(f"SELECT id FROM products WHERE slug IN ({places})", values)  # noqa: S608
    if len(rows) < len(set(slugs)):
        raise Invalid("field.product_unknown")
    db.execute("DELETE FROM field_products WHERE field_id = :id", {"id": field_id})
    db.insert_many(
        "field_products", [{"field_id": field_id, "product_id": row["id"]} for row in rows]
    )


def _changed(
    db: Database, viewer: Viewer, kind: str, field: FormField, archived_at: str | None
) -> None:
    db.execute(
        "UPDATE fields SET archived_at = :at WHERE id = :id", {"at": archived_at, "id": field.id}
    )
    audit.act(db, viewer, kind, subject=field.name)
