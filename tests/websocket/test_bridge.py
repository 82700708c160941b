"""The websocket bridge over a real broker: commands in, replies out, and the errors between."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_in_thread

import clu.websocket
from clu.exceptions import CluConnectionError, CluRuntimeError, CluValueError
from clu.websocket import WebsocketServer
from tests.broker import free_port

from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.amqp.actors import Camera
    from tests.broker import Broker

RECORDED = ["headers", "exchange", "message_id", "routing_key", "timestamp", "body"]


@pytest.fixture
async def bridge(broker: Broker) -> AsyncIterator[WebsocketServer]:
    async with WebsocketServer(wport=0, url=broker.url) as bridge:
        yield bridge
    assert bridge.wclients == set()


async def send(
    client: ClientConnection, command: str, consumer: str = "camera", **more: Any
) -> None:
    await client.send(json.dumps({"consumer": consumer, "command_string": command, **more}))


async def receive(client: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), 10))


async def refusal(client: ClientConnection) -> Any:
    """Return the next error of the bridge, which replies to other commands may precede."""
    while "error" not in (message := await receive(client)):
        pass
    return message


async def ended(client: ClientConnection, command_id: str) -> Any:
    """Return the last reply to a command."""
    while True:
        reply = await receive(client)
        headers = reply["headers"]
        if headers["command_id"] == command_id and headers["message_code"] in (":", "f"):
            return reply


async def test_command_is_passed_on_and_replies_come_back_as_recorded(
    bridge: WebsocketServer, camera: Camera
) -> None:
    async with connect(bridge.address) as client:
        await send(client, "ping", command_id="abc")
        running, done = await receive(client), await receive(client)
    name = bridge.client.name
    for reply, code, internal in ((running, ">", True), (done, ":", False)):
        assert list(reply) == RECORDED
        assert reply["headers"] == {
            "command_id": "abc",
            "commander_id": f"{name}.camera",
            "internal": internal,
            "message_code": code,
            "sender": "camera",
        }
        assert reply["exchange"] == "sdss_exchange"
        assert reply["routing_key"] == f"reply.{name}.camera"
        assert reply["message_id"]
        assert reply["timestamp"].endswith("+00:00")
    assert running["body"] == {}
    assert done["body"] == {"text": "Pong."}


async def test_binary_message_with_json_is_a_command(
    bridge: WebsocketServer, camera: Camera
) -> None:
    async with connect(bridge.address) as client:
        message = {"consumer": "camera", "command_string": "ping", "command_id": 5}
        await client.send(json.dumps(message).encode())
        assert (await ended(client, "5"))["body"] == {"text": "Pong."}


async def test_commands_of_a_client_arrive_in_order(
    bridge: WebsocketServer, camera: Camera
) -> None:
    async with connect(bridge.address) as client:
        for number in range(50):
            await send(client, f"echo {number}", command_id=str(number))
        texts = []
        while len(texts) < 50:
            if text := (await receive(client))["body"].get("text"):
                texts.append(text)
    assert texts == [str(number) for number in range(50)]


async def test_every_client_gets_every_reply_encoded_once(
    bridge: WebsocketServer, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []

    def encode(reply: Any) -> str:
        encoded.append(reply)
        return encode_reply(reply)

    encode_reply = clu.websocket.encode_reply
    monkeypatch.setattr(clu.websocket, "encode_reply", encode)
    async with (
        connect(bridge.address) as one,
        connect(bridge.address) as two,
        connect(bridge.address) as three,
    ):
        await until(lambda: len(bridge.wclients) == 3)
        camera.write("w", text="For all.")
        replies = [await receive(client) for client in (one, two, three)]
    assert replies[0]["routing_key"] == "reply.broadcast"
    assert replies[0]["headers"]["message_code"] == "w"
    assert replies == [replies[0]] * 3
    assert len(encoded) == 1


async def test_browsers_get_null_for_nan_and_others_what_the_actor_sent(
    bridge: WebsocketServer, camera: Camera
) -> None:
    async with (
        connect(bridge.address) as program,
        connect(bridge.address, origin="http://localhost:8000") as browser,
    ):
        await until(lambda: len(bridge.wclients) == 2)
        camera.write("i", number=float("nan"), validate=False)
        text = await asyncio.wait_for(browser.recv(), 10)
        assert "NaN" not in text
        assert json.loads(text)["body"] == {"number": None}
        assert math.isnan((await receive(program))["body"]["number"])
        camera.write("i", number=5)
        for client in (program, browser):
            assert (await receive(client))["body"] == {"number": 5}


async def test_subclass_can_look_at_the_replies(broker: Broker, camera: Camera) -> None:
    class Server(WebsocketServer):
        async def _handle_reply(self, reply: Any) -> None:
            await asyncio.sleep(0)
            reply.body["seen"] = True
            await super()._handle_reply(reply)

    async with Server(wport=0, url=broker.url) as bridge, connect(bridge.address) as client:
        await send(client, "ping", command_id="a")
        assert (await ended(client, "a"))["body"] == {"text": "Pong.", "seen": True}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("ping", "is not JSON"),
        ("", "is not JSON"),
        (b"\x00\xff\xfe", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("9" * 5000, "is not JSON"),
        ("null", "is null, not an object"),
        ('["ping"]', "is a list, not an object"),
        ("{}", "no 'consumer'"),
        ('{"consumer": ["camera"], "command_string": "ping"}', "'consumer' must be a string"),
        ('{"consumer": "camera", "command_string": {}}', "'command_string' must be a string"),
        ('{"consumer": "camera", "command_string": "ping", "command_id": []}', "'command_id' must"),
        ("x" * (1024 * 1024 + 1), "1048577 bytes is longer than the limit of 1048576 bytes"),
        (b"x" * (4 * 1024 * 1024), "longer than the limit"),
    ],
    ids=lambda value: repr(value[:40]),
)
async def test_bad_message_is_answered_and_survived(
    bridge: WebsocketServer, camera: Camera, message: str | bytes, reason: str
) -> None:
    async with connect(bridge.address) as client:
        await client.send(message)
        error = await receive(client)
        assert reason in error["error"]
        assert error["command_id"] is None
        await send(client, "ping", command_id="a")
        assert (await ended(client, "a"))["body"] == {"text": "Pong."}


async def test_text_that_is_not_utf8_is_answered_and_survived(
    bridge: WebsocketServer, camera: Camera
) -> None:
    async with connect(bridge.address) as client:
        await client.send(b"\xff\xfe", text=True)
        assert "is not JSON" in (await receive(client))["error"]
        await send(client, "ping", command_id="a")
        await ended(client, "a")


def send_absurdly_much(address: str) -> Any:
    with connect_in_thread(address) as client:
        with contextlib.suppress(ConnectionClosed):
            client.send("x" * (9 * 1024 * 1024))
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(10)
    return closed.value.rcvd


async def test_absurdly_long_message_closes_its_connection_alone(bridge: WebsocketServer) -> None:
    async with connect(bridge.address) as good:
        closed = await asyncio.to_thread(send_absurdly_much, bridge.address)
        assert closed.code == 1009
        assert closed.reason == "frame with 9437184 bytes exceeds limit of 8388608 bytes"
        await send(good, "ping", "nobody", command_id="a")
        assert (await receive(good))["command_id"] == "a"


async def test_command_that_no_actor_receives_fails_for_its_client_alone(
    bridge: WebsocketServer, camera: Camera
) -> None:
    async with connect(bridge.address) as client, connect(bridge.address) as other:
        await send(client, "ping", "nobody", command_id=7)
        error = await receive(client)
        assert error["error"] == "Failed routing message to consumer 'nobody'."
        assert error["command_id"] == 7
        assert error["headers"]["command_id"] == "7"
        assert error["headers"]["message_code"] == "f"
        await send(client, "ping", command_id="next")
        first = await receive(other)
    assert first["headers"]["command_id"] == "next"


async def test_command_that_fails_is_reported_once(bridge: WebsocketServer, camera: Camera) -> None:
    async with connect(bridge.address) as client:
        await send(client, "nonsense", command_id="a")
        assert "error" not in await ended(client, "a")
        await send(client, "ping", command_id="b")
        following = await receive(client)
    assert following["headers"]["command_id"] == "b"


async def test_broker_that_raises_is_an_error_for_the_client(
    bridge: WebsocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_command(*args: Any, **kwargs: Any) -> None:
        raise CluConnectionError("There is no connection to the broker.")

    monkeypatch.setattr(bridge.client, "send_command", send_command)
    async with connect(bridge.address) as client:
        for number in range(3):
            await send(client, "ping", command_id=number)
            error = await receive(client)
            assert error["error"] == "There is no connection to the broker."
            assert error["command_id"] == number


async def test_id_of_a_running_command_is_refused(bridge: WebsocketServer, camera: Camera) -> None:
    async with connect(bridge.address) as client:
        await send(client, "sleep 0.5", command_id="a")
        await send(client, "ping", command_id="a")
        error = await refusal(client)
        assert error["error"] == "A command with the id 'a' is already running."
        assert error["command_id"] == "a"
        assert (await ended(client, "a"))["body"] == {"text": "slept"}


async def test_commands_at_once_have_a_limit(broker: Broker, camera: Camera) -> None:
    async with (
        WebsocketServer(wport=0, url=broker.url, max_commands=2) as bridge,
        connect(bridge.address) as client,
        connect(bridge.address) as other,
    ):
        for name in "abc":
            await send(client, "sleep 0.5", command_id=name)
        error = await refusal(client)
        assert error["command_id"] == "c"
        assert error["error"].startswith("The limit of 2 running commands")
        await send(other, "ping", command_id="other")
        assert (await ended(other, "other"))["body"] == {"text": "Pong."}
        await ended(client, "b")
        await send(client, "ping", command_id="d")
        assert (await ended(client, "d"))["body"] == {"text": "Pong."}


async def test_command_that_does_not_end_is_given_up(broker: Broker, camera: Camera) -> None:
    async with (
        WebsocketServer(wport=0, url=broker.url, time_limit=0.2) as bridge,
        connect(bridge.address) as client,
    ):
        await send(client, "sleep 1", command_id="a")
        error = await ended(client, "a")
        assert error["error"] == "The command did not end within 0.2 s."
        assert error["command_id"] == "a"
        assert not bridge.client.running_commands
        assert not any(client.commands for client in bridge._clients.values())
        assert (await ended(client, "a"))["body"] == {"text": "slept"}


async def test_token_is_needed_where_there_is_one(broker: Broker) -> None:
    async with WebsocketServer(wport=0, url=broker.url, token="s3cret") as bridge:
        for address in (bridge.address, f"{bridge.address}/?token=wrong"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(address)
            response = refused.value.response
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert bytes(response.body or b"") == b"The token is missing or wrong.\n"
        async with connect(f"{bridge.address}/?token=s3cret"):
            pass
        async with connect(bridge.address, additional_headers={"Authorization": "Bearer s3cret"}):
            pass


async def test_token_is_in_no_log_and_no_answer(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = WebsocketServer(wport=0, url=broker.url, token="s3cret-token")
    bridge.log.setLevel(1)
    async with bridge:
        address = f"{bridge.address}/?token=s3cret-token"
        async with connect(address) as client:
            await client.send("garbage")
            error = await receive(client)
        with pytest.raises(InvalidStatus) as refused:
            await connect(address, origin="http://evil.example")
        # What is no handshake, and what is no HTTP.
        for version in ("HTTP/1.1", "FTP"):
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.wport)
            writer.write(f"GET /?token=s3cret-token {version}\r\nHost: a\r\n\r\n".encode())
            said = await asyncio.wait_for(reader.read(), 10)
            assert b"s3cret-token" not in said
            writer.close()
            await writer.wait_closed()
    assert "has connected" in caplog.text
    said = f"{caplog.text} {error} {refused.value.response.body!r}"
    assert "s3cret-token" not in said


async def test_foreign_page_is_refused_and_logged_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = WebsocketServer(wport=0, url=broker.url, allowed_origins=["https://good.example"])
    async with bridge:
        for _ in range(5):
            with pytest.raises(InvalidStatus) as refused:
                await connect(bridge.address, origin="http://evil.example")
            assert refused.value.response.status_code == 403
        for origin in ("https://good.example", "http://localhost:8000"):
            async with connect(bridge.address, origin=origin):
                pass
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == 1
    assert "Pages from 'http://evil.example' may not connect here." in lines[0]


async def test_connection_over_the_limit_gets_an_error_and_is_closed(broker: Broker) -> None:
    async with (
        WebsocketServer(wport=0, url=broker.url, max_connections=1) as bridge,
        connect(bridge.address) as first,
    ):
        async with connect(bridge.address) as second:
            assert "limit of 1 clients has been reached" in (await receive(second))["error"]
            with pytest.raises(ConnectionClosed):
                await receive(second)
            assert second.close_code == 1013
        await send(first, "ping", "nobody", command_id="a")
        assert (await receive(first))["command_id"] == "a"
        await first.close()
        await until(lambda: not bridge.wclients)
        async with connect(bridge.address) as third:
            await send(third, "ping", "nobody", command_id="b")
            assert (await receive(third))["command_id"] == "b"


async def test_it_listens_on_localhost_by_default(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = WebsocketServer(wport=0, url=broker.url)
    async with bridge:
        assert bridge.websocket_server is not None
        addresses = {socket.getsockname()[0] for socket in bridge.websocket_server.sockets}
        assert addresses <= {"127.0.0.1", "::1"}
    assert "no token is set" not in caplog.text
    public = WebsocketServer("0.0.0.0", 0, url=broker.url)
    async with public:
        pass
    assert "can command every actor: no token is set" in caplog.text


async def test_free_port_is_the_same_for_all_addresses(broker: Broker) -> None:
    async with WebsocketServer("", 0, url=broker.url) as bridge:
        assert bridge.websocket_server is not None
        ports = {socket.getsockname()[1] for socket in bridge.websocket_server.sockets}
        assert ports == {bridge.wport}
        async with connect(f"ws://127.0.0.1:{bridge.wport}"):
            pass


async def test_second_start_is_refused(bridge: WebsocketServer) -> None:
    with pytest.raises(CluRuntimeError, match="is already running"):
        await bridge.start()


async def test_address_that_is_taken_leaves_no_connection_to_the_broker(
    bridge: WebsocketServer, broker: Broker
) -> None:
    second = WebsocketServer(wport=bridge.wport, url=broker.url)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    assert not second.client.is_connected()
    assert second.websocket_server is None
    await second.stop()


async def test_absent_broker_is_named() -> None:
    port = free_port()
    with pytest.raises(CluConnectionError, match=f"127.0.0.1:{port}"):
        await WebsocketServer(wport=0, url=f"amqp://127.0.0.1:{port}/").start()


@pytest.mark.parametrize(
    "name",
    [
        "max_connections",
        "max_commands",
        "message_limit",
        "buffer_limit",
        "stall_limit",
        "buffer_hard_limit",
        "keepalive",
        "time_limit",
    ],
)
def test_limit_that_is_not_positive_is_refused(name: str) -> None:
    with pytest.raises(CluValueError, match=f"{name} must be positive, not 0"):
        WebsocketServer(**{name: 0})


def test_missing_package_is_named() -> None:
    code = (
        "import sys; sys.modules['websockets'] = None; import clu.websocket as w\n"
        "try: w.WebsocketServer()\n"
        "except w.CluRuntimeError.__base__ as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert 'pip install "sdss-clu[websockets]"' in run.stdout
