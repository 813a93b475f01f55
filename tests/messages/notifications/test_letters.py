"""Letters as they are laid out: the same words as text and as HTML, in their reader's colours."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kbsearch import people, resources
from kbsearch.access import OPERATOR
from kbsearch.announcements import Announcement
from kbsearch.articles.writing.branch_comments import BranchComment
from kbsearch.articles.writing.review_reminders import DueReview
from kbsearch.config import LANGUAGES, Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.notifications import letters
from kbsearch.messages.notifications.letters import Brand
from kbsearch.messages.notifications.news_letters import NewsLine
from kbsearch.messages.webhooks import Webhook
from kbsearch.people import Person, PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields, colours
from kbsearch.people.organisations import branding as looks
from kbsearch.people.organisations.branding import LookFields
from kbsearch.vaults.outcomes import BackupFailure, Outcomes
from tests.conftest import Cast
from tests.kit.mail import html_of, text_of

FOLDER = resources.folder("templates") / "mail"
VOID = {"meta", "br", "img", "hr", "link", "input"}


def values() -> dict[str, dict[str, Any]]:
    """What the letters about accounts are filled in with."""
    notice = {"at": "2026-11-20T12:00:00Z"}
    webhook = Webhook(
        "w1", "https://hooks.example/in", "p1", "root@support.example", (), notice["at"],
        None, notice["at"], "gone", 3, None,
    )  # fmt: skip
    return {
        "sign_in_code": {"code": "482913", "minutes": 5},
        "password_reset": {"link": "https://aide.example/fr/password/reset/t"},
        "invitation": {
            "link": "https://aide.example/fr/invitation/t",
            "paragraphs": ["Notre nouveau centre d’aide", "Bienvenue"],
            "is_reminder": False,
        },
        "invitation_sign_on": {
            "link": "https://aide.example/fr/login",
            "paragraphs": [],
            "is_reminder": True,
        },
        "address_entered": {"link": "https://aide.example/fr/address/t", "old": "a@acme.example"},
        "address_replaced": {**notice, "email": "b@acme.example"},
        "password_changed": notice,
        "new_browser": {**notice, "browser": "Firefox"},
        "authenticator_added": notice,
        "authenticator_removed": notice,
        "passkey_added": notice,
        "passkey_removed": notice,
        "token_added": notice,
        "recovery_codes_made": notice,
        "recovery_code_used": notice,
        "mobile_verified": notice,
        "mobile_removed": notice,
        "webhook_died": {"webhook": webhook},
        "stranger": {},
        "mail_encrypted": {"mail_subject": "Collier perdu", "names": []},
        "files_refused": {"mail_subject": "Collier perdu", "names": ["macro.xlsm"]},
        "file_infected": {"name": "facture.zip", "finding": "Troyen-1", "is_sender": True},
        "article_published": article_published(),
        "announcement_published": announcement(),
        "articles_followed": articles_followed(),
        "announcement_ended": announcement(),
        "rule_notice": {
            "rule": "Urgent",
            "ticket": SimpleNamespace(number=1042, subject="Collier perdu"),
        },
        "branch_commented": {
            "comment": BranchComment("c1", "draft/page", "0" * 40, "Dan", "changes", "Ceci.", ""),
            "url": "https://aide.example/fr/preview/draft/page/#comments",
        },
        "article_review_due": {
            "review": DueReview("fr/a/colliers", "fr", "colliers", "Colliers", "2026-11-30"),
            "url": "https://aide.example/fr/articles/colliers",
            "edit_url": "https://aide.example/fr/desk/articles/new?article=fr/a/colliers",
        },
        "backup_failed": {"notes": Outcomes(None, None, BackupFailure("", "clé fausse"), None)},
        "test": {},
    }


def article_published() -> dict[str, Any]:
    site = "https://aide.example/fr"
    return {
        "ticket": SimpleNamespace(number=1042, subject="Collier perdu", language="fr"),
        "article": SimpleNamespace(title="Retrouver un collier", summary="Pas à pas."),
        "url": f"{site}/articles/retrouver-un-collier",
        "ticket_url": f"{site}/requests/t1",
        "account_url": f"{site}/account/notifications",
        "opt_out_url": f"{site}/unsubscribe/t",
    }


def articles_followed() -> dict[str, Any]:
    site = "https://aide.example/fr"
    page = f"{site}/articles/retrouver-un-collier"
    return {
        "lines": [
            NewsLine("Retrouver un collier", page, False, "", ("Appeler", "Suivre")),
            NewsLine("Changer une pile", page, False, "La pile est d’un autre modèle.", ()),
            NewsLine("Le nouveau collier", page, True, "", ()),
            NewsLine("L’ancien collier", page, False, "", ()),
        ],
        "count": 5,
        "more": 1,
        "news_url": f"{site}/news",
        "follows_url": f"{site}/account/following",
        "opt_out_url": f"{site}/unsubscribe/t",
    }


def announcement() -> dict[str, Any]:
    site = "https://aide.example/fr"
    moment = "2026-11-20T12:00:00Z"
    return {
        "announcement": Announcement(
            "a1", "problem", None, "Export vide", "Empty export", "Relancez.", "Run it again.",
            "icownect", "4.3", "4.3", "4.3.1", moment, moment, moment, None, True, False,
        ),
        "ticket": SimpleNamespace(number=1042, subject="Collier perdu", language="fr"),
        "summary": "Relancez.",
        "url": f"{site}/announcements/a1",
        "ticket_url": f"{site}/requests/t1",
        "account_url": f"{site}/account/notifications",
        "opt_out_url": f"{site}/unsubscribe/t",
    }  # fmt: skip


def alice(language: str = "fr") -> Person:
    return Person("p1", "alice@acme.example", "Alice", "customer", language, ("acme",), "", None)


class Reading(HTMLParser):
    """What a letter's HTML says, and whether its elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words += data.split()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(values()))
