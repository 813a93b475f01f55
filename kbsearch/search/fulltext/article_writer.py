"""Writing an index of articles: what it keeps of a page, and a generation as a folder."""

import json
import os
import shutil
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kbsearch.config import LANGUAGES
from kbsearch.search.fulltext import corrector, engine, forms
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.highlight import flat
from kbsearch.search.fulltext.plan import Analysis, Document, Fields, IndexField, SearchIndex

SCHEMA_VERSION = 5
MARKER = "kbsearch.json"
WRITER_HEAP = 50_000_000  # bytes
MOST_AMENDED = 0.05  # of the pages: what was removed still counts a little in how rare a word is

STEMS: dict[str, Analysis] = {"fr": "stem_fr", "en": "stem_en"}


@cache
def fields(language: str) -> Fields:
    """The fields of an article."""
    return (
        IndexField("path", "raw", is_stored=True),
        IndexField("t", STEMS[language], "freq"),
        IndexField("all", STEMS[language], "position"),
        IndexField("e", STEMS[language], "freq"),
        IndexField("x", "surface", "freq"),
        IndexField("pt", "surface"),
        IndexField("bg", "whole", "freq"),
        IndexField("code", "whole"),
        IndexField("whole", "raw"),
        IndexField("readers", "raw"),
        IndexField("products", "raw", is_counted=True),
        IndexField("page", "bytes", is_stored=True),
    )


def build(folder: Path, pages: Iterable[Page], synonyms: str = "") -> None:
    """Write an index generation; it appears in `folder` whole or not at all."""
    unfinished = _unfinished(folder)
    by_language = _by_language(pages)
    for language, own in by_language.items():
        write(engine.create(unfinished / language, fields(language)), own)
        corrector.write_words(unfinished / language, own)
    _finish(unfinished, folder, synonyms, amended=0, pages=sum(map(len, by_language.values())))


def amend(
    folder: Path, base: Path, gone: Sequence[Page], come: Sequence[Page], synonyms: str = ""
) -> bool:
    """Write the generation that another one is without some of its pages, with some others.

    False, and nothing is written, where it has to be built: the other one is damaged or of another
    schema, or so much of it was replaced that its words would be weighed otherwise.
    """
    try:
        marker = _marker(base)
        amended = marker["amended"] + max(len(gone), len(come))
        if amended > marker["pages"] * MOST_AMENDED or not is_sealed(base):
            return False
        unfinished = _unfinished(folder)
        if not _amended(unfinished, base, _by_language(gone), _by_language(come)):
            return False
    except (OSError, ValueError):  # no marker of ours, or gone meanwhile
        return False
    _finish(unfinished, folder, synonyms, amended=amended, pages=marker["pages"])
    return True


def _amended(
    unfinished: Path,
    base: Path,
    leaving: Mapping[str, list[Page]],
    arriving: Mapping[str, list[Page]],
) -> bool:
    for language in LANGUAGES:
        here = unfinished / language
        _link(base / language, here)
        if not _replace(here, language, leaving[language], arriving[language]):
            return False
        corrector.amend_words(here, base / language, leaving[language], arriving[language])
    return True


def _replace(folder: Path, language: str, gone: Sequence[Page], come: Sequence[Page]) -> bool:
    """Take pages out of an index and put others in; whether it had those it should."""
    if not gone and not come:
        return True
    index = engine.opened(folder, fields(language))
    size = index.view().size
    writer = index.writer(WRITER_HEAP)
    for page in gone:
        writer.remove("path", page.path)
    for page in sorted(come, key=lambda page: page.path):
        writer.add(_document(page))
    writer.commit()
    writer.close()
    return index.view().size == size - len(gone) + len(come)


def _link(base: Path, folder: Path) -> None:
    """The files of an index under a second name: the engine writes none of them again."""
    folder.mkdir(parents=True)
    for file in base.iterdir():
        if file.name.startswith(".tantivy") and file.suffix == ".lock":
            continue  # of whoever writes there
        if file.suffix in (".json", ".tsv"):
            shutil.copyfile(file, folder / file.name)
            continue
        try:
            os.link(file, folder / file.name)
        except OSError:  # a disk that has no second names
            shutil.copyfile(file, folder / file.name)


