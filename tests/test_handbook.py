"""Our own handbook: who reads which of its pages."""

import re

import pytest

from kbsearch import resources

ARTICLES = resources.folder("content") / "articles"
FOR_STAFF = {"agents", "operators", "writers"}
AUDIENCE = re.compile(r"^audience: (.+)$", re.MULTILINE)


@pytest.mark.parametrize("page", sorted(ARTICLES.rglob("*.md")), ids=lambda page: page.stem)
def test_what_speaks_to_staff_is_read_by_staff_alone(page):
    (audience,) = AUDIENCE.findall(page.read_text("utf-8").split("---\n")[1])
    assert (audience == "agents") == (page.parent.name in FOR_STAFF)
