"""Articles proposed: drafts as commits on branches of the content, tied to their requests."""

from kbsearch.access import Viewer
from kbsearch.articles.publishing import branches, trailers
from kbsearch.articles.publishing.branches import Author
from kbsearch.articles.writing import drafts
from kbsearch.articles.writing import files as article_files
from kbsearch.articles.writing.drafts import ArticleDraft
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, one_of
from kbsearch.errors import Invalid, NotFound


def propose(
    db: Database, viewer: Viewer, settings: Settings, key: str, *, tell: bool = False
) -> str:
    """Put a draft on a branch of the content; its name. Proposed again, it goes on from there.

    With `tell`, those who filed its requests get a letter when it is published. The same form sent
    twice waits for itself, and proposes once.
    """
    with db.atomic():
        draft = drafts.find(db, viewer, key)
        article_files.check(draft.article, settings)
        name, commit = _commit(settings, viewer, draft)
        drafts.mark_proposed(db, viewer, key, name, commit)
        for link in draft.tickets:
            _announce(db, viewer, link.id, tell=tell)
    return name


def is_announced(db: Database, draft: ArticleDraft) -> bool:
    """Whether those who filed its requests are to be told when it is published."""
    places, values = one_of("ticket", [link.id for link in draft.tickets])
    sql = f"SELECT 1 FROM article_announcements WHERE ticket_id IN ({places})"  # noqa: S608
    return bool(db.query(sql, values))


def _commit(settings: Settings, viewer: Viewer, draft: ArticleDraft) -> tuple[str, str]:
    """The branch and the commit that hold the draft as it is now."""
    place, text = draft.article.place, article_files.written(draft.article).encode()
    live = branches.live_tree(settings)
    if live is not None and place in live.entries:
        raise Invalid("article_draft.address_taken", place=place)
    there = _proposed(settings, draft)
    if there == {place: text}:
        return draft.branch, draft.commit
    name = draft.branch or _free_name(settings, draft.article.slug)
    commit = branches.propose(
        settings,
        name,
        {**dict.fromkeys(there), place: text},
        _message(draft),
        Author(viewer.name, viewer.email),
        after=draft.commit,
    )
    return name, commit


def _free_name(settings: Settings, slug: str) -> str:
    name, number = f"{branches.DRAFTS}{slug}", 1
    while branches.is_taken(settings, name):
        number += 1
        name = f"{branches.DRAFTS}{slug}-{number}"
    return name


def _proposed(settings: Settings, draft: ArticleDraft) -> dict[str, bytes]:
    """What the branch of a draft holds of it, perhaps under another address."""
    try:
        branch = branches.find(settings, draft.branch)
    except NotFound:
        return {}
    if branch.commit != draft.commit:
        return {}
    tree = branches.tree_of(settings, branch)
    files = branches.changed(settings, branch)
    return dict(tree.read([file for file in files if file in tree.entries]))


def _message(draft: ArticleDraft) -> str:
    """A subject, and the trailers alone below it: no title can write one."""
    lines = [f"{trailers.SOLVES_TICKET}: {link.number}" for link in draft.tickets]
    if draft.gap:
        lines.append(f"{trailers.CLOSES_GAP}: {draft.gap}")
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
