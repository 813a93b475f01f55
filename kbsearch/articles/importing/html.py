"""HTML pages as articles: shared by every system whose articles are HTML."""

from kbsearch.articles.importing.pages import ForeignPage, Linker, Tell


def markdown_of(page: ForeignPage, linker: Linker, tell: Tell) -> str:
    """The Markdown of a page, with the files it offers below it."""
    # imported here: megabytes that most processes never need
    from kbsearch.text.markup.article_html import ArticleConverter, anchors_of

    anchors = frozenset(anchors_of(page.text))
    converter = ArticleConverter(linker.link, linker.file, anchors=anchors, tell=tell)
    return converter.convert(page.text)
