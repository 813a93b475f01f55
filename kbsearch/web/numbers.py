"""Whole numbers in addresses and forms: a text that is none is no error, it says nothing."""

from collections.abc import Iterable, Mapping

LONGEST = 18  # digits; SQLite's integers have nineteen


def whole(text: str) -> int | None:
    """The number that a text is, without sign or space; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else None


def wholes(texts: Iterable[str]) -> list[int]:
    """Those of some texts that are numbers."""
    return [number for number in map(whole, texts) if number is not None]


def page(args: Mapping[str, str], most: int) -> int:
    """The page that an address asks for, the first one where it asks for none."""
    return min(max(whole(args.get("page", "")) or 1, 1), most)
