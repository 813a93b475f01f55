"""Articles being written: made of a request, reviewed, proposed on a branch; and the branches."""

from dataclasses import replace

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, articles, i18n
from kbsearch.articles.publishing import branches, history, previews, sharing
from kbsearch.articles.writing import (
    amending,
    draft_files,
    drafts,
    files,
    originals,
    proposals,
    review,
)
from kbsearch.articles.writing.amending import OriginalFile
from kbsearch.articles.writing.composition import ArticleBrief, Composed, Hidden
from kbsearch.articles.writing.drafts import ArticleDraft
from kbsearch.articles.writing.originals import Overtaken
from kbsearch.articles.writing.proposals import GateClosed, ReaderTelling
from kbsearch.articles.writing.review import Seen
from kbsearch.config import LANGUAGES
from kbsearch.database import new_id
from kbsearch.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from kbsearch.messages.notifications import solutions
from kbsearch.tickets.desk import past_cases
from kbsearch.web import patience
from kbsearch.web.render import db, go_to, language, person, render, site, viewer, wants_fragment
from kbsearch.web.writing import form
from kbsearch.web.writing.form import EditorEntry

bp = Blueprint("desk_articles", __name__)


@bp.before_request
def only_staff() -> None:
    access.only_staff(person(), "article_draft.not_found")


@bp.get("/desk/articles")
def index() -> Response:
    """What I write, and what waits on branches."""
    settings = site().settings
    discarded, commit = request.args.get("discarded", ""), request.args.get("commit", "")
    return render(
        "writing/articles.html",
        drafts=[(draft, published(draft.place)) for draft in drafts.list_all(db(), viewer())],
        branches=branches.list_all(settings),
        is_folder=branches.live_tree(settings) is None,
        remote=sharing.shown(settings),
        sharing=sharing.look(db()) if settings.content_remote else None,
        rewritten=list(sharing.rewritten(settings)),
        discarded=discarded if branches.is_name(discarded) and commit.isalnum() else "",
        commit=commit,
    )


@bp.get("/desk/articles/new")
def new() -> Response:
    """A first draft of requests (`ticket`), of a gap, of an `article`, or of nothing.

    It is kept from the first change on.
    """
    args = request.args
    if args.get("article"):
        return change(args["article"], args.get("version", ""))
    tickets = form.numbers(args.getlist("ticket"))
    gap = args.get("gap", "")
    begun = begun_before(tickets, gap)
    if begun is not None:
        return go_to(url_of(begun.key))
    lines = [line for text in args.getlist("phrases") for line in text.splitlines()]
    tongue = args.get("language", "")
    composed = drafts.compose(
        db(),
        viewer(),
        ArticleBrief(
            tickets=tickets,
            title=args.get("title", ""),
            phrases=lines,
            gap=gap,
            language=tongue if tickets or tongue in LANGUAGES else language(),
            product=args.get("product", ""),
            audience=site().settings.default_audience,
        ),
    )
    return editor(new_id(), composed)


def change(path: str, version: str) -> Response:
    """A live article in the editor: as it stands, or with what it said in a `version`."""
    settings = site().settings
    place = articles.find_file(db(), viewer(), path)
    if not version:
        begun = proposals.begun(db(), viewer(), settings, place)
        if begun is not None:
            return go_to(url_of(begun.key))
    original = originals.current(settings, place)
    chosen = OriginalFile(place, text_of(place, version)) if version else original
    article = amending.read(chosen, settings.default_audience)
    composed = Composed(article, original=original)
    entry = EditorEntry(composed, 0, form.new_tab(), originals.live_commit(settings))
    return editor(new_id(), composed, entry=entry)


def text_of(place: str, commit: str) -> str:
    """A file of the content as one of its versions had it."""
    settings = site().settings
    return history.text_of(settings, history.find(history.list_all(settings, place), commit))


@bp.get("/desk/articles/drafts/<key>")
def show(key: str) -> Response:
    draft = drafts.find(db(), viewer(), key)
    return editor(key, form.as_composed(draft), draft)


@bp.post("/desk/articles/drafts/<key>")
def save(key: str) -> Response:
    """Keep what is written; a page that saves as one types is told what is to be said of it."""
    entry = EditorEntry.of_form(request.form)
    try:
        draft = keep(key, entry)
    except (Conflict, Invalid) as problem:
        return refused(key, entry, problem)
    if not wants_fragment():
        return go_to(url_of(key))
    return render("writing/article.html", "writing/_review.html", **shown(key, entry, draft))


