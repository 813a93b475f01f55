"""A help centre with one of everything in it, for the tests that open every door of it."""

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from kbsearch import announcements, articles, create_app, integer_ids, people, timekeeping
from kbsearch.access import OPERATOR, Viewer
from kbsearch.announcements import editing, following
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.articles import feed_addresses, follows
from kbsearch.articles.gaps import signals as gap_signals
from kbsearch.articles.publishing import trailers
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.articles.writing import drafts as article_drafts
from kbsearch.articles.writing.composition import ArticleBrief
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places
from kbsearch.messages.incoming import mails
from kbsearch.messages.notifications import opt_outs
from kbsearch.people import PersonFields, agent_limits, organisations, viewers
from kbsearch.people.accounts import (
    applications,
    kept_forms,
    one_time_links,
    personal_tokens,
    second_factor,
    widget_passes,
)
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts import sign_ins_under_way as pending
from kbsearch.people.accounts.personal_tokens import TokenFields
from kbsearch.people.accounts.sign_ins_under_way import Errand
from kbsearch.people.accounts.signing_in import Caller
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations import branding as looks
from kbsearch.people.organisations.branding import LookFields
from kbsearch.search.learning import visits as analytics
from kbsearch.search.learning import votes as article_votes
from kbsearch.search.learning.votes import VoteFields
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import erasure_certificates, health
from kbsearch.site import outgoing as sendings
from kbsearch.site.importing import table_imports
from kbsearch.site.importing.table_imports import TableFile
from kbsearch.tickets import field_editing, tags, teams
from kbsearch.tickets.conversation import (
    corrections,
    lifecycle,
    merging,
    ownership,
    replies,
    satisfaction,
)
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import held_replies, saved_replies, saved_views
from kbsearch.tickets.desk import incident_groups as problems
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.filing import copies, drafts
from kbsearch.tickets.teams import TeamFields
from kbsearch.timekeeping import TimeFields
from kbsearch.web import assets
from kbsearch.web.api.door import PACES, Paces
from kbsearch.web.api.pace import Pace
from tests.conftest import introduce
from tests.kit.applications import HOME, VERIFIER, challenge_of
from tests.kit.incoming import letter, take
from tests.kit.places import TOP
from tests.kit.promises import keep, promise
from tests.kit.requests import attach, file
from tests.kit.rules import rule
from tests.kit.web import write_articles
from tests.kit.writers import png as picture
from tests.people.accounts.single_sign_on.test_handovers import SECRET, sign
from tests.people.accounts.single_sign_on.test_handovers import said as claims
from tests.people.organisations.test_branding import png
from tests.web.admin.test_admin import add_webhook

VISITORS = ("nobody", "alice", "bob", "carol", "chloe", "dan", "lea", "wendy", "root")
WORD = "troupeau"  # in everything, to find it all with one search
AUDIENCES = {
    "public": "everyone",
    "customers": "customers",
    "globex": "org:globex",
    "agents": "agents",
}
# Where their articles were in the system that was here before.
OLD = {slug: f"articles/{number}-{slug}" for number, slug in enumerate(AUDIENCES, start=1)}
# A word that is in one thing only, and who may read it.
CANARIES = {
    "CANARI-CUSTOMERS": {"alice", "bob", "carol", "chloe", "dan", "lea", "wendy", "root"},
    "CANARI-GLOBEX": {"chloe", "dan", "lea", "wendy", "root"},
    "CANARI-AGENTS": {"dan", "lea", "wendy", "root"},
    "CANARI-REQUEST": {"alice", "bob", "dan", "root"},
    "CANARI-NOTE": {"dan", "root"},
    "canari-tag": {"dan", "root"},
    "CANARI-TEAM": {"dan", "lea", "root"},
    "CANARI-TIME": {"dan", "root"},
    "CANARI-TABLE": {"root"},
    "CANARI-FIELD": {"dan", "lea", "root"},
    "CANARI-RULE": {"root"},
    "CANARI-FOREIGN": {"chloe", "dan", "lea", "root"},
    "CANARI-DRAFT": {"alice"},
    "CANARI-HELD": {"dan"},
    "CANARI-OTHER": {"alice", "dan", "root"},
    "CANARI-MAIL": {"dan", "root"},
    "CANARI-PROBLEM": {"dan", "lea", "root"},
    "CANARI-ANNOUNCED": {"alice", "bob", "carol", "dan", "lea", "root"},
    "CANARI-UNPUBLISHED": {"dan", "lea", "root"},
    "CANARI-AFFECTED": {"dan", "lea", "root"},
    "CANARI-GAP": {"dan", "lea", "wendy", "root"},
    "CANARI-VOTE": {"alice", "dan", "lea", "wendy", "root"},
    "CANARI-ARTICLE": {"dan"},
}


