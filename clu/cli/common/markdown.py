"""The description of an actor as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu.cli.common.rendering import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from clu.cli.common.description import Description

__all__ = ["markdown_of"]


def markdown_of(description: Description, everything: bool) -> str:
    """Return a page about an actor.

    Parameters
    ----------
    description
        What the actor has told.
    everything
        Whether to include what every actor has.
    """
    return "\n".join(_lines(description, everything))


def _lines(description: Description, everything: bool) -> Iterator[str]:
    yield f"# {description.actor}"
    if keywords := description.shown_keywords(everything):
        yield from ("", "## Keywords", "")
        rows = [(_code_cell(item.name), *map(_cell, item[1:5])) for item in keywords]
        yield from _table(("keyword", "type", "unit", "range", "description"), rows)
    if commands := description.shown_commands(everything):
        yield from ("", "## Commands")
        for item in commands:
            yield from ("", f"### {_code(item.usage)}")
            if item.help:
                yield from ("", printable(item.help))
            if item.parameters:
                found = [
                    (_code_cell(parameter.name), _cell(parameter.type), _cell(parameter.help))
                    for parameter in item.parameters
                ]
                yield from ("", *_table(("parameter", "type", "help"), found))


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _cell(text: str) -> str:
    return " ".join(printable(text).replace("\\", "\\\\").replace("|", "\\|").split())


def _code(text: str) -> str:
    return f"`{printable(text)}`"


def _code_cell(text: str) -> str:
    return _code(text).replace("|", "\\|")  # even in code it would end the cell
