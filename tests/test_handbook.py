"""Our own handbook: who reads which of its pages."""

import re

from kbsearch import resources

ARTICLES = resources.folder("content") / "articles"
FOR_STAFF = {"agents", "operators", "writers"}
AUDIENCE = re.compile(r"^audience: (.+)$", re.MULTILINE)


def test_what_speaks_to_staff_is_read_by_staff_alone():
    audiences = {
        page: AUDIENCE.findall(page.read_text("utf-8").split("---\n")[1])
        for page in ARTICLES.rglob("*.md")
    }
    for_agents = {page for page, audience in audiences.items() if audience == ["agents"]}
    assert for_agents
    assert for_agents == {page for page in audiences if page.parent.name in FOR_STAFF}
