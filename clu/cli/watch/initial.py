"""The values that an actor wrote before it was followed, or while there was no connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._core.schema import DEFAULT_SCHEMA
from clu._watch.requests import ANSWER_TIMEOUT, Answer, Ended, request_values, values_in
from clu._watch.strategies import differs
from clu.cli.common.connection import Outcome
from clu.cli.watch.selection import Target, is_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clu._watch.names import KnownKeywords
    from clu._watch.sampler import Sampler
    from clu.cli.common.connection import Connection

__all__ = ["InitialValues"]

_ENDS = {
    Outcome.DONE: Ended.DONE,
    Outcome.FAILED: Ended.FAILED,
    Outcome.UNREACHABLE: Ended.ABSENT,
    Outcome.TIMED_OUT: Ended.SILENT,
}

Place = tuple[str, str]


class InitialValues:
    """The last values of an actor, which is asked for them.

    Parameters
    ----------
    target
        The actor and its keywords.
    known
        The keywords of the actor, or None if they are not known.
    samplers
        What has come so far, by actor and keyword.
    take
        A function that takes a value that is news, with the Unix time.
    """

    def __init__(
        self,
        target: Target,
        known: KnownKeywords | None,
        samplers: Mapping[Place, Sampler],
        take: Callable[[Place, Any, float], None],
    ) -> None:
        self._target = target
        self._known = known
        self._samplers = samplers
        self._take = take
        self._start = self._latest()
        self._answered: set[str] = set()

    async def request(self, connection: Connection) -> str:
        """Ask for them; return why there may be none, or an empty string."""

        async def ask(text: str, internal: bool) -> Answer:
            before = self._latest()
            result = await connection.run(
                self._target.actor, text, quiet=internal, timeout=ANSWER_TIMEOUT
            )
            keywords: dict[str, Any] = {}
            for reply in result.replies:
                keywords.update(reply.keywords)
                for name, value, when in values_in(reply.keywords) if internal else ():
                    self._answer(before, (reply.actor, name), value, when)
            return Answer(_ENDS[result.outcome], keywords, result.reason)

        return await request_values(ask, self._target.keywords or ["*"], self._is_complete)

    def _latest(self) -> dict[Place, Any]:
        return {place: sampler.latest for place, sampler in self._samplers.items()}

    def _answer(self, before: dict[Place, Any], place: Place, value: Any, when: float) -> None:
        """Take a value, unless it is no news or there is a later one by now."""
        if not self._target.wants(*place):
            return
        self._answered.add(place[1])
        sampler = self._samplers.get(place)
        latest = None if sampler is None else sampler.latest
        if latest is before.get(place) and (latest is None or differs(value, latest.value)):
            self._take(place, value, when)

    def _is_complete(self) -> bool:
        """Whether each keyword that is followed has a value that came since the request."""
        target, known = self._target, self._known
        there = self._answered | {
            name
            for (actor, name), latest in self._latest().items()
            if latest is not self._start.get((actor, name))
            and (target.tcp is not None or actor == target.actor)
        }
        wanted = [word for word in target.keywords if not is_pattern(word)]
        if known is not None and len(wanted) < max(len(target.keywords), 1):
            wanted += [
                name
                for name in known.definitions
                if name not in DEFAULT_SCHEMA and target.wants(target.actor, name)
            ]
        return bool(wanted) and all(
            any(Target.is_named(name, word) for name in there) for word in wanted
        )
