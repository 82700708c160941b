"""The colours of the subcommands can be read on light and on dark terminals."""

from __future__ import annotations

import pytest

from clu.cli.common import palette

#: Levels of each component of the colours from 16 to 231.
_LEVELS = (0, 95, 135, 175, 215, 255)
#: What WCAG 2.1 asks for large text and for graphics.
LEAST = 3.0


def luminance(*components: int) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [part / 255 for part in components]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrasts(number: int) -> tuple[float, float]:
    """Return the contrasts of a colour, out of 256, to black and to white."""
    if number >= 232:
        components = [8 + 10 * (number - 232)] * 3
    else:
        place = number - 16
        components = [_LEVELS[place // 36], _LEVELS[place // 6 % 6], _LEVELS[place % 6]]
    own = luminance(*components)
    return (own + 0.05) / 0.05, 1.05 / (own + 0.05)


@pytest.mark.parametrize("name", palette.__all__)
def test_a_color_stands_out_from_black_and_white(name: str) -> None:
    number = getattr(palette, name)
    assert 16 <= number <= 255  # the others depend on the terminal
    assert min(contrasts(number)) >= LEAST


def test_yellow_does_not() -> None:
    assert min(contrasts(226)) < LEAST
