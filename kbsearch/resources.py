"""Where the files that ship with the code lie: beside it in a checkout, inside it in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The shipped folder of that name: `templates`, `content`, or the package's own."""
    for place in (PACKAGE / name, PACKAGE / "shipped" / name, PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"kbsearch was installed without its folder '{name}'")
