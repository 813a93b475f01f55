"""An import from its source to a commit on a branch: nothing that is checked out is touched."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kbsearch import i18n
from kbsearch.articles.importing import folders, mending, placing, splitting
from kbsearch.articles.importing.freshdesk import Solutions
from kbsearch.articles.importing.guide import Guide
from kbsearch.articles.importing.html_folder import HtmlFolder
from kbsearch.articles.importing.markdown import SUFFIXES, MarkdownFolder
from kbsearch.articles.importing.pages import (
    ConversionReport,
    ForeignPage,
    Importer,
    Languages,
    files_below,
)
from kbsearch.articles.importing.placing import PageLinker, Places
from kbsearch.articles.importing.splitting import Split
from kbsearch.articles.publishing import branches
from kbsearch.articles.publishing.commits import Author
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.tree import Tree, blob_id
from kbsearch.config import Settings
from kbsearch.errors import Invalid
from kbsearch.text.markup import ARTICLE_LIMIT

AUTHOR = Author("kbsearch", "")
LARGEST = ARTICLE_LIMIT - 32 * 1024  # bytes: mending adds to a text, and front matter precedes it
_BLANKS = re.compile(r"\n{3,}")

SOURCES: dict[str, Callable[[Path, Languages, ConversionReport], Importer]] = {
    "zendesk": Guide,
    "markdown": MarkdownFolder,
    "freshdesk": Solutions,
    "html": HtmlFolder,
}


@dataclass(frozen=True)
class ImportOutcome:
    """What an import did."""

    branch: str
    commit: str  # where the branch is now; empty where there is nothing to write
    pages: int
    drafts: int
    created: int  # files, pictures among them
    updated: int
    unchanged: int
    report: ConversionReport
    errors: tuple[Finding, ...]  # what a person must see before it can be published


@dataclass(frozen=True)
class _Text:
    """A page as it is here: its Markdown, the list of files below it, and those files."""

    page: ForeignPage
    body: str
    end: str
    files: dict[str, bytes]

    @property
    def whole(self) -> str:
        return f"{self.body}\n\n{self.end}" if self.end else self.body


def run(
    settings: Settings,
    root: Path,
    system: str,
    branch: str = "",
    language: str = "",
    largest: int = LARGEST,
) -> ImportOutcome:
    """Take the articles of a source over as files on a branch; what is there already stays.

    A page of more than `largest` bytes becomes several articles. `language` is
    that of pages which do not say theirs; else it is guessed.

    Raises Invalid where there is no article, or where the branch is not one to write on.
    """
    branch = branch or f"{branches.DRAFTS}import-{system}"
    below = branches.base_for(settings, branch)
    report = ConversionReport()
    importer = SOURCES[system](root, Languages(settings.languages, language), report)
    if not importer.pages:
        raise Invalid("import_articles.none", path=root, system=system)
    places = placing.assign(importer, below)
    files: dict[str, bytes] = {}
    texts = [_text_of(importer, places, page, report) for page in importer.pages]
    for text in texts:
        files |= text.files
    pages = _divided(texts, places, report, largest)
    files |= {places.file_of(page): placing.written(page, body).encode() for page, body in pages}
    files |= folders.files([page for page, _ in pages], importer, places, below)
    files, errors = mending.mend(below, files, settings, report)
    changed = {path: body for path, body in files.items() if _is_other(below, path, body)}
    commit = ""
    if changed:
        message = f"Import {len(pages)} articles from {system}\n\nQuiet: yes\n"
        commit = branches.extend(settings, branch, changed, message, AUTHOR)
    updated = sum(path in below.entries for path in changed)
    return ImportOutcome(
        branch=branch,
        commit=commit,
        pages=len(pages),
        drafts=sum(page.status == "draft" for page, _ in pages),
        created=len(changed) - updated,
        updated=updated,
        unchanged=len(files) - len(changed),
        report=report,
        errors=errors,
    )


def guessed(root: Path) -> str:
    """The system that a folder comes from, by what it holds."""
    endings = {path.suffix.lower() for path in files_below(root)}
    if endings & set(SUFFIXES):
        return "markdown"
    return "zendesk" if ".json" in endings or ".ndjson" in endings else "html"


def _text_of(
    importer: Importer, places: Places, page: ForeignPage, report: ConversionReport
) -> _Text:
    """The text of a page, and the files beside it."""
    linker = PageLinker(importer, places, page, report)

    def tell(kind: str, detail: str) -> None:
        report.tell(kind, f"{page.place}: {detail}" if detail else page.place)

    body = importer.markdown(page, linker, tell)
    heading = i18n.gettext(page.language, "import_articles.files")
    end = placing.offered(page, body, linker, heading)
    return _Text(page, _BLANKS.sub("\n\n", body), end, linker.files)


def _divided(
    texts: Sequence[_Text], places: Places, report: ConversionReport, largest: int
) -> list[tuple[ForeignPage, str]]:
    """The pages with their texts; those that are too long, and their translations, in parts."""
    versions: dict[str, list[tuple[ForeignPage, str]]] = {}
    for text in texts:
        versions.setdefault(text.page.identity, []).append((text.page, text.body))
    splits: dict[str, Split] = {}
    for pages in versions.values():
        if any(len(body.encode()) > largest for _, body in pages):
            for split in splitting.split(pages, largest):
                splits[places.file_of(split.page)] = split
                for part, _ in split.parts[1:]:
                    places.place(part)
    divided: list[tuple[ForeignPage, str]] = []
    for text in texts:
        home = places.file_of(text.page)
        made = splits.get(home)
        if made is None or len(made.parts) == 1:
            body = splitting.relinked(text.page, text.whole, home, splits, places)
            divided.append((text.page, body))
            continue
        report.tell("page-split", f"{text.page.place}: {len(made.parts)}")
        for part, body in made.parts:
            body = splitting.relinked(part, body, home, splits, places)
            if part is text.page:
                body = "\n\n".join((body, made.list_parts(places), text.end))
            divided.append((part, body))
    return divided


def _is_other(below: Tree, path: str, body: bytes) -> bool:
    entry = below.entries.get(path)
    return entry is None or entry.blob != blob_id(body)
