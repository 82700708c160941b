"""Replies, tasks and commands that are not what they should be, and subclasses."""

from __future__ import annotations

import asyncio
import json
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from sdsstools.logger import SDSSLogger

from clu import AMQPClient, AMQPReply, Command, CommandStatus, JSONParser
from clu._amqp.duplicates import ID_PREFIX
from clu._speedups.received import SeenMessages
from clu.actor import AMQPBaseActor
from clu.exceptions import CluWarning, EncodingError
from clu.tools import REPLY

from ..waiting import until
from .actors import Camera, Listener, codes, ping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.broker import Broker

HEADERS = {"message_code": "i", "command_id": "1", "sender": "somebody", "internal": False}


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(1)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def __contains__(self, text: str) -> bool:
        return any(text in record.getMessage() for record in self.records)


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Iterator[Records]:
    handler = Records()
    usual = logging.getLoggerClass()
    # The class that actors expect: another would stay for the tests that follow.
    logging.setLoggerClass(SDSSLogger)
    loggers = [logging.getLogger(f"clu:{name}") for name in ("camera", "client")]
    logging.setLoggerClass(usual)
    loggers.append(logging.getLogger("clu"))
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("body", "headers", "correlation"),
    [
        (b"not json", HEADERS, "1"),
        (b"", HEADERS, "1"),
        (b"[1]", HEADERS, "1"),
        (b"\xff", HEADERS, "1"),
        (b"{}", {}, "1"),
        (b"{}", {**HEADERS, "message_code": ""}, "1"),
        (b"{}", {**HEADERS, "message_code": None}, "1"),
        (b"{}", HEADERS, "another"),
        (b"{}", HEADERS, None),
    ],
)
async def test_a_message_that_is_no_reply_is_logged(
    camera: Camera,
    client: AMQPClient,
    listener: Listener,
    log: Records,
    body: bytes,
    headers: dict[str, Any],
    correlation: str | None,
) -> None:
    seen: list[AMQPReply] = []
    client.add_reply_callback(seen.append)
    await listener.publish("reply.client.camera", body, headers, correlation_id=correlation)
    await until(lambda: "Invalid message received." in log)
    wordings = ("received message ", "mismatch between message correlation_id=")
    assert any(wording in log for wording in wordings)
    assert "IncomingMessage:{" in log
    assert seen == []
    assert await ping(client) == "Pong."


@pytest.mark.parametrize("code", ["I", "%", 3, "i"])
async def test_a_reply_with_any_code_reaches_callbacks(
    client: AMQPClient, listener: Listener, log: Records, code: Any
) -> None:
    seen: list[AMQPReply] = []
    client.add_reply_callback(seen.append)
    headers = {**HEADERS, "message_code": code}
    await listener.publish("reply.broadcast", {"a": 1}, headers, correlation_id="1")
    await until(lambda: seen)
    (reply,) = seen
    given: Any = reply.message_code
    assert (type(given), given, f"{given}", reply.is_valid) == (str, str(code), str(code), True)
    assert given in "I%3i"
    assert json.dumps(given) == f'"{code}"'
    assert "Invalid message" not in log


async def test_a_reply_without_a_sender_is_valid(
    client: AMQPClient, listener: Listener, log: Records
) -> None:
    seen: list[AMQPReply] = []
    client.add_reply_callback(seen.append)
    await listener.publish(
        "reply.broadcast", {"a": 1}, {**HEADERS, "sender": None}, correlation_id="1"
    )
    await until(lambda: seen)
    assert (seen[0].is_valid, seen[0].sender, seen[0].body) == (True, None, {"a": 1})
    assert "received message without sender: IncomingMessage:{" in log


@pytest.mark.parametrize("sender", ["shutter", None])
async def test_codes_in_capitals_end_a_command_and_unknown_ones_do_not(
    client: AMQPClient, listener: Listener, sender: str | None
) -> None:
    channel = await listener.connection.channel()
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind("sdss_exchange", "command.shutter")
    sent: list[AMQPReply] = []
    command = await client.send_command(
        "shutter", "open", await_command=False, reply_callback=sent.append
    )
    for code in (">", "I", "q", "F"):
        headers = {"message_code": code, "commander_id": "client.shutter", "sender": sender}
        command_id = str(command.command_id)
        await listener.publish(
            "reply.client.shutter",
            {"code": code},
            {**headers, "command_id": command_id},
            correlation_id=command_id,
        )
    await asyncio.wait_for(command, 10)
    assert command.status is CommandStatus.FAILED
    assert [reply.message_code.value for reply in command.replies] == [">", "i", "f"]
    assert [reply.message_code for reply in sent] == [">", "I", "q", "F"]


