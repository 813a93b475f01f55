"""Publications as rows: written beside the live one, then put live in one transaction."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kbsearch.access import article_readers
from kbsearch.articles.publishing import front_matter, surroundings
from kbsearch.articles.publishing.edition import Edition, Reusable
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.leaving_addresses import LiveArticle
from kbsearch.articles.publishing.rendered import Rendered, Resolved, TranslationLag
from kbsearch.articles.publishing.rules import Reference, RuleRemark
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import Entry, LastChange, Tree
from kbsearch.clock import now
from kbsearch.database import Database, Row, new_id, site_state
from kbsearch.files.images import ImageInfo
from kbsearch.messages.webhooks import events
from kbsearch.text.markup import Passage, Section

LIVE, PREVIOUS, REFUSED = "live_publication", "previous_publication", "refused_publication"
ARTICLE_INDEX = "article_index"  # the folder of the live index


@dataclass(frozen=True)
class Publication:
    """Everything a commit put live."""

    id: str
    commit: str
    published_at: str
    articles: int
    findings: tuple[Finding, ...]
    made_with: str  # the settings and the version that made it
    due_at: str = ""  # when an article comes or goes without a change; empty for never

    @property
    def is_due(self) -> bool:
        """Whether a moment came that an article names."""
        return "" < self.due_at <= now()


@dataclass(frozen=True)
class Refusal:
    """A commit that stays out, and why; the last good one stays live."""

    commit: str
    refused_at: str
    findings: tuple[Finding, ...]


def find_live(db: Database) -> Publication | None:
    """The publication that is live."""
    rows = db.query(
        """
        SELECT p.id, p.commit_id, p.published_at, p.findings, p.made_with, p.due_at,
               (SELECT COUNT(*) FROM articles a WHERE a.publication_id = p.id) AS articles
        FROM publications p JOIN state s ON s.value = p.id WHERE s.name = :live
        """,
        {"live": LIVE},
    )
    if not rows:
        return None
    row = rows[0]
    row["commit"] = row.pop("commit_id")
    row["findings"] = _findings(row["findings"])
    return Publication(**row)


def find_refused(db: Database) -> Refusal | None:
    """The last commit that was refused, unless a good one came after it."""
    text = site_state.read(db, REFUSED)
    if text is None:
        return None
    record = json.loads(text)
    findings = _findings(json.dumps(record["findings"]))
    return Refusal(record["commit"], record["refused_at"], findings)


def refuse(db: Database, commit: str, findings: tuple[Finding, ...]) -> Refusal:
    """Keep the refusal, for whoever asks why the commit is not live."""
    refusal = Refusal(commit, now(), findings)
    record = {"commit": commit, "refused_at": refusal.refused_at}
    rows = [finding.row() for finding in findings]
    site_state.write(db, REFUSED, json.dumps({**record, "findings": rows}))
    return refusal


def accept(db: Database) -> None:
    """Forget the refusal: what is live is what the content says again."""
    site_state.remove(db, REFUSED)


def write(
    db: Database, publication_id: str, tree: Tree, edition: Edition, made_with: str
) -> Publication:
    """Write the rows of an edition; nobody sees them before `put_live`."""
    publication = Publication(
        publication_id,
        tree.commit,
        now(),
        len(edition.articles),
        edition.findings,
        made_with,
        edition.due_at,
    )
    files = {article.source.entry.path: new_id() for article in edition.articles}
    first = _first_moments(db)
    counts = Counter(finding.path for finding in edition.findings)
    behind = {f.path for f in edition.findings if f.rule == "translation-behind"}
    with db.atomic():
        db.insert(
            "publications",
            {
                "id": publication.id,
                "commit_id": publication.commit,
                "published_at": publication.published_at,
                "findings": json.dumps([finding.row() for finding in publication.findings]),
                "synonyms": edition.synonyms,
                "made_with": made_with,
                "due_at": edition.due_at,
            },
        )
        db.insert_many(
            "articles",
            [
                {
                    "id": files[article.source.entry.path],
                    "publication_id": publication.id,
                    **_row(article),
                    "findings": counts[tree.shown + article.source.entry.path],
                    "is_behind": int(tree.shown + article.source.entry.path in behind),
                    "position": edition.positions[article.source.entry.path],
                    "first_at": first.get(article.source.path, publication.published_at)
                    if first
                    else "",  # a first publication is a whole site: nothing of it is new
                }
                for article in edition.articles
            ],
        )
        db.insert_many(
            "article_readers",
            [
                {"article_id": files[article.source.entry.path], "word": word}
                for article in edition.articles
                for word in article_readers(article.audience)
            ],
        )
        db.insert_many(
            "article_aliases",
            [
                {
                    "publication_id": publication.id,
                    "language": language,
                    "alias": alias,
                    "article_id": files[file],
                }
                for (language, alias), file in edition.addresses.aliases.items()
            ],
        )
        surroundings.write_categories(db, publication.id, edition.categories)
        surroundings.write_media(db, tree, edition, files)
    return publication


def _first_moments(db: Database) -> dict[str, str]:
    """When each article that is live came; none where nothing is."""
    rows = db.query(
        """
        SELECT a.path, a.first_at FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE s.name = :live
        """,
        {"live": LIVE},
    )
    return {row["path"]: row["first_at"] for row in rows}


def put_live(db: Database, publication: Publication, index_name: str) -> tuple[str, ...]:
    """Switch to a publication and its index; the ids that are kept: it and the one before."""
    with db.atomic():
        live = find_live(db)
        publication_ids = (publication.id, live.id) if live is not None else (publication.id,)
        if live is not None:
            site_state.write(db, PREVIOUS, live.id)
        site_state.write(db, LIVE, publication.id)
        site_state.write(db, ARTICLE_INDEX, index_name)
        accept(db)
        if live is not None:  # a first publication is a whole site: news to nobody
            _tell_changes(db, live, publication)
    return publication_ids


def _tell_changes(db: Database, before: Publication, after: Publication) -> None:
    """Say which articles came or changed, and which are gone."""
    states = {"before": before.id, "after": after.id}
    published = """
        SELECT n.path FROM articles n
        LEFT JOIN articles o ON o.publication_id = :before AND o.path = n.path
        WHERE n.publication_id = :after AND (o.id IS NULL OR o.content_hash <> n.content_hash)
        ORDER BY n.path
    """
    withdrawn = """
        SELECT o.path FROM articles o WHERE o.publication_id = :before AND NOT EXISTS (
          SELECT 1 FROM articles n WHERE n.publication_id = :after AND n.path = o.path)
        ORDER BY o.path
    """
    for kind, sql in (("article.published", published), ("article.withdrawn", withdrawn)):
        for row in db.query(sql, states):
            events.tell(db, kind, row["path"])


def forget(db: Database, *, but: tuple[str, ...]) -> None:
    """Remove the rows of every other publication, those of an interrupted one too."""
    ids = {"live": but[0], "previous": but[-1]}
    old = "SELECT id FROM publications WHERE id NOT IN (:live, :previous)"
    old_articles = f"SELECT id FROM articles WHERE publication_id IN ({old})"  # noqa: S608
    with db.atomic():
        for table in ("article_readers", "article_media", "article_aliases"):
            db.execute(f"DELETE FROM {table} WHERE article_id IN ({old_articles})", ids)  # noqa: S608
        for table in ("articles", "categories", "category_aliases"):
            db.execute(f"DELETE FROM {table} WHERE publication_id IN ({old})", ids)  # noqa: S608
        db.execute("DELETE FROM publications WHERE id NOT IN (:live, :previous)", ids)
        db.execute("DELETE FROM media WHERE hash NOT IN (SELECT hash FROM article_media)")


def reusable(
    db: Database, publication: Publication | None, *, made_with: str | None = None
) -> Reusable:
    """The articles of a publication as they were rendered, all images and files that are kept.

    Nothing rendered is taken of one that was made with something else than `made_with`.
    """
    rows = db.query("SELECT hash, media_type, width, height FROM media")
    images = {
        row["hash"]: ImageInfo(row["media_type"], row["width"], row["height"])
        for row in rows
        if row["width"]
    }
    files = {row["hash"]: row["media_type"] for row in rows if not row["width"]}
    if publication is None:
        return Reusable({}, images, files)
    rendered = _articles(db, publication)
    before = tuple(_live_articles(db, publication, rendered.values()))
    is_same = made_with in (None, publication.made_with)
    return Reusable(rendered if is_same else {}, images, files, publication.commit, before)


def _live_articles(
    db: Database, publication: Publication, rendered: Iterable[Rendered]
) -> Iterator[LiveArticle]:
    """The articles of a publication, with every address that leads to each of them."""
    aliases: dict[str, list[str]] = {}
    for row in db.query(
        """
        SELECT a.path, l.alias FROM article_aliases l JOIN articles a ON a.id = l.article_id
        WHERE l.publication_id = :id AND l.alias NOT LIKE '/%' ORDER BY l.alias
        """,
        {"id": publication.id},
    ):
        aliases.setdefault(row["path"], []).append(row["alias"])
    for article in rendered:
        source = article.source
        yield LiveArticle(
            source.entry.path,
            source.path,
            source.language,
            source.title,
            article.audience,
            source.entry.blob,
            (article.slug, *aliases.get(source.path, ())),
        )


def _articles(db: Database, publication: Publication) -> dict[str, Rendered]:
    rows = db.query(
        """
        SELECT path, language, category, slug, audience, body_html, sections, content_hash,
               changed_commit, rendering, lag
        FROM articles WHERE publication_id = :id
        """,
        {"id": publication.id},
    )
    return {row["path"]: _rendered(row) for row in rows}


def _row(article: Rendered) -> dict[str, object]:
    source, front = article.source, article.source.front
    levels = {section.anchor: section.level for section in article.sections}
    return {
        "path": source.path,
        "language": source.language,
        "category": source.category,
        "slug": article.slug,
        "translation_key": source.translation_key,
        "title": source.title,
        "summary": article.summary,
        "audience": article.audience,
        "status": front.status,
        "products": json.dumps(front.list("product")),
        "version": front.text("version"),
        "tags": json.dumps(front.list("tags")),
        "found_by": json.dumps(front.found_by),
        "source_commit": front.text("source_commit") or None,
        "body_html": article.html,
        "sections": json.dumps(
            [
                [passage.anchor, passage.title, levels.get(passage.anchor, 1), passage.text]
                for passage in article.passages
            ]
        ),
        "content_hash": source.entry.blob,
        "updated_at": article.updated_at,
        "changed_commit": article.change.commit or None,
        "owner": front.text("owner"),
        "reviewed": front.text("reviewed"),
        "review_by": front.text("review_by"),
        "lag": json.dumps(vars(article.lag)) if article.lag else "",
        "paragraphs_behind": len(article.lag.lines) if article.lag else 0,
        "searchable": 0 if source.is_excluded else 1,
        "rendering": json.dumps(_rendering(article)),
    }


def _rendering(article: Rendered) -> dict[str, Any]:
    """What the next publication needs to know that nothing has to be rendered again."""
    source = article.source
    return {
        "file": source.entry.path,
        "name": source.name,
        "heading": source.heading,
        "ignored": source.ignored,
        "front": front_matter.to_json(source.front),
        "changed_at": article.change.at,
        "anchors": sorted(article.anchors),
        "references": [
            [*vars(resolved.reference).values(), resolved.outcome]
            for resolved in article.references
        ],
        "remarks": [list(vars(remark).values()) for remark in article.remarks],
    }


def _rendered(row: Row) -> Rendered:
    rendering = json.loads(row["rendering"])
    sections = json.loads(row["sections"])
    source = Source(
        entry=Entry(rendering["file"], row["content_hash"], 0),
        path=row["path"],
        language=row["language"],
        category=row["category"],
        name=rendering["name"],
        front=front_matter.from_json(rendering["front"]),
        heading=rendering["heading"],
        ignored=tuple((line, rule) for line, rule in rendering.get("ignored", ())),
    )
    return Rendered(
        source=source,
        slug=row["slug"],
        audience=row["audience"],
        html=row["body_html"],
        sections=tuple(
            Section(anchor, title, level) for anchor, title, level, _ in sections if anchor
        ),
        anchors=frozenset(rendering["anchors"]),
        passages=tuple(Passage(anchor, title, text) for anchor, title, _, text in sections),
        references=tuple(
            Resolved(Reference(*reference), outcome)
            for *reference, outcome in rendering["references"]
        ),
        remarks=tuple(RuleRemark(*remark) for remark in rendering["remarks"]),
        change=LastChange(rendering["changed_at"], row["changed_commit"] or ""),
        lag=_lag(row["lag"]),
    )


def _lag(text: str) -> TranslationLag | None:
    if not text:
        return None
    lag = json.loads(text)
    source, translation = lag["made_of"]
    return TranslationLag(
        lag["original"],
        (source, translation),
        lines=tuple(lag["lines"]),
        kinds=tuple(lag["kinds"]),
        html=lag["html"],
    )


def _findings(text: str) -> tuple[Finding, ...]:
    return tuple(Finding(**row) for row in json.loads(text))
