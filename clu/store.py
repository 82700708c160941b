"""A record of the keywords that an actor has output."""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clu.base import BaseActor, Reply

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
    """The keywords that an actor has output: a list for each.

    Parameters
    ----------
    actor
        The actor.
    filter
        The keywords to store; all by default.
    """

    def __init__(self, actor: BaseActor, filter: list[str] | None = None) -> None:
        super().__init__(list)
        self.actor = actor
        self.name = actor.name
        self.filter = filter

    def add_reply(self, reply: Reply) -> None:
        """Store the keywords of a reply."""
        now = datetime.datetime.now()
        for keyword, value in reply.message.items():
            if self.filter is None or keyword in self.filter:
                self[keyword].append(KeywordOutput(keyword, reply.message_code, now, value))

    def head(self, keyword: str, n: int = 1) -> list[KeywordOutput]:
        """Return the first ``n`` outputs of a keyword."""
        return self.get(keyword, [])[: max(n, 0)]

    def tail(self, keyword: str, n: int = 1) -> list[KeywordOutput]:
        """Return the last ``n`` outputs of a keyword."""
        return self.get(keyword, [])[-n:] if n > 0 else []