@dataclass(frozen=True)
class World:
    """The site, the cookies of each visitor's browser, and the ids of what there is, by name."""

    app: Flask
    db: SqliteDatabase
    cookies: dict[str, dict[str, str]]
    things: dict[str, str]
    secrets: dict[str, str]  # the token of each visitor's program
    passes: dict[str, str]  # that of each customer's widget

    def token_of(self, who: str) -> dict[str, str]:
        """The header with which a program acts as a visitor; nothing for nobody."""
        return {"Authorization": f"Bearer {self.secrets[who]}"} if who in self.secrets else {}

    def pass_of(self, who: str) -> dict[str, str]:
        """The header with which a widget shows itself to a customer; the others have none."""
        return {"Authorization": f"Bearer {self.passes[who]}"} if who in self.passes else {}

    def browser_of(self, who: str) -> FlaskClient:
        client = self.app.test_client()
        for name, token in self.cookies[who].items():
            client.set_cookie(name, token)
        return client

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Nothing of what is done inside is kept: the next one finds the world as it was."""
        try:
            with self.db.atomic():
                yield
                raise _Undone
        except _Undone:
            return


class _Undone(Exception):
    """Takes back what was done to the world."""


@contextmanager
def made(folder: Path, empty_database: Path) -> Iterator[World]:
    """A world in a folder of its own."""
    settings = Settings(site=folder)
    settings.database_path.parent.mkdir(mode=0o700)
    settings.database_path.write_bytes(empty_database.read_bytes())
    db = SqliteDatabase(settings.database_path)
    yield build(settings, db)
    db.close()


def build(settings: Settings, db: SqliteDatabase) -> World:
    settings = replace(
        settings,
        default_audience="everyone",
        security_contact="mailto:security@support.example",
        metrics_token="token-of-the-metrics",
        jwt_shared_secret=SECRET,
        widget_origins=("https://app.example",),
        zendesk_api=True,
        oidc_issuer="https://provider.example",
        oidc_client_id="kbsearch",
        oidc_client_secret="secret",
        saml_metadata=str(TOP / "tests/kit/saml_provider.xml"),
    )
    cast = introduce(db)
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    people.add(
        db,
        OPERATOR,
        PersonFields(
            email="carol@acme.example", name="Carol Roy", role="customer", organisations=["acme"]
        ),
    )
    everybody: dict[str, Viewer] = {
        **vars(cast),
        "carol": viewers.find(db, "carol@acme.example"),
        "lea": _limited(db, "cervo-atelier"),
    }
    things = {
        **_articles(settings, db),
        **_requests(settings, db, everybody),
        **_people_and_organisations(db),
        **_mail(settings, db, everybody["dan"]),
        **_announcements(db, everybody["dan"]),
        **_article(db, everybody["dan"]),
        "hand-over": sign(claims()),
        "limited-agent": str(everybody["lea"].person_id),
        "opt-out": opt_outs.make(settings, str(cast.alice.person_id), "ticket.replied"),
    }
    things |= _integers(db, things)
    app = create_app(settings, db)
    things["webhook"], things["delivery"] = add_webhook(app, db)
    voted = articles.find(db, cast.alice, "fr", "public")
    article_votes.give(db, cast.alice, None, voted, VoteFields(helped=False, words="CANARI-VOTE"))
    things |= _gap(settings, db, (cast.alice, cast.bob))
    for name in ("table", "spare-table"):
        table = TableFile("CANARI-TABLE.csv", io.BytesIO(b"number;subject\n1;x\n"), "tickets")
        things[name] = table_imports.upload(db, cast.root, settings, table).id
    things["token"], things["person-token"] = _tokens(db, cast.alice, cast.bob)
    things |= _asset() | _sessions(db, everybody["alice"])
    things |= _application(db)
    things["follow"] = follows.follow(db, cast.alice, "article", "fr/aide/customers").id
    things["feed"] = feed_addresses.make(db, cast.alice)
    things["erasure"] = erasure_certificates.issue(db, cast.root, "gone@acme.example", {}).id
    things["passkey"] = _passkey(db, everybody["alice"])
    with closing(Indexer(settings, db)) as indexer:
        while indexer.ensure():
            pass
    health.mark_worker_seen(db, patience=86_400)  # however long the tests of a module take
    begun = _under_way(db, everybody["alice"])
    cookies = {name: begun | _session(db, everybody[name]) for name in VISITORS}
    secrets = {name: _secret(db, everybody[name]) for name in VISITORS if name != "nobody"}
    app.extensions[PACES] = Paces(*[Pace(10**9)] * 3)
    passes = {
        name: widget_passes.make(settings, people.find(db, everybody[name].email))
        for name in VISITORS
        if everybody[name].role == "customer"
    }
    return World(app, db, cookies, things, secrets, passes)


def _limited(db: SqliteDatabase, product: str) -> Viewer:
    """An agent who answers what is asked about one product, and nothing else."""
    fields = PersonFields(email="lea@support.example", name="Léa Petit", role="agent")
    person = people.add(db, OPERATOR, fields)
    agent_limits.edit(db, OPERATOR, person, AgentLimits(products=(product,)))
    return viewers.find(db, person.email)


def _articles(settings: Settings, db: SqliteDatabase) -> dict[str, str]:
    texts = {
        f"fr/aide/{slug}.md": (
            f"---\ntitle: Le {WORD} CANARI-{slug.upper()}\nslug: {slug}\n"
            f"audience: {audience}\nalias: [/hc/fr/{OLD[slug]}]\n---\n"
            f"Rassembler le {WORD} : CANARI-{slug.upper()}.\n"
        )
        for slug, audience in AUDIENCES.items()
    }
    texts["fr/aide/public.md"] += "".join(
        f"\n[[{slug}]], [[{slug}|autre]], [lien]({slug}.md)\n" for slug in AUDIENCES
    )
    texts["fr/aide/globex.md"] += "\n![Un enclos](enclos.png)\n"
    write_articles(settings.content_path, texts)
    (settings.content_path / "articles/fr/aide/enclos.png").write_bytes(picture())
    assert isinstance(publish(db, settings), Publication)
    (image,) = db.query("SELECT hash FROM media")
    return {
        "image": image["hash"],
        **{f"{slug}-article": slug for slug in AUDIENCES},
        **{f"{slug}-subject": f"fr/aide/{slug}" for slug in AUDIENCES},
        **{f"{slug}-old-address": address for slug, address in OLD.items()},
    }


def _requests(settings: Settings, db: SqliteDatabase, who: dict[str, Viewer]) -> dict[str, str]:
    """Alice's at Acme, with Bob in copy, an answer, a note, a draft, and a file on each; others."""
    alice, chloe, dan = who["alice"], who["chloe"], who["dan"]
    store = places.attached(settings)
    files = {"request-file": attach(db, alice, store, "key-of-the-request")}
    there = file(
        db,
        alice,
        subject=f"Un {WORD} perdu",
        description="CANARI-REQUEST",
        key="key-of-the-request",
        software="icownect",
        version="4.2",
    )
    copies.add(db, alice, there, "bob@acme.example")
    files["answer-file"] = attach(db, dan, store, "key-of-the-answer", ticket=there)
    replies.reply(db, dan, there, ReplyForm("key-of-the-answer", "Lequel ? CANARI-REQUEST"))
    files["note-file"] = attach(
        db, dan, store, "key-of-the-note", content=b"CANARI-NOTE\n", ticket=there
    )
    replies.note(db, dan, there, ReplyForm("key-of-the-note", f"Le {WORD} : CANARI-NOTE"))
    tags.change(db, dan, there.id, add=["CANARI-TAG", WORD])
    spent = timekeeping.record(db, dan, there, TimeFields("1h30", note="CANARI-TIME"))
    hidden = field_editing.add(db, OPERATOR, FieldForm(f"{WORD} CANARI-FIELD", kind="text"))
    edits = FieldEdits({f"fields.{hidden.name}": "CANARI-FIELD"}, edition=there.edition)
    corrections.edit_fields(db, dan, there, edits, fields=[hidden])
    members = [str(dan.person_id)]
    team = teams.add(db, OPERATOR, TeamFields(f"{WORD} CANARI-TEAM", members=members))
    ownership.give(db, dan, there, team.id)
    asked = replies.reply(
        db, who["bob"], there, ReplyForm("key-of-the-question", "Et CANARI-REQUEST ?")
    )
    db.execute("UPDATE messages SET thanks = 1 WHERE id = :id", {"id": asked.message_id})
    other = file(db, alice, subject=f"Deux {WORD}s perdus", description="CANARI-OTHER")
    merged = file(db, alice, subject=f"Trois {WORD}s perdus", description="CANARI-OTHER")
    merging.merge(db, dan, merged, other, merging.MergeForm("key-of-the-merge"))
    form = ReplyForm("key-of-the-held-one", f"Un {WORD} CANARI-HELD")
    held_replies.hold(db, dan, there, form, seconds=3600)
    drafts.save(db, alice, "key-of-the-draft", {"subject": f"{WORD} CANARI-DRAFT"})
    files["draft-file"] = attach(db, alice, store, "key-of-the-draft", content=b"CANARI-DRAFT\n")
    foreign = file(
        db,
        chloe,
        subject=f"Le {WORD} CANARI-FOREIGN",
        description="CANARI-FOREIGN",
        software="cervo-atelier",
    )
    closed = file(db, alice, subject=f"Un {WORD} retrouvé", description="CANARI-REQUEST")
    copies.add(db, alice, closed, "bob@acme.example")
    replies.reply(db, dan, closed, ReplyForm("key-of-the-solution", f"Le {WORD} est rentré."))
    lifecycle.solve(db, alice, closed)
    lifecycle.set_status(db, dan, closed, "closed")
    assert alice.person_id is not None
    return {
        "request": there.id,
        "team": team.id,
        "time": spent,
        "field": hidden.id,
        "rule": prepared_rule(db, members, team.id),
        "calendar": keep(db).id,
        "target": promise(db, first_answer="8000").id,
        "number": str(there.number),
        "foreign-request": foreign.id,
        "closed-request": closed.id,
        "closed-number": str(closed.number),
        "problem": problems.group(db, dan, f"Le {WORD} CANARI-PROBLEM", [there, foreign]),
        "question": satisfaction.ask(db, closed.id, alice.person_id),
        "reply": saved_replies.add(
            db, dan, SavedReplyFields("fr", "Merci bien", "Merci", {"team": [team.id]})
        ).id,
        "view": saved_views.keep(db, dan, "Mine", "view=mine").id,
        "draft": "key-of-the-draft",
        "held": "key-of-the-held-one",
        "message": asked.message_id,
        "other-request": other.id,
        "merged-request": merged.id,
        "other-number": str(other.number),
        "merged-number": str(merged.number),
        **{name: found.id for name, found in files.items()},
    }


