"""axe on every page, in both languages and themes, on a wide and a narrow screen."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Page

from kbsearch import announcements, people
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.announcements import editing as announcement_editing
from kbsearch.announcements import following
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.articles import gaps
from kbsearch.articles.gaps import signals
from kbsearch.articles.writing import drafts as article_drafts
from kbsearch.articles.writing.composition import ArticleBrief
from kbsearch.database import new_id
from kbsearch.files import places
from kbsearch.messages.incoming import mails, taking
from kbsearch.messages.notifications import opt_outs
from kbsearch.people import organisations, viewers
from kbsearch.people.accounts import addresses as account_addresses
from kbsearch.people.accounts import (
    applications,
    kept_forms,
    one_time_links,
    sessions,
    sign_ins_under_way,
)
from kbsearch.people.accounts.one_time_links import Purpose
from kbsearch.people.accounts.sign_ins_under_way import Errand
from kbsearch.people.organisations import products
from kbsearch.search.learning import visits
from kbsearch.search.ranking import Search
from kbsearch.site import erasure_certificates
from kbsearch.site.importing import table_imports, table_runs
from kbsearch.site.importing.table_imports import TableFile
from kbsearch.tickets import Ticket, field_editing, tags, teams
from kbsearch.tickets.conversation import lifecycle, replies, satisfaction
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.conversation.satisfaction import Rating
from kbsearch.tickets.desk import incident_groups as problems
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.files import Upload
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.teams import TeamFields
from tests.browser.conftest import Live
from tests.browser.test_past_cases import with_past_case
from tests.kit.applications import VERIFIER, challenge_of
from tests.kit.incoming import letter
from tests.kit.requests import file
from tests.kit.rules import rule
from tests.web.admin.test_admin import add_webhook, promised
from tests.web.desk.test_incoming import set_aside

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Of the second theme, all that a theme has a part in.
THEMES: dict[Literal["light", "dark"], list[str]] = {
    "light": RULES,
    "dark": ["color-contrast", "link-in-text-block"],
}
RUN = """async (rules) => {
  scrollTo(0, 0);  // what stands under the bar on top has the bar's colours
  const found = await axe.run(document, {runOnly: rules, resultTypes: ['violations']});
  const where = rule => rule.nodes.map(node => node.html.slice(0, 160)).join(' | ');
  return found.violations.map(rule => `${rule.id}: ${where(rule)}`);
}"""
MACHINES = (
    "api.",
    "application_metadata.",
    "assets.",
    "machines.",
    "browsers.",
    "feeds.",
    "looks.",
    "root.",
    "desk.ticket",
    "incoming_mail.original",
    "admin.ask_for_mail_consent",
    "admin.download_table",
    "admin.keep_mail_consent",
    "admin.show_table_state",
    "attachments.",
    "requests.news",
    "requests.follow",
    "past_cases.quotation",
    "past_cases.link",
    "past_cases.article",
    "saved_replies.insertions",
    "desk.news",
    "desk.customers",
    "desk.suggest_tags",
    "old_addresses.",
    "article_files.",
    "article_links.",
    "single_sign_on",  # test_single_sign_on.py has a provider
    "saml",  # test_saml.py has one
    "handovers.",
)
ON_BRANCHES = ("previews.",)  # test_articles.py has a repository


def pages(live: Live) -> dict[str, list[str]]:
    """The addresses to look at, by endpoint; `{lang}` is filled in."""
    acme = organisations.find(live.db, "acme").id
    alice = people.find(live.db, "alice@acme.example")
    product = products.find(live.db, "icownect").id
    mail = held_mail(live)
    webhook, delivery = add_webhook(live.app, live.db)
    like_another = with_past_case(live)
    customer = viewers.find(live.db, "alice@acme.example")
    asked_too = file(live.db, customer, subject="La même panne")
    said = replies.reply(live.db, customer, like_another, ReplyForm(new_id(), "Et ?")).message_id

    root = viewers.find(live.db, "root@support.example")
    tags.change(live.db, root, live.ticket, add=["vip", "à_rappeler"])
    kinds = ("text", "number", "date", "yes_no", "choice", "choices")
    fields = [
        field_editing.add(live.db, root, FieldForm(kind, kind=kind, choices="Pré", in_form=True))
        for kind in kinds
    ]
    calendar, target = promised(live.db)
    team = teams.add(live.db, root, TeamFields(new_id(), members=[str(root.person_id)])).id
    prepared_rule = rule(live.db, name=new_id(), is_on=False).id
    erasure = erasure_certificates.issue(
        live.db, root, "gone@acme.example", {"people": 1, "tickets": 2}
    ).id
    problem = problems.group(live.db, root, "Station météo muette", [like_another])
    composed = article_drafts.compose(
        live.db, root, ArticleBrief(title="Panne de Marie Lefèvre au Zorglub")
    )
    article_drafts.save(live.db, root, "article-of-a-test", composed, tab="of-a-test")
    typed = {"subject": "Imprimante", "description": "Rien ne va."}
    drafts.save(live.db, root, "draft-of-a-test", typed)
    settings = live.app.extensions["kbsearch"].settings
    store = places.attached(settings)
    drafts.attach(live.db, root, store, "draft-of-a-test", Upload("a.txt", BytesIO(b"une ligne")))
    asked = closed_request(live, root)
    token = satisfaction.ask(live.db, asked.id, root.person_id or "")
    satisfaction.answer(live.db, token, Rating(is_good=False, why="y" * 200))

    told = AnnouncementFields(title_fr="Export vide", text_fr="Relancez.", product="icownect")
    announced = announcement_editing.add(live.db, root, told)
    announcement_editing.publish(live.db, root, announced, by_mail=False)
    following.say_me_too(live.db, customer, announcements.find(live.db, customer, announced.id))

    sheet = TableFile("table.csv", BytesIO(b"email;name;role\na@b.example;A B;chef\n"), "people")
    uploaded = table_imports.upload(live.db, root, settings, sheet)
    columns = table_imports.map_of(uploaded)
    table_imports.check(live.db, root, settings, uploaded, columns)
    table_runs.step(live.db, settings)
    table = uploaded.id

    opt_out = opt_outs.make(settings, root.person_id or "", "ticket.replied")

    notice = {"legal_notice_fr": "Prairial, Rennes", "legal_notice_en": "Prairial, Rennes"}
    live.app.extensions["kbsearch"].chosen.save(live.db, root, "site", notice)
    account_addresses.enter(live.db, root, alice, f"{new_id()}@acme.example")
    made = account_addresses.make_token(live.db, alice.id)
    new_address = made[1] if made else ""

    def link(purpose: Purpose) -> str:
        return one_time_links.make(live.db, purpose, alice)

    return {
        "merging.ask": [
            f"/{{lang}}/desk/tickets/{like_another.number}/merge",
            f"/{{lang}}/desk/tickets/{like_another.number}/merge?into=999999",
            f"/{{lang}}/desk/tickets/{like_another.number}/merge?into={asked_too.number}",
        ],
        "merging.ask_split": [f"/{{lang}}/desk/tickets/{like_another.number}/split/{said}"],
        "admin.overview": ["/{lang}/admin?q=mail"],
        "admin.list_organisations": [
            "/{lang}/admin/organisations",
            "/{lang}/admin/organisations?q=z",
        ],
        "admin.new_organisation": ["/{lang}/admin/organisations/new"],
        "admin.show_organisation": [f"/{{lang}}/admin/organisations/{acme}?saved=1"],
        "admin.look": ["/{lang}/admin/look?accent=%23ffff00"],
        "admin.list_people": ["/{lang}/admin/people", "/{lang}/admin/people?q=zzz"],
        "admin.new_person": ["/{lang}/admin/people/new"],
        "admin.show_person": [f"/{{lang}}/admin/people/{alice.id}?done=invited"],
        "admin.list_products": ["/{lang}/admin/products"],
        "admin.new_product": ["/{lang}/admin/products/new"],
        "admin.show_product": [f"/{{lang}}/admin/products/{product}"],
        "admin.show_settings": [
            f"/{{lang}}/admin/settings/{page}" for page in ("site", "mail", "requests", "sign-on")
        ],
        "admin.list_fields": ["/{lang}/admin/fields?done=saved"],
        "admin.new_field": ["/{lang}/admin/fields/new"],
        "admin.show_field": [f"/{{lang}}/admin/fields/{fields[0].id}"],
        "admin.list_rules": ["/{lang}/admin/rules"],
        "admin.new_rule": ["/{lang}/admin/rules/new"],
        "admin.show_rule": [f"/{{lang}}/admin/rules/{prepared_rule}"],
        "admin.try_rule": [f"/{{lang}}/admin/rules/{prepared_rule}/trial"],
        "admin.list_teams": ["/{lang}/admin/teams"],
        "admin.new_team": ["/{lang}/admin/teams/new"],
        "admin.show_team": [f"/{{lang}}/admin/teams/{team}?done=saved"],
        "admin.list_invitations": ["/{lang}/admin/invitations?done=planned&count=2"],
        "admin.list_tables": ["/{lang}/admin/tables"],
        "admin.show_table": [f"/{{lang}}/admin/tables/{table}"],
        "admin.list_tags": ["/{lang}/admin/tags", "/{lang}/admin/tags?q=zzz"],
        "admin.show_tag": ["/{lang}/admin/tags/tag?name=vip"],
        "admin.list_webhooks": ["/{lang}/admin/webhooks"],
        "admin.new_webhook": ["/{lang}/admin/webhooks/new"],
        "admin.show_webhook": [f"/{{lang}}/admin/webhooks/{webhook}?done=tested"],
        "admin.show_webhook_delivery": [
            f"/{{lang}}/admin/webhooks/{webhook}/deliveries/{delivery}?done=again"
        ],
        "admin.show_news": ["/{lang}/admin/news"],
        "admin.show_status": ["/{lang}/admin/status"],
        "admin.show_log": ["/{lang}/admin/log", "/{lang}/admin/log?all=1"],
        "admin.show_register": ["/{lang}/admin/register"],
        "admin.show_erasure": [f"/{{lang}}/admin/erasures/{erasure}"],
        "admin.show_mail": ["/{lang}/admin/mail?done=consented"],
        "article_list.show": ["/{lang}/desk/articles/all?sort=views&order=down"],
        "desk_articles.index": ["/{lang}/desk/articles"],
        "reused_pieces.show": ["/{lang}/desk/articles/reuse"],
        "reused_pieces.links": ["/{lang}/desk/articles/links-to-others"],
        "desk_articles.new": [
            "/{lang}/desk/articles/new?title=Panne+de+Marie+Lefèvre",
            "/{lang}/desk/articles/new?article=fr/compte/mot-de-passe",
        ],
        "desk_articles.show": ["/{lang}/desk/articles/drafts/article-of-a-test"],
        "announcements.index": ["/{lang}/announcements"],
        "announcements.show": [f"/{{lang}}/announcements/{announced.id}?done=me_too"],
        "timekeeping.show": [f"/{{lang}}/requests/{like_another.id}/times"],
        "desk_announcements.index": ["/{lang}/desk/announcements"],
        "desk_announcements.new": [f"/{{lang}}/desk/announcements/new?problem={problem}"],
        "desk_announcements.show": [f"/{{lang}}/desk/announcements/{announced.id}?done=saved"],
        "desk_problems.index": ["/{lang}/desk/problems"],
        "desk_problems.show": [f"/{{lang}}/desk/problems/{problem}?sent=2"],
        "past_cases.show": [f"/{{lang}}/desk/tickets/{like_another.number}/similar"],
        "deliveries.index": ["/{lang}/desk/deliveries?done=again"],
        "admin.list_calendars": ["/{lang}/admin/calendars"],
        "admin.new_calendar": ["/{lang}/admin/calendars/new"],
        "admin.show_calendar": [f"/{{lang}}/admin/calendars/{calendar}"],
        "admin.list_targets": ["/{lang}/admin/targets"],
        "admin.new_target": ["/{lang}/admin/targets/new"],
        "admin.show_target": [f"/{{lang}}/admin/targets/{target}"],
        "deliveries.account": ["/{lang}/desk/deliveries/account"],
        "feedback.index": ["/{lang}/desk/feedback"],
        "history.show": ["/{lang}/desk/articles/fr/mot-de-passe/history"],
        "feedback.show": ["/{lang}/desk/articles/fr/mot-de-passe/feedback"],
        "vocabulary.index": ["/{lang}/desk/vocabulary"],
        "gaps.index": [f"/{{lang}}/desk/gaps{shelf}" for shelf in ("", "?shelf=closed")],
        "gaps.show": [f"/{{lang}}/desk/gaps/G-{number}" for number in with_gaps(live)],
        "help.home": ["/{lang}/"],
        "help.search": [
            "/{lang}/search",
            "/{lang}/search?q=mot+de+passe",
            "/{lang}/search?q=mot&product=icownect",
            "/{lang}/search?q=zzzzqqqq",
        ],
        "help.category": ["/{lang}/categories/compte", "/{lang}/categories/nowhere"],
        "help.product": ["/{lang}/products/icownect"],
        "help.news": ["/{lang}/news"],
        "help.article": [
            "/{lang}/articles/mot-de-passe?h=passe",
            "/{lang}/articles/tout-ce-qu-un-article-peut-contenir",
            "/{lang}/articles/tout",
            "/{lang}/articles/nowhere",
        ],
        "help.accessibility": ["/{lang}/accessibility"],
        "help.legal": ["/{lang}/legal"],
        "addresses.show": [f"/{{lang}}/address/{new_address}"],
        "filing.new": [
            "/{lang}/requests/new?subject=mot+de+passe&software=icownect",
            "/{lang}/requests/new?draft=draft-of-a-test",
        ],
        "drafts.index": ["/{lang}/requests/drafts"],
        "suggestions.read_article": [
            "/{lang}/requests/suggestions/article/mot-de-passe?language=fr",
        ],
        "suggestions.read_request": [f"/{{lang}}/requests/suggestions/request/{live.ticket}"],
        "incoming_mail.index": ["/{lang}/desk/mail", "/{lang}/desk/mail?list=aside"],
        "incoming_mail.show": [
            f"/{{lang}}/desk/mail/{mail}",
            f"/{{lang}}/desk/mail/{untaken_mail(live)}",
        ],
        "request_lists.mine": [
            "/{lang}/requests",
            "/{lang}/requests?q=zzz&sort=number",
            "/{lang}/requests?q=zzz&status=new",
        ],
        "request_lists.copied": ["/{lang}/requests/cc"],
        "request_lists.organisation": ["/{lang}/requests/organisation"],
        "insights.show": ["/{lang}/desk/insights?from=2026-01-01&to=2026-03-31"],
        "insights.list_searches": [
            "/{lang}/desk/insights/searches",
            "/{lang}/desk/insights/searches?of=searches",
        ],
        "insights.list_requests": ["/{lang}/desk/insights/requests?from=2024-12-01"],
        "saved_replies.index": ["/{lang}/desk/replies"],
        "saved_replies.show": [f"/{{lang}}/desk/replies/{saved_reply(live)}"],
        "desk.show": ["/{lang}/desk?view=all", "/{lang}/desk?view=todo&q=zzz"],
        "signing_in.login": ["/{lang}/login"],
        "signing_in.code": ["/{lang}/login/code", "/{lang}/login/code?sent=1"],
        "signing_in.kept": ["/{lang}/login/kept"],
        "passwords.forgot": ["/{lang}/password/forgot"],
        "passwords.reset": [f"/{{lang}}/password/reset/{link('reset')}"],
        "passwords.invitation": [f"/{{lang}}/invitation/{link('invitation')}"],
        "passwords.code": ["/{lang}/password/code"],
        "passwords.new": ["/{lang}/password/new"],
        "requests.show": [f"/{{lang}}/requests/{live.ticket}?thanks=1"],
        "opt_outs.ask": [f"/{{lang}}/unsubscribe/{opt_out}"],
        "satisfaction.ask": [f"/{{lang}}/requests/{asked.id}/satisfaction"],
        "satisfaction.peek": [f"/{{lang}}/satisfaction/{token}?thanks=1"],
        "account.profile": ["/{lang}/account"],
        "account.mobile": ["/{lang}/account/mobile"],
        "account.notifications": ["/{lang}/account/notifications"],
        "account.data": ["/{lang}/account/data"],
        "following.index": ["/{lang}/account/following"],
        "consent.ask": [
            f"/oauth/authorize?{asked_by_an_application(live)}",
            "/oauth/authorize?client_id=unknown",
        ],
        "personal_tokens.new": ["/{lang}/account/tokens"],
        "locks.safety": ["/{lang}/account/security"],
        "locks.password": ["/{lang}/account/password"],  # in all states: test_account.py
        "locks.totp": ["/{lang}/account/totp"],
        "passkeys.index": ["/{lang}/account/passkeys"],
        "passkeys.show": [],  # test_account.py
        "locks.proof": ["/{lang}/account/confirm"],
    }


def asked_by_an_application(live: Live) -> str:
    """The query of one with a long name, which asks for all there is."""
    metadata = {"client_name": "A" * 80, "redirect_uris": ["https://app.example/back"]}
    base = live.app.extensions["kbsearch"].settings.base_url.rstrip("/")
    query = {
        "client_id": applications.register(live.db, new_id(), metadata).id,
        "response_type": "code",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "resource": [f"{base}/mcp", f"{base}/api/v1"],
        "scope": "write",
    }
    return urlencode(query, doseq=True)


def with_gaps(live: Live) -> list[int]:
    """One that is open and one that an article answers, by their numbers."""
    settings, moment = live.app.extensions["kbsearch"].settings, datetime.now(UTC)
    root = viewers.find(live.db, "root@support.example")
    for text in ("vélo électrique volé", "trottinette en panne"):
        for _ in range(2):
            visit = visits.visit(live.db, ANONYMOUS, at=moment - timedelta(hours=1))
            at = moment - timedelta(hours=1)
            visits.searched(live.db, visit, text, results=0, at=at)
    while signals.take(live.db, Search(settings, live.db), at=moment):
        pass
    shown = gaps.list_all(live.db, root, "open")
    if len(shown) > 1:
        gaps.answer_by(live.db, root, shown[0], "fr/compte/mot-de-passe")
    rows = live.db.query("SELECT number FROM gaps WHERE is_shown = 1 ORDER BY number")
    return [row["number"] for row in rows]


def closed_request(live: Live, viewer: Viewer) -> Ticket:
    """One that its requester may say something about."""
    ticket = file(live.db, viewer)
    lifecycle.solve(live.db, viewer, ticket)
    lifecycle.set_status(live.db, viewer, ticket, "closed")
    return ticket


def saved_reply(live: Live) -> str:
    root = viewers.find(live.db, "root@support.example")
    known = {each.name: each.id for each in saved_replies.list_all(live.db, root)}
    if "Merci" in known:
        return known["Merci"]
    return saved_replies.add(
        live.db, root, SavedReplyFields(language="fr", name="Merci", body="x" * 200)
    ).id


def held_mail(live: Live) -> str:
    """One that waits for an agent, with words too long for a small screen; its id."""
    raw = letter("mallory@evil.example", body="x" * 200 + "\n> y", subject="z" * 200)
    taking.take(live.db, live.app.extensions["kbsearch"].settings, raw)
    root = viewers.find(live.db, "root@support.example")
    return next(mail.id for mail in mails.list_all(live.db, root) if not mail.is_untaken)


def untaken_mail(live: Live) -> str:
    """One that could not be taken in; its id."""
    settings = live.app.extensions["kbsearch"].settings
    root = viewers.find(live.db, "root@support.example")
    known = [mail for mail in mails.list_all(live.db, root) if mail.is_untaken]
    return (known or [set_aside(settings, live.db, root, letter(subject="y" * 200))])[0].id


def give_tokens(live: Live, page: Page, endpoint: str) -> None:
    """What a browser holds in the middle of signing in, of a reset, of a form."""
    root = people.find(live.db, "root@support.example")
    reset = sign_ins_under_way.begin(live.db, root.id, Errand("reset"), "mail")
    if endpoint == "passwords.new":
        sign_ins_under_way.pass_through(live.db, sign_ins_under_way.find(live.db, reset, "reset"))
    typed = [("subject", "Imprimante"), ("body", "rien ne va")]
    held = {
        "kb-sign-in": sign_ins_under_way.begin(live.db, root.id, Errand("sign_in"), "mail"),
        "kb-reset": reset,
        "kb-kept": kept_forms.keep(live.db, root.id, "/fr/x", typed) or "",
    }
    page.context.add_cookies(
        [{"name": name, "value": token, "url": live.url} for name, token in held.items()]
    )


def violations(page: Page, rules: Sequence[str] = RULES) -> list[str]:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN, rules)
    if found:  # a page still being painted: what is wrong with it is so a moment later too
        page.wait_for_timeout(500)
        found = page.evaluate(RUN, rules)
    return found


def test_no_page_is_forgotten(live: Live):
    endpoints = {
        rule.endpoint
        for rule in live.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith(MACHINES + ON_BRANCHES)
    }
    assert endpoints == set(pages(live))


@pytest.mark.parametrize(("language", "width"), [("fr", 320), ("en", 1280)])
def test_every_page_is_accessible(
    live: Live, visit: Callable[..., Page], language: str, width: int
):
    options = {
        "viewport": {"width": width, "height": 800},
        "reduced_motion": "reduce",  # colours are compared at once
    }
    somebody = visit("/fr/accessibility", person="root@support.example", **options)
    (session,) = [each for each in somebody.context.cookies() if each["name"] == "kb"]
    sessions.mark_proved(live.db, session["value"])  # or the password's page asks for it first
    stranger = visit("/fr/accessibility", **options)
    for page in (somebody, stranger):
        page.add_init_script(AXE)  # half a megabyte: handed over once, not for each page
    problems = []
    for endpoint, addresses in pages(live).items():
        page = stranger if endpoint == "signing_in.login" else somebody
        give_tokens(live, page, endpoint)
        for address in addresses:
            path = address.format(lang=language)
            page.goto(path)
            assert urlsplit(page.url).path == path.partition("?")[0], "a page, not a way to one"
            for theme, rules in THEMES.items():
                if theme == "dark" and width > 320:
                    continue  # the colours of a theme are those of every width
                page.emulate_media(color_scheme=theme)
                problems += [f"{path} {theme}: {found}" for found in violations(page, rules)]
            wide: int = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                problems.append(f"{path}: {wide} px wide on a screen of {width}")
            if page.evaluate("document.querySelectorAll('h1').length") != 1:
                problems.append(f"{path}: not exactly one h1")
    assert problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_palette_is_accessible(visit: Callable[..., Page], theme: str):
    page = visit("/fr/", color_scheme=theme, reduced_motion="reduce")
    page.keyboard.press("Control+k")
    page.keyboard.type("passe")
    page.wait_for_selector("#palette-list [role=option]")
    page.keyboard.press("ArrowDown")
    assert violations(page) == []


def test_the_check_would_find_something(visit: Callable[..., Page]):
    page = visit("/fr/")
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('main').append(new Image())")
    assert violations(page)


@pytest.mark.parametrize("width", [320, 1280])
def test_what_can_be_pressed_is_large_enough(visit: Callable[..., Page], live: Live, width: int):
    """44 pixels for what is ours outside of running text."""
    page = visit("/fr/search?q=passe", viewport={"width": width, "height": 800})
    small: list[Any] = page.evaluate(
        """() => [...document.querySelectorAll('button, .button, .opener, .brand, .facets a')]
          .filter(e => e.offsetParent && !e.closest('dialog'))
          .map(e => [e.textContent.trim(), e.getBoundingClientRect()])
          .filter(([_, box]) => box.height < 44 || box.width < 44).map(([text]) => text)"""
    )
    assert small == []


def test_text_can_be_spaced_out(visit: Callable[..., Page]):
    """WCAG 1.4.12: nothing is cut off when lines, letters and words get more room."""
    page = visit("/fr/search?q=passe", viewport={"width": 320, "height": 800}, bypass_csp=True)
    page.add_style_tag(
        content="* { line-height: 1.5 !important; letter-spacing: .12em !important; "
        "word-spacing: .16em !important } p { margin-block-end: 2em !important }"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    cut: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('main *, footer *')]
          .filter(e => getComputedStyle(e).overflow === 'hidden' && !e.closest('.unseen'))
          .filter(e => e.scrollHeight > e.clientHeight + 2 && e.clientHeight > 1)
          .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert cut == []


def test_forced_colours_keep_states_apart(visit: Callable[..., Page]):
    page = visit("/fr/search?q=passe&product=icownect", forced_colors="active")
    assert violations(page) == []
    width: str = page.evaluate(
        "getComputedStyle(document.querySelector('.facets [aria-current]')).outlineWidth"
    )
    assert width == "3px"


def test_motion_stops_for_those_who_ask(visit: Callable[..., Page]):
    page = visit("/fr/", reduced_motion="reduce")
    longest: float = page.evaluate(
        """() => Math.max(...[...document.querySelectorAll('*')].flatMap(e => {
          const style = getComputedStyle(e);
          return [style.transitionDuration, style.animationDuration].flatMap(
            d => d.split(',').map(parseFloat)); }))"""
    )
    assert longest <= 0.01


def test_focus_is_always_seen_and_never_covered(visit: Callable[..., Page]):
    page = visit("/fr/search?q=passe", viewport={"width": 1280, "height": 500})
    page.evaluate("document.activeElement.blur()")
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        spot: dict[str, Any] | None = page.evaluate(
            """() => {
              const e = document.activeElement;
              if (e === document.body) return null;
              const ring = getComputedStyle(e.closest('.ask, .hit') || e);
              const box = e.getBoundingClientRect();
              const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
              return {what: e.outerHTML.slice(0, 90), ring: parseFloat(ring.outlineWidth),
                      style: ring.outlineStyle, covered: !(e.contains(top) || top?.contains(e)
                      || top?.closest('.hit')?.contains(e))};
            }"""
        )
        if spot is None:
            break
        assert spot["ring"] >= 2 and spot["style"] != "none", spot
        assert not spot["covered"], spot
        seen.add(spot["what"])
    assert len(seen) > 10
