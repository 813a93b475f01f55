"""The look of an organisation: its logo, its colour and its words of welcome."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from kbsearch import audit
from kbsearch.access import Viewer, only_administrators
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.files import images
from kbsearch.people.organisations import colours
from kbsearch.people.organisations.colours import contrast, is_readable

LOGO_TYPES = ("image/png", "image/jpeg", "image/webp")  # SVG can carry scripts
MAX_LOGO = 200_000  # bytes
MAX_LOGO_SIDE = 2000  # pixels
MAX_WELCOME = 4000  # characters
COLUMNS = "o.accent, o.welcome_fr, o.welcome_en, l.hash, l.media_type, l.width, l.height"
JOIN = "LEFT JOIN logos l ON l.hash = o.logo_hash"

# What the style sheet paints text on, in its two themes; a test reads them there.
PAPERS = ("paper", "card", "sunk", "good-wash", "warn-wash", "bad-wash", "info-wash")
LIGHT = ("#fbfaf8", "#ffffff", "#f2f1ed", "#e7f4ea", "#fdf2df", "#fcebe9", "#e7eff7")
DARK = ("#14181a", "#1b2023", "#22282b", "#1b3224", "#3a2b14", "#3d201e", "#1c2b3a")
_LINE_END = re.compile(r"\r\n?")
ON_BRAND = "#ffffff"
SEEN = 3.0  # contrast of a button with the page around it, WCAG 2.2 1.4.11
TINT = (0.1, 0.18)  # share of the colour in a wash, light and dark


@dataclass(frozen=True)
class Logo:
    """A picture by its content; the size keeps its place while it loads."""

    hash: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class Look:
    """What the people of an organisation see that others do not."""

    accent: str | None = None
    welcome_fr: str = ""
    welcome_en: str = ""
    logo: Logo | None = None

    def welcome(self, language: str) -> tuple[str, str]:
        """The words of welcome and their language: the other one's where one has none."""
        welcomes = {"fr": self.welcome_fr, "en": self.welcome_en}
        spoken = next((name for name in (language, *welcomes) if welcomes[name]), language)
        return welcomes[spoken], spoken


def of_row(row: Row) -> Look:
    """The look in a row that has COLUMNS; they are taken out of it."""
    accent, welcome_fr, welcome_en = (
        row.pop(name) for name in ("accent", "welcome_fr", "welcome_en")
    )
    picture = {name: row.pop(name) for name in ("hash", "media_type", "width", "height")}
    return Look(accent, welcome_fr, welcome_en, Logo(**picture) if picture["hash"] else None)


@dataclass(frozen=True)
class LookFields:
    """What can be chosen of a look: None leaves it, what is given empty goes away."""

    accent: str | None = None
    welcome_fr: str | None = None
    welcome_en: str | None = None
    logo: bytes | None = None


def dress(db: Database, viewer: Viewer, organisation_id: str, fields: LookFields) -> None:
    """Change what is given of the look of an organisation."""
    only_administrators(viewer)
    values: dict[str, object] = {}
    if fields.accent is not None:
        values["accent"] = checked_accent(fields.accent)
    if fields.welcome_fr is not None:
        values["welcome_fr"] = _checked_welcome(fields.welcome_fr)
    if fields.welcome_en is not None:
        values["welcome_en"] = _checked_welcome(fields.welcome_en)
    with db.atomic():
        slug, before = _facts(db, organisation_id)
        if fields.logo is not None:
            values["logo_hash"] = keep_picture(db, fields.logo) if fields.logo else None
        for column, value in values.items():
            db.execute(
                f"UPDATE organisations SET {column} = :value WHERE id = :id",  # noqa: S608 (above)
                {"value": value, "id": organisation_id},
            )
        db.execute(
            """
            DELETE FROM logos
            WHERE NOT EXISTS (SELECT 1 FROM organisations o WHERE o.logo_hash = logos.hash)
              AND NOT EXISTS (SELECT 1 FROM site_settings s WHERE s.value = logos.hash)
            """
        )
        _, after = _facts(db, organisation_id)
        audit.change(db, viewer, "look.changed", slug, before, after)


def find_logo(db: Database, viewer: Viewer, digest: str) -> tuple[Logo, bytes]:
    """A logo and its bytes, for the people who see it and those who choose it."""
    places, values = one_of("slug", viewer.organisations)
    condition = "1 = 1" if viewer.is_administrator else f"o.slug IN ({places})"
    rows = db.query(
        f"""
        SELECT l.hash, l.media_type, l.width, l.height, l.body FROM logos l
        WHERE l.hash = :hash
          AND EXISTS (SELECT 1 FROM organisations o WHERE o.logo_hash = l.hash AND {condition})
        """,  # noqa: S608 (names of parameters)
        {"hash": digest, **values},
    )
    if not rows:
        raise NotFound("web.not_found")
    body: bytes = rows[0].pop("body")
    return Logo(**rows[0]), body


