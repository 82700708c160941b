"""Replies and their codes."""

from __future__ import annotations

import datetime
import enum
from time import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from clu._speedups.reply import ReplyFields
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from clu._core.protocols import CommandLike


ReplyType = TypeVar("ReplyType")

#: The number of first and of latest replies to keep of a command that an actor runs.
KEPT_REPLIES = 10_000
#: The number of replies at which others are removed, so that it does not happen with each reply.
MOST_REPLIES = 3 * KEPT_REPLIES


class MessageCode(enum.Enum):
    """The codes of replies. Members are equal to their string values."""

    STARTED = ">"
    DONE = ":"
    FAILED = "f"
    ERROR = "e"
    CRITICAL = "!"
    INFO = "i"
    WARNING = "w"
    DEBUG = "d"

    def __eq__(self, _MessageCode__o: object) -> bool:
        if isinstance(_MessageCode__o, str):
            return bool(self._value_ == _MessageCode__o)
        return self is _MessageCode__o

    def __hash__(self) -> int:
        return hash(self._value_)


#: Members have the hash of their string values, so that both can be keys.
MESSAGE_CODES: dict[Any, MessageCode] = {code.value: code for code in MessageCode}
#: The codes that end a command.
TERMINAL_CODES = (MessageCode.DONE, MessageCode.FAILED)


def message_code_of(code: MessageCode | str) -> MessageCode:
    """Return the member for a code.

    Raises
    ------
    CluValueError
        If the code is not valid.
    """
    if type(code) is MessageCode:
        return code
    try:
        return MESSAGE_CODES[code]
    except (KeyError, TypeError):
        raise CluValueError(f"{code!r} is not a valid MessageCode") from None


class Reply(ReplyFields):
    """A reply from a command or an actor to its users.

    Parameters
    ----------
    message_code
        The code of the reply.
    message
        The keywords and their values.
    command
        The command that the reply answers, if any.
    broadcast
        Whether the reply is sent to all users.
    use_validation
        Whether validation was requested.
    validated
        Whether the reply was validated successfully.
    internal
        Whether the reply is internal, i.e. not intended for a wider audience.
    keywords
        The keywords as typed objects, if the protocol has them.

    Raises
    ------
    CluValueError
        If the code is not valid.
    """

    __slots__ = ("__weakref__",)

    def __init__(
        self,
        message_code: MessageCode | str,
        message: dict[str, Any],
        command: CommandLike | None = None,
        broadcast: bool = False,
        use_validation: bool = False,
        validated: bool = False,
        internal: bool = False,
        keywords: list[Any] | None = None,
    ) -> None:
        self._created = time()
        self.message_code = message_code_of(message_code)
        self.message = message
        self.command = command
        self.broadcast = broadcast
        self.use_validation = use_validation
        self.validated = validated
        self.internal = internal
        self.keywords = keywords

    @property
    def date(self) -> datetime.datetime:
        """The time at which the reply was created, in UTC."""
        return datetime.datetime.fromtimestamp(self._created, datetime.timezone.utc)

    @property
    def body(self) -> dict[str, Any]:
        """An alias of ``message``."""
        return self.message


Reply.__module__ = "clu.base"  # of which it is a part for users


class ReplyList(list[ReplyType], Generic[ReplyType]):
    """The replies of a command."""

    def get(self, keyword: str) -> Any:
        """Return the value of a keyword in the first reply that has it.

        Raises
        ------
        KeyError
            If no reply has the keyword.
        """
        for reply in self:
            message = reply.message if isinstance(reply.message, dict) else reply.body  # type: ignore[attr-defined]
            if keyword in message:
                return message[keyword]
        raise KeyError(f"Keyword {keyword} not found.")

    def shorten(self) -> None:
        """Remove all but the first and the latest replies."""
        del self[KEPT_REPLIES:-KEPT_REPLIES]