async def test_the_fields_of_a_reply(client: AMQPClient, listener: Listener) -> None:
    seen: list[AMQPReply] = []
    client.add_reply_callback(seen.append)
    headers = {**HEADERS, "sender": bytearray(b"somebody"), "extra": {"a": [1]}}
    await listener.publish("reply.broadcast", {"a": 1}, headers, correlation_id="1")
    await until(lambda: seen)
    (reply,) = seen
    assert reply.is_valid
    assert (reply.body, reply.sender, reply.command_id) == ({"a": 1}, "somebody", "1")
    assert reply.message_code == "i"
    assert reply.internal is False
    assert reply.headers["sender"] == "somebody"
    assert reply.info["routing_key"] == "reply.broadcast"
    assert reply.message.body == b'{"a": 1}'
    assert isinstance(reply.message, aio_pika.abc.AbstractIncomingMessage)
    assert "somebody" in repr(reply)


async def test_a_reply_that_comes_twice_counts_once(client: AMQPClient, listener: Listener) -> None:
    seen: list[AMQPReply] = []
    client.add_reply_callback(seen.append)
    for message_id in ("clu:a", "clu:b", "clu:a", "clu:b", "clu:c"):
        await listener.publish(
            "reply.broadcast", {}, HEADERS, correlation_id="1", message_id=message_id
        )
    await until(lambda: len(seen) == 3)
    assert [reply.message.message_id for reply in seen] == ["clu:a", "clu:b", "clu:c"]


async def test_commands_of_a_foreign_client_that_repeats_an_id_all_run(
    camera: Camera, listener: Listener
) -> None:
    headers = {"commander_id": "tester.camera"}
    for number in range(3):
        await listener.publish(
            "command.camera",
            {"command_string": "ping"},
            {**headers, "command_id": str(number)},
            message_id="always the same",
        )
    await until(lambda: len(listener.find("reply.tester.camera")) == 6)


async def test_a_command_of_our_own_that_comes_twice_runs_once_and_the_log_says_so(
    camera: Camera, client: AMQPClient, listener: Listener, log: Records
) -> None:
    headers = {"commander_id": "tester.camera", "command_id": "1"}
    for _ in range(2):
        await listener.publish(
            "command.camera", {"command_string": "ping"}, headers, message_id="clu:1"
        )
    assert await ping(client) == "Pong."
    assert len(listener.find("reply.tester.camera")) == 2
    assert "ignored a command that came twice (message_id='clu:1')" in log


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"",
        b"\xff\xfe",
        b"5",
        b"null",
        b'"command_string"',
        b"[" * 100_000,
        [1],
        {},
        {"command_string": 3},
    ],
)
async def test_a_bad_command_fails_and_the_actor_listens_on(
    camera: Camera, client: AMQPClient, listener: Listener, body: Any
) -> None:
    await listener.command(body, command_id="bad", commander_id="tester.camera")
    await until(lambda: listener.find("reply.tester.camera"))
    (reply,) = listener.find("reply.tester.camera")
    assert reply.headers["message_code"] == "f"
    assert reply.headers["command_id"] == "bad"
    assert b"error" in reply.body
    assert await ping(client) == "Pong."


async def test_a_command_without_headers(
    camera: Camera, client: AMQPClient, listener: Listener, log: Records
) -> None:
    await listener.publish("command.camera", b"garbage", {})
    await until(lambda: "bad command" in log)
    await listener.publish("command.camera", {"command_string": "ping"}, {})
    await until(lambda: len(listener.find("reply.None")) == 2)
    assert await ping(client) == "Pong."