def picture(db: Database, digest: str) -> Logo | None:
    """A picture by its content, if it is there."""
    rows = db.query(
        "SELECT hash, media_type, width, height FROM logos WHERE hash = :hash", {"hash": digest}
    )
    return Logo(**rows[0]) if rows else None


def find_site_picture(db: Database, digest: str) -> tuple[Logo, bytes]:
    """The logo or the icon of the site and its bytes, which everybody sees."""
    rows = db.query(
        """
        SELECT l.hash, l.media_type, l.width, l.height, l.body FROM logos l
        WHERE l.hash = :hash AND EXISTS (
          SELECT 1 FROM site_settings s WHERE s.name IN ('logo', 'favicon') AND s.value = l.hash)
        """,
        {"hash": digest},
    )
    if not rows:
        raise NotFound("web.not_found")
    body: bytes = rows[0].pop("body")
    return Logo(**rows[0]), body


def site_logo(db: Database) -> tuple[Logo, bytes] | None:
    """The logo of the site and its bytes, where one is chosen."""
    rows = db.query("SELECT value FROM site_settings WHERE name = 'logo'")
    try:
        return find_site_picture(db, rows[0]["value"]) if rows else None
    except NotFound:
        return None


@lru_cache(maxsize=256)
def shades(accent: str) -> Mapping[str, tuple[str, str]]:
    """The shades of a colour by name, light and dark; text in them can be read in both themes."""
    light_wash, dark_wash = (
        colours.mixed(accent, paper, share)
        for paper, share in zip((LIGHT[1], DARK[1]), TINT, strict=True)
    )
    on_light = colours.darkened(accent, lambda c: is_readable(c, (*LIGHT, light_wash)))
    on_dark = colours.lightened(accent, lambda c: is_readable(c, (*DARK, dark_wash)))
    button = colours.darkened(accent, lambda c: is_readable(ON_BRAND, [c]))
    dark_button = colours.lightened(button, lambda c: contrast(c, DARK[1]) >= SEEN)
    return {
        "accent": (on_light, on_dark),
        "accent-hover": (
            colours.mixed(on_light, "#000000", 0.75),
            colours.mixed(on_dark, "#ffffff", 0.6),
        ),
        "brand": (button, dark_button),
        "brand-hover": (
            colours.mixed(button, "#000000", 0.8),
            colours.mixed(dark_button, "#000000", 0.8),
        ),
        "wash": (light_wash, dark_wash),
    }


@lru_cache(maxsize=256)
def style_sheet(accent: str, selector: str = ":root") -> str:
    """The shades of a colour as custom properties."""
    properties = "".join(
        f"--{name}:light-dark({one},{two});" for name, (one, two) in shades(accent).items()
    )
    return f"{selector}{{{properties}}}\n"


def theme_hash(accent: str) -> str:
    """What the address of a style sheet changes with."""
    return sha256(style_sheet(accent).encode()).hexdigest()[:12]


def checked_accent(accent: str) -> str | None:
    accent = accent.strip().lower()
    if accent and not colours.HEX.fullmatch(accent):
        raise Invalid("look.accent_invalid", accent=accent[:20])
    return accent or None


def _facts(db: Database, organisation_id: str) -> tuple[str, dict[str, str]]:
    """The slug of an organisation, and what the security log keeps of its look."""
    rows = db.query(
        """
        SELECT slug, accent, welcome_fr, welcome_en, logo_hash AS logo
        FROM organisations WHERE id = :id
        """,
        {"id": organisation_id},
    )
    if not rows:
        raise NotFound("organisation.not_found", slug=organisation_id)
    slug = rows[0].pop("slug")
    return slug, {name: value or "" for name, value in rows[0].items()}


def logo_hash(body: bytes) -> str:
    """What a logo is known by."""
    return sha256(body).hexdigest()[:32]


def _checked_welcome(text: str) -> str:
    text = _LINE_END.sub("\n", text).strip()
    if len(text) > MAX_WELCOME or "\x00" in text:
        raise Invalid("look.welcome_too_long", limit=MAX_WELCOME)
    return text


def keep_picture(db: Database, body: bytes) -> str:
    """Keep a logo; what it is known by. Raises Invalid for what can be none."""
    if len(body) > MAX_LOGO:
        raise Invalid("look.logo_too_large", limit=MAX_LOGO // 1000)
    info = images.info(body)
    if info is None or info.media_type not in LOGO_TYPES:
        raise Invalid("look.logo_format")
    if max(info.width, info.height) > MAX_LOGO_SIDE:
        raise Invalid("look.logo_side", limit=MAX_LOGO_SIDE)
    digest = logo_hash(body)
    if not db.query("SELECT 1 FROM logos WHERE hash = :hash", {"hash": digest}):
        db.insert("logos", {"hash": digest, **vars(info), "body": body})
    return digest
