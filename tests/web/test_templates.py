"""What no template may do."""

from kbsearch import resources


def test_nothing_that_is_included_is_kept_for_the_next_reader():
    """Jinja renders what is included without context once, and shows it to everybody."""
    folder = resources.folder("templates")
    texts = {path.name: path.read_text("utf-8") for path in folder.rglob("*.html")}
    assert len(texts) > 100
    wrong = [name for name, text in texts.items() if 'html" without context' in text]
    assert wrong == []
