"""Logos, colours and words of welcome; the style sheet that is made of a colour."""

import re
import struct
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbsearch import resources
from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import organisations
from kbsearch.people.organisations import branding as looks
from kbsearch.people.organisations.branding import LookFields
from kbsearch.people.organisations.colours import contrast
from tests.conftest import Cast

accents = st.binary(min_size=3, max_size=3).map(lambda channels: f"#{channels.hex()}")
SHADE = re.compile(r"--([a-z-]+):light-dark\((#[0-9a-f]{6}),(#[0-9a-f]{6})\)")


def png(width: int = 40, height: int = 20, extra: bytes = b"") -> bytes:
    """A small picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x90" * width) * height)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", rows) + extra + chunk(b"IEND", b"")


def dress(db: SqliteDatabase, slug: str, **look: object) -> looks.Look:
    looks.dress(db, OPERATOR, organisations.find(db, slug).id, LookFields(**look))  # type: ignore[arg-type]
    return organisations.find(db, slug).look


@given(accents)
@example("#ffffff")
@example("#000000")
@example("#ffff00")
@example("#0000ff")
def test_text_in_the_shades_of_any_colour_can_be_read_in_both_themes(accent: str):
    shades = {name: pair for name, *pair in SHADE.findall(looks.style_sheet(accent))}
    assert set(shades) == {"accent", "accent-hover", "brand", "brand-hover", "wash"}
    for theme, papers in enumerate((looks.LIGHT, looks.DARK)):
        for paper in (*papers, shades["wash"][theme]):
            assert contrast(shades["accent"][theme], paper) >= 4.5
            assert contrast(shades["accent-hover"][theme], paper) >= 4.5
        assert contrast("#ffffff", shades["brand"][theme]) >= 4.5
        assert contrast("#ffffff", shades["brand-hover"][theme]) >= 4.5
    assert contrast(shades["brand"][1], looks.DARK[1]) >= 3, "a button is seen on a dark card"


def test_the_papers_reckoned_with_are_those_of_the_style_sheet():
    css = (resources.folder("static") / "app.css").read_text(encoding="utf-8")
    papers = [re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", css) for name in looks.PAPERS]
    assert tuple(found[1] for found in papers if found) == looks.LIGHT
    assert tuple(found[2] for found in papers if found) == looks.DARK


@pytest.mark.parametrize("name", ["state", "status", "new", "note", "kind", "alert"])
def test_what_states_a_fact_is_not_in_the_colour_of_an_organisation(name: str):
    """With a red one, a request that is just received would look like an error."""
    rules = "".join(
        (resources.folder("static") / sheet).read_text(encoding="utf-8")
        for sheet in ("app.css", "lists.css")
    )
    painted = re.findall(rf"^ *\.{name}\b(?: strong|, \.\w+)* {{(.*)}}", rules, re.MULTILINE)
    assert painted
    assert not [one for one in painted if re.search(r"var\(--(accent|brand|wash)", one)]


@pytest.mark.parametrize(
    "accent", ["17494d", "#17494", "#17494dff", "teal", "#17494d;}", "#gggggg"]
)
def test_what_is_no_colour_is_refused(db: SqliteDatabase, cast: Cast, accent: str):
    with pytest.raises(Invalid, match="look.accent_invalid"):
        dress(db, "acme", accent=accent)
    assert organisations.find(db, "acme").look == looks.Look()


def test_a_look_is_kept_and_what_is_given_empty_goes_away(db: SqliteDatabase, cast: Cast):
    look = dress(db, "acme", accent=" #17494D ", welcome_fr="Bonjour\r\n", logo=png())
    assert (look.accent, look.welcome_fr) == ("#17494d", "Bonjour")
    assert look.logo is not None
    assert (look.logo.media_type, look.logo.width, look.logo.height) == ("image/png", 40, 20)
    assert dress(db, "acme", welcome_en="Hello").logo == look.logo, "only what is given changes"
    assert dress(db, "acme", accent="", welcome_fr="", welcome_en="", logo=b"") == looks.Look()
    assert db.query("SELECT * FROM logos") == []


def test_two_organisations_may_have_one_logo(db: SqliteDatabase, cast: Cast):
    dress(db, "acme", logo=png())
    shared = dress(db, "globex", logo=png()).logo
    dress(db, "acme", logo=b"")
    assert organisations.find(db, "globex").look.logo == shared
    assert shared is not None
    assert looks.find_logo(db, cast.chloe, shared.hash)[1] == png()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "format"),
        (b"GIF89a\x10\x00\x10\x00", "format"),
        (b"<html>", "format"),
        (b"\x89PNG\r\n\x1a\n", "format"),
        (png(2001, 1), "side"),
        (png(extra=b"\0" * 200_000), "too_large"),
    ],
)
def test_what_is_no_fit_logo_is_refused(db: SqliteDatabase, cast: Cast, body: bytes, problem: str):
    with pytest.raises(Invalid, match=f"look.logo_{problem}"):
        dress(db, "acme", accent="#112233", logo=body)
    assert organisations.find(db, "acme").look == looks.Look(), "nothing of it is kept"


def test_a_logo_is_for_its_people_and_administrators(db: SqliteDatabase, cast: Cast):
    logo = dress(db, "acme", logo=png()).logo
    assert logo is not None
    for viewer in (cast.alice, cast.bob, cast.root):
        assert looks.find_logo(db, viewer, logo.hash) == (logo, png())
    for viewer in (cast.chloe, cast.dan, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            looks.find_logo(db, viewer, logo.hash)


def test_the_welcome_of_the_other_language_is_better_than_none():
    look = looks.Look(welcome_fr="Bonjour")
    assert look.welcome("fr") == ("Bonjour", "fr")
    assert look.welcome("en") == ("Bonjour", "fr")
    assert looks.Look(welcome_fr="Bonjour", welcome_en="Hello").welcome("en") == ("Hello", "en")
    assert looks.Look().welcome("en") == ("", "en")


def test_words_of_welcome_have_an_end(db: SqliteDatabase, cast: Cast):
    with pytest.raises(Invalid, match="look.welcome_too_long"):
        dress(db, "acme", welcome_en="x" * 4001)
