"""What a command to an actor has brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._core.status import CommandStatus
from clu.exceptions import CommandFailed, CommandTimeout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clu._core.reply import Reply

__all__ = ["CommandResult"]


class CommandResult:
    """The replies of a command that has ended.

    Parameters
    ----------
    actor
        The name of the actor.
    command
        The command, as text.
    status
        The status with which it ended.
    replies
        Its replies, which have a ``message_code`` and a ``body``, the keywords and their values.

    Attributes
    ----------
    actor, command, status, replies
        The parameters.
    """

    def __init__(
        self, actor: str, command: str, status: CommandStatus, replies: Iterable[Reply]
    ) -> None:
        self.actor = actor
        self.command = command
        self.status = status
        self.replies = list(replies)

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return the first value of a keyword, or a default."""
        return next(self.values(keyword), default)

    def last(self, keyword: str, default: Any = None) -> Any:
        """Return the last value of a keyword, or a default."""
        values = list(self.values(keyword))
        return values[-1] if values else default

    def values(self, keyword: str) -> Iterator[Any]:
        """Iterate over all values of a keyword."""
        return (reply.body[keyword] for reply in self.replies if keyword in reply.body)

    def flatten(self) -> dict[str, Any]:
        """Return all keywords, each with its last value."""
        keywords: dict[str, Any] = {}
        for reply in self.replies:
            keywords.update(reply.body)
        return keywords

    def raise_for_status(self) -> None:
        """Raise an error unless the command has succeeded.

        Raises
        ------
        CommandTimeout
            If it did not end in time.
        CommandFailed
            If it failed or was cancelled.
        """
        if self.status.did_succeed:
            return
        if self.status is CommandStatus.TIMEDOUT:
            raise CommandTimeout(self.actor, self.command, "not ended in time.", self.replies)
        raise CommandFailed(self.actor, self.command, self.reason, self.replies)

    @property
    def reason(self) -> str:
        """Why it has failed, in the words of the actor."""
        for keyword in ("error", "text"):
            reason = self.last(keyword)
            if isinstance(reason, list) and len(reason) == 1:  # from a hub
                reason = reason[0]
            if reason is not None:
                return str(reason)
        return "it failed without a reason."

    def __repr__(self) -> str:
        status = str(self.status.name).lower()
        return f"<{type(self).__name__} ({self.actor} {self.command}: {status}, {self.flatten()})>"


CommandResult.__module__ = "clu.remote"  # where users find it