def _people_and_organisations(db: SqliteDatabase) -> dict[str, str]:
    """Bob for what is done to a person: it must not end the visit of another visitor."""
    acme = organisations.find(db, "acme")
    looks.dress(db, OPERATOR, acme.id, LookFields(accent="#b3391f", logo=png()))
    dressed = organisations.find(db, "acme").look
    assert dressed.logo is not None and dressed.accent is not None
    bob = people.find(db, "bob@acme.example")
    return {
        "organisation": acme.id,
        "organisation-slug": acme.slug,
        "product": products.find(db, "icownect").id,
        "person": bob.id,
        "logo": dressed.logo.hash,
        "theme": looks.theme_hash(dressed.accent),
        "invitation": one_time_links.make(db, "invitation", bob),
        "reset": one_time_links.make(db, "reset", bob),
    }


def _announcements(db: SqliteDatabase, dan: Viewer) -> dict[str, str]:
    """A problem of what Acme has, which somebody else there has too; one that nobody reads yet."""
    people.add(
        db,
        OPERATOR,
        PersonFields(
            email="affected@acme.example",
            name="CANARI-AFFECTED",
            role="customer",
            organisations=["acme"],
        ),
    )
    told = AnnouncementFields(title_fr=f"Le {WORD} CANARI-ANNOUNCED", product="icownect")
    announced = editing.add(db, dan, told)
    editing.publish(db, dan, announced, by_mail=False)
    affected = viewers.find(db, "affected@acme.example")
    following.say_me_too(db, affected, announcements.find(db, affected, announced.id))
    hidden = AnnouncementFields(title_fr=f"Le {WORD} CANARI-UNPUBLISHED", product="icownect")
    return {"announcement": announced.id, "unpublished": editing.add(db, dan, hidden).id}