def _by_language(pages: Iterable[Page]) -> dict[str, list[Page]]:
    by_language: dict[str, list[Page]] = {language: [] for language in LANGUAGES}
    for page in pages:
        by_language[page.language].append(page)
    return by_language


def _unfinished(folder: Path) -> Path:
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    return unfinished


def _finish(unfinished: Path, folder: Path, synonyms: str, **about: int) -> None:
    (unfinished / "synonyms.txt").write_text(synonyms, encoding="utf-8")
    marker = {**seal(unfinished), **about}
    (unfinished / MARKER).write_text(json.dumps(marker), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def is_sealed(folder: Path) -> bool:
    """Whether a generation is of this schema, and as it was written."""
    marker = _marker(folder)
    return {"schema": marker["schema"], "crc32": marker["crc32"]} == seal(folder)


def is_amended(folder: Path) -> bool:
    """Whether a generation was made of another one, and not whole."""
    return _marker(folder)["amended"] > 0


def _marker(folder: Path) -> dict[str, int]:
    marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    if not isinstance(marker, dict) or not marker.keys() >= {"schema", "crc32", "amended", "pages"}:
        raise ValueError(f"{folder.name} is of another schema, or damaged")
    return marker


def seal(folder: Path) -> dict[str, int]:
    """What a generation is known by: one changed bit could show a page to those it is not for."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    checksum = 0
    for file in files:
        if file.name != MARKER and not file.name.startswith("."):  # Tantivy's locks come and go
            checksum = zlib.crc32(file.read_bytes(), checksum)
    return {"schema": SCHEMA_VERSION, "crc32": checksum}


def write(index: SearchIndex, pages: Sequence[Page]) -> None:
    """Add pages of one language to an empty index, by path: of equals the first stays first."""
    writer = index.writer(WRITER_HEAP)
    for page in sorted(pages, key=lambda page: page.path):
        writer.add(_document(page))
    writer.commit()
    writer.close()
    size = index.view().size
    if size != len(pages):
        raise RuntimeError(f"{len(pages)} pages written, {size} in the index")


def _document(page: Page) -> Document:
    title = texts.normal(page.title)
    body, starts = _joined(page)
    stems = (engine.stems(title, page.language), engine.stems(body, page.language))
    pairs = [f"{a}_{b}" for part in stems for a, b in zip(part, part[1:], strict=False)]
    phrases = texts.normal("\n".join(page.phrases))
    of_title, of_body, of_phrases = map(forms.written, (title, body, phrases))
    of_text = forms.Written(of_title.words + of_body.words, [])
    codes = dict.fromkeys(of_title.keys + of_body.keys + of_phrases.keys)
    stored = {
        "slug": page.slug,
        "title": title,
        "summary": page.summary,
        "body": body,
        "starts": starts,
        "products": page.products,
        "version": page.version,
        "updated_at": page.updated_at,
    }
    return {
        "path": page.path,
        "t": of_title.added_to(title),
        "all": of_text.added_to(f"{title}\n{body}"),
        "e": of_phrases.added_to(phrases),
        "x": f"{title}\n{body}\n{phrases}",
        "pt": title,
        "bg": " ".join(pairs),
        "code": " ".join(codes),
        "whole": texts.whole(texts.words_of(title)),
        "readers": list(page.readers),
        "products": list(page.products),
        "page": json.dumps(stored, ensure_ascii=False).encode(),
    }


def _joined(page: Page) -> tuple[str, list[tuple[int, int, str, str]]]:
    """The body as one text, and where each passage and its words begin."""
    body, starts = "", []
    for passage in page.passages:
        title = texts.normal(passage.title)
        heading = f"{title}\n" if title else ""
        starts.append((len(body), len(body) + len(heading), passage.anchor, title))
        body += f"{heading}{texts.normal(passage.text)}\n"
    return body, starts


@dataclass(frozen=True)
class StoredPage:
    slug: str
    title: str
    summary: str
    body: str
    flat_body: str
    starts: tuple[tuple[int, int, str, str], ...]
    products: tuple[str, ...]
    version: str
    updated_at: str


def stored_page(page: bytes) -> StoredPage:
    stored = json.loads(page)
    stored["flat_body"] = flat(stored["body"])
    stored["starts"] = tuple(tuple(start) for start in stored["starts"])
    stored["products"] = tuple(stored["products"])
    return StoredPage(**stored)
