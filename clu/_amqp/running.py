"""The commands that a client has sent and that have not ended."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import loss_reason, running_ids
from clu._amqp.duplicates import ID_PREFIX
from clu._core.callbacks import call_user_function
from clu._core.reply import MessageCode, Reply
from clu._core.status import CommandStatus
from clu.command import Command
from clu.exceptions import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clu._amqp.reply import AMQPReply


CONNECTION_LOST = "The connection to the broker was lost."
NOT_DELIVERED = "The broker could not deliver the command to every queue."


async def wait_until_sent(
    waiting: asyncio.Future[bool], command: Command[Any] | None, timeout: float
) -> bool:
    """Wait until a future is done or a command has ended.

    Returns
    -------
    done
        False if neither was so within some seconds.
    """
    if command is not None and command.done():
        return True

    # The future is never cancelled here: a cancellation is always that of the one who waits.
    def end(is_done: bool, _: object = None) -> None:
        if not waiting.done():
            waiting.set_result(is_done)

    ended = functools.partial(end, True)
    if command is not None:
        command.add_done_callback(ended)
    timer = asyncio.get_running_loop().call_later(timeout, end, False)
    try:
        return await waiting
    finally:
        timer.cancel()
        if command is not None:
            command.remove_done_callback(ended)


class RunningCommands(dict[str, Command[Any]]):
    """The commands that run, by their id.

    Parameters
    ----------
    create_task
        Runs a coroutine in the background, for a callback.
    """

    def __init__(self, create_task: Callable[..., Any]) -> None:
        super().__init__()
        self._create_task = create_task
        #: The names to which commands are sent that actors of this package answer.
        self.ours: set[str] = set()
        #: Is called when a command to one of these begins.
        self.on_begun: Callable[[], None] | None = None
        #: Why those that may be lost are suspected, by their ids: they fail unless a reply comes.
        self._suspects: dict[str, _Suspicion] = {}

    def add(self, command: Command[Any]) -> None:
        """Add a command, until it has ended.

        Raises
        ------
        CommandError
            If another one of its id runs.
        """
        command_id = str(command.command_id)
        if self.runs(command_id):
            # The replies to the two could not be told apart.
            raise CommandError(f"The command {command_id!r} is still running.")
        self[command_id] = command
        if command.consumer_id in self.ours and self.on_begun is not None:
            self.on_begun()
        command.add_done_callback(lambda _: self.forget(command))

    def runs(self, command_id: str) -> bool:
        """Whether a command has not ended. One that has is forgotten a little later."""
        command = self.get(command_id)
        return command is not None and not command.done()

    def forget(self, command: Command[Any]) -> None:
        """Remove a command."""
        command_id = str(command.command_id)
        if self.get(command_id) is command:
            del self[command_id]
            self._clear(command_id)

    def take_reply(self, reply: AMQPReply) -> None:
        """Update the command that a reply belongs to, if it runs.

        Replies of other actors, which run a part of the command under its id, do not end it.
        """
        command = self.get(reply.command_id or "")
        if command is None:
            return
        is_own = _is_answer(reply, command)
        if not is_own and not _is_of_part(reply, command):
            return
        if is_own and self._suspects:
            self._clear(str(reply.command_id))
        code, internal = reply._code, reply.internal
        if code is not None:
            command.replies.append(
                Reply(code, reply.body, command, validated=True, internal=internal)
            )
        if command._reply_callback is not None:
            result = call_user_function(command._reply_callback, reply)
            if asyncio.iscoroutine(result):
                self._create_task(result, command._reply_callback)
        if not is_own or code is None:
            return
        status = CommandStatus.code_to_status(code._value_)
        if not command.status.is_done and status is not command.status:
            command.set_status(status)
            if self.on_begun is not None and _is_ours(reply):
                self.ours.add(str(command.consumer_id))
                self.on_begun()
            if status.is_done:  # who waits for the command may look before its callbacks run
                self.forget(command)

    def fail(self, command: Command[Any], reason: str) -> None:
        """End a command with a reason, as if its actor had said so."""
        if command.done():
            return
        error = {"error": reason}
        command.replies.append(
            Reply(MessageCode.FAILED, error, command, validated=True, internal=command.internal)
        )
        command.set_status(CommandStatus.FAILED)
        self.forget(command)

    def fail_all(self, reason: str) -> None:
        """End all commands with a reason."""
        for command in list(self.values()):
            self.fail(command, reason)

    def connection_lost(self, limit: float | None) -> None:
        """Suspect the commands that run now: they, or their replies, may be lost."""
        self._suspect(self, CONNECTION_LOST, limit)

    def connection_back(self, limit: float | None) -> set[str]:
        """Return the consumers of suspected commands, which get the whole limit to answer."""
        suspects = [key for key, value in self._suspects.items() if value.reason == CONNECTION_LOST]
        for command_id in suspects:
            self._clear(command_id)
        self._suspect(suspects, CONNECTION_LOST, limit)
        return {str(self[command_id].consumer_id) for command_id in suspects if command_id in self}

    def nacked(self, command_id: str, limit: float | None) -> None:
        """Suspect a command that a queue, maybe that of its actor, did not get."""
        if command_id in self:
            self._suspect([command_id], NOT_DELIVERED, limit)

    def take_announcement(self, reply: AMQPReply, limit: float | None) -> None:
        """Suspect the commands that an actor says it does not run, and clear those that it does.

        Parameters
        ----------
        reply
            The announcement of the actor.
        limit
            The seconds for which a command may wait for a reply; None stands for no limit.
        """
        own = self._of(reply)
        ids = running_ids(reply)
        if ids is None:
            suspects = [command_id for command_id in own if not self[command_id].replies]
        else:
            suspects = [command_id for command_id in own if command_id not in ids]
            for command_id in ids.intersection(own):
                self._clear(command_id)
        self._suspect(suspects, loss_reason(reply), limit)

    def is_suspected(self, command_id: str) -> bool:
        """Whether a command fails anyway unless a reply comes."""
        return command_id in self._suspects

    def suspects_of(self, consumer: str) -> set[str]:
        """Return the ids of the suspected commands to a consumer."""
        return {
            command_id
            for command_id in self._suspects
            if (sent := self.get(command_id)) is not None and sent.consumer_id == consumer
        }

    def take_presence(self, reply: AMQPReply, asked: Iterable[str]) -> None:
        """Settle suspected commands of an actor that was asked which ones it runs.

        Parameters
        ----------
        reply
            The answer of the actor.
        asked
            The commands that were suspected when it was asked. They were sent before, so that one
            that it does not run will not come.
        """
        ids = running_ids(reply)
        own = self._of(reply)
        for command_id in asked:
            suspicion = self._suspects.get(command_id)
            if suspicion is None or command_id not in own:
                continue
            if ids is None or command_id in ids:
                self._clear(command_id)
            else:
                reason = f"{suspicion.reason} The actor {reply.sender!r} does not run the command."
                self.fail(self[command_id], reason)

    def clear_all_of(self, consumer: str) -> None:
        """Clear the commands to a consumer that is there and cannot be asked."""
        for command_id, sent in list(self.items()):
            if sent.consumer_id == consumer:
                self._clear(command_id)

    def _of(self, reply: AMQPReply) -> list[str]:
        """Return the ids of the commands to the sender of a reply."""
        return [
            command_id
            for command_id, sent in self.items()
            if is_for(sent.consumer_id, reply.sender)
        ]

    def _suspect(self, command_ids: Iterable[str], reason: str, limit: float | None) -> None:
        """Fail commands, unless they end or get a reply within some seconds."""
        # One that is suspected already has its limit, which repeated losses do not put off.
        suspects = [command_id for command_id in command_ids if command_id not in self._suspects]
        if suspects and limit is not None:
            suspicion = _Suspicion(reason, len(suspects))
            self._suspects.update(dict.fromkeys(suspects, suspicion))
            loop = asyncio.get_running_loop()
            suspicion.timer = loop.call_later(limit, self._fail_suspects, suspicion)

    def _clear(self, command_id: str) -> None:
        """Suspect a command no longer."""
        if (suspicion := self._suspects.pop(command_id, None)) is not None:
            suspicion.count -= 1
            if suspicion.count == 0 and suspicion.timer is not None:
                suspicion.timer.cancel()

    def _fail_suspects(self, suspicion: _Suspicion) -> None:
        for command_id in [key for key, value in self._suspects.items() if value is suspicion]:
            if (command := self.get(command_id)) is not None:
                self.fail(command, suspicion.reason)


class _Suspicion:
    """Why some commands may be lost, and how many there still are."""

    def __init__(self, reason: str, count: int) -> None:
        self.reason = reason
        self.count = count
        self.timer: asyncio.TimerHandle | None = None


def _is_answer(reply: AMQPReply, command: Command[Any]) -> bool:
    """Whether a reply is one of the actor of a command to who sent it."""
    commander = reply.headers.get("commander_id")
    if commander is not None and commander != command.commander_id:
        return False
    # Mostly it is the same name, which is quick to see. A program need not give its name.
    return (
        reply.sender is None
        or reply.sender == command.consumer_id
        or is_for(command.consumer_id, reply.sender)
    )


def _is_ours(reply: AMQPReply) -> bool:
    """Whether a reply is one of this package, as the id of its message tells."""
    message_id = getattr(reply.message, "message_id", None)
    return isinstance(message_id, str) and message_id.startswith(ID_PREFIX)


def _is_of_part(reply: AMQPReply, command: Command[Any]) -> bool:
    """Whether a reply is to a command that was sent as a part of another one, with its id."""
    commander = reply.headers.get("commander_id")
    return isinstance(commander, str) and commander.startswith(f"{command.commander_id}.")


def is_for(consumer: object, actor: str | None) -> bool:
    """Whether an actor receives what is sent to a consumer.

    It also receives what is sent to its name followed by a dot and more.
    """
    return f"{consumer}.".startswith(f"{actor}.")