def _mail(settings: Settings, db: SqliteDatabase, dan: Viewer) -> dict[str, str]:
    """One that is held, as nothing proves where it comes from; a task that waits to leave."""
    raw = letter("mallory@evil.example", subject="CANARI-MAIL", body="CANARI-MAIL")
    take(settings, db, raw)
    (mail,) = mails.list_all(db, dan)
    (task, *_) = sendings.look(db, dan).found
    return {"mail": mail.id, "sending": task.id}


def _gap(settings: Settings, db: SqliteDatabase, seekers: tuple[Viewer, ...]) -> dict[str, str]:
    """Something that two people looked for an hour ago, in vain."""
    moment = datetime.now(UTC)
    for viewer in seekers:
        visit = analytics.visit(db, viewer, at=moment - timedelta(hours=1))
        analytics.searched(db, visit, "CANARI-GAP", results=0, at=moment - timedelta(hours=1))
    gap_signals.take(db, Search(settings, db), at=moment)
    (gap,) = db.query("SELECT number FROM gaps WHERE is_shown = 1")
    return {"gap": str(gap["number"])}


def _article(db: SqliteDatabase, dan: Viewer) -> dict[str, str]:
    """One that Dan writes, of Alice's closed request; another that was published of it."""
    (closed,) = db.query("SELECT number FROM tickets WHERE solved_at IS NOT NULL")
    composed = article_drafts.compose(
        db, dan, ArticleBrief(tickets=[closed["number"]], title="CANARI-ARTICLE")
    )
    article_drafts.save(db, dan, "key-of-the-article", composed)
    own = {"person_id": dan.person_id, "form_key": "key-of-the-article", "created_at": now()}
    file = {"name": "vue.txt", "blob": "0" * 40, "media_type": "text/plain", "size": 14}
    db.insert("article_draft_files", {**own, **file, "width": None, "body": b"CANARI-FICHIER"})
    said = {"key": trailers.SOLVES_TICKET, "value": str(closed["number"]), "path": "fr/aide/public"}
    db.insert("published_trailers", {**said, "commit_id": "0" * 40, "published_at": "2026"})
    return {"article-draft": "key-of-the-article"}


