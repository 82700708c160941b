"""The methods of clients that follow keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu.exceptions import CluNotImplemented

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._watch.subscription import Subscription
    from clu._watch.update import Update
    from clu._watch.watchers import Watchers

__all__ = ["WatchMixIn"]


class WatchMixIn:
    """A client that follows keywords."""

    _watchers: Watchers | None = None

    def watch(
        self,
        name: str,
        strategy: str | None = None,
        *,
        delta: float | None = None,
        min: float | None = None,
        max: float | None = None,
        period: float | None = None,
    ) -> Subscription:
        """Subscribe to a keyword, for ``async for update in client.watch("stage.position")``.

        The current value comes at once: the one that is known here, or the last one of the actor,
        which is asked for it. The subscription ends with its ``async with`` block, or when nobody
        refers to it any more, as after the loop. It outlives the connection; what has changed
        meanwhile is given when there is one again.

        Parameters
        ----------
        name
            ``ACTOR.KEYWORD``, ignoring the case of the keyword. An actor's own keywords, and those
            of a TCP actor, need no ``ACTOR``.
        strategy
            Which values are given, as in KATCP: ``auto`` each assignment; ``event`` changes;
            ``period`` the latest value every so often; ``differential`` numbers that differ from
            the one that was given last by more than ``delta``; ``event-rate`` changes, but one that
            comes less than ``min`` after the last value is given at the end of this time, with
            the value of then, and after ``max`` without one the latest value is given again;
            ``differential-rate`` the same for changes by more than ``delta``. By default it is the
            one that takes the parameters that are given, ``auto`` if there are none.
        delta
            By how much a number must differ; of several in a list or a dictionary, any of them.
        min, max
            The shortest and the longest time between two values, in seconds.
        period
            The time between two values, in seconds.

        Returns
        -------
        subscription
            An asynchronous iterator over `clu.watch.Update` objects. If they come faster than they
            are taken, there is only the latest one; `missed` counts the others.

        Raises
        ------
        CluValueError, CluTypeError
            If the strategy or a parameter makes no sense, or there is no such keyword. What only
            the actor can tell is raised by the first iteration.
        """
        from clu._watch.sampling import Sampling

        sampling = Sampling(strategy, delta=delta, min=min, max=max, period=period)
        return self._get_watchers().watch(name, sampling)

    async def wait_for(
        self,
        name: str,
        predicate: Callable[[Any], Any] | None = None,
        timeout: float | None = None,
    ) -> Update:
        """Wait until a keyword has a value.

        Parameters
        ----------
        name
            The name of the keyword, as for `watch`.
        predicate
            A function that is called with the current value and then with each other one, and says
            whether it is the one to wait for. By default any value is.
        timeout
            For how many seconds to wait; None stands for no limit.

        Returns
        -------
        update
            The first update with such a value.

        Raises
        ------
        KeywordTimeout
            If there was no such value in this time. It is a ``TimeoutError``, too, and tells the
            last value, its age and the number of updates.
        CluValueError, CluTypeError
            If there is no such keyword, or an argument makes no sense.
        CluError
            If the client is stopped meanwhile.

        Notes
        -----
        An error of the predicate is raised here.
        """
        from clu._watch.waiting import wait_for

        return await wait_for(self._get_watchers(), name, predicate, timeout)

    def _get_watchers(self) -> Watchers:
        if self._watchers is None:
            self._watchers = self._make_watchers()
        return self._watchers

    def _make_watchers(self) -> Watchers:
        raise CluNotImplemented(f"A {type(self).__name__} cannot watch keywords.")

    def _end_watching(self) -> None:
        if self._watchers is not None:
            self._watchers.stop()
