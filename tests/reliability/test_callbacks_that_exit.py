"""Users' callbacks that exit, or raise what is not an `Exception`: they stop nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from clu import Device
from clu._core.callbacks import await_user_function, call_user_function, callback_name
from clu.base import BaseClient
from clu.command import Command
from clu.model import Model
from clu.protocol import TCPProtocol, TCPStreamPeriodicServer, TCPStreamServer
from clu.tools import ActorHandler, CallbackMixIn, CommandStatus

from ..waiting import until
from .actors import Peer, make_offline
from .raising import OwnError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Place = Callable[[Any], Awaitable[None]]

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}

# pytest would end with 0, as if all were well, if it were an exit without a status.
ERRORS: dict[str, BaseException] = {"SystemExit": SystemExit(3), "BaseException": OwnError("no")}


async def in_model(callback: Any) -> None:
    model = Model("camera", SCHEMA, is_file=False, callback=callback)
    model.update_model({"x": 5})
    assert model["x"].value == 5


async def in_property(callback: Any) -> None:
    model = Model("camera", SCHEMA, is_file=False)
    model["x"].register_callback(callback)
    model.update_model({"x": 5})
    assert model["x"].value == 5


async def in_notifier(callback: Any) -> None:
    calls: list[Any] = []
    CallbackMixIn([callback, calls.append]).notify("line")
    assert calls == ["line"]


async def in_task_of_client(callback: Any) -> None:
    class Client(BaseClient):
        async def start(self) -> Any: ...

    result = call_user_function(callback)
    if asyncio.iscoroutine(result):
        await asyncio.wait([Client("client")._create_task(result, callback)])


async def in_device(callback: Any) -> None:
    lines: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one\ntwo\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    device = Device("127.0.0.1", server.sockets[0].getsockname()[1], callback)
    device.register_callback(lines.append)
    await device.start()
    await until(lambda: lines == ["one", "two"])
    await device.stop()
    server.close()
    await server.wait_closed()


async def in_server(callback: Any) -> None:
    seen: list[bytes] = []

    async def received(transport: Any, line: bytes) -> None:
        seen.append(line)
        if line == b"raise\n":
            result = callback()
            if result is not None:
                await result

    received.__qualname__, received.__module__ = callback.__qualname__, callback.__module__
    server = TCPStreamServer("127.0.0.1", 0, data_received_callback=received)
    await server.start()
    async with await Peer.connect("json", server.port) as peer:
        peer.send("raise")
        peer.send("go on")
        await until(lambda: seen == [b"raise\n", b"go on\n"])
    server.stop()
    await server.wait_closed()


async def in_periodic_server(callback: Any) -> None:
    calls: list[Any] = []

    async def tick(transport: Any) -> None:
        calls.append(transport)
        result = callback()
        if result is not None:
            await result

    tick.__qualname__, tick.__module__ = callback.__qualname__, callback.__module__
    server = TCPStreamPeriodicServer("127.0.0.1", 0, periodic_callback=tick, sleep_time=0.001)
    await server.start()
    async with await Peer.connect("json", server.port):
        await until(lambda: len(calls) > 1)
    server.stop()
    await server.wait_closed()


def now_with(error: BaseException) -> Any:
    def now(*_: Any) -> None:
        raise error

    return now


def later_with(error: BaseException) -> Any:
    async def later(*_: Any) -> None:
        await asyncio.sleep(0)
        raise error

    return later


@pytest.mark.parametrize("form", [now_with, later_with])
@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize(
    "place",
    [
        in_model,
        in_property,
        in_notifier,
        in_task_of_client,
        in_device,
        in_server,
        in_periodic_server,
    ],
)
async def test_a_callback_that_exits_is_logged_by_name_and_stops_nothing(
    place: Place, name: str, form: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stray: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: stray.append(context))
    callback = form(ERRORS[name])
    await place(callback)
    await until(lambda: f"callback {callback_name(callback)} raised an error" in caplog.text)
    assert type(ERRORS[name]).__name__ in caplog.text
    assert stray == []


@pytest.mark.parametrize("name", ERRORS)
async def test_a_status_callback_that_exits_is_logged_and_the_command_ends(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    callback = now_with(ERRORS[name])
    command: Command[Any] = Command(status_callback=callback)
    command.callbacks.append(seen.append)
    command.set_status(CommandStatus.DONE)
    await asyncio.wait_for(command, 5)
    await until(lambda: seen == [CommandStatus.DONE])
    assert f"callback {callback_name(callback)} raised an error" in caplog.text


@pytest.mark.parametrize("name", ERRORS)
def test_a_callback_of_a_connection_that_exits_is_logged(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    callback = now_with(ERRORS[name])
    protocol = TCPProtocol(data_received_callback=callback)
    protocol.data_received(b"one")
    assert f"callback {callback_name(callback)} raised an error" in caplog.text


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("kind", ["json", "legacy", "amqp"])
async def test_a_message_processor_that_exits_is_logged_and_the_reply_leaves(
    kind: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    actor = await make_offline(kind)
    processor = now_with(ERRORS[name])
    actor.set_message_processor(processor)
    actor.write("i", text="hello")
    assert actor.mock_replies[-1]["text"].strip('"') == "hello"
    assert f"processor {callback_name(processor)} raised an error" in caplog.text


# --- logs ---------------------------------------------------------------------------------------


class Exiting(logging.Handler):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error


class ExitingFilter(Exiting):
    def filter(self, record: logging.LogRecord) -> bool:
        raise self.error


class ExitingFormatter(logging.Formatter):
    error: BaseException

    def format(self, record: logging.LogRecord) -> str:
        raise self.error


def exiting_stream(error: BaseException) -> logging.Handler:
    handler = logging.StreamHandler()
    formatter = ExitingFormatter()
    formatter.error = error
    handler.setFormatter(formatter)
    return handler


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("make_handler", [Exiting, ExitingFilter, exiting_stream])
async def test_a_handler_of_the_log_of_an_actor_that_exits_is_reported_on_stderr(
    make_handler: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    actor = await make_offline("json")
    seen: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    handlers = [make_handler(ERRORS[name]), Listener()]
    for handler in handlers:
        actor.log.addHandler(handler)
    try:
        actor.log.warning("still here")
    finally:
        for handler in handlers:
            actor.log.removeHandler(handler)
    assert seen == ["still here"]
    error = capsys.readouterr().err
    assert "--- Logging error ---" in error
    assert type(ERRORS[name]).__name__ in error


class ExitingWriter:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def write(self, message_code: Any = "i", message: Any = None, **_: Any) -> None:
        raise self.error


class ExitingText:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __str__(self) -> str:
        raise self.error


def by_filter(handler: ActorHandler, error: BaseException) -> object:
    def refuse(record: logging.LogRecord) -> bool:
        raise error

    handler.addFilter(refuse)
    return "text"


def by_writer(handler: ActorHandler, error: BaseException) -> object:
    handler.actor = ExitingWriter(error)
    return "text"


def by_text(handler: ActorHandler, error: BaseException) -> object:
    return ExitingText(error)


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("cause", [by_filter, by_writer, by_text])
async def test_an_actor_handler_that_exits_is_reported_on_stderr(
    cause: Any, name: str, in_thread: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    log = logging.Logger("tests.exiting", 1)
    handler = ActorHandler(await make_offline("json"))
    log.addHandler(handler)
    message = cause(handler, ERRORS[name])
    if in_thread:
        await asyncio.to_thread(log.error, message)
    else:
        log.error(message)
    told = ""

    def is_reported() -> bool:
        nonlocal told
        told += capfd.readouterr().err
        return type(ERRORS[name]).__name__ in told

    await until(is_reported)


# --- what still stops the program ---------------------------------------------------------------


async def test_keyboard_interrupt_passes_through_callbacks() -> None:
    interrupting = now_with(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        CallbackMixIn([interrupting]).notify()
    with pytest.raises(KeyboardInterrupt):
        await await_user_function(interrupting)
    with pytest.raises(KeyboardInterrupt):
        Command._call(interrupting, CommandStatus.DONE)


async def test_a_callback_that_was_cancelled_before_it_began_leaves_nothing() -> None:
    async def never() -> None:
        raise AssertionError

    notifier = CallbackMixIn([never])
    notifier.notify()
    await notifier.stop_callbacks()  # the coroutine would warn if it were dropped unclosed
    assert notifier._running == []