def _integers(db: SqliteDatabase, things: dict[str, str]) -> dict[str, str]:
    """The whole numbers of things, for programs that know no other names."""
    kinds = {
        "user": "person",
        "organization": "organisation",
        "group": "team",
        "attachment": "note-file",
    }
    numbers = {
        f"{kind}-integer": integer_ids.one(db, kind, things[name]) for kind, name in kinds.items()
    }
    for row in db.query("SELECT slug, translation_key AS key, category FROM articles"):
        numbers[f"{row['slug']}-integer"] = integer_ids.one(db, "article", row["key"])
    for kind in ("section", "category"):
        numbers[f"{kind}-integer"] = integer_ids.one(db, kind, "aide")
    return {name: str(number) for name, number in numbers.items()}


def _asset() -> dict[str, str]:
    _, _, digest, name = assets.url("site.css").split("/")
    return {"asset": name, "asset-digest": digest}


def _under_way(db: SqliteDatabase, alice: Viewer) -> dict[str, str]:
    """Cookies of what Alice has begun: to sign in, to choose a password, to send a form."""
    assert alice.person_id is not None
    link = one_time_links.make(db, "reset", people.find(db, alice.email))
    reset = choosing_passwords.begin_reset(db, Caller(network=""), link).token
    pending.pass_through(db, pending.find(db, reset, "reset"))
    form = [("subject", "Une barrière"), ("description", "CANARI-DRAFT")]
    return {
        "kb-sign-in": pending.begin(db, alice.person_id, Errand("sign_in"), "mail"),
        "kb-reset": reset,
        "kb-kept": kept_forms.keep(db, alice.person_id, "/fr/requests/new", form) or "",
    }


