"""Webhooks: the list, the form, the secret when it is made, and the log of deliveries."""

from typing import Any

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import revisions
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import Webhook, deliveries, events
from kbsearch.messages.webhooks.deliveries import Delivery
from kbsearch.messages.webhooks.scopes import WebhookScope
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.web import numbers
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, is_on, render_form, revision, text, texts
from kbsearch.web.render import db, language, render, site, viewer

PAGE_LENGTH = 50
MAX_PAGE = 1000
MAX_SCOPE = 200  # characters of what a webhook is narrowed to
FIELDS = {  # of the form, by what can be wrong with them
    "webhook.url_blocked": "url",
    "webhook.url_taken": "url",
    "room.unknown": "url",
    "webhook.events_required": "kinds",
    "webhook.event_unknown": "kinds",
    "organisation.not_found": "organisation",
    "product.not_found": "product",
    "webhook.secret_changing": "more",
    "room.no_secret": "more",
    "webhook.is_disabled": "more",
}
DONE = ("added", "saved", "tested", "disabled", "enabled", "again")


@bp.get("/webhooks")
def list_webhooks() -> Response:
    return render("admin/webhooks.html", found=webhooks.list_all(db(), viewer()))


@bp.get("/webhooks/new")
def new_webhook() -> Response:
    return new_form(Form({"kinds": ["ticket.opened", "ticket.replied", "ticket.solved"]}))


@bp.post("/webhooks")
def add_webhook() -> Response:
    scope = scope_of_form()
    fields = Form({"url": text("url"), "kinds": texts("kinds"), **scope.texts})
    try:
        added = webhooks.add(
            db(), viewer(), site().settings, text("url"), texts("kinds"), scope=scope
        )
    except Invalid as problem:
        return new_form(fields.refused(problem, FIELDS))
    return done(added.id, "added") if added.is_room else tell_secret(added)


@bp.get("/webhooks/<id>")
def show_webhook(id: str) -> Response:
    webhook = webhook_of(id)
    return form(webhook, shown(webhook))


@bp.post("/webhooks/<id>")
def save_webhook(id: str) -> Response:
    webhook, scope = webhook_of(id), scope_of_form()
    fields = Form({"kinds": texts("kinds"), "revision": text("revision"), **scope.texts})
    try:
        webhooks.choose(db(), viewer(), webhook, texts("kinds"), scope=scope, revision=revision())
    except Invalid as problem:
        return form(webhook, fields.refused(problem, FIELDS))
    return done(id, "saved")


@bp.post("/webhooks/<id>/secret")
def change_webhook_secret(id: str) -> Response:
    webhook = webhook_of(id)
    try:
        changed = webhooks.rotate(
            db(), viewer(), site().settings, webhook, at_once=is_on("at_once")
        )
    except Invalid as problem:
        return form(webhook, shown(webhook).refused(problem, FIELDS))
    return tell_secret(changed)


@bp.post("/webhooks/<id>/state")
def enable_or_disable_webhook(id: str) -> Response:
    webhook = webhook_of(id)
    if text("state") == "disabled":
        webhooks.disable(db(), viewer(), webhook)
        return done(id, "disabled")
    webhooks.enable(db(), viewer(), webhook)
    return done(id, "enabled")


@bp.post("/webhooks/<id>/tests")
def test_webhook(id: str) -> Response:
    webhook = webhook_of(id)
    try:
        webhooks.test(db(), viewer(), webhook)
    except Invalid as problem:
        return form(webhook, shown(webhook).refused(problem, FIELDS))
    return done(id, "tested")


@bp.get("/webhooks/<id>/deliveries/<delivery>")
def show_webhook_delivery(id: str, delivery: str) -> Response:
    return delivery_page(webhook_of(id), delivery_of(id, delivery))


@bp.post("/webhooks/<id>/deliveries/<delivery>")
def send_webhook_delivery_again(id: str, delivery: str) -> Response:
    webhook, webhook_delivery = webhook_of(id), delivery_of(id, delivery)
    if not deliveries.again(db(), webhook_delivery.id):
        refused = Form().refused(Invalid("webhook.is_disabled"), FIELDS)
        return delivery_page(webhook, webhook_delivery, refused)
    return redirect(f"/{language()}/admin/webhooks/{id}/deliveries/{delivery}?done=again", 303)


def shown(webhook: Webhook) -> Form:
    seen = revisions.of(webhooks.texts(webhook))
    return Form({"kinds": webhook.kinds, "revision": seen, **webhook.scope.texts})


def scope_of_form() -> WebhookScope:
    organisation, product, tag = (
        text(name)[:MAX_SCOPE] for name in ("organisation", "product", "tag")
    )
    return WebhookScope(organisation, product, tag, is_on("with_fields"))


def offered() -> dict[str, Any]:
    """What the form of a webhook offers."""
    return {
        "kinds": events.KINDS,
        "organisations": [(one.slug, one.name) for one in organisations.list_all(db())],
        "products": [(one.slug, one.name) for one in products.list_all(db())],
    }


def new_form(fields: Form) -> Response:
    return render_form("admin/new_webhook.html", form=fields, **offered())


def form(webhook: Webhook, fields: Form) -> Response:
    page = page_of()
    rows = deliveries.of_webhook(
        db(), webhook.id, limit=PAGE_LENGTH + 1, offset=(page - 1) * PAGE_LENGTH
    )
    return render_form(
        "admin/webhook.html",
        form=fields,
        shown=webhook,
        **offered(),
        deliveries=rows[:PAGE_LENGTH],
        number_of_page=page,
        has_more=len(rows) > PAGE_LENGTH,
        done=what_was_done(),
    )


def delivery_page(webhook: Webhook, delivery: Delivery, fields: Form | None = None) -> Response:
    response = render(
        "admin/webhook_delivery.html",
        form=fields or Form(),
        webhook=webhook,
        shown=delivery,
        body=deliveries.body_of(db(), delivery),
        attempts=deliveries.attempts_of(db(), delivery),
        done=what_was_done(),
    )
    response.status_code = 422 if fields else 200
    return response


def tell_secret(webhook: Webhook) -> Response:
    """The answer to the form itself, for once: no address may show the secret a second time."""
    response = render("admin/webhook_secret.html", shown=webhook)
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


def done(id: str, outcome: str) -> Response:
    return redirect(f"/{language()}/admin/webhooks/{id}?done={outcome}", 303)


def what_was_done() -> str | None:
    return next((outcome for outcome in DONE if outcome == request.args.get("done")), None)


def page_of() -> int:
    return numbers.page(request.args, MAX_PAGE)


@names_a_page()
def webhook_of(id: str) -> Webhook:
    return webhooks.find(db(), viewer(), id)


def delivery_of(id: str, delivery_id: str) -> Delivery:
    delivery = deliveries.find(db(), delivery_id)
    if delivery is None or delivery.endpoint_id != id:
        raise NotFound("web.not_found")
    return delivery
