"""Publications as rows: written beside the live one, then put live in one transaction."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kbsearch import articles
from kbsearch.articles.publishing import article_rows, surroundings
from kbsearch.articles.publishing.article_rows import ArticleRow
from kbsearch.articles.publishing.edition import Edition, Reusable
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.leaving_addresses import LiveArticle
from kbsearch.articles.publishing.phrases import PhraseTrial
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.articles.publishing.tree import Tree
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, site_state
from kbsearch.files.images import ImageInfo
from kbsearch.messages.webhooks import events

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
    files = {
        article.source.entry.path: article_rows.id_of(publication_id, article.source.path)
        for article in edition.articles
    }
    live = find_live(db)
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
        article_rows.write(
            db,
            publication.id,
            live.id if live else "",
            [
                ArticleRow(
                    article,
                    files[article.source.entry.path],
                    counts[tree.shown + article.source.entry.path],
                    is_behind=tree.shown + article.source.entry.path in behind,
                    position=edition.positions[article.source.entry.path],
                )
                for article in edition.articles
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


def live_index(db: Database, settings: Settings) -> Path | None:
    """The folder of the index that is live."""
    name = site_state.read(db, ARTICLE_INDEX)
    return settings.index_path / name if name else None


def reusable(
    db: Database,
    publication: Publication | None,
    *,
    made_with: str | None = None,
    is_kept: bool = False,
) -> Reusable:
    """The articles of a publication as they were rendered, all images and files that are kept.

    Nothing rendered is taken of one that was made with something else than `made_with`; where that
    is not said, every phrase is tried again. Where it `is_kept` longer, texts are read at once.
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
    rendered = article_rows.read(db, publication.id, is_lazy=made_with is not None and not is_kept)
    before = tuple(_live_articles(db, publication, rendered.values()))
    if made_with not in (None, publication.made_with):
        return Reusable({}, images, files, publication.commit, before)
    trial = _trial(db, publication, rendered) if made_with else None
    return Reusable(rendered, images, files, publication.commit, before, trial)


def _trial(db: Database, publication: Publication, rendered: Mapping[str, Rendered]) -> PhraseTrial:
    failures = [f.values["phrase"] for f in publication.findings if f.rule == "not-found-by"]
    synonyms = articles.synonyms(db, publication.id)
    return PhraseTrial(rendered, synonyms, frozenset(failures))


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


def _findings(text: str) -> tuple[Finding, ...]:
    return tuple(Finding(**row) for row in json.loads(text))
