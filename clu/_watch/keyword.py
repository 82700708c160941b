"""A keyword that is watched: its latest value, and who gets the next ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from clu._watch.update import Update

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Taker", "WatchedKeyword"]


class Taker(Protocol):
    """Somebody who gets each update of a keyword.

    Attributes
    ----------
    needs_number
        Whether it wants to know how much a number changes.
    """

    needs_number: bool

    @property
    def take(self) -> Callable[[Update], None]:
        """The function that takes an update. It must not raise."""

    def end(self, error: Exception | None = None) -> None:
        """Tell that there will be no further updates."""


class WatchedKeyword:
    """A keyword that is watched.

    Parameters
    ----------
    actor, keyword
        The names of the actor and the keyword.
    on_unused
        A function that is called with this object when nobody takes its updates any more.

    Attributes
    ----------
    actor, keyword
        The parameters.
    label
        What the actor calls itself.
    latest
        The latest update, or None.
    reason
        Why there may be no value, or an empty string.
    is_introduced
        Whether its actor was asked about it, or is being asked.
    is_stale
        Whether updates may have been lost since the latest one.
    takers
        Who gets the updates.
    """

    __slots__ = (
        "_on_unused",
        "actor",
        "is_introduced",
        "is_stale",
        "keyword",
        "label",
        "latest",
        "reason",
        "takers",
    )

    def __init__(
        self, actor: str, keyword: str, on_unused: Callable[[WatchedKeyword], None]
    ) -> None:
        self.actor = actor
        self.keyword = keyword
        self.label = actor
        self.latest: Update | None = None
        self.reason = ""
        self.is_introduced = False
        self.is_stale = False
        self.takers: list[Taker] = []
        self._on_unused = on_unused

    def add(self, taker: Taker) -> None:
        """Give somebody the latest update, and then all others."""
        self.takers.append(taker)
        if self.latest is not None:
            taker.take(self.latest)

    def remove(self, taker: Taker) -> None:
        """Give somebody no further updates, who may have been removed before."""
        if taker in self.takers:
            self.takers.remove(taker)
            if not self.takers:
                self._on_unused(self)

    def assign(
        self,
        value: Any,
        when: float,
        keyword: str | None = None,
        code: Any = None,
        command_id: str | int | None = None,
    ) -> None:
        """Take a value as it came. A dictionary is merged into the previous one."""
        self.is_stale = False
        latest = self.latest
        if isinstance(value, dict):
            old = None if latest is None else latest.value
            value = {**old, **value} if isinstance(old, dict) else dict(value)
        self.latest = update = Update(
            self.label, keyword or self.keyword, value, when, code, command_id
        )
        for taker in list(self.takers):
            taker.take(update)

    def end(self, error: Exception | None = None, only_numbers: bool = False) -> None:
        """Tell that there will be no further updates: everybody, or those who need numbers."""
        for taker in [taker for taker in self.takers if taker.needs_number or not only_numbers]:
            self.remove(taker)
            taker.end(error)
