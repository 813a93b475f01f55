"""The rules that look beyond one text: at the pages it points at, its age, its translations."""

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from kbsearch.articles.publishing import foreign_keys, review_dates
from kbsearch.articles.publishing.addresses import Addresses, PageResolver
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.rendered import Rendered, Resolved
from kbsearch.articles.publishing.rules import Reference, RuleRemark
from kbsearch.articles.publishing.tree import Tree
from kbsearch.text import markup
from kbsearch.text.markup.reuse import USE_KINDS

OTHER_TEXTS = (
    ".adoc",
    ".asciidoc",
    ".htm",
    ".html",
    ".mdx",
    ".mkd",
    ".org",
    ".rst",
    ".textile",
    ".txt",
)
MAX_IMAGE = 500 * 1024  # bytes


def about(
    rendered: Rendered, resolver: PageResolver, *, is_for_some: bool = False
) -> list[Finding]:
    """What is to be said of one article, by itself and by what it points at.

    `is_for_some` is one whose category says whom it is for.
    """
    source, front = rendered.source, rendered.source.front
    remarks = [RuleRemark(*place, "unknown-key", {"key": key}) for key, place in front.unknown]
    if front.foreign:
        remarks.append(RuleRemark(1, 1, "foreign-keys", {"keys": ", ".join(front.foreign)}))
    if foreign_keys.is_held_folder(source.entry.path):
        remarks.append(RuleRemark(1, 1, "draft-folder"))
    if not front.text("title"):
        remarks.append(RuleRemark(1, 1, "title-missing", {"title": source.title}))
    if not front.text("audience") and not is_for_some:
        remarks.append(RuleRemark(1, 1, "audience-missing", {"audience": rendered.audience}))
    remarks += _stale(rendered)
    path = resolver.addresses.shown + source.entry.path
    return [*of_text(rendered, resolver), *(_finding(path, remark) for remark in remarks)]


def _stale(rendered: Rendered) -> list[RuleRemark]:
    """What is to be reviewed."""
    front = rendered.source.front
    review_by, reviewed = front.text("review_by"), front.text("reviewed")
    reason = review_dates.reason_for(review_by, reviewed, rendered.updated_at)
    if not reason:
        return []
    date = review_by if reason == "due" else (reviewed or rendered.updated_at)[:10]
    place = front.place(*(("review_by",) if reason == "due" else ("reviewed", "updated")))
    return [RuleRemark(*place, "stale", {"date": date, "reason": reason})]


def of_text(rendered: Rendered, resolver: PageResolver) -> list[Finding]:
    """What is to be said of the text, and of what it points at."""
    remarks: list[RuleRemark] = []
    for resolved in rendered.references:
        if resolved.reference.kind in USE_KINDS:
            continue
        if resolved.reference.kind == "picture":
            remarks += _picture(resolved, resolver)
        elif not resolved.outcome:
            reference = resolved.reference
            values = {"target": reference.target}
            remarks.append(RuleRemark(reference.line, reference.column, "broken-link", values))
        else:
            remarks += _narrower(resolved.reference, resolver)
    path = resolver.addresses.shown + rendered.source.entry.path
    return [_finding(path, remark) for remark in (*rendered.remarks, *remarks)]


def missing_pieces(rendered: Rendered, prefix: str) -> Iterator[Finding]:
    """Snippets, sections and variables that a text asks for in vain; code may mean its own."""
    for resolved in rendered.references:
        reference = resolved.reference
        if reference.kind in ("snippet", "section", "variable") and not resolved.outcome:
            values = {"reason": reference.kind, "name": reference.target}
            path = prefix + rendered.source.entry.path
            yield Finding(path, reference.line, reference.column, "broken-reuse", values)


def _finding(path: str, remark: RuleRemark) -> Finding:
    return Finding(path, remark.line, remark.column, remark.rule, remark.values)


def _narrower(reference: Reference, resolver: PageResolver) -> list[RuleRemark]:
    """A link that some readers of the page cannot follow; one without words shows them a slug."""
    target = resolver.page(reference)
    if target is None or not target.is_narrower:
        return []
    reason = "slug" if reference.kind == "slug" else "link"
    values = {"target": reference.target, "reason": reason}
    return [RuleRemark(reference.line, reference.column, "narrower-link", values)]