def test_a_letter_says_the_same_as_text_and_as_html(name: str, language: str):
    settings = Settings(support_phone="+33 1 70 00 00 00")
    letter = letters.compose(settings, name, alice(language), "m1", values()[name])
    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    reading = Reading()
    reading.feed(html_of(letter))
    assert reading.open == []
    seen = " ".join(reading.words)
    body = text_of(letter).split("\n-- \n")[0]
    for line in body.split("\n"):
        line = re.sub(r"https?://\S+$", "", line)  # in HTML, an address lies under its words
        if line:
            assert " ".join(line.rstrip(" :\u00a0").split()) in seen
    for url in re.findall(r"^https?://.*$", body, re.MULTILINE):
        assert f'href="{url}"' in html_of(letter)


def test_every_letter_has_its_example():
    written = {path.stem for path in FOLDER.glob("[!_]*.html")}
    about_requests = {name for name in written if name.startswith("ticket_")} | {"digest"}
    assert written - about_requests == set(values())


def test_a_letter_fetches_nothing_and_runs_nothing():
    for name, filled in values().items():
        html = html_of(letters.compose(Settings(), name, alice(), "m1", filled))
        assert not re.search(r"<(script|img|link|iframe|form|input)\b|@import|url\(", html), name
        assert "color-scheme" in html and "prefers-color-scheme: dark" in html


def test_what_is_filled_in_is_no_markup():
    site = Settings(site_name="<b>Aide</b> & co", support_email='"<x>"@acme.example')
    filled = {"at": "2026-11-20T12:00:00Z", "browser": '<script>alert("x")</script>'}
    brand = Brand(name="<i>Acme</i>")
    person = Person("p1", "a@b.example", "<u>Alice</u>", "customer", "fr", (), "", None)
    html = html_of(letters.compose(site, "new_browser", person, "m1", filled, brand))
    assert not re.search(r"<(b|i|u|x|script)>", html)
    assert "&lt;u&gt;Alice&lt;/u&gt;" in html


def test_an_organisation_sees_its_name_its_colour_and_its_number(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields(phone="+33 1 70 00 00 11"))
    looks.dress(db, OPERATOR, acme.id, LookFields(accent="#b3391f"))
    person = people.find(db, "alice@acme.example")
    brand = letters.brand_of(db, person)
    letter = letters.compose(settings, "test", person, "m1", {}, brand)
    html = html_of(letter)
    assert "Acme" in html and "+33 1 70 00 00 11" in html
    light, dark = looks.shades("#b3391f")["accent"]
    assert light in html and dark in html
    assert "+33 1 70 00 00 11" in text_of(letter)
    chloe = people.find(db, "chloe@globex.example")
    assert "Acme" not in html_of(
        letters.compose(settings, "test", chloe, "m1", {}, letters.brand_of(db, chloe))
    )


def test_who_belongs_to_several_organisations_gets_the_sites_own_look(
    db: SqliteDatabase, cast: Cast
):
    both = people.edit(
        db,
        OPERATOR,
        people.find(db, "alice@acme.example"),
        PersonFields(organisations=["acme", "globex"]),
    )
    assert letters.brand_of(db, both) == letters.OURS


def test_every_colour_can_be_read_on_its_ground():
    html = html_of(letters.compose(Settings(), "invitation", alice(), "m1", values()["invitation"]))
    shades = looks.shades(letters.OURS.accent)
    for ink, paper in (
        ("#1b2324", "#ffffff"), ("#566062", "#fbfaf8"), ("#e6eaea", "#1b2023"),
        ("#a4afb1", "#14181a"), (shades["accent"][0], "#fbfaf8"), (shades["accent"][1], "#14181a"),
        ("#ffffff", shades["brand"][0]), ("#ffffff", shades["brand"][1]),
    ):  # fmt: skip
        assert ink in html or ink == "#ffffff", ink
        assert colours.contrast(ink, paper) >= 4.5, (ink, paper)


def test_a_moment_is_told_in_the_time_zone_of_its_reader():
    filled = {"at": "2026-11-20T12:00:00Z"}
    french = letters.compose(Settings(), "password_changed", alice(), "m1", filled)
    assert "20 novembre 2026, 13:00 (Paris)" in text_of(french)
    there = Person(
        "p1", "a@b.example", "Alice", "customer", "en", (), "", None, time_zone="Asia/Tokyo"
    )
    english = letters.compose(Settings(), "password_changed", there, "m1", filled)
    told = text_of(english).replace("\u202f", " ")
    assert "November 20, 2026, 9:00 PM (Tokyo)" in told


def test_the_templates_of_letters_are_one_for_both_forms():
    names = {path.name for path in Path(FOLDER).iterdir() if path.suffix == ".txt"}
    assert names == {"_subject.txt", "_letter.txt", "_pieces.txt"}
