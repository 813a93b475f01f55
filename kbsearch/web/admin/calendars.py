"""Calendars: the list, the form of one, and archiving."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch.errors import Invalid
from kbsearch.people import profiles
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.promises import calendars
from kbsearch.promises.calendars import WEEKDAYS, Calendar, CalendarFields
from kbsearch.promises.holidays import HOLIDAYS
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, render_form, revision, text
from kbsearch.web.render import db, language, render, viewer

OFFICE = "9:00-12:00, 14:00-18:00"  # what a new calendar proposes
FIELDS = {  # of the form, by what can be wrong with them
    "calendar.name_invalid": "name",
    "calendar.name_taken": "name",
    "calendar.zone_unknown": "zone",
    "calendar.holidays_unknown": "holidays",
    "calendar.never_open": "monday",
    "calendar.closing_day_invalid": "closing_days",
    "calendar.too_many_closing_days": "closing_days",
    "calendar.in_use": "archive",
}
OF_A_DAY = (
    "calendar.hours_invalid",
    "calendar.over_midnight",
    "calendar.intervals_meet",
    "calendar.too_many_intervals",
)


@bp.get("/calendars")
def list_calendars() -> Response:
    return render(
        "admin/calendars.html",
        calendars=calendars.list_all(db()),
        weekdays=WEEKDAYS,
        done=request.args.get("done", ""),
    )


@bp.get("/calendars/new")
def new_calendar() -> Response:
    week = dict.fromkeys(WEEKDAYS[:5], OFFICE)
    return form(None, Form({"zone": DEFAULT_TIME_ZONE, "holidays": "france", **week}))


@bp.post("/calendars")
def add_calendar() -> Response:
    try:
        calendars.add(db(), viewer(), typed())
    except Invalid as problem:
        return form(None, refused(problem))
    return redirect(f"/{language()}/admin/calendars?done=saved", 303)


@bp.get("/calendars/<id>")
def show_calendar(id: str) -> Response:
    calendar = calendar_of(id)
    return form(calendar, Form.of(calendars.texts(calendar.fields)))


@bp.post("/calendars/<id>")
def save_calendar(id: str) -> Response:
    calendar = calendar_of(id)
    try:
        calendars.edit(db(), viewer(), calendar, typed(), revision=revision())
    except Invalid as problem:
        return form(calendar, refused(problem))
    return redirect(f"/{language()}/admin/calendars?done=saved", 303)


@bp.post("/calendars/<id>/state")
def archive_or_restore_calendar(id: str) -> Response:
    calendar = calendar_of(id)
    is_archiving = text("state") == "archived"
    change = calendars.archive if is_archiving else calendars.restore
    try:
        change(db(), viewer(), calendar)
    except Invalid as problem:
        fields = Form.of(calendars.texts(calendar.fields))
        return form(calendar, fields.refused(problem, FIELDS))
    done = "archived" if is_archiving else "restored"
    return redirect(f"/{language()}/admin/calendars?done={done}", 303)


def typed() -> CalendarFields:
    return CalendarFields(
        name=text("name"),
        zone=text("zone"),
        week=tuple(text(day) for day in WEEKDAYS),
        holidays=text("holidays"),
        closing_days=text("closing_days"),
    )


def refused(problem: Invalid) -> Form:
    """What was sent, with what is wrong beside its field."""
    names = ("name", "zone", *WEEKDAYS, "holidays", "closing_days", "revision")
    fields = Form({name: text(name) for name in names})
    hours = str(problem.values.get("hours", ""))
    day = next((day for day in WEEKDAYS if hours and hours in text(day)), WEEKDAYS[0])
    return fields.refused(problem, {**FIELDS, **dict.fromkeys(OF_A_DAY, day)})


def form(calendar: Calendar | None, fields: Form) -> Response:
    return render_form(
        "admin/calendar.html",
        form=fields,
        calendar=calendar,
        weekdays=WEEKDAYS,
        zones=("UTC", *(zone for zones in profiles.time_zones().values() for zone in zones)),
        holidays=HOLIDAYS,
    )


@names_a_page()
def calendar_of(id: str) -> Calendar:
    return calendars.find(db(), id)
