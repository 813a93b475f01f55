"""What is an example in a page of another tool, and so stays as it was written."""

import pytest

from kbsearch.articles.importing import dialects


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("a\n```sh\nb\n```\nc", "A\n```sh\nb\n```\nC"),
        ("~~~\n```\na\n~~~\nb", "~~~\n```\na\n~~~\nB"),
        ("````\n```\na\n`````\nb", "````\n```\na\n`````\nB"),
        ("  ```\n  a\n  ```\nb", "  ```\n  a\n  ```\nB"),
        ("a\n```\nb\n\nc", "A\n```\nb\n\nc"),  # to the end, as the page shows it
        ("``` a ```\nb\n```\nc\n```", "``` a ```\nB\n```\nc\n```"),
        ("a `b` c ``d ` e`` f `g", "A `b` C ``d ` e`` F `G"),
        ("a ``b `c` d", "A ``B `c` D"),
    ],
)
def test_examples_are_left_alone(text: str, changed: str):
    assert dialects._outside(text, str.upper) == changed
