"""A store of the keywords that an actor has output."""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluTypeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Collection

    from clu._core.protocols import ActorLike
    from clu._core.reply import Reply

__all__ = ["KeywordOutput", "KeywordStore"]


@dataclasses.dataclass
class KeywordOutput:
    """One output of a keyword.

    Parameters
    ----------
    name
        The name of the keyword.
    message_code
        The code of the reply.
    date
        The local time of the output.
    value
        The value that was output.
    """

    name: str
    message_code: Any
    date: datetime.datetime
    value: Any


class KeywordStore(defaultdict[str, list[KeywordOutput]]):
    """The keywords that an actor has output, with a list of outputs for each.

    Parameters
    ----------
    actor
        The actor.
    filter
        The keywords to store; all by default.
    limit
        How many of the latest outputs of each keyword to keep; all by default.

    Raises
    ------
    CluValueError
        If the limit is not a positive number.
    """

    def __init__(
        self, actor: ActorLike, filter: Collection[str] | None = None, limit: int | None = None
    ) -> None:
        super().__init__(list)
        if limit is not None and (isinstance(limit, bool) or limit < 1):
            raise CluValueError(f"The limit of a store must be a positive number, not {limit!r}.")
        self.limit = limit
        self.actor = actor
        self.name = actor.name
        self.filter = filter

    def add_reply(self, reply: Reply) -> None:
        """Store the keywords of a reply."""
        now = datetime.datetime.now()
        for keyword, value in reply.message.items():
            if self.filter is None or keyword in self.filter:
                outputs = self[keyword]
                outputs.append(KeywordOutput(keyword, reply.message_code, now, value))
                if self.limit is not None and len(outputs) > self.limit:
                    del outputs[: -self.limit]

    def head(self, keyword: str, n: int = 1) -> list[KeywordOutput]:
        """Return the first ``n`` outputs of a keyword."""
        return self.get(keyword, [])[: max(n, 0)]

    def tail(self, keyword: str, n: int = 1) -> list[KeywordOutput]:
        """Return the last ``n`` outputs of a keyword."""
        return self.get(keyword, [])[-n:] if n > 0 else []


def make_store(actor: ActorLike, store: object) -> KeywordStore:
    """Create the store of an actor from its argument ``store``.

    Raises
    ------
    CluTypeError
        If the argument is of another type.
    CluValueError
        If the limit is not a positive number.
    """
    if store is True or store is None:
        return KeywordStore(actor)
    if isinstance(store, int):
        return KeywordStore(actor, limit=store)
    if isinstance(store, (list, tuple, set)):
        return KeywordStore(actor, filter=store)
    if isinstance(store, Mapping) and set(store) <= {"filter", "limit"}:
        return KeywordStore(actor, **store)
    raise CluTypeError(
        f"store is {store!r}: it must be a boolean, a list of keywords, a number of outputs to "
        "keep, or a dictionary with the keys filter and limit."
    )
