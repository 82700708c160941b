"""All that a client watches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from clu._watch.keyword import WatchedKeyword
from clu._watch.names import split_name
from clu._watch.subscription import Subscription
from clu.exceptions import CluRuntimeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._watch.names import KnownKeywords
    from clu._watch.sampling import Sampling

__all__ = ["Source", "Watchers"]


class Source(Protocol):
    """Where the updates of keywords come from."""

    def known(self, actor: str) -> KnownKeywords | None:
        """Return the keywords of an actor, or None if they are not known.

        Raises
        ------
        CluValueError
            If the actor is not one that can be watched.
        """

    def attach(self, watched: WatchedKeyword) -> None:
        """Assign the latest value to a keyword, and from now on each other one."""

    def detach(self, watched: WatchedKeyword) -> None:
        """Assign no further values to a keyword."""

    def restored(self) -> None:
        """Tell that the connection is there, again or for the first time."""

    def announced(self, actor: str) -> None:
        """Tell that an actor was started, or may have lost replies."""

    def stop(self) -> None:
        """Tell that the client is stopped."""


class Watchers:
    """The keywords that a client watches.

    Parameters
    ----------
    find_source
        A function that returns the source for the keywords of an actor.
    find_actor
        A function that returns the actor for what is before the dot in a name, which is empty if
        there is none.
    """

    def __init__(
        self,
        find_source: Callable[[str], Source],
        find_actor: Callable[[str], str] = lambda actor: actor,
    ) -> None:
        self._find_source = find_source
        self._find_actor = find_actor
        self._watched: dict[tuple[str, str], tuple[WatchedKeyword, Source]] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def watch(self, name: str, sampling: Sampling) -> Subscription:
        """Subscribe to a keyword: see `clu.base.BaseClient.watch`."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise CluRuntimeError(f"There is no running event loop to watch {name!r}.") from None
        return Subscription(name, sampling, self.open(name, sampling.delta is not None), loop)

    def open(self, name: str, needs_number: bool = False) -> WatchedKeyword:
        """Return a keyword, which is watched for as long as somebody takes its updates.

        Raises
        ------
        CluValueError
            If the actor has no such keyword, or its values are not numbers although that is needed.
        """
        actor, keyword = split_name(name)
        actor = self._find_actor(actor)
        if not actor:
            raise CluValueError(f"The keyword {name!r} is of no actor. Its name is ACTOR.KEYWORD.")
        place = actor, keyword.lower()
        watched, source = self._watched.get(place) or (None, self._find_source(actor))
        check(source.known(actor), actor, keyword, needs_number)
        if watched is None:
            watched = WatchedKeyword(actor, keyword, self._forget)
            source.attach(watched)
            self._watched[place] = watched, source
        return watched

    def restored(self) -> None:
        """Tell that the connection is there, again or for the first time."""
        for source in self._sources():
            source.restored()

    def announced(self, actor: str) -> None:
        """Tell that an actor was started, or may have lost replies."""
        for source in self._sources():
            source.announced(actor)

    def stop(self) -> None:
        """End all subscriptions."""
        sources = self._sources()
        for watched, _ in list(self._watched.values()):
            watched.end()
        for source in sources:
            source.stop()

    def _sources(self) -> list[Source]:
        return list({id(source): source for _, source in self._watched.values()}.values())

    def _forget(self, watched: WatchedKeyword) -> None:
        _, source = self._watched.pop((watched.actor, watched.keyword.lower()))
        source.detach(watched)


def check(known: KnownKeywords | None, actor: str, keyword: str, needs_number: bool) -> None:
    """Raise an error if an actor has no such keyword, or one that is none of numbers.

    Raises
    ------
    CluValueError
        That is so.
    """
    if known is None:
        return
    problem = known.problem(actor, [keyword])
    if problem is not None and known.closed:
        raise CluValueError(problem)
    if needs_number and not known.is_numeric(keyword):
        raise CluValueError(f"{actor}.{keyword} has no numbers: its changes have no delta.")
