"""What a publication has around its articles, as rows: categories, images, files to download."""

from collections.abc import Iterable, Mapping, Sequence

from kbsearch.articles import categories
from kbsearch.articles.publishing.categories import CategoryFolder
from kbsearch.articles.publishing.edition import Edition
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.articles.publishing.tree import Tree
from kbsearch.database import Database


def write_categories(db: Database, publication_id: str, listed: Sequence[CategoryFolder]) -> None:
    """Keep the categories of a publication, and the addresses they had."""
    own = {"publication_id": publication_id}
    db.insert_many(
        "categories",
        [
            {
                **own,
                "language": category.language,
                "path": category.path,
                "name": category.name,
                "description": category.description,
                "icon": category.icon,
                "landing": category.landing.html if category.landing else "",
                "position": category.position,
            }
            for category in listed
        ],
    )
    aliases = {
        (category.language, alias): category.path
        for category in listed
        for alias in category.aliases
    }
    db.insert_many(
        "category_aliases",
        [
            {**own, "language": language, "alias": alias, "path": path}
            for (language, alias), path in aliases.items()
        ],
    )


def write_media(db: Database, tree: Tree, edition: Edition, files: Mapping[str, str]) -> None:
    """Keep what articles show and offer, once each, and which article has which."""
    places = edition.addresses
    values: dict[str, dict[str, object]] = {
        file: {"hash": blob, **vars(info)} for file, (blob, info) in places.pictures.items() if info
    }
    for file, attachment in places.attachments.items():
        values[file] = {"hash": attachment.blob, "media_type": attachment.media_type}
        values[file] |= {"width": None, "height": None}
    by_blob = {str(row["hash"]): file for file, row in values.items()}
    media = {
        (files[article.source.entry.path], blob)
        for article in edition.articles
        for blob in _media_of(article)
    } | _media_of_landings(edition, files)
    stored_hashes = {row["hash"] for row in db.query("SELECT hash FROM media")}
    missing = sorted({blob for _, blob in media} - stored_hashes)
    for file, body in tree.read([by_blob[blob] for blob in missing]):
        db.insert("media", {**values[file], "body": body})
    rows = [{"article_id": article_id, "hash": blob} for article_id, blob in sorted(media)]
    db.insert_many("article_media", rows)


def _media_of_landings(edition: Edition, files: Mapping[str, str]) -> set[tuple[str, str]]:
    """What categories show is seen by whoever reads an article in them."""
    texts = {(text.language, text.path): text.landing for text in edition.categories}
    return {
        (files[article.source.entry.path], blob)
        for article in edition.articles
        for path in categories.with_outer(article.source.category)
        if (landing := texts[article.source.language, path]) is not None
        for blob in _media_of(landing)
    }


def _media_of(article: Rendered) -> Iterable[str]:
    for resolved in article.references:
        if resolved.outcome.startswith("/media/"):
            yield resolved.outcome.split("/")[2]
