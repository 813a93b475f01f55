"""Articles proposed and published: drafts as commits on branches, on their way to the content's."""

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kbsearch import access, audit
from kbsearch.access import Viewer
from kbsearch.articles.publishing import (
    branches,
    file_history,
    previews,
    rebasing,
    sharing,
    trailers,
)
from kbsearch.articles.publishing import publish as publishing
from kbsearch.articles.publishing.branches import Branch
from kbsearch.articles.publishing.commits import Author
from kbsearch.articles.publishing.findings import Finding, has_errors
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.tree import Entry, blob_id
from kbsearch.articles.writing import amending, branch_comments, draft_files, drafts, originals
from kbsearch.articles.writing import files as article_files
from kbsearch.articles.writing.branch_comments import BranchReview
from kbsearch.articles.writing.drafts import ArticleDraft
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, one_of
from kbsearch.errors import Conflict, Forbidden, Invalid, NotFound

ATTEMPTS = 3  # to put a branch on what is live, while others do
MAX_NOTE = 300  # characters


@dataclass(frozen=True)
class ReaderTelling:
    """What readers are told of a change when it is published."""

    those_who_asked: bool = False  # a letter to whoever filed the requests it is made of
    is_minor: bool = False  # nothing to those who follow the article
    note: str = ""  # what they are told, in the place of headings


NOTHING_SAID = ReaderTelling()


@dataclass(frozen=True)
class _Contents:
    """What a commit has besides the article: the files it brings, and what it tells readers."""

    brought: Mapping[str, bytes]
    telling: ReaderTelling


class GateClosed(Invalid):
    """The gate found errors: nothing goes live."""

    def __init__(self, key: str, findings: Iterable[Finding]) -> None:
        super().__init__(key)
        self.findings = [finding for finding in findings if finding.severity == "error"]


def begun(db: Database, viewer: Viewer, settings: Settings, place: str) -> ArticleDraft | None:
    """What the viewer began to change in a file; nothing once it says what the content says."""
    draft = drafts.find_of(db, viewer, place=place)
    return None if draft is None or _is_there(settings, draft) else draft


def propose(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    key: str,
    *,
    telling: ReaderTelling = NOTHING_SAID,
    seen: str = "",
) -> str:
    """Put a draft on a branch of the content; its name. Proposed again, it goes on from there.

    Its commit says what readers are to be told when it is published. The same form sent twice waits
    for itself, and proposes once. Raises Overtaken where somebody else changed the
    article meanwhile, but for a change that was `seen`.
    """
    with db.atomic():
        draft = drafts.find(db, viewer, key)
        article_files.check(draft.article, settings, is_new=draft.original is None)
        if len(telling.note) > MAX_NOTE:
            raise Invalid("article_draft.note_too_long", limit=MAX_NOTE)
        live = branches.live_tree(settings)
        if draft.original and live:
            draft = _caught_up(db, viewer, settings, live, draft, seen)
        name, commit = _commit(
            settings, viewer, live, draft, _Contents(_brought(db, viewer, draft), telling)
        )
        if name != draft.branch:  # what was said of another one that had its name
            branch_comments.forget(db, viewer, name)
        drafts.mark_proposed(db, viewer, key, name, commit)
        for link in draft.tickets:
            _announce(db, viewer, link.id, tell=telling.those_who_asked)
    return name


def publish(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    key: str,
    *,
    telling: ReaderTelling = NOTHING_SAID,
    seen: str = "",
) -> str:
    """Put a draft live, through a branch of its own; the article's path.

    Raises GateClosed where the rules find an error, and Overtaken as `propose` does.
    """
    draft = drafts.find(db, viewer, key)
    _only_publishers(viewer, settings, {viewer.email})
    if _is_there(settings, draft):  # it was stopped between the commit and its publication
        _go_live(db, viewer, settings)
    else:
        _publish_as_branch(db, viewer, settings, key, telling=telling, seen=seen)
    with db.atomic():
        if drafts.find(db, viewer, key).article == draft.article:
            drafts.discard(db, viewer, key)
        else:  # another window went on meanwhile
            drafts.start_from(db, viewer, key, originals.current(settings, draft.place))
    return previews.article_of(draft.place)