@bp.post("/desk/articles/drafts/<key>/masking")
def mask(key: str) -> Response:
    """Put back what was masked (`restore` says which), or mask it again (`mask`)."""
    entry = EditorEntry.of_form(request.form)
    items = hidden_of(key, entry)
    position = form.number(request.form.get("restore") or request.form.get("mask", ""))
    change = review.restore if "restore" in request.form else review.mask_again
    article = entry.composed.article
    if 1 <= position <= len(items):
        article = change(article, items[position - 1])
    entry = replace(entry, composed=replace(entry.composed, article=article, hidden=items))
    try:
        draft = keep(key, entry)
    except (Conflict, Invalid) as problem:
        return refused(key, entry, problem)
    if not wants_fragment():
        return go_to(f"{url_of(key)}#masked")
    return render("writing/article.html", "writing/_editor.html", **shown(key, entry, draft))


@bp.post("/desk/articles/drafts/<key>/ranks")
def rank(key: str) -> Response:
    """Where each phrase would find the article, as it is typed now."""
    entry = EditorEntry.of_form(request.form)
    ranks: list[previews.Rank] | None = None
    try:
        ranks = form.ranks(entry.composed.article, original_of(key, entry))
    except Invalid as problem:
        if not wants_fragment():  # there, the page that saves as one types says why
            return refused(key, entry, problem)
    if wants_fragment():
        return render("writing/_ranks.html", "writing/_ranks.html", ranks=ranks, key=key)
    return editor(key, entry.composed, saved(key), entry=entry, ranks=ranks)


@bp.post("/desk/articles/drafts/<key>/branch")
def propose(key: str) -> Response:
    """Commit the article on a branch of its own, and look at it there."""
    entry = EditorEntry.of_form(request.form).finished()
    try:
        keep(key, entry)
        name = proposals.propose(
            db(), viewer(), site().settings, key, telling=telling(), seen=entry.seen
        )
    except (Conflict, Invalid) as problem:
        return refused(key, entry, problem)
    return go_to(f"/{language()}/preview/{name}/?proposed=1")


@bp.post("/desk/articles/drafts/<key>/publication")
def publish(key: str) -> Response:
    """Put the article live, if no rule objects, and go there."""
    entry = EditorEntry.of_form(request.form).finished()
    patience.ask_for(patience.EXPORT)
    try:
        keep(key, entry)
        path = proposals.publish(
            db(), viewer(), site().settings, key, telling=telling(), seen=entry.seen
        )
    except (Conflict, Invalid, Unavailable) as problem:
        return refused(key, entry, problem)
    card = articles.find_path(db(), viewer(), path)
    if card is None:  # its file says that it is not shown
        return go_to(f"/{language()}/desk/articles")
    return go_to(f"/{card.language}/articles/{card.slug}?published=1")


@bp.post("/desk/articles/drafts/<key>/file")
def download(key: str) -> Response:
    """The article as a file, to be put into the content by hand."""
    entry = EditorEntry.of_form(request.form).finished()
    try:
        draft = keep(key, entry)
        files.check(draft.article, site().settings, is_new=draft.original is None)
    except (Conflict, Invalid) as problem:
        return refused(key, entry, problem)
    text = proposals.text_of(site().settings, draft)
    response = Response(text, content_type="text/markdown; charset=utf-8")
    name = draft.place.rpartition("/")[2]
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@bp.post("/desk/articles/drafts/<key>/discard")
def discard(key: str) -> Response:
    drafts.discard(db(), viewer(), key)
    return go_to(f"/{language()}/desk/articles")


@bp.post("/desk/tickets/<int:number>/articles")
def tell(number: int) -> Response:
    """Send those who filed a request the article (`path`) that answers it."""
    ticket = past_cases.find(db(), viewer(), number)
    solutions.tell(db(), viewer(), ticket, request.form.get("path", ""))
    return go_to(f"/{language()}/requests/{ticket.id}#answered-by")


def begun_before(tickets: tuple[int, ...], gap: str) -> ArticleDraft | None:
    if gap:
        return drafts.find_of(db(), viewer(), gap=gap)
    return drafts.find_of(db(), viewer(), ticket=tickets[0]) if tickets else None


def keep(key: str, entry: EditorEntry) -> ArticleDraft:
    return drafts.save(db(), viewer(), key, entry.composed, edition=entry.edition, tab=entry.tab)


def saved(key: str) -> ArticleDraft | None:
    """The draft as it is kept; none before it was."""
    try:
        return drafts.find(db(), viewer(), key)
    except NotFound:
        return None


