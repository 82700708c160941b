"""Actors without a network, for tests."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import AsyncMock, MagicMock

from clu.actor import AMQPBaseActor, TCPBaseActor
from clu.command import Command
from clu.exceptions import CluRuntimeError
from clu.legacy.actor import BaseLegacyActor, LegacyActor

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MockReply", "MockReplyList", "MockedActor", "TestCommand", "setup_test_actor"]

_VALUE = r"""[ \t]*(?:"(?:[^"\\]|\\.)*"[^;,]*|'(?:[^'\\]|\\.)*'[^;,]*|[^;,]*)"""
#: A keyword of a legacy reply with its values; a semicolon may be inside quotes.
_ITEM = re.compile(rf"([^;=]+(?:={_VALUE}(?:,{_VALUE})*)?)(?:;|$)")

T = TypeVar("T", bound="TCPBaseActor | BaseLegacyActor | AMQPBaseActor")


class MockReply(dict[str, Any]):
    """A reply of an actor: a dictionary of the keywords and their values.

    Parameters
    ----------
    user_id
        The user to whom the reply was sent.
    command_id
        The id of the command that the reply answers.
    flag
        The code of the reply.
    data
        The keywords and their values.
    """

    def __init__(
        self,
        user_id: int | str | None,
        command_id: int | str | None,
        flag: str,
        data: Mapping[str, Any] = {},
    ) -> None:
        super().__init__(data)
        self.user_id = user_id
        self.command_id = command_id
        self.flag = flag

    def __repr__(self) -> str:
        return f"<MockReply ({self.user_id} {self.command_id} {self.flag} {dict(self)!r})>"


class MockReplyList(list[MockReply]):
    """The replies of an actor.

    ``value in replies`` is true if the value of a keyword in a reply equals or contains it.

    Parameters
    ----------
    actor
        The actor.
    """

    LEGACY_REPLY_PATTERN = re.compile(r"([0-9]+)\s+([0-9]+)\s+((?:[a-z]|\:|\>|\!))\s+(.*)")

    def __init__(self, actor: Any) -> None:
        super().__init__()
        self.actor = actor

    def parse_reply(self, reply: Any, routing_key: str | None = None) -> None:
        """Append a reply that the actor wrote to its transport."""
        if isinstance(self.actor, BaseLegacyActor):
            self._parse_legacy(reply.decode() if isinstance(reply, bytes) else reply)
        elif isinstance(self.actor, AMQPBaseActor):
            self._parse_amqp(reply)
        else:
            self._parse_json(reply)

    def _parse_json(self, reply: bytes) -> None:
        message = json.loads(reply)
        header = message["header"]
        self.append(
            MockReply(
                header["commander_id"],
                header["command_id"],
                header["message_code"],
                message["data"],
            )
        )

    def _parse_legacy(self, text: str) -> None:
        found = self.LEGACY_REPLY_PATTERN.match(text)
        if found is None:
            return
        user_id, command_id, flag, body = found.groups()
        data = {}
        for item in _ITEM.findall(body):
            keyword, _, value = item.strip().partition("=")
            data[keyword] = value
        self.append(MockReply(int(user_id), int(command_id), flag, data))

    def _parse_amqp(self, message: Any) -> None:
        headers = {
            key: value.decode() if isinstance(value, bytes) else value
            for key, value in message.headers.items()
        }
        self.append(
            MockReply(
                headers.get("commander_id"),
                headers.get("command_id"),
                str(headers.get("message_code")),
                json.loads(message.body or b"{}"),
            )
        )

    def __contains__(self, m: object) -> bool:
        return any(_holds(value, m) for reply in self for value in reply.values())

    def clear(self) -> None:
        """Remove the replies."""
        super().clear()


def _holds(value: Any, item: object) -> bool:
    if value == item:
        return True
    try:
        return item in value
    except TypeError:
        return False


class MockedActor(TCPBaseActor, LegacyActor, AMQPBaseActor):  # type: ignore[misc]
    """The type of the actors that `setup_test_actor` returns, for annotations."""

    mock_replies: MockReplyList


class TestCommand(Command[Any]):
    """A command that can be reused.

    Parameters
    ----------
    command_string, transport, kwargs
        Arguments of `clu.command.Command`.
    """

    __test__ = False  # not a test case, despite its name

    def reset(self) -> None:
        """Make the command ready to run again. The replies are kept."""
        asyncio.Future.__init__(self, loop=self.get_loop())
        self._status = self.flags.READY


def _publish_at_once(
    actor: Any, publish_soon: Any, exchange: Any, message: Any, routing_key: str
) -> None:
    """Publish to a mock without a task: the reply is available when `write` returns."""
    publish = exchange.publish
    if not isinstance(publish, AsyncMock) or asyncio.iscoroutinefunction(publish.side_effect):
        publish_soon(exchange, message, routing_key)
        return
    coroutine = publish(message, routing_key=routing_key)
    try:
        coroutine.send(None)
    except StopIteration:
        return
    except Exception:
        actor.log.exception("%s: cannot publish a reply.", actor.name)
    coroutine.close()


def command_message(command_str: str, command_id: int | str) -> Any:
    """Return the message of a command from a client to an AMQP actor."""
    from aio_pika import IncomingMessage
    from aiormq.abc import DeliveredMessage
    from pamqp.commands import Basic
    from pamqp.header import ContentHeader

    properties = Basic.Properties(
        headers={"command_id": str(command_id), "commander_id": "mock_test_client"},
        content_type="text/json",
        correlation_id=str(command_id),
        reply_to="mock_test_client_replies",
    )
    return IncomingMessage(
        DeliveredMessage(
            delivery=Basic.Deliver(),
            header=ContentHeader(properties=properties),
            body=json.dumps({"command_string": command_str}).encode(),
            channel=MagicMock(),
        )
    )


async def setup_test_actor(actor: T, user_id: int | str = 666) -> T:
    """Prepare an actor for tests, without a network.

    The actor gets a method ``invoke_mock_command(command_str, command_id=0)``, which runs a
    command as if a user had sent it, and a list ``mock_replies`` of the replies.

    Parameters
    ----------
    actor
        The actor, which is changed in place. It need not be started.
    user_id
        The id of the user who sends the commands.

    Returns
    -------
    actor
        The actor.

    Raises
    ------
    CluRuntimeError
        If this type of actor is not supported.
    """
    target: Any = actor
    if isinstance(actor, (TCPBaseActor, BaseLegacyActor)):
        target.mock_replies = MockReplyList(actor)
        transport = MagicMock(spec=asyncio.Transport)
        transport.user_id = user_id
        transport.multiline = False
        transport.is_closing.return_value = False
        transport.get_write_buffer_size.return_value = 0
        transport.write.side_effect = target.mock_replies.parse_reply
        target.transports[user_id] = transport

        def invoke_mock_command(command_str: str, command_id: int = 0) -> Any:
            return target.new_command(transport, f" {command_id} {command_str}".encode())
    elif isinstance(actor, AMQPBaseActor):
        target.mock_replies = MockReplyList(actor)
        target.connection.exchange = MagicMock()
        target.connection.exchange.publish = AsyncMock(side_effect=target.mock_replies.parse_reply)
        target._publish_soon = functools.partial(_publish_at_once, target, target._publish_soon)

        def invoke_mock_command(command_str: str, command_id: int = 0) -> Any:
            return target.new_command(command_message(command_str, command_id), ack=False)
    else:
        raise CluRuntimeError("setup_test_actor is not implemented for this type of actor")
    target.start = AsyncMock(return_value=actor)
    target.invoke_mock_command = invoke_mock_command
    return actor
