"""The personal tokens of an account: made by somebody who has just given password and code."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import people
from kbsearch.errors import Problem
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import LONGEST_DAYS, USUAL_DAYS, TokenFields
from kbsearch.people.organisations import products
from kbsearch.web import numbers
from kbsearch.web.account.profile import REFUSALS, done, page
from kbsearch.web.account.security import only_people, proved
from kbsearch.web.render import db, viewer

bp = Blueprint("personal_tokens", __name__)
bp.before_request(only_people)


@bp.get("/account/tokens")
@proved
def new() -> Response:
    return _form(TokenFields(""))


@bp.post("/account/tokens")
@proved
def add() -> Response:
    """Make one; it comes with the answer, as it is shown this once."""
    fields = _typed()
    person = people.find_id(db(), viewer().person_id or "")
    try:
        token, secret = personal_tokens.add(db(), viewer(), person, fields)
    except REFUSALS as problem:
        return _form(fields, problem)
    return page("token", "safety", token=token, secret=secret)


@bp.post("/account/tokens/<id>/removal")
def revoke(id: str) -> Response:
    personal_tokens.revoke(db(), viewer(), id)
    return done("/account/security", "token_revoked")


def _typed() -> TokenFields:
    fields = request.form
    return TokenFields(
        fields.get("name", ""),
        may_write=fields.get("access") == "write",
        only_search="only_search" in fields,
        product=fields.get("product", ""),
        days=numbers.whole(fields.get("days", "")) or 0,
    )


def _form(fields: TokenFields, problem: Problem | None = None) -> Response:
    return page(
        "tokens",
        "safety",
        problem,
        fields_typed=fields,
        days=[*dict.fromkeys((30, USUAL_DAYS, 180, LONGEST_DAYS))],
        products=[
            (product.slug, product.name)
            for product in products.list_all(db())
            if viewer().is_staff or product.slug in viewer().products
        ],
    )
