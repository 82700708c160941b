"""The commands that a client has sent and that have not ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import loss_reason, running_ids
from clu._core.callbacks import call_user_function
from clu._core.reply import MessageCode, Reply
from clu._core.status import CommandStatus
from clu.command import Command
from clu.exceptions import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clu._amqp.reply import AMQPReply


async def wait_until_sent(
    waiting: asyncio.Future[None], command: Command[Any], timeout: float
) -> bool:
    """Wait until a future is done or a command has ended.

    Returns
    -------
    done
        False if neither was so within some seconds.
    """
    if command.done():
        return True

    is_late = False

    def ended(_: object) -> None:
        if not waiting.done():
            waiting.set_result(None)

    def time_out() -> None:
        nonlocal is_late
        is_late = True
        waiting.cancel()

    command.add_done_callback(ended)
    timer = asyncio.get_running_loop().call_later(timeout, time_out)
    try:
        await waiting
    except asyncio.CancelledError:
        # Not what the one who waits was cancelled with.
        if is_late:
            return False
        raise
    finally:
        timer.cancel()
        command.remove_done_callback(ended)
    return True


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
        #: Those that may be lost, by their ids: they fail unless a reply comes.
        self._lost: dict[str, _Loss] = {}

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
            self._trust(command_id)

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
        if is_own:
            self._trust(str(reply.command_id))
        code, internal = reply.message_code, reply.internal
        command.replies.append(Reply(code, reply.body, command, validated=True, internal=internal))
        if command._reply_callback is not None:
            result = call_user_function(command._reply_callback, reply)
            if asyncio.iscoroutine(result):
                self._create_task(result, command._reply_callback)
        if not is_own:
            return
        status = CommandStatus.code_to_status(code._value_)
        if not command.status.is_done and status is not command.status:
            command.set_status(status)
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
        """Fail the commands that run now, unless they end or get a reply within some seconds."""
        self._doubt(self, "The connection to the broker was lost.", limit)

    def take_announcement(self, reply: AMQPReply, limit: float | None) -> None:
        """Fail the commands that an actor does not run, unless they end or get a reply in time.

        Those that it does run are out of danger, whatever happened before.

        Parameters
        ----------
        reply
            The announcement of the actor.
        limit
            The seconds for which a command may wait for a reply; None stands for no limit.
        """
        own = [
            command_id
            for command_id, sent in self.items()
            if is_for(sent.consumer_id, reply.sender)
        ]
        ids = running_ids(reply)
        if ids is None:
            doubtful = [command_id for command_id in own if not self[command_id].replies]
        else:
            doubtful = [command_id for command_id in own if command_id not in ids]
            for command_id in ids.intersection(own):
                self._trust(command_id)
        self._doubt(doubtful, loss_reason(reply), limit)

    def _doubt(self, command_ids: Iterable[str], reason: str, limit: float | None) -> None:
        # One that is in doubt already has its limit, which repeated losses do not put off.
        doubtful = [command_id for command_id in command_ids if command_id not in self._lost]
        if doubtful and limit is not None:
            loss = _Loss(reason, len(doubtful))
            self._lost.update(dict.fromkeys(doubtful, loss))
            loss.timer = asyncio.get_running_loop().call_later(limit, self._fail_lost, loss)

    def _trust(self, command_id: str) -> None:
        """Take a command out of doubt."""
        if self._lost and (loss := self._lost.pop(command_id, None)) is not None:
            loss.count -= 1
            if loss.count == 0 and loss.timer is not None:
                loss.timer.cancel()

    def _fail_lost(self, loss: _Loss) -> None:
        for command_id in [key for key, value in self._lost.items() if value is loss]:
            if (command := self.get(command_id)) is not None:
                self.fail(command, loss.reason)


class _Loss:
    """Something because of which some commands may be lost."""

    def __init__(self, reason: str, count: int) -> None:
        self.reason = reason
        self.count = count
        self.timer: asyncio.TimerHandle | None = None


def _is_answer(reply: AMQPReply, command: Command[Any]) -> bool:
    """Whether a reply is one of the actor of a command to who sent it."""
    commander = reply.headers.get("commander_id")
    if commander is not None and commander != command.commander_id:
        return False
    # Mostly it is the same name, which is quick to see.
    return reply.sender == command.consumer_id or is_for(command.consumer_id, reply.sender)


def _is_of_part(reply: AMQPReply, command: Command[Any]) -> bool:
    """Whether a reply is to a command that was sent as a part of another one, with its id."""
    commander = reply.headers.get("commander_id")
    return isinstance(commander, str) and commander.startswith(f"{command.commander_id}.")


def is_for(consumer: object, actor: str | None) -> bool:
    """Whether an actor is the one to which what is sent to a consumer goes.

    It also gets what is sent to its name with a dot and more behind it.
    """
    return f"{consumer}.".startswith(f"{actor}.")
