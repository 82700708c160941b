"""Descriptions of types and keys, as text and as HTML."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = tuple[str, str]

WIDTH = 66


def as_text(rows: Iterable[Row]) -> str:
    """Format rows as lines with right-aligned labels and wrapped text."""
    indent = "\n" + " " * 14
    return "\n".join(
        f"{label:>12}: {indent.join(textwrap.wrap(str(text), WIDTH))}" for label, text in rows
    )


def as_html(rows: Iterable[Row], kind: str) -> str:
    """Format rows as an HTML table of the class `kind`."""
    cells = "".join(
        f"<tr><th>{html.escape(label)}</th><td>{html.escape(str(text))}</td></tr>"
        for label, text in rows
    )
    return f'<table class="{html.escape(kind)}">{cells}</table>'


class Descriptive:
    """The base class of objects with a description: ``descriptors`` has pairs of label and text."""

    descriptors: list[Row]

    def describe(self) -> str:
        """Return a description in plain text."""
        return as_text(self.descriptors)

    def describeAsHTML(self) -> str:
        """Return a description as an HTML table."""
        return as_html(self.descriptors, "descriptors")
