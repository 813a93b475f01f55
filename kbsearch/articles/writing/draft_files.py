"""Pictures and files that an article being written brings: they go live beside it.

They are kept with the draft, under a name that says what they are and that no other file in its
folder has. What the text does not name in the end stays behind.
"""

import posixpath
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import BytesIO

from kbsearch.access import Viewer
from kbsearch.articles.publishing import addresses
from kbsearch.articles.publishing.publish import tree_of
from kbsearch.articles.publishing.tree import MAX_FILE, blob_id
from kbsearch.articles.writing import drafts
from kbsearch.articles.writing.drafts import ArticleDraft
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, one_of
from kbsearch.errors import Invalid, NotFound, TooMany, Unavailable
from kbsearch.files import scanner, scans, types
from kbsearch.files.scanner import ScannerAway
from kbsearch.text import masking, plain_text
from kbsearch.text.markup import slug_of

MOST = 40  # files of a draft
MAX_STEM = 60  # characters of a name
MAX_ALTERNATIVE = 300
_MARKS = str.maketrans({"[": "(", "]": ")", "\\": "/"})  # what would end the words of a link


@dataclass(frozen=True)
class DraftFile:
    """A file beside an article that is being written; a picture has its width."""

    name: str
    blob: str  # the id git gives to its bytes
    media_type: str
    width: int | None
    size: int  # bytes

    def markdown(self, language: str, alternative: str) -> str:
        """How the text shows it, or leads to it; what is to be said of it must be written."""
        words = plain_text.line(alternative)[:MAX_ALTERNATIVE].translate(_MARKS).strip()
        if self.width is None:
            return f"[{words or self.name}]({self.name})"
        words = words or masking.picture_prompt(language)
        return f"![{words}]({self.name})"


def add(
    db: Database, viewer: Viewer, settings: Settings, key: str, name: str, body: bytes
) -> DraftFile:
    """Take a file into a draft; the same one again is there once.

    Raises Invalid for what could not be published, TooMany for too many, and Unavailable while the
    site's virus scanner does not answer.
    """
    draft = drafts.find(db, viewer, key)
    there = list_all(db, viewer, key)
    file = _identified(name, body)
    same = next((other for other in there if other.blob == file.blob), None)
    if same is not None:
        return same
    if len(there) >= MOST:
        raise TooMany("article_file.too_many", retry_after=86_400, limit=MOST)
    _check_for_viruses(settings, file.name, body)
    name = _free_name(file.name, {other.name for other in there} | _beside(settings, draft))
    file = DraftFile(name, file.blob, file.media_type, file.width, file.size)
    own = {"person_id": viewer.person_id, "form_key": key, "created_at": now()}
    db.insert("article_draft_files", {**own, **vars(file), "body": body})
    return file


def list_all(db: Database, viewer: Viewer, key: str) -> list[DraftFile]:
    """The files of a draft of the viewer's, as they came."""
    rows = db.query(
        """
        SELECT name, blob, media_type, width, size FROM article_draft_files
        WHERE person_id = :me AND form_key = :key ORDER BY created_at, name
        """,
        {"me": viewer.person_id, "key": key},
    )
    return [DraftFile(**row) for row in rows]


def find(db: Database, viewer: Viewer, key: str, name: str) -> tuple[DraftFile, bytes]:
    """A file of a draft of the viewer's, and its bytes; raises NotFound."""
    for file in list_all(db, viewer, key):
        if file.name == name:
            return file, _bodies(db, viewer, key, [name])[name]
    raise NotFound("article_file.not_found")


def named_in(
    db: Database, viewer: Viewer, key: str, text: str, files: Sequence[DraftFile] | None = None
) -> dict[str, bytes]:
    """The files that a text names, by their names: those that go live with it."""
    files = list_all(db, viewer, key) if files is None else files
    names = [file.name for file in files if file.name in text]
    return _bodies(db, viewer, key, names) if names else {}


def _bodies(db: Database, viewer: Viewer, key: str, names: list[str]) -> dict[str, bytes]:
    places, values = one_of("name", names)
    rows = db.query(
        f"""
        SELECT name, body FROM article_draft_files
        WHERE person_id = :me AND form_key = :key AND name IN ({places})
        """,  # noqa: S608 (names of parameters)
        {"me": viewer.person_id, "key": key, **values},
    )
    return {row["name"]: bytes(row["body"]) for row in rows}


def _identified(name: str, body: bytes) -> DraftFile:
    """What a file is, by its name and its content; raises Invalid for what articles cannot have."""
    name = types.true_name(types.clean_name(name), body[: types.HEAD_BYTES])
    if len(body) > MAX_FILE:
        raise Invalid("article_file.too_large", name=name, limit=MAX_FILE // 1024 // 1024)
    if not addresses.may_be_offered(name):
        raise Invalid("attachment.type_refused", name=name)
    text = types.TextCheck()
    text.feed(body)
    kind = types.identify(name, body[: types.HEAD_BYTES], is_text=text.is_text)
    if addresses.is_picture(name) and kind.width is None:
        raise Invalid("attachment.type_differs", name=name)
    stem, _, extension = name.rpartition(".")
    sound = f"{slug_of(stem)[:MAX_STEM].strip('-') or 'file'}.{extension.lower()}"
    return DraftFile(sound, blob_id(body), kind.media_type, kind.width, len(body))


def _check_for_viruses(settings: Settings, name: str, body: bytes) -> None:
    if not settings.clamd:
        return
    try:
        finding = scanner.scan(settings.clamd, BytesIO(body))
    except ScannerAway:
        raise Unavailable("attachment.scanner_away", retry_after=scans.SOON) from None
    if finding.outcome == "infected":
        raise Invalid("attachment.infected", name=name)
    if finding.outcome == "unreadable":
        raise Invalid("attachment.not_scannable")


def _beside(settings: Settings, draft: ArticleDraft) -> set[str]:
    """The names in the folder where the article lies, or will."""
    folder = posixpath.dirname(draft.place)
    paths = tree_of(settings).entries
    return {posixpath.basename(path) for path in paths if posixpath.dirname(path) == folder}


def _free_name(name: str, taken: Collection[str]) -> str:
    """The name, or with a number; `image.png` is told from `Image.png` nowhere."""
    lowered = {other.casefold() for other in taken}
    stem, _, extension = name.rpartition(".")
    candidate, number = name, 1
    while candidate.casefold() in lowered:
        number += 1
        candidate = f"{stem}-{number}.{extension}"
    return candidate
