"""Names of commands and parameters as Python can write them."""

from __future__ import annotations

import difflib
import keyword
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["did_you_mean", "python_name", "python_names"]


def python_name(name: str, taken: Collection[str] = ()) -> str:
    """Return a name as an identifier.

    What an identifier cannot have becomes ``_``. A name that Python uses itself, or that is taken,
    gets ``_`` after it.

    Parameters
    ----------
    name
        The name.
    taken
        Names that it must not have.
    """
    name = unicodedata.normalize("NFKC", name)  # as Python does with what is in a source file
    name = "".join(letter if f"_{letter}".isidentifier() else "_" for letter in name)
    if not name.isidentifier():  # it begins with what may only follow
        name = f"_{name}"
    while keyword.iskeyword(name) or name in taken:
        name += "_"
    return name


def python_names(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return names by the identifiers for them. Each name has one of its own.

    Parameters
    ----------
    names
        The names. Those that are identifiers keep theirs, whatever the order.
    taken
        Names that no identifier must have.
    """
    found: dict[str, str] = {}
    ordered = sorted(names, key=lambda name: name != python_name(name, taken))
    for name in ordered:
        found[python_name(name, {*taken, *found})] = name
    return found


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest of the known names, after a space, or nothing."""
    close = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {close[0]}?" if close else ""
