"""The files that articles are written over: as they are, as they were, and changed meanwhile."""

import re
from dataclasses import asdict, dataclass, replace
from subprocess import CalledProcessError

from kbsearch.articles.publishing import git, rebasing
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.publish import tree_of
from kbsearch.articles.publishing.tree import ARTICLES, Tree, blob_id, is_safe
from kbsearch.articles.writing import amending
from kbsearch.articles.writing.amending import OriginalFile
from kbsearch.articles.writing.files import ArticleFile
from kbsearch.config import Settings
from kbsearch.errors import Conflict, NotFound

GONE = "gone"  # the revision of a file that is not there
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True)
class Sides:
    """An article as both found it, as somebody else has it now, and as it is written here."""

    base: ArticleFile
    theirs: ArticleFile | None  # None where they removed it
    mine: ArticleFile


class Overtaken(Conflict):
    """Somebody else changed the file meanwhile; `merged` is mine with what only they changed."""

    def __init__(self, key: str, sides: Sides, merged: ArticleFile, revision: str) -> None:
        super().__init__(key, {})
        self.sides, self.merged, self.revision = sides, merged, revision


def current(settings: Settings, place: str) -> OriginalFile:
    """A file as it would be published now; raises NotFound."""
    original = _read(tree_of(settings), place)
    if original is None:
        raise NotFound("article.not_found")
    return original


def live_commit(settings: Settings) -> str:
    """The commit that would be published now; empty where the content is a plain folder."""
    tree = tree_of(settings)
    return tree.commit if isinstance(tree, GitTree) else ""


def at_commit(settings: Settings, place: str, commit: str) -> OriginalFile:
    """A file as a commit has it; as it is now where the commit is not there any more."""
    tree = tree_of(settings)
    is_article = place.startswith(ARTICLES) and is_safe(place)
    if isinstance(tree, GitTree) and is_article and _COMMIT.fullmatch(commit):
        name = f"{commit}:{tree.repository.prefix}{place}"
        try:
            body = git.run(tree.repository, "cat-file", "blob", name)
        except CalledProcessError:
            return current(settings, place)
        return OriginalFile(place, body.decode(errors="replace"))
    return current(settings, place)


def revision(original: OriginalFile | None) -> str:
    """What another text of the file would change."""
    return blob_id(original.text.encode()) if original else GONE


def caught_up(
    live: GitTree, original: OriginalFile, article: ArticleFile, audience: str, *, seen: str
) -> OriginalFile:
    """The file as it is now, to write the article over.

    Raises Overtaken where it says something else than when the article was begun, unless that is
    what `seen` says was looked at.
    """
    now = _read(live, original.place)
    if now == original:
        return original
    if revision(now) == seen:
        return now or original
    base = amending.read(original, audience)
    if now is None:
        raise Overtaken("article_draft.removed", Sides(base, None, article), article, GONE)
    theirs = amending.read(now, audience)
    if theirs == base:  # nothing that the editor shows
        return now
    sides, merged = Sides(base, theirs, article), _merged(live, base, theirs, article)
    raise Overtaken("article_draft.overtaken", sides, merged, revision(now))


def _merged(
    live: GitTree, base: ArticleFile, theirs: ArticleFile, mine: ArticleFile
) -> ArticleFile:
    """Theirs where only they changed something; mine where both did."""
    untouched = {name for name, value in asdict(mine).items() if value == getattr(base, name)}
    merged = replace(mine, **{name: getattr(theirs, name) for name in untouched})
    if "body" in untouched or theirs.body == base.body:
        return merged
    return replace(merged, body=rebasing.merged_text(live, mine.body, base.body, theirs.body))


def _read(tree: Tree, place: str) -> OriginalFile | None:
    if place not in tree.entries:
        return None
    ((_, body),) = tree.read([place])
    return OriginalFile(place, body.decode(errors="replace"))
