"""Many articles changed by one commit under the name of whoever asked: moved, tagged, archived.

It goes the way of any article that is published: through a branch, the rules, and on top of what
is live. What the rules refuse, or somebody else changed meanwhile, stays as it was.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from kbsearch import access, articles
from kbsearch.access import Viewer
from kbsearch.articles import categories
from kbsearch.articles.publishing import branches, git, publications, rebasing
from kbsearch.articles.publishing.addresses import candidates
from kbsearch.articles.publishing.commits import Author
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.articles.publishing.rules import Reference
from kbsearch.articles.publishing.sources import FRONT_PAGES
from kbsearch.articles.publishing.tree import ARTICLES, SYNONYMS
from kbsearch.articles.writing import amending, proposals
from kbsearch.articles.writing.proposals import GateClosed
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Conflict, Invalid, NotFound, Unavailable
from kbsearch.text import plain_text
from kbsearch.text.markup import scheme_of

MOST = 500  # articles at once
LONGEST_TAG = 80  # characters
_PARTS = re.compile(r"([^?#]*)([?#]?)(.*)", re.DOTALL)  # of a target: path, sign, the rest
_COMMIT = re.compile(r"[0-9a-f]{40,64}")

Files = dict[str, bytes | None]


@dataclass(frozen=True)
class Done:
    """What came of it: live as a commit, or waiting on a branch where others must look first."""

    commit: str = ""
    branch: str = ""


def move(
    db: Database, viewer: Viewer, settings: Settings, paths: Sequence[str], category: str
) -> Done:
    """Put articles into another category, with their translations; their addresses stay."""
    live = _live(viewer, settings)
    own = _files_of(db, viewer, paths)
    offered = {
        each.path
        for language in {file.split("/")[1] for file in own}
        for each in categories.list_offered(db, viewer, language)
    }
    if category not in offered:
        raise Invalid("article_bulk.category_unknown")
    moved: dict[str, str] = {}
    for file in _with_translations(own, live, settings):
        place = "/".join([*file.split("/")[:2], category, posixpath.basename(file)])
        if place != file and (place in live.entries or place in moved.values()):
            raise Invalid("article_draft.address_taken", place=place)
        moved |= {file: place} if place != file else {}
    rendered = publications.reusable(db, publications.find_live(db)).articles.values()
    files = _moved_files(live, list(rendered), moved)
    return _publish(db, viewer, settings, files, f"Move {len(own)} articles to {category}")


def tag(db: Database, viewer: Viewer, settings: Settings, paths: Sequence[str], word: str) -> Done:
    """Give articles one more tag."""
    live = _live(viewer, settings)
    word = " ".join(plain_text.line(word)[:LONGEST_TAG].split())
    if not word:
        raise Invalid("article_bulk.tag_required")
    files: Files = {}
    for file, text in _texts(live, _files_of(db, viewer, paths)).items():
        tags = amending.list_of(text, "tags")
        if word not in tags:
            files[file] = amending.with_values(text, {"tags": [*tags, word]}).encode()
    return _publish(db, viewer, settings, files, f"Tag {len(files)} articles: {word}")


def add_phrase(db: Database, viewer: Viewer, settings: Settings, path: str, phrase: str) -> Done:
    """Give an article one more phrase by which it is found."""
    live = _live(viewer, settings)
    files: Files = {}
    for file, text in _texts(live, _files_of(db, viewer, [path])).items():
        phrases = amending.list_of(text, "found_by")
        if phrase not in phrases:
            files[file] = amending.with_values(text, {"found_by": [*phrases, phrase]}).encode()
    return _publish(db, viewer, settings, files, f"Found by: {phrase}")


def add_synonyms(db: Database, viewer: Viewer, settings: Settings, line: str) -> Done:
    """Add a line to the synonyms, below those that are there."""
    live = _live(viewer, settings)
    there = dict(live.read([SYNONYMS])) if SYNONYMS in live.entries else {}
    text = there.get(SYNONYMS, b"").decode(errors="replace")
    before = f"{text.rstrip()}\n" if text.strip() else ""
    files: Files = {SYNONYMS: f"{before}{line}\n".encode()}
    return _publish(db, viewer, settings, files, f"Synonyms: {line}")


def archive(db: Database, viewer: Viewer, settings: Settings, paths: Sequence[str]) -> Done:
    """Take articles off the site; their files stay."""
    live = _live(viewer, settings)
    texts = _texts(live, _files_of(db, viewer, paths))
    files: Files = {
        file: amending.with_values(text, {"status": "archived"}).encode()
        for file, text in texts.items()
    }
    return _publish(db, viewer, settings, files, f"Archive {len(files)} articles")


def undo(db: Database, viewer: Viewer, settings: Settings, commit: str) -> Done:
    """Put every file of a commit back as it was before, unless it was changed again since."""
    live = _live(viewer, settings)
    if not _COMMIT.fullmatch(commit) or not rebasing.is_ancestor(
        live.repository, commit, live.commit
    ):
        raise NotFound("article_bulk.commit_not_found")
    files: Files = {}
    for edit in rebasing.edits(live.repository, commit):
        path = edit.after.path.removeprefix(live.repository.prefix)
        entry = live.entries.get(path)
        if (entry.blob if entry else "") != edit.after.blob:
            raise Conflict("article_bulk.changed_since", {}, file=path)
        blob = edit.before.blob
        files[path] = git.run(live.repository, "cat-file", "blob", blob) if blob else None
    return _publish(db, viewer, settings, files, f"Undo {commit[:10]}")


def _live(viewer: Viewer, settings: Settings) -> GitTree:
    access.only_staff(viewer, "branch.not_found")
    live = branches.live_tree(settings)
    if live is None:
        raise Invalid("branch.no_repository")
    return live


def _files_of(db: Database, viewer: Viewer, paths: Sequence[str]) -> list[str]:
    if not paths:
        raise Invalid("article_bulk.none_chosen")
    if len(paths) > MOST:
        raise Invalid("article_bulk.too_many", most=MOST)
    return [articles.find_file(db, viewer, path) for path in dict.fromkeys(paths)]


def _texts(live: GitTree, files: Sequence[str]) -> dict[str, str]:
    there = [file for file in files if file in live.entries]
    return {file: body.decode(errors="replace") for file, body in live.read(there)}


def _publish(db: Database, viewer: Viewer, settings: Settings, files: Files, subject: str) -> Done:
    """Commit on a branch of its own, and publish that; it is gone again where that is refused."""
    if not files:
        raise Invalid("article_draft.unchanged")
    name = proposals.free_name(settings, "bulk")
    author = Author(viewer.name, viewer.email)
    branches.propose(settings, name, files, f"{subject}\n", author)
    branch = branches.find(settings, name)
    if not proposals.may_publish(viewer, settings, {viewer.email}):
        return Done(branch=name)
    try:
        return Done(commit=proposals.publish_branch(db, viewer, settings, branch))
    except (Conflict, GateClosed, Unavailable):
        branches.discard(settings, branches.find(settings, name))
        raise


def _with_translations(files: Sequence[str], live: GitTree, settings: Settings) -> list[str]:
    """What lies at the same place in another language is the same article, and goes along."""
    twins = []
    for file in files:
        _, _, inner = file.removeprefix(ARTICLES).partition("/")
        places = [f"{ARTICLES}{language}/{inner}" for language in settings.languages]
        twins += [place for place in places if place in live.entries]
    return list(dict.fromkeys([*files, *twins]))


def _moved_files(live: GitTree, rendered: Sequence[Rendered], moved: Mapping[str, str]) -> Files:
    """The moved files at their new places, and whatever points at them or from them."""
    changes: dict[str, list[tuple[Reference, str]]] = {file: [] for file in moved}
    slugs = {}
    for page in rendered:
        file = page.source.entry.path
        if page.source.name in FRONT_PAGES:
            slugs[file] = page.slug
        for resolved in page.references:
            target = _target(live, resolved.reference, file, moved)
            if target:
                changes.setdefault(file, []).append((resolved.reference, target))
    files: Files = {}
    for file, text in _texts(live, list(changes)).items():
        lines = text.split("\n")
        for reference, target in sorted(changes[file], key=lambda pair: -pair[0].column):
            _retarget(lines, reference, target)
        text = "\n".join(lines)
        if file in moved and file in slugs:  # its address was that of its folder
            text = amending.with_values(text, {"slug": slugs[file]})
        files[moved.get(file, file)] = text.encode()
    return {**dict.fromkeys(moved), **files}


def _target(live: GitTree, reference: Reference, file: str, moved: Mapping[str, str]) -> str:
    """What a relative link says from now on; nothing where it stays, or is none."""
    path, sign, rest = _PARTS.match(reference.target).groups()  # type: ignore[union-attr]
    if reference.kind in ("slug", "named") or not path or path.startswith("/") or scheme_of(path):
        return ""
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(file), unquote(path)))
    found = next((place for place in candidates(whole) if place in live.entries), "")
    if not found or (file not in moved and found not in moved):
        return ""
    folder = posixpath.dirname(moved.get(file, file))
    return quote(posixpath.relpath(moved.get(found, found), folder)) + sign + rest


def _retarget(lines: list[str], reference: Reference, target: str) -> None:
    """Another target in its line; a line that has it otherwise is left to the rules."""
    number = reference.line - 1
    for spelling in (reference.target, unquote(reference.target)):
        start = lines[number].find(spelling, max(reference.column - 1, 0))
        if start >= 0:
            line = lines[number]
            lines[number] = line[:start] + target + line[start + len(spelling) :]
            return
