"""Which tests a change touches."""

from pathlib import Path

import pytest

from tests.kit.affected import touched_by
from tests.kit.imports import modules, ours
from tests.kit.places import TOP


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("kbsearch/tickets/clocks.py", "tests/tickets/test_clocks.py"),
        ("kbsearch/tickets/__init__.py", "tests/tickets/test_tickets.py"),
        (
            "kbsearch/people/organisations/slugs.py",
            "tests/people/organisations/test_organisations.py",
        ),
        ("templates/help/home.html", "tests/web/help/test_pages.py"),
        ("templates/tickets/_presence.html", "tests/web/tickets/test_show.py"),
        ("kbsearch/locale/fr/LC_MESSAGES/messages.po", "tests/test_i18n.py"),
        ("tests/tickets/test_lists.py", "tests/tickets/test_lists.py"),
    ],
)
def test_a_change_touches_the_tests_that_look_at_it(path: str, test: str):
    assert Path(test) in touched_by([Path(path)])


def test_a_change_far_away_touches_nothing_here():
    assert Path("tests/tickets/test_clocks.py") not in touched_by(
        [Path("kbsearch/files/images.py")]
    )


def test_every_module_that_is_used_touches_a_test():
    used = {name for path in modules().values() for name in ours(path)}
    always = [Path("tests/test_architecture.py")]
    assert [name for name in used if touched_by([modules()[name].relative_to(TOP)]) == always] == []
