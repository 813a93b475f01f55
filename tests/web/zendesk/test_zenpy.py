"""A client of Zendesk's API, as people install it, works with a site as it is."""

import io
from hashlib import sha256

import pytest
import requests
from flask import Flask
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Organization, Ticket, User
from zenpy.lib.exception import APIException, RecordNotFoundException

from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.programs import program
from tests.kit.requests import file
from tests.kit.web import publish_articles
from tests.kit.zendesk_client import InProcess, zenpy


def client_of(app: Flask, db: SqliteDatabase, viewer: Viewer) -> Zenpy:
    return zenpy(app.test_client(), viewer.email, program(app, db, viewer).secret)


@pytest.fixture
def dans(app: Flask, db: SqliteDatabase, cast: Cast) -> Zenpy:
    return client_of(app, db, cast.dan)


def test_an_agent_files_answers_and_solves_a_ticket(dans: Zenpy, cast: Cast):
    me = dans.users.me()
    assert (me.email, me.role) == ("dan@support.example", "agent")
    upload = dans.attachments.upload(io.BytesIO(b"a log\n"), target_name="log.txt")
    made = dans.tickets.create(
        Ticket(
            subject="Collar lost",
            comment=Comment(body="In the **herd**", uploads=[upload.token]),
            requester=User(name="Alice", email="alice@acme.example"),
            priority="urgent",
            tags=["collar"],
        )
    )
    ticket = made.ticket
    assert (ticket.subject, ticket.priority, ticket.status) == ("Collar lost", "urgent", "new")
    assert ticket.requester.email == "alice@acme.example"
    assert made.audit.ticket_id == ticket.id
    assert list(ticket.tags) == ["collar"]
    ticket.comment = Comment(body="A note", public=False)
    ticket.status = "solved"
    assert dans.tickets.update(ticket).ticket.status == "solved"
    first, note = dans.tickets.comments(ticket)
    assert (first.public, note.public) == (True, False)
    assert "<strong>herd</strong>" in first.html_body
    (attachment,) = first.attachments
    assert attachment.file_name == "log.txt"
    assert [audit.author_id for audit in dans.tickets.audits(ticket.id)][-1] == me.id


def test_every_ticket_leaves_by_each_way(app: Flask, db: SqliteDatabase, cast: Cast, dans: Zenpy):
    numbers = [file(db, cast.alice, subject=f"Number {count}").number for count in range(7)]
    assert [each.id for each in dans.tickets()] == numbers
    assert len(dans.tickets()) == 7
    assert [each.id for each in dans.tickets.incremental(start_time=0)] == numbers
    assert [each.id for each in dans.search(type="ticket")] == numbers
    assert dans.search.count(type="ticket") == 7
    people = {each.email for each in dans.users.incremental(start_time=0)}
    assert {"alice@acme.example", "chloe@globex.example", "dan@support.example"} <= people
    names = {each.name for each in dans.organizations.incremental(start_time=0)}
    assert names == {each.name for each in dans.organizations()} == {"Acme", "Globex"}


def test_the_bytes_of_a_file_are_those_that_came(
    app: Flask, db: SqliteDatabase, cast: Cast, dans: Zenpy
):
    content = "Une ligne du journal, à garder.\r\n".encode() * 900
    upload = dans.attachments.upload(io.BytesIO(content), target_name="journal.txt")
    session = requests.Session()
    session.mount("https://", InProcess(app.test_client()))
    answer = session.get(upload.attachment.content_url)  # as movers do: with no token
    assert (answer.status_code, len(answer.content)) == (200, len(content))
    assert sha256(answer.content).digest() == sha256(content).digest()
    assert (
        session.get(upload.attachment.content_url.replace("/token/", "/token/x")).status_code == 404
    )


def test_what_is_not_theirs_is_refused_as_by_zendesk(app: Flask, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.chloe, subject="Of Globex")
    alices = client_of(app, db, cast.alice)
    with pytest.raises(RecordNotFoundException):
        alices.requests(id=ticket.number)
    with pytest.raises(APIException) as refusal:
        list(alices.tickets())
    assert refusal.value.response.status_code == 403
    wrong = zenpy(app.test_client(), cast.dan.email, "kbs_wrong")
    with pytest.raises(APIException) as unknown:
        wrong.users.me(), list(wrong.tickets())
    assert unknown.value.response.json() == {"error": "Couldn't authenticate you"}


def test_the_guide_is_read_and_not_written(
    app: Flask, db: SqliteDatabase, cast: Cast, settings: Settings, dans: Zenpy
):
    publish_articles(settings, db)
    titles = {each.title for each in dans.help_center.articles()}
    assert "Réinitialiser son mot de passe" in titles
    hits = dans.help_center.articles.search(query="mot de passe", locale="fr")
    first = next(iter(hits))
    assert first.title == "Réinitialiser son mot de passe"
    (section,) = dans.help_center.sections()
    assert {each.title for each in dans.help_center.sections.articles(section)} >= {first.title}
    (category,) = dans.help_center.categories()
    assert section.category_id == category.id != section.id
    with pytest.raises(APIException) as refusal:
        dans.help_center.articles.update(first)
    assert refusal.value.response.status_code == 403
    assert "git" in refusal.value.response.json()["description"]


def test_people_and_organisations_are_taken_in(app: Flask, db: SqliteDatabase, cast: Cast):
    roots = client_of(app, db, cast.root)
    organization = roots.organizations.create(Organization(name="Initech"))
    user = roots.users.create(
        User(name="Erin", email="erin@initech.example", organization_id=organization.id)
    )
    assert (user.organization_id, user.role) == (organization.id, "end-user")
    assert roots.users(id=user.id).email == "erin@initech.example"
    assert roots.users.delete(user).active is False
