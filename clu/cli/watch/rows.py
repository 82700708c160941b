"""The rows of the table of values: which of them are shown, and in what order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from clu.cli.common.rendering import plain_value, printable

if TYPE_CHECKING:
    from clu.cli.watch.follow import Change

__all__ = ["Row", "Rows"]


class Row(NamedTuple):
    """The latest value of a keyword, and when it came, on the monotonic clock."""

    actor: str
    keyword: str
    value: str
    changed: float


class Rows:
    """The values, of which a part is shown.

    Attributes
    ----------
    filter
        What the actor, the keyword or the value must contain, ignoring case.
    start
        The number of the first row that is shown.
    frozen_at
        When the values were frozen, or None.
    """

    def __init__(self) -> None:
        self.filter = ""
        self.start = 0
        self.frozen_at: float | None = None
        self._rows: dict[tuple[str, str], Row] = {}
        self._frozen: list[Row] | None = None

    def take(self, change: Change, now: float) -> None:
        """Take a new value."""
        key = change.actor, change.keyword
        row = Row(
            printable(change.actor), printable(change.keyword), plain_value(change.value), now
        )
        self._rows[key] = row

    @property
    def is_frozen(self) -> bool:
        """Whether the values stay as they are."""
        return self._frozen is not None

    def freeze(self, now: float | None) -> None:
        """Keep the values as they are now, or with None show the latest again."""
        self._frozen = None if now is None else list(self._rows.values())
        self.frozen_at = now

    @property
    def has_several_actors(self) -> bool:
        """Whether the values are those of several actors."""
        return len({actor for actor, _ in self._rows}) > 1

    def __len__(self) -> int:
        return len(self._rows if self._frozen is None else self._frozen)

    def matching(self) -> list[Row]:
        """Return the rows that the filter lets through, by actor."""
        rows = self._rows.values() if self._frozen is None else self._frozen
        wanted = self.filter.lower()
        found = [row for row in rows if wanted in f"{row.actor} {row.keyword} {row.value}".lower()]
        return sorted(found, key=lambda row: row.actor)

    def page(self, size: int) -> tuple[list[Row], int]:
        """Return the rows that are shown, and how many there are to scroll through."""
        found = self.matching()
        self.start = max(0, min(self.start, len(found) - size))
        return found[self.start : self.start + size], len(found)
