"""Colours as #rrggbb: their contrast, and the shades of one that can be read on others."""

import colorsys
import re
from collections.abc import Callable, Iterable, Iterator

HEX = re.compile(r"#[0-9a-f]{6}")
READABLE = 4.5  # of text, WCAG 2.2 1.4.3
STEPS = 255


def contrast(colour: str, background: str) -> float:
    """The contrast ratio of two colours, from 1 to 21."""
    light, dark = sorted((_luminance(colour), _luminance(background)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def is_readable(colour: str, backgrounds: Iterable[str], ratio: float = READABLE) -> bool:
    return all(contrast(colour, background) >= ratio for background in backgrounds)


def darkened(colour: str, passes: Callable[[str], bool]) -> str:
    """The first shade that passes, from the colour itself down to black."""
    return _first(_shades(colour, -1), passes)


def lightened(colour: str, passes: Callable[[str], bool]) -> str:
    """The first shade that passes, from the colour itself up to white."""
    return _first(_shades(colour, 1), passes)


def mixed(colour: str, into: str, share: float) -> str:
    """A share of one colour in another: a tint of it."""
    parts = zip(_channels(colour), _channels(into), strict=True)
    return _hex([share * own + (1 - share) * base for own, base in parts])


def _first(shades: Iterator[str], passes: Callable[[str], bool]) -> str:
    last = ""
    for last in shades:
        if passes(last):
            break
    return last


def _shades(colour: str, direction: int) -> Iterator[str]:
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    yield colour
    step = round(lightness * STEPS)
    while 0 <= (step := step + direction) <= STEPS:
        yield _hex(colorsys.hls_to_rgb(hue, step / STEPS, saturation))


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _hex(channels: Iterable[float]) -> str:
    return "#" + bytes(round(channel * 255) for channel in channels).hex()


def _luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
