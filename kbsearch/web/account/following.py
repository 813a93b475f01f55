"""Following articles, categories and products: the button of their pages, and the list of all."""

from dataclasses import dataclass

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import articles
from kbsearch.articles import categories, feed_addresses, follows
from kbsearch.articles.follows import Follow, Kind
from kbsearch.errors import Invalid, Problem
from kbsearch.people import notification_choices
from kbsearch.web.account.profile import REFUSALS, done, only_people, page
from kbsearch.web.render import (
    db,
    go_to,
    language,
    render,
    site,
    spoken_language,
    viewer,
    wants_fragment,
)
from kbsearch.web.tickets.satisfaction import hidden

PREFERENCE = "article.followed"

bp = Blueprint("following", __name__)
bp.before_request(only_people)


@dataclass(frozen=True)
class FollowButton:
    """What the button of a page is about, and whether it is followed."""

    kind: Kind
    subject: str
    follow: Follow | None


@dataclass(frozen=True)
class FollowedLine:
    """Something that is followed, as the list shows it; nameless where it is not there any more."""

    follow: Follow
    name: str = ""
    url: str = ""


def button(kind: Kind, subject: str) -> FollowButton | None:
    """The button of a page; strangers have none."""
    if not viewer().is_signed_in:
        return None
    return FollowButton(kind, subject, follows.find(db(), viewer(), kind, subject))


@bp.post("/following")
def follow() -> Response:
    """Follow what a page is about, or follow it no more."""
    kind, subject = request.form.get("kind", ""), request.form.get("subject", "")
    if request.form.get("following") == "yes":
        followed = follows.follow(db(), viewer(), kind, subject)
        shown = FollowButton(followed.kind, subject, followed)
    else:
        shown = FollowButton(_kind(kind), subject, None)
        before = follows.find(db(), viewer(), shown.kind, subject)
        if before is not None:
            follows.leave(db(), viewer(), before.id)
    if wants_fragment():
        return render("help/_follow.html", "help/_follow.html", follow_button=shown)
    lines = _lines([Follow("", "", shown.kind, subject, follows.WAYS[0], "")])
    return go_to(lines[0].url or f"/{language()}/account/following")


@bp.get("/account/following")
def index() -> Response:
    return _list()


@bp.post("/account/following")
def choose() -> Response:
    """How each of them is heard of."""
    ways = {
        name.removeprefix("way-"): way
        for name, way in request.form.items()
        if name.startswith("way-")
    }
    try:
        follows.choose(db(), viewer(), ways)
    except REFUSALS as problem:
        return _list(problem)
    return done("/account/following", "saved")


@bp.post("/account/following/<id>/removal")
def leave(id: str) -> Response:
    follows.leave(db(), viewer(), id)
    return done("/account/following", "left")


@bp.post("/account/following/feed")
def make_feed() -> Response:
    """Make the address of one's own feed; it comes with the answer, as it is shown this once."""
    token = feed_addresses.make(db(), viewer())
    url = site().settings.whole(f"/feed/{language()}/{token}.atom")
    return hidden(page("feed", "following", url=url))


@bp.post("/account/following/feed/removal")
def revoke_feed() -> Response:
    feed_addresses.revoke(db(), viewer())
    return done("/account/following", "feed_revoked")


def _kind(text: str) -> Kind:
    for kind in follows.KINDS:
        if kind == text:
            return kind
    raise Invalid("follow.way_unknown")


def _list(problem: Problem | None = None) -> Response:
    is_told = notification_choices.wants(db(), viewer().person_id or "", PREFERENCE, "mail")
    return page(
        "following",
        "following",
        problem,
        lines=_lines(follows.list_mine(db(), viewer())),
        ways=follows.WAYS,
        is_told=is_told,
        feed_made_at=feed_addresses.made_at(db(), viewer()),
    )


def _lines(followed: list[Follow]) -> list[FollowedLine]:
    """What is followed, with its name and its page where the viewer may still read it."""
    paths = [each.subject for each in followed if each.kind == "article"]
    cards = articles.list_paths(db(), viewer(), paths)
    names = {("article", path): card.title for path, card in cards.items()}
    urls = {
        ("article", path): f"/{card.language}/articles/{card.slug}" for path, card in cards.items()
    }
    for tongue in sorted({each.language for each in followed if each.kind == "category"}):
        for category in categories.list_all(db(), viewer(), tongue):
            place = ("category", f"{tongue}/{category.path}")
            names[place] = spoken_language().category_name(category)
            urls[place] = f"/{tongue}/categories/{category.path}"
    for each in followed:
        if each.kind == "product" and follows.is_there(db(), viewer(), "product", each.subject):
            names["product", each.subject] = spoken_language().product_name(each.name)
            urls["product", each.subject] = f"/{each.language}/products/{each.name}"
    places = [(each.kind, each.subject) for each in followed]
    return [
        FollowedLine(each, names.get(place, ""), urls.get(place, ""))
        for each, place in zip(followed, places, strict=True)
    ]