def _session(db: SqliteDatabase, viewer: Viewer) -> dict[str, str]:
    """The cookie of whoever signed in with password and code a moment ago."""
    if viewer.person_id is None:
        return {}
    token = accounts.open_session(db, viewer.person_id)
    accounts.mark_proved(db, token)
    return {"kb": token}


def _sessions(db: SqliteDatabase, alice: Viewer) -> dict[str, str]:
    """Another session of Alice's and a device she trusts."""
    assert alice.person_id is not None
    token = accounts.open_session(db, alice.person_id)
    listed = accounts.list_sessions(db, alice.person_id, token)
    other = next(each for each in listed if each.is_this_one)
    second_factor.trust_device(db, alice.person_id, user_agent="")
    (device,) = second_factor.list_devices(db, alice.person_id)
    return {"session": other.id, "device": device.id}


def _passkey(db: SqliteDatabase, alice: Viewer) -> str:
    """The id of one of Alice's."""
    passkey = {"id": new_id(), "person_id": alice.person_id, "name": "CANARI-PASSKEY"}
    device = {"credential_id": "aWQ", "public_key": "", "sign_count": 0, "transports": ""}
    db.insert("passkeys", passkey | device | {"created_at": now()})
    return str(passkey["id"])


def _secret(db: SqliteDatabase, viewer: Viewer) -> str:
    """The token of a program that may all its person may."""
    person = people.find(db, viewer.email)
    return personal_tokens.add(db, viewer, person, TokenFields("program", may_write=True))[1]


def _application(db: SqliteDatabase) -> dict[str, str]:
    """One that asks to be let in, and what its address says."""
    application = applications.register(db, "192.0.2.1", {"redirect_uris": [HOME]})
    return {"application": application.id, "challenge": challenge_of(VERIFIER)}


def _tokens(db: SqliteDatabase, *owners: Viewer) -> list[str]:
    """The ids of a token of each."""
    return [
        personal_tokens.add(db, owner, people.find(db, owner.email), TokenFields("robot"))[0].id
        for owner in owners
    ]


def prepared_rule(db: SqliteDatabase, people_ids: list[str], team_id: str) -> str:
    """A rule that names people and a team, and is on for what comes by telephone."""
    when = {"words": ["un\ndeux"], "channel": ["phone"], "team": ["none", team_id]}
    then = {"tell_people": people_ids, "assignee": people_ids, "tell_teams": [team_id]}
    return rule(db, name=f"{WORD} CANARI-RULE", when=when, then=then).id
