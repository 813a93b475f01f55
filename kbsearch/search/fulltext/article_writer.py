"""Writing an index of articles: what it keeps of a page, and a generation as a folder."""

import json
import shutil
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kbsearch.config import LANGUAGES
from kbsearch.search.fulltext import corrector, engine, forms
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.highlight import flat
from kbsearch.search.fulltext.plan import Analysis, Document, Fields, IndexField, SearchIndex

SCHEMA_VERSION = 3
MARKER = "kbsearch.json"
WRITER_HEAP = 50_000_000  # bytes

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
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    by_language: dict[str, list[Page]] = {language: [] for language in LANGUAGES}
    for page in pages:
        by_language[page.language].append(page)
    for language, own in by_language.items():
        write(engine.create(unfinished / language, fields(language)), own)
        corrector.write_words(unfinished / language, own)
    (unfinished / "synonyms.txt").write_text(synonyms, encoding="utf-8")
    (unfinished / MARKER).write_text(json.dumps(seal(unfinished)), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


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
