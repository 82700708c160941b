"""A connection to the actors of an AMQP broker."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import uuid
from typing import TYPE_CHECKING, Any

from aio_pika.exceptions import AMQPError

from clu._core.status import CommandStatus
from clu.cli.common.broker_options import BrokerOptions
from clu.cli.common.connection import (
    CONNECTION_TIMEOUT,
    CRITICAL,
    CannotConnect,
    Connection,
    Outcome,
    Received,
    Result,
    not_ended,
)
from clu.cli.common.ending import Ending
from clu.client import AMQPClient
from clu.exceptions import CluError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu.client import AMQPReply
    from clu.command import Command

__all__ = ["BrokerConnection", "BrokerOptions"]

#: After how many seconds without a reply to look whether there is the actor of a command. The time
#: until the next look doubles each time.
_LOOK_PERIOD, _LONGEST_LOOK_PERIOD = 1.0, 8.0
#: How many questions for its presence an actor leaves unanswered before it is taken for absent.
_MOST_UNANSWERED = 2
#: The seconds after which it is known that there is nobody, where no program records everything.
LOOK_TIME = 2 * _LOOK_PERIOD
#: What asyncio, unlike uvloop, says of a connection that is refused.
_CALL_FAILED = re.compile(r"(\[Errno (\d+)\] )Connect call failed \([^)]*\)")
#: The maximum length of an AMQP routing key, in bytes.
_LONGEST_KEY = 255


class _Log(logging.Logger):
    """The log of a client of the command line, which is only shown as notices."""

    def asyncio_exception_handler(self, loop: object, context: dict[str, Any]) -> None:
        """Log an error that nobody awaits."""
        self.error("%s", context["message"], exc_info=context.get("exception"))


class _Client(AMQPClient):
    """A client without a logger of sdsstools, whose import takes longer than a command."""

    def setup_logger(self, log: Any, log_dir: Any, verbose: bool | int = False) -> Any:
        """Return a logger without handlers."""
        return _Log(f"clu:{self.name}", logging.WARNING)


class BrokerConnection(Connection):
    """A connection to the actors of an AMQP broker.

    Parameters
    ----------
    options
        The address of the broker.
    """

    def __init__(self, options: BrokerOptions) -> None:
        super().__init__()
        options.check()
        self._quiet: set[str] = set()
        #: The commands that run, by their ids.
        self._endings: dict[str, Ending] = {}
        self._lost = False
        _silence_libraries()
        self.client = _Client(
            f"clu-{uuid.uuid4().hex[:12]}",
            **options.client_arguments(),
            connection_timeout=CONNECTION_TIMEOUT,
        )
        self.client.log.addHandler(_Notices(lambda text: self.on_notice(text)))
        self.client.add_reply_callback(self._receive)

    @property
    def address(self) -> str:
        """The address of the broker."""
        return self.client.connection.address

    async def open(self) -> None:
        """Connect to the broker."""
        try:
            await self.client.start()
        except CluError as error:
            raise CannotConnect(_CALL_FAILED.sub(_reason, str(error))) from None
        asyncio.get_running_loop().set_exception_handler(self._on_loop_error)
        connection = self.client.connection.connection
        connection.close_callbacks.add(self._on_lost)
        connection.reconnect_callbacks.add(self._on_back)

    async def close(self) -> None:
        """Close the connection."""
        self.on_notice = lambda _: None
        await self.client.stop()

    async def run(
        self, actor: str, text: str, *, quiet: bool = False, timeout: float | None = None
    ) -> Result:
        """Run a command."""
        if not self.client.is_connected():
            return Result(Outcome.UNREACHABLE, f"Not connected to {self.address}.")
        if len(f"command.{actor}".encode()) > _LONGEST_KEY:
            return Result(Outcome.UNREACHABLE, "The name of the actor is too long.")
        command_id = str(uuid.uuid4())
        if quiet:
            self._quiet.add(command_id)
        replies: list[Received] = []
        ending = self._endings[command_id] = Ending(actor, text, timeout)
        try:
            command = await self.client.send_command(
                actor,
                text,
                command_id=command_id,
                internal=quiet,
                time_limit=timeout,
                reply_callback=lambda reply: replies.append(self._received(reply)),
                await_command=False,
            )
            watching = asyncio.ensure_future(self._fail_if_absent(command, actor))
            try:
                await command
            finally:
                watching.cancel()
            if replies and replies[-1].code == CRITICAL and command.status.did_fail:
                return await ending.wait()
        except CluError as error:
            return Result(Outcome.UNREACHABLE, str(error), replies)
        finally:
            del self._endings[command_id]
        if command.status.did_succeed:
            return Result(Outcome.DONE, "", replies)
        if command.status is CommandStatus.TIMEDOUT:
            return Result(Outcome.TIMED_OUT, not_ended(actor, text, timeout), replies)
        if replies and replies[-1].code == "f":
            return Result(Outcome.FAILED, "", replies)
        return Result(Outcome.UNREACHABLE, self._reason(actor, command.replies), replies)

    async def _fail_if_absent(self, command: Command[Any], actor: str) -> None:
        """Fail a command that no actor has got.

        The broker returns it, unless somebody who is not the actor, such as one who records all
        commands, has got it too. A command is never failed because its actor is slow.
        """
        period, unknown = _LOOK_PERIOD, 0
        while not command.replies:
            await asyncio.sleep(period)
            period = min(2 * period, _LONGEST_LOOK_PERIOD)
            if command.replies:
                return
            from clu._amqp.absence import Finding, look_for_actor

            finding = await look_for_actor(self.client, actor)
            unknown = unknown + 1 if finding is Finding.UNANSWERED else 0
            if command.replies or (finding is not Finding.ABSENT and unknown < _MOST_UNANSWERED):
                continue
            self.client.running_commands.fail(command, f"Failed routing message to {actor!r}.")

    def _reason(self, actor: str, replies: Any) -> str:
        """Return why a command failed without a reply from the actor."""
        reason = str(replies[-1].body.get("error", "")) if replies else ""
        if not reason or "routing" in reason:
            return f"There is no actor {actor!r} on {self.address}."
        return reason

    def _received(self, reply: AMQPReply) -> Received:
        commander_id = reply.headers.get("commander_id")
        key = getattr(reply.message, "routing_key", None)
        return Received(
            str(reply.sender),
            reply.message_code.lower(),
            reply.body,
            reply.internal,
            commander_id is None or key == "reply.broadcast",
            str(commander_id).startswith(f"{self.client.name}."),
            len(reply.message.body),
        )

    def _receive(self, reply: AMQPReply) -> None:
        if not reply.is_valid:
            return
        received = self._received(reply)
        ending = self._endings.get(reply.command_id or "")
        # Others may run a part of the command, with its id.
        commander_id = reply.headers.get("commander_id")
        if ending is not None and commander_id == f"{self.client.name}.{ending.actor}":
            ending.take(received)
        if reply.command_id not in self._quiet:
            self.on_reply(received)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report an error that nobody awaits, unless it is about a lost connection."""
        error = context.get("exception")
        if not isinstance(error, (OSError, AMQPError)):
            self.on_notice(f"{context['message']}: {error!r}")

    def _on_lost(self, *_: Any) -> None:
        if not self._lost:
            self._lost = True
            for ending in self._endings.values():
                ending.lose()
            self.on_notice(f"Lost the connection to {self.address}; reconnecting.")

    def _on_back(self, *_: Any) -> None:
        self._lost = False
        self.on_notice(f"Reconnected to {self.address}.")
        self.on_connected(self)


def _reason(found: re.Match[str]) -> str:
    """Return the reason that asyncio leaves out where it names the address once more."""
    return f"{found[1]}{os.strerror(int(found[2]))}"


#: The functions of the client whose log lines are replaced by our own notices.
_REPORTED = ("_connection_lost", "_connection_back")


class _Notices(logging.Handler):
    """Reports warnings of the client as single lines."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        if record.funcName in _REPORTED:
            return
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
        self._report(" ".join(text.split()))


def _silence_libraries() -> None:
    """Do not show each failed attempt to reconnect: the loss is reported once."""
    for name in ("aio_pika", "aiormq"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
