"""An import from its source to a commit on a branch: nothing that is checked out is touched."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kbsearch import i18n
from kbsearch.articles.importing import folders, mending, placing
from kbsearch.articles.importing.freshdesk import Solutions
from kbsearch.articles.importing.guide import Guide
from kbsearch.articles.importing.html_folder import HtmlFolder
from kbsearch.articles.importing.markdown import SUFFIXES, MarkdownFolder
from kbsearch.articles.importing.pages import ConversionReport, ForeignPage, Importer, files_below
from kbsearch.articles.importing.placing import PageLinker, Places
from kbsearch.articles.publishing import branches
from kbsearch.articles.publishing.commits import Author
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.tree import Tree, blob_id
from kbsearch.config import Settings
from kbsearch.errors import Invalid

AUTHOR = Author("kbsearch", "")

SOURCES: dict[str, Callable[[Path, tuple[str, ...], ConversionReport], Importer]] = {
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


def run(settings: Settings, root: Path, system: str, branch: str = "") -> ImportOutcome:
    """Take the articles of a source over as files on a branch; what is there already stays.

    Raises Invalid where there is no article, or where the branch is not one to write on.
    """
    branch = branch or f"{branches.DRAFTS}import-{system}"
    below = branches.base_for(settings, branch)
    report = ConversionReport()
    importer = SOURCES[system](root, settings.languages, report)
    if not importer.pages:
        raise Invalid("import_articles.none", path=root, system=system)
    places = placing.assign(importer, below)
    files: dict[str, bytes] = {}
    for page in importer.pages:
        files |= _files_of(importer, places, page, report)
    files |= folders.files(importer, places, below)
    files, errors = mending.mend(below, files, settings, report)
    changed = {path: body for path, body in files.items() if _is_other(below, path, body)}
    commit = ""
    if changed:
        message = f"Import {len(importer.pages)} articles from {system}\n\nQuiet: yes\n"
        commit = branches.extend(settings, branch, changed, message, AUTHOR)
    updated = sum(path in below.entries for path in changed)
    return ImportOutcome(
        branch=branch,
        commit=commit,
        pages=len(importer.pages),
        drafts=sum(page.status == "draft" for page in importer.pages),
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


def _files_of(
    importer: Importer, places: Places, page: ForeignPage, report: ConversionReport
) -> dict[str, bytes]:
    """The file of a page, and those beside it."""
    linker = PageLinker(importer, places, page, report)

    def tell(kind: str, detail: str) -> None:
        report.tell(kind, f"{page.place}: {detail}" if detail else page.place)

    body = importer.markdown(page, linker, tell)
    heading = i18n.gettext(page.language, "import_articles.files")
    body = placing.with_files(page, body, linker, heading)
    return {places.file_of(page): placing.written(page, body).encode(), **linker.files}


def _is_other(below: Tree, path: str, body: bytes) -> bool:
    entry = below.entries.get(path)
    return entry is None or entry.blob != blob_id(body)
