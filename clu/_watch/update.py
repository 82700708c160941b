"""A value of a keyword, as it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clu._core.reply import MessageCode

__all__ = ["Update"]


@dataclass(frozen=True, slots=True)
class Update:
    """A value of a keyword.

    Attributes
    ----------
    actor
        The name of the actor.
    keyword
        The name of the keyword.
    value
        The value. A dictionary is merged into the previous one, as in models.
    when
        The Unix time at which it came; of a value that was there before, that at which its actor
        wrote it.
    code
        The code of the reply with the value, or None if it does not come from a reply.
    command_id
        The command that the reply answers, or None.
    """

    actor: str
    keyword: str
    value: Any
    when: float
    code: MessageCode | None = None
    command_id: str | int | None = None

    @property
    def name(self) -> str:
        """The names of the actor and the keyword, ``ACTOR.KEYWORD``."""
        return f"{self.actor}.{self.keyword}"


Update.__module__ = "clu.watch"  # where users find it
