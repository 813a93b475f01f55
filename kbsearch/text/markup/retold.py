"""The HTML of an article as Markdown again, to be said in an answer."""


def retold(html: str, base: str) -> str:
    """Markdown that a message understands: links are absolute below `base`, pictures are gone.

    Messages have neither callouts, tabs nor lists of terms: these become quotations and lines
    with a title in bold.
    """
    # imported here: six megabytes that most processes never need
    from kbsearch.text.markup.markdown_converter import Converter

    return str(Converter(base).convert(html)).strip()
