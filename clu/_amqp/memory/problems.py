"""What the broker does not allow, with the codes and the words of RabbitMQ."""

from __future__ import annotations

__all__ = ["ChannelProblem", "ConnectionProblem", "Problem"]


class Problem(Exception):
    """The broker closes a channel or a connection.

    Parameters
    ----------
    code
        The reply code of AMQP.
    text
        The reason.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        #: A short string of AMQP has no room for more.
        self.text = text.encode()[:255].decode(errors="ignore")


class ChannelProblem(Problem):
    """The broker closes the channel."""


class ConnectionProblem(Problem):
    """The broker closes the connection."""