def _picture(resolved: Resolved, resolver: PageResolver) -> list[RuleRemark]:
    reference = resolved.reference
    place = reference.line, reference.column
    values = {"target": reference.target}
    if markup.scheme_of(reference.target) or reference.target.startswith("//"):
        return [RuleRemark(*place, "image-external", values)]
    file = resolver.picture_file(reference.target)
    if file not in resolver.addresses.pictures:
        return [RuleRemark(*place, "broken-image", values)]
    if not resolved.outcome:
        return [RuleRemark(*place, "image-format", values)]
    size = resolver.addresses.sizes[file]
    if size > MAX_IMAGE:
        sizes = {"size": str(size // 1024), "limit": str(MAX_IMAGE // 1024)}
        return [RuleRemark(*place, "image-size", {**values, **sizes})]
    return []


def broken_anchors(articles: Sequence[Rendered], places: Addresses) -> list[Finding]:
    def url(article: Rendered) -> str:
        return places.url(article.source.entry.path)

    anchors = {url(article): article.anchors for article in articles}
    findings = []
    for article in articles:
        here = url(article)
        for resolved in article.references:
            page, _, anchor = resolved.outcome.partition(" ")[0].partition("#")
            page_anchors = anchors.get(page or here)
            if anchor and page_anchors is not None and unquote(anchor) not in page_anchors:
                reference = resolved.reference
                values = {"target": reference.target, "anchor": anchor}
                path = places.shown + article.source.entry.path
                place = reference.line, reference.column
                findings.append(Finding(path, *place, "broken-anchor", values))
    return findings


def left_out(tree: Tree, articles: Sequence[Rendered], folder: str) -> list[Finding]:
    """Texts that a writer may take for articles, and that none of them offers as a file."""
    linked = {
        resolved.outcome.split("/")[2]
        for article in articles
        for resolved in article.references
        if resolved.outcome.startswith("/media/")
    }
    return [
        Finding(tree.shown + entry.path, 1, 1, "left-out")
        for entry in tree.entries.values()
        if entry.path.startswith(folder)
        and entry.path.lower().endswith(OTHER_TEXTS)
        and entry.blob not in linked
    ]


def behind(tree: Tree, articles: Sequence[Rendered]) -> list[Finding]:
    """Translations of which something is behind: by the paragraph, where the history tells it."""
    findings = list(_paragraphs_behind(tree, articles))
    compared = {article.source.path for article in articles if article.lag is not None}
    unsure = [each for each in articles if each.source.path not in compared]
    return findings + _whole_behind(tree, articles, unsure)


def _paragraphs_behind(tree: Tree, articles: Sequence[Rendered]) -> Iterator[Finding]:
    files = {article.source.path: article.source.entry.path for article in articles}
    for article in articles:
        lag = article.lag
        if lag is not None and lag.lines:
            path = tree.shown + article.source.entry.path
            lines = ", ".join(map(str, dict.fromkeys(lag.lines)))
            original = tree.shown + files[lag.original]
            values = {"reason": "paragraphs", "lines": lines, "original": original}
            yield Finding(path, lag.lines[0], 1, "translation-behind", values)


def _whole_behind(
    tree: Tree, articles: Sequence[Rendered], unsure: Sequence[Rendered]
) -> list[Finding]:
    """Translations made from an original that is not what it was."""
    originals = {
        article.source.translation_key: article
        for article in articles
        if not article.source.front.text("source_commit")
    }
    translations: dict[tuple[str, str], tuple[Rendered, Rendered]] = {}
    for article in unsure:
        commit = article.source.front.text("source_commit")
        original = originals.get(article.source.translation_key)
        if commit and original is not None:
            translations[commit, original.source.entry.path] = article, original
    findings = []
    for place, blob in (tree.blobs_at(translations) if translations else {}).items():
        article, original = translations[place]
        if blob != original.source.entry.blob:
            path = tree.shown + article.source.entry.path
            there = tree.shown + original.source.entry.path
            values = {"original": there, "commit": place[0], "reason": "whole"}
            where = article.source.front.place("source_commit")
            findings.append(Finding(path, *where, "translation-behind", values))
    return findings


def twins(articles: Sequence[Rendered], prefix: str) -> list[Finding]:
    """Articles that say what another says, to the same readers: both are found, neither is best."""
    findings = []
    in_order = sorted(articles, key=lambda article: article.source.entry.path)
    for place, reason in enumerate(("title", "body")):
        first: dict[object, Rendered] = {}
        for article in in_order:
            wording = article.wordings[place]
            products = article.source.front.list("product")
            key = article.source.language, article.audience, products, wording
            other = first.setdefault(key, article) if wording else article
            if other is not article:
                path = prefix + article.source.entry.path
                values = {"other": prefix + other.source.entry.path, "reason": reason}
                findings.append(Finding(path, 1, 1, "twin", values))
    return findings