async def test_tasks(camera: Camera, client: AMQPClient, listener: Listener, log: Records) -> None:
    payloads: list[dict[str, Any]] = []

    async def expose(payload: dict[str, Any]) -> None:
        payloads.append(payload)

    def fails(payload: dict[str, Any]) -> None:
        raise ValueError("no film")

    async def fails_later(payload: dict[str, Any]) -> None:
        raise ValueError("no shutter")

    camera.add_task_handler("expose", expose)
    camera.add_task_handler("fails", fails)
    camera.add_task_handler("fails_later", fails_later)
    for name in ("fails", "fails_later", "unknown"):
        await client.send_task("camera", name)
    await listener.publish("command.camera", b"garbage", {"task": True})
    await client.send_task("camera", "expose", {"seconds": 3}, flavour="dark")
    await until(lambda: payloads and len(listener.find("command.camera")) == 5)
    assert payloads == [{"seconds": 3, "flavour": "dark", "__actor__": camera}]
    sent = listener.find("command.camera")[-1]
    assert sent.headers == {"commander_id": "client.camera", "task": True}
    assert sent.reply_to == "client_replies"
    told = [json.loads(m.body) for m in listener.find("reply.broadcast")]
    assert {"error": "Unknown task 'unknown'"} in told
    assert "bad task" in log
    assert await ping(client) == "Pong."


async def test_a_dictionary_is_a_command_for_a_json_parser(broker: Broker) -> None:
    class Mine(JSONParser, AMQPBaseActor):
        async def move(self: Any, payload: dict[str, Any]) -> None:
            self.finish(text=f"to {payload['to']}")

        callbacks = {"move": move}

    async with Mine("mine", url=broker.url), AMQPClient("client", url=broker.url) as client:
        sent = client.send_command("mine", {"command": "move", "to": 5})
        command = await asyncio.wait_for(sent, 10)
        assert command.replies.get("text") == "to 5"


async def test_a_client_that_is_connected_is_not_started_again(broker: Broker) -> None:
    client = await AMQPClient("client", url=broker.url).start()
    connection = client.connection.connection
    async with client as same:
        assert same is client
        assert client.connection.connection is connection
    assert not client.is_connected()


async def test_what_is_not_to_be_logged_is_not_logged(
    camera: Camera, client: AMQPClient, log: Records
) -> None:
    for is_logged in (False, True):
        await client.send_command("camera", "ping", write_to_log=is_logged)
        assert ("New command received: 'camera ping'" in log) == is_logged
        assert ("Pong." in log) == is_logged


async def test_announcements_do_not_reach_a_handler_of_a_subclass(
    broker: Broker, client: AMQPClient
) -> None:
    keys: list[str] = []

    class Follower(AMQPClient):
        async def handle_reply(self, message: Any) -> AMQPReply:
            keys.append(message.routing_key)
            return await super().handle_reply(message)

    async with Follower("follower", url=broker.url), Camera("camera", url=broker.url):
        assert await ping(client) == "Pong."
        await until(lambda: len(keys) == 2)
    assert set(keys) == {"reply.client.camera"}


async def test_broadcasts(camera: Camera, listener: Listener) -> None:
    command: Command[Any] = Command("", commander_id="x.camera", command_id="7", actor=camera)
    camera.write("w", text="to all")
    camera.write("w", text="to all", command=command, broadcast=True)
    await until(lambda: len(listener.messages) == 2)
    first, second = listener.find("reply.broadcast")
    assert first.headers["command_id"] is None
    assert first.correlation_id is None
    assert second.headers["command_id"] == "7"
    assert second.headers["commander_id"] == "x.camera"


async def test_replies_are_logged(camera: Camera, client: AMQPClient, log: Records) -> None:
    await ping(client)
    assert any(r.levelno == REPLY and "Pong." in r.getMessage() for r in log.records)
    assert "New command received: 'camera ping'" in log


async def test_what_cannot_be_sent_is_reported(camera: Camera, client: AMQPClient) -> None:
    camera.validate = False
    command = await asyncio.wait_for(client.send_command("camera", "unsendable"), 5)
    assert codes(command) == [">", "e", "e", ":"]
    assert "Keyword 'word' cannot be sent" in command.replies.get("error")


async def test_models_follow_their_actors(broker: Broker, camera: Camera) -> None:
    with pytest.warns(CluWarning, match="Cannot load model 'nobody'"):
        client = await AMQPClient("m", url=broker.url, models=["camera", "nobody"]).start()
    assert list(client.models) == ["camera"]
    changes: list[Any] = []
    client.models["camera"]["number"].register_callback(lambda prop: changes.append(prop.value))
    camera.write("i", number=5)
    await until(lambda: changes == [5])
    assert client.models["camera"]["number"].value == 5
    async with Camera("second", url=broker.url):
        await client.models.add_actor("second")
    assert "second" in client.models
    await client.stop()


