"""A colour that people read on, made of one that somebody likes. Pure.

Source: the contrast ratio of WCAG 2.2, of which 4.5 is needed for text.
"""

from typing import NamedTuple

READABLE = 4.5
_STEPS = 20


class Colour(NamedTuple):
    """Red, green and blue from 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return "#{:02x}{:02x}{:02x}".format(*self)


WHITE, BLACK = Colour(255, 255, 255), Colour(0, 0, 0)


def read_colour(text: str) -> Colour:
    """Return the colour of `#rrggbb`. Raises ValueError."""
    if len(text) != 7 or not text.startswith("#"):
        raise ValueError("a colour such as #0b6b70")
    return Colour(*bytes.fromhex(text[1:]))


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_on(ground: Colour, colour: Colour) -> Colour:
    """Return the colour, darkened or lightened until it can be read on the ground."""
    aim = BLACK if contrast(BLACK, ground) > contrast(WHITE, ground) else WHITE
    mixes = (_mixed(colour, aim, step / _STEPS) for step in range(_STEPS + 1))
    return next((mix for mix in mixes if contrast(mix, ground) >= READABLE), aim)


def ink_on(ground: Colour) -> Colour:
    """Return white or black, whichever is read better on the ground."""
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, ground))


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    pairs = zip(colour, other, strict=True)
    return Colour(*(round(one + (two - one) * share) for one, two in pairs))


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    linear: float = part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
    return linear
