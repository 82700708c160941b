"""Announcements: an actor tells which commands it runs, after it may have lost some, or if asked.

The broker may deliver a command into a connection whose other end is gone. The connection of the
client that sent it is healthy, and the client would wait for ever. So an actor announces when it
has started, when it is back after its connection was lost, and when its outbox overflowed.

On the wire an announcement is an internal reply of code ``i`` to the key ``reply.broadcast``, with
an empty body, no command, and besides the usual headers these:

``announcement``
    ``started``, ``reconnected`` or ``overflowed``.
``running_commands``
    An array of the ids of the commands that the actor runs at this place in the sequence of its
    replies: later replies may be about others too. It is left out if it would not fit, or if the
    actor does not know.

Our clients suspect the commands to this actor that are not in the array, or if there is none those
that have had no reply: they fail after ``lost_command_limit``. Other peers, those of the recorded
release among them, take it for an internal reply without keywords.

A client whose own connection was lost asks: it publishes a message without a body to the key
``presence.<actor>``, with its own name in the header ``commander_id`` and an id in the header
``question``. The actor, whose command queue is bound to that key, answers it alone with an
announcement ``present`` with that id to the key ``reply.<client>``. Both go through the same queues
as commands and replies, in order, so the answer is about every command that was sent before.
Clients answer as well, without ``running_commands``.

A question to the key ``presence`` alone is for everybody: all actors and clients answer it, without
``running_commands``. Answers to either kind of question have a table ``program`` as a further
header, about the program that answers: see ``clu._amqp.presence``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clu._amqp.reply import AMQPReply

STARTED = "started"
RECONNECTED = "reconnected"
OVERFLOWED = "overflowed"
PRESENT = "present"

#: The routing key of a question to everybody. That of a question to one has its name after it, so
#: that there is no name with which the first one could be confused.
PRESENCE_KEY = "presence"

#: The headers.
ANNOUNCEMENT = "announcement"
QUESTION = "question"
PROGRAM = "program"

#: What the names begin with to which answers to questions go whose asker may be anybody. Programs
#: that may send no other replies are allowed these: see docs/how-to/rabbitmq.md.
ASKER = "clu-question-"
_RUNNING = "running_commands"

#: How many bytes the ids may take. All headers must fit into a frame, and a broker may have set
#: its limit as low as 8192.
_MOST_BYTES = 6000
#: What an array takes for a string in it, besides the string.
_ITEM_BYTES = 5

_REASONS = {
    STARTED: "The actor {!r} was started again and does not run the command.",
    RECONNECTED: "The actor {!r} lost its connection, and the command or its replies with it.",
    OVERFLOWED: "The actor {!r} had no room for replies, and lost some.",
}


def announcement(
    sender: str,
    event: str,
    command_ids: Iterable[str] | None,
    client: str | None = None,
    question: Any = None,
    program: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the headers of an announcement.

    Parameters
    ----------
    sender
        Who announces.
    event
        What has happened.
    command_ids
        The commands that the actor runs, or None if it does not know.
    client
        The client that has asked, or None if it is for all.
    question
        The id of its question.
    program
        What to tell about the program of the sender.
    """
    headers: dict[str, Any] = {
        "message_code": "i",
        "commander_id": client,
        "command_id": None,
        "sender": sender,
        "internal": True,
        ANNOUNCEMENT: event,
    }
    if isinstance(question, str):
        headers[QUESTION] = question
    if program is not None:
        headers[PROGRAM] = program
    if command_ids is not None:
        ids = sorted(set(command_ids))
        if sum(len(command_id.encode()) + _ITEM_BYTES for command_id in ids) <= _MOST_BYTES:
            headers[_RUNNING] = ids
    return headers


def running_ids(reply: AMQPReply) -> set[str] | None:
    """Return the ids of the commands that the actor runs, or None if it does not tell."""
    ids = reply.headers.get(_RUNNING)
    if not isinstance(ids, list):
        return None
    return {
        command_id.decode(errors="replace") if isinstance(command_id, bytes) else str(command_id)
        for command_id in ids
    }


def loss_reason(reply: AMQPReply) -> str:
    """Return why commands that the actor does not run have failed."""
    event = reply.headers.get(ANNOUNCEMENT)
    reason = _REASONS.get(event) if isinstance(event, str) else None
    return (reason or "The actor {!r} does not run the command.").format(reply.sender)