async def test_a_json_parser(broker: Broker, client: AMQPClient, listener: Listener) -> None:
    class Actor(JSONParser, AMQPBaseActor):
        async def move(self, command: Command[Any], payload: dict[str, Any]) -> None:
            command.finish(text=str(payload["to"]))

    actor = Actor("camera", url=broker.url)
    actor.callbacks = {"move": actor.move}
    async with actor:
        command = await client.send_command("camera", '{"command": "move", "to": 5}')
        assert command.replies.get("text") == "5"
        body = {"command_string": {"command": "move", "to": 6}}
        await listener.command(body, command_id="j", commander_id="tester.camera")
        await until(lambda: len(listener.find("reply.tester.camera")) == 2)
        assert b'"6"' in listener.find("reply.tester.camera")[-1].body


async def test_subclasses_that_override_what_handles_messages(broker: Broker) -> None:
    calls: list[tuple[str, Any]] = []

    class Client(AMQPClient):
        async def handle_reply(self, message: Any) -> AMQPReply:
            assert isinstance(message, aio_pika.abc.AbstractIncomingMessage)
            reply = await super().handle_reply(message)
            calls.append(("reply", reply.message_code))
            return reply

    class Raw(AMQPClient):
        async def handle_reply(self, message: Any) -> Any:
            async with message.process():
                calls.append(("raw", message.info()["routing_key"]))
            raise ValueError("not your reply")

    class Actor(Camera):
        async def new_command(self, message: Any, ack: bool = True) -> Any:
            calls.append(("command", message.headers["commander_id"]))
            return await super().new_command(message, ack=ack)

        async def _write_internal(self, reply: Any, write_to_log: bool = True) -> None:
            calls.append(("write", reply.message_code.value))
            await super()._write_internal(reply, write_to_log)

    async with (
        Actor("camera", url=broker.url) as camera,
        Client("client", url=broker.url) as client,
        Raw("raw", url=broker.url),
    ):
        command = await client.send_command("camera", "count 50")
        assert [reply.message["number"] for reply in command.replies[1:-1]] == list(range(50))
        assert command.status is CommandStatus.DONE
        assert calls[0] == ("command", "client.camera")
        assert calls.count(("write", "i")) == calls.count(("reply", "i")) == 50
        await until(lambda: calls.count(("raw", "reply.client.camera")) == 52)
        camera.validate = False
        command = await asyncio.wait_for(client.send_command("camera", "unsendable"), 5)
        assert "Keyword 'word' cannot be sent" in command.replies.get("error")
        assert command.status is CommandStatus.DONE


async def test_an_encoding_error_names_the_keyword(broker: Broker) -> None:
    camera = Camera("camera", url=broker.url, validate=False)
    with pytest.raises(EncodingError) as caught:
        camera._write_now(await_reply({"word": object()}))
    assert caught.value.keyword == "word"


def await_reply(message: dict[str, Any]) -> Any:
    from clu import MessageCode, Reply

    return Reply(MessageCode.INFO, message)


class Hesitant(AMQPClient):
    """Puts the first reply that it gets back into the queue."""

    numbers: list[int]

    async def handle_reply(self, message: Any) -> AMQPReply:
        reply = AMQPReply(message, log=self.log)
        if "number" in reply.body:
            self.numbers.append(reply.body["number"])
            if len(self.numbers) == 1:
                await message.nack(requeue=True)
                return reply
        return await super().handle_reply(message)


async def test_a_reply_that_was_put_back_into_the_queue_comes_again(
    broker: Broker, camera: Camera
) -> None:
    client = Hesitant("hesitant", url=broker.url)
    client.numbers = []
    async with client:
        camera.write("i", number=1)
        await until(lambda: client.numbers == [1, 1])
        camera.write("i", number=2)
        await until(lambda: client.numbers == [1, 1, 2])


@pytest.mark.parametrize("remembered", [1, 8192])
def test_a_message_is_known_unless_it_was_put_back_on_the_same_channel(remembered: int) -> None:
    seen = SeenMessages(ID_PREFIX, remembered)

    def message(redelivered: bool) -> Any:
        return SimpleNamespace(message_id="clu:1", redelivered=redelivered)

    assert not seen.has(message(False))
    assert seen.has(message(False))
    assert not seen.has(message(True))
    seen.close_channel()
    assert seen.has(message(False))
    assert seen.has(message(True))
