"""What should not be published, told from what only looks like it."""

import pytest

from kbsearch.articles.publishing import secrets


def kinds(line: str) -> list[str]:
    return [str(remark.values.get("reason", remark.rule)) for remark in secrets.check([line])]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Card 4539148803436467.", "card"),
        ("Card 4539 1488 0343 6467", "card"),
        ("IBAN: FR7020041010051234567A02693,", "iban"),
        ("IBAN FR70 2004 1010 0512 3456 7A02 693", "iban"),
        ("Call 06 12 34 56 78.", "mobile"),
        ("(0612345678)", "mobile"),
        ("Her number is 269054312345622", "social-security"),
    ],
)
def test_what_is_somebodys_is_told(line: str, kind: str):
    assert kinds(line) == [kind]


@pytest.mark.parametrize(
    "line",
    [
        "sha1 da39a3ee5e6b4b0d0612345678afd80709",
        "sha256 9f86d081884c7d65-4539148803436467-0a",
        "commit 4539148803436467b, build v4539148803436467",
        "trace 4539148803436467-1234567890 and 7-4539148803436467",
        "version 3.0612345678 or 0612345678.4",
        "id 550e8400-e29b-0612345678-a716",
        "id x269054312345622 and 269054312345622-7",
        "test 4242 4242 4242 4242, 5105105105105100, 4012888888881881, 4000000000000002",
        "test 4988 4388 4388 4305, 5200828282828210, 4000 0566 5566 5556, 4970100000000154",
        "example FR76 3000 6000 0112 3456 7890 189, GB82 WEST 1234 5698 7654 32",
        "key AB12 CDEF GHIJ KLMN OPQR, FR7020041010051234567A02693XX",
    ],
)
def test_hashes_test_cards_and_examples_are_nobodys(line: str):
    assert kinds(line) == []