def publish_branch(db: Database, viewer: Viewer, settings: Settings, branch: Branch) -> str:
    """Put what a branch proposes on top of what is live, and live, if no rule objects; its commit.

    Stopped at any moment it is whole on its branch, or on the content's: the worker publishes that.
    """
    review = branch_comments.review_of(db, viewer, settings, branch)
    if not may_publish_branch(viewer, settings, review):
        raise Forbidden("branch.not_for_you")
    if not branch.is_draft:
        raise Invalid("branch.not_a_draft")
    for _ in range(ATTEMPTS):
        with sharing.turn(settings, sharing.WRITERS_TURN):
            sharing.catch_up(db, settings)
            live = branches.live_tree(settings)
            assert live is not None, "there is a branch"
            commit = rebasing.rebased(live, branch.commit, by=viewer.email)
            _check(db, settings, live, commit)
            branch = branches.move(settings, branch, commit)
            is_on_top = sharing.offer(db, settings, live, commit) and rebasing.advance(
                settings, live, commit
            )
        if is_on_top:
            audit.act(db, viewer, "branch.published", subject=branch.name, commit=commit)
            _go_live(db, viewer, settings)
            branches.forget(settings, branch)
            branch_comments.forget(db, viewer, branch.name)
            return commit
    raise Conflict("branch.moved", {})


def may_publish(viewer: Viewer, settings: Settings, authors: Collection[str]) -> bool:
    """Whether the viewer may put what these people wrote live, as the site has it."""
    return access.may_publish(viewer, authors, is_reviewed=settings.article_review)


def may_publish_branch(viewer: Viewer, settings: Settings, review: BranchReview) -> bool:
    """Whether the viewer may put a branch live: what another writer approved is free to go."""
    if settings.article_review and review.is_approved:
        return access.may_publish(viewer, (), is_reviewed=False)
    return may_publish(viewer, settings, review.authors)


def _publish_as_branch(
    db: Database, viewer: Viewer, settings: Settings, key: str, *, telling: ReaderTelling, seen: str
) -> None:
    """Propose a draft and publish that; once more where others commit at the same time."""
    for attempt in range(1, ATTEMPTS + 1):
        name = propose(db, viewer, settings, key, telling=telling, seen=seen)
        try:
            publish_branch(db, viewer, settings, branches.find(settings, name))
            return
        except Conflict:
            if attempt == ATTEMPTS:
                raise


def _only_publishers(viewer: Viewer, settings: Settings, authors: Collection[str]) -> None:
    access.only_staff(viewer, "branch.not_found")
    if not may_publish(viewer, settings, authors):
        raise Forbidden("branch.not_for_you")


def _check(db: Database, settings: Settings, live: GitTree, commit: str) -> None:
    tree = GitTree(live.repository, commit)
    preview = previews.of_tree(db, settings, tree)
    if has_errors(preview.edition.findings):
        raise GateClosed("article_draft.refused", preview.edition.findings)


def _go_live(db: Database, viewer: Viewer, settings: Settings) -> None:
    patience = publishing.WRITERS_PATIENCE  # the worker sees the commit and goes on
    outcome = publishing.publish(db, settings, by=viewer.name, patience=patience)
    if isinstance(outcome, publishing.Refusal):  # another commit came in between
        raise GateClosed("article_draft.refused_later", outcome.findings)


def is_announced(db: Database, draft: ArticleDraft) -> bool:
    """Whether those who filed its requests are to be told when it is published."""
    places, values = one_of("ticket", [link.id for link in draft.tickets])
    sql = f"SELECT 1 FROM article_announcements WHERE ticket_id IN ({places})"  # noqa: S608
    return bool(db.query(sql, values))


def _caught_up(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    live: GitTree,
    draft: ArticleDraft,
    seen: str,
) -> ArticleDraft:
    """The draft over its file as it is now."""
    assert draft.original is not None
    original = originals.caught_up(
        live, draft.original, draft.article, settings.default_audience, seen=seen
    )
    if original != draft.original:
        drafts.start_from(db, viewer, draft.key, original)
    return replace(draft, original=original)


def _is_there(settings: Settings, draft: ArticleDraft) -> bool:
    """Whether the content has the draft's file as it is written."""
    try:
        there = originals.current(settings, draft.place)
    except NotFound:
        return False
    return there.text == text_of(settings, draft)