def telling() -> ReaderTelling:
    """What readers are to be told when it is published."""
    return ReaderTelling(
        bool(request.form.get("tell")) and viewer().is_agent,
        is_minor="minor" in request.form,
        note=request.form.get("note", "").strip(),
    )


def original_of(key: str, entry: EditorEntry) -> OriginalFile | None:
    """The file that is changed: as the draft keeps it, or as the page had it before."""
    draft = saved(key)
    return draft.original if draft else entry.composed.original


def hidden_of(key: str, entry: EditorEntry) -> tuple[Hidden, ...]:
    draft = saved(key)
    return draft.hidden if draft else entry.composed.hidden


def refused(key: str, entry: EditorEntry, problem: Problem) -> Response:
    """It is too long, or somebody was quicker, in another window or on the branch.

    What was typed stays.
    """
    if isinstance(problem, Overtaken):
        composed = replace(entry.composed, article=problem.merged)
        entry = replace(entry, composed=composed, seen=problem.revision)
    if not wants_fragment():
        return editor(key, entry.composed, saved(key), entry=entry, problem=problem)
    response = render(
        "writing/article.html",
        "writing/_review.html",
        **shown(key, entry, saved(key), problem=problem),
        stands_alone=True,
    )
    response.status_code = 422  # a page swaps this one in, and not a 409
    return response


def editor(
    key: str,
    composed: Composed,
    draft: ArticleDraft | None = None,
    *,
    entry: EditorEntry | None = None,
    problem: Problem | None = None,
    ranks: list[previews.Rank] | None = None,
) -> Response:
    """The page on which an article is written."""
    edition = entry.edition if entry else draft.edition if draft else 0
    entry = entry or EditorEntry(composed, edition, form.new_tab())
    context = shown(key, entry, draft, problem=problem, ranks=ranks)
    response = render("writing/article.html", None, **context)
    response.status_code = problem.status if problem else 200
    return response


def shown(
    key: str,
    entry: EditorEntry,
    draft: ArticleDraft | None,
    *,
    problem: Problem | None = None,
    ranks: list[previews.Rank] | None = None,
) -> dict[str, object]:
    """What the templates of the page need."""
    article = entry.composed.article
    items = draft.hidden if draft else entry.composed.hidden
    original = draft.original if draft else entry.composed.original
    settings = site().settings
    own_files = draft_files.list_all(db(), viewer(), key)
    tickets = draft.tickets if draft else drafts.links(db(), viewer(), entry.composed)
    is_over = isinstance(problem, Conflict) and problem.key == "article_draft.changed"
    return {
        "key": key,
        "article": article,
        "tickets": tickets,
        "is_confidential": lambda: drafts.is_confidential(db(), tickets),
        "numbers": entry.composed.tickets,
        "gap": entry.composed.gap,
        "hidden": "" if draft else form.as_text(items),
        "draft": draft,
        "tab": entry.tab,
        "edition": entry.edition if problem else draft.edition if draft else 0,
        "over": draft.edition if is_over and draft else 0,
        "problem": i18n.explain(problem, language()) if problem else "",
        "choices": lambda: form.choices(article, settings),
        "review": form.review(
            article,
            items,
            original,
            beside=draft_files.named_in(db(), viewer(), key, article.body, own_files),
            media={file.blob: f"{url_of(key)}/files/{file.name}" for file in own_files},
        ),
        "files": own_files,
        "original": original,
        "card": lambda: original and published(original.place),
        "base": entry.base,
        "seen": entry.seen,
        "sides": form.sides(problem.sides) if isinstance(problem, Overtaken) else (),
        "refusals": problem.findings if isinstance(problem, GateClosed) else (),
        "may_publish": proposals.may_publish(viewer(), settings, [viewer().email]),
        "where": where,
        "ranks": ranks,
        "is_folder": branches.live_tree(settings) is None,
        "tell": bool(request.form.get("tell"))
        if request.form
        else bool(draft and proposals.is_announced(db(), draft)),
        "is_minor": "minor" in request.form,
        "note": request.form.get("note", ""),
        "most_phrases": files.MAX_PHRASES,
    }


def published(place: str) -> articles.Card | None:
    """The live article of a file."""
    return articles.find_path(db(), viewer(), previews.article_of(place))


def where(part: Seen) -> int:
    """The line of the text where a masked piece stands first; 0 when it is elsewhere."""
    return next((place.line for place in part.places if place.field == "body"), 0)


def url_of(key: str) -> str:
    return f"/{language()}/desk/articles/drafts/{key}"