def text_of(settings: Settings, draft: ArticleDraft) -> str:
    """The file of a draft."""
    return amending.written(draft.article, draft.original, settings.default_audience)


def _brought(db: Database, viewer: Viewer, draft: ArticleDraft) -> dict[str, bytes]:
    """The files that a draft brings, by their places beside the article."""
    folder = posixpath.dirname(draft.place)
    brought = draft_files.named_in(db, viewer, draft.key, draft.article.body)
    return {f"{folder}/{name}": body for name, body in brought.items()}


def _commit(
    settings: Settings,
    viewer: Viewer,
    live: GitTree | None,
    draft: ArticleDraft,
    contents: _Contents,
) -> tuple[str, str]:
    """The branch and the commit that hold the draft as it is now, and the files it brings."""
    place, text = draft.place, text_of(settings, draft).encode()
    entries = live.entries if live else {}
    files = {place: text, **dict(_not_live(entries, contents.brought))}
    if place in entries and draft.original is None:
        raise Invalid("article_draft.address_taken", place=place)
    if place in entries and entries[place].blob == blob_id(text):
        raise Invalid("article_draft.unchanged")
    there, is_on_top = _proposed(settings, draft)
    if is_on_top and there == files:
        return draft.branch, draft.commit
    name = draft.branch or free_name(settings, draft.article.slug)
    moved = [other for other in there if other not in entries]
    commit = branches.propose(
        settings,
        name,
        {**dict.fromkeys(moved), **files},
        _message(draft, contents.telling),
        Author(viewer.name, viewer.email),
        after=draft.commit,
        live=live,
    )
    return name, commit


def _not_live(
    entries: Mapping[str, Entry], brought: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    """Those files that are not there yet; raises Invalid where another one has that name."""
    for place, body in brought.items():
        if place not in entries:
            yield place, body
        elif entries[place].blob != blob_id(body):
            raise Invalid("article_file.name_taken", place=place)


def free_name(settings: Settings, slug: str) -> str:
    """The name of a draft's branch that is nobody's yet."""
    name, number = f"{branches.DRAFTS}{slug}", 1
    while branches.is_taken(settings, name):
        number += 1
        name = f"{branches.DRAFTS}{slug}-{number}"
    return name


def _proposed(settings: Settings, draft: ArticleDraft) -> tuple[dict[str, bytes], bool]:
    """What the branch of a draft holds of it, perhaps under another address.

    And whether it has everything that is live.
    """
    try:
        branch = branches.find(settings, draft.branch)
    except NotFound:
        return {}, False
    if branch.commit != draft.commit:
        return {}, False
    tree = branches.tree_of(settings, branch)
    files = branches.changed(settings, branch)
    return dict(tree.read([file for file in files if file in tree.entries])), not branch.behind


def _message(draft: ArticleDraft, telling: ReaderTelling) -> str:
    """A subject, and the trailers alone below it: no title can write one."""
    lines = [f"{trailers.SOLVES_TICKET}: {link.number}" for link in draft.tickets]
    if draft.gap:
        lines.append(f"{trailers.CLOSES_GAP}: {draft.gap}")
    note = "".join(c if c.isprintable() else " " for c in telling.note)
    if telling.is_minor:
        lines.append(f"{file_history.TYPO}: yes")
    elif note.split():
        key = file_history.NOTE_KEYS[draft.article.language]
        lines.append(f"{key}: {' '.join(note.split())}")
    block = "\n".join(lines)
    return f"{draft.article.title}\n\n{block}\n" if lines else f"{draft.article.title}\n"


def _announce(db: Database, viewer: Viewer, ticket_id: str, *, tell: bool) -> None:
    if not tell:
        db.execute("DELETE FROM article_announcements WHERE ticket_id = :id", {"id": ticket_id})
        return
    db.execute(
        """
        INSERT INTO article_announcements (ticket_id, asked_by_id, asked_at)
        VALUES (:id, :me, :now) ON CONFLICT (ticket_id) DO NOTHING
        """,
        {"id": ticket_id, "me": viewer.person_id, "now": stored(utc_now())},
    )
