"""Start, stop and outages of TCP actors and of the connection to a hub.

What tests/test_actor.py and tests/legacy/test_actor.py test of stops is not repeated.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest

from clu import Command, CommandStatus
from clu.exceptions import CommandError
from clu.legacy.tron import TronClientProtocol, TronConnection
from clu.testing import Hub

from ..conftest import HAS_UVLOOP
from ..waiting import until
from .actors import Peer, make
from .programs import check_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def test_stop_before_start_and_twice_and_at_once_is_harmless(kind: str) -> None:
    actor = make(kind)
    await actor.stop()
    await actor.start()
    await asyncio.gather(actor.stop(), actor.stop())
    await actor.stop()


async def test_stop_informs_the_clients_and_leaves_no_task_timer_or_port(
    kind: str, stray_loop: list[Any]
) -> None:
    before = asyncio.all_tasks()
    actor = await make(kind).start()
    actor.timed_commands.add_command("wait", delay=60)
    async with await Peer.connect(kind, actor.port) as peer, await Peer.connect(kind, actor.port):
        for number in range(20):
            peer.send(f"{number + 1} wait")
        peer.send("30 sleep 60\n31 slow")
        # The command that the actor runs itself has no number.
        await until(lambda: sum(bool(c.command_id) for c in actor._active_commands) == 22)
        await asyncio.wait_for(actor.stop(), 5)
        ended = {}
        while len(ended) < 22:
            answer = await peer.answer()
            if answer.code == "f" and answer.command_id:
                assert answer.command_id not in ended
                ended[answer.command_id] = answer.text
        assert "cancelled" in ended[1]
        await peer.rest()
    assert not actor.timed_commands.running
    assert not actor.transports
    assert not actor._active_commands
    await until(lambda: asyncio.all_tasks() - {asyncio.current_task()} <= before)
    listener = socket.create_server(("127.0.0.1", actor.port))
    listener.close()
    assert stray_loop == []


@pytest.fixture
async def stray_loop() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    return found


async def test_stop_ends_what_the_actor_itself_runs(kind: str) -> None:
    actor = await make(kind).start()
    actor.timed_commands.add_command("wait", delay=1)
    own: Command[Any] = Command("wait", actor=actor).parse()
    parent: Command[Any] = Command("wait", actor=actor).parse()
    child = parent.child_command("wait")
    await until(lambda: actor.timed_commands[0].is_running)
    await actor.stop()
    assert {own.status, parent.status, child.status} == {CommandStatus.CANCELLED}
    assert not actor.timed_commands[0].is_running


async def test_stop_does_not_wait_for_ever_for_a_callback_that_refuses(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("clu._core.loop.cancel_tasks.__defaults__", (0.05,))
    actor = await make(kind).start()
    async with await Peer.connect(kind, actor.port) as peer:
        peer.send("1 stubborn")
        await until(lambda: actor._active_commands)
        await peer.answer()
        await peer.answer()
        (command,) = actor._active_commands
        await asyncio.wait_for(actor.stop(), 2)
        assert (await peer.answers())[-1][:2] == (1, "f")
    assert command.status is CommandStatus.CANCELLED
    assert "are still running after being cancelled" in caplog.text
    await asyncio.wait([command._task], timeout=5)


async def test_a_command_may_stop_its_own_actor(kind: str, stray_loop: list[Any]) -> None:
    actor = await make(kind).start()
    async with await Peer.connect(kind, actor.port) as peer:
        answers = await peer.ask("1 shut-down")
        assert answers[-1][:2] == (1, "f")
        await peer.rest()
    await until(lambda: not actor.server.transports)
    assert stray_loop == []


async def test_start_after_stop_works_and_serves_on_the_same_port(kind: str) -> None:
    actor = make(kind)
    port = 0
    for _ in range(5):
        await actor.start()
        assert port in (0, actor.port)
        port = actor.port
        async with await Peer.connect(kind, port) as peer:
            assert (await peer.ask("1 ping"))[-1].code == ":"
        await actor.stop()


async def test_a_port_in_use_is_an_error_that_leaves_nothing_behind(kind: str) -> None:
    before = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        actor = make(kind, port=port)
        with pytest.raises(OSError, match=str(port)):
            await actor.start()
        assert not actor.timed_commands.running
        assert asyncio.all_tasks() <= before
        await actor.stop()
    await actor.start()
    await actor.stop()


async def test_a_second_start_is_an_error_and_the_first_goes_on(kind: str) -> None:
    actor = await make(kind).start()
    with pytest.raises((OSError, RuntimeError)):
        await actor.start()
    async with await Peer.connect(kind, actor.port) as peer:
        assert (await peer.ask("1 ping"))[-1].code == ":"
    await actor.stop()


async def test_a_connection_above_the_limit_gets_a_message_and_is_closed(kind: str) -> None:
    actor = await make(kind, max_connections=2).start()
    async with await Peer.connect(kind, actor.port), await Peer.connect(kind, actor.port) as two:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", actor.port)
            told = await asyncio.wait_for(reader.read(), 10)
            assert told == b"Max number of connections reached.\n"
            writer.close()
            await writer.wait_closed()
        assert (await two.ask("1 ping"))[-1].code == ":"
    await until(lambda: not actor.transports)
    async with await Peer.connect(kind, actor.port) as three:
        assert (await three.ask("1 ping"))[-1].code == ":"
    await actor.stop()


ENDING = """
async def main():
    kind, how = sys.argv[1:]
    actor = getattr(clu, kind)("camera", "localhost", port=0)
    actor.log.sh.setLevel(100)
    if how == "not started":
        return
    await actor.start()
    actor.timed_commands.add_command("ping", delay=0.01)
    reader, writer = await asyncio.open_connection("localhost", actor.port)
    writer.write(b"1 ping\\n2 no")
    await reader.readline()
    await asyncio.sleep(0.05)
    if how == "stopped":
        await actor.stop()
    if how == "cancelled":
        asyncio.current_task().cancel()
        await asyncio.sleep(1)
    writer.transport.abort()
"""


@pytest.mark.parametrize("how", ["not started", "stopped", "left running", "cancelled"])
@pytest.mark.parametrize("loop", ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])])
@pytest.mark.parametrize("class_name", ["JSONActor", "LegacyActor"])
def test_the_interpreter_ends_without_a_complaint(class_name: str, loop: str, how: str) -> None:
    check_end(ENDING, loop, class_name, how)


# --- the connection to a hub --------------------------------------------------------------------


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(TronClientProtocol, "initial_delay", 0.002)
    monkeypatch.setattr(TronClientProtocol, "max_delay", 0.01)
    async with Hub() as hub:
        yield hub


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[TronConnection]:
    client = await TronConnection("APO.Jane", "127.0.0.1", hub.port).start(get_keys=False)
    await until(lambda: hub.clients)
    yield client
    client.stop()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


async def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends(
    hub: Hub, client: TronConnection, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        caplog.clear()
        await hub.stop()
        await until(lambda: client._failures >= 5)
        await hub.start()
        await until(lambda: client.connected() and hub.clients)
        gone, back = logged(caplog)
        assert "No connection to tron" in gone
        assert "again, at attempt" in back


async def test_a_hub_that_is_never_there_is_one_line(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    await hub.stop()
    client = await TronConnection("APO.Jane", "127.0.0.1", hub.port).start()
    await until(lambda: client._failures >= 10)
    client.stop()
    assert len(logged(caplog)) == 1


@pytest.mark.parametrize("cause", ["reset", "close"])
async def test_commands_in_flight_end_once_when_the_hub_goes(
    hub: Hub, client: TronConnection, cause: str
) -> None:
    hub.silent = True
    commands = [client.send_command("nobody", f"go {number}") for number in range(100)]
    await until(lambda: len(hub.received) >= 100)
    (writer,) = hub.clients
    writer.transport.abort() if cause == "reset" else writer.close()
    await asyncio.wait_for(asyncio.gather(*commands), 10)
    assert {command.status for command in commands} == {CommandStatus.FAILED}
    assert {len(command.replies) for command in commands} == {1}
    assert not client.running_commands
    await until(client.connected)


async def test_a_number_of_5000_digits_is_skipped_like_other_garbage(
    hub: Hub, client: TronConnection, caplog: pytest.LogCaptureFixture
) -> None:
    hub.silent = True
    digits = b"9" * 5000
    for line in (
        b".tcc " + digits + b" tcc i x=1",
        b".tcc 0 tcc i x=" + digits,
        b".tcc 0 tcc i x=-" + digits + b".5e" + digits,
        digits,
        b"APO.Jane " + digits + b" nobody :",
    ):
        hub.say(line + b"\n")
    command = client.send_command("nobody", "go")
    hub.say(f"APO.Jane {command.command_id} nobody : ")
    await asyncio.wait_for(command, 10)
    assert client.connected()
    assert len(logged(caplog)) <= 5
    assert max(map(len, logged(caplog)), default=0) < 1500


async def test_the_first_line_of_a_new_connection_is_parsed(
    hub: Hub, client: TronConnection
) -> None:
    for _ in range(3):
        await hub.restart()
        await until(lambda: client.connected() and hub.clients)
        hub.silent = True
        command = client.send_command("nobody", "go")
        hub.say(f"APO.Jane {command.command_id} nobody : ")
        await asyncio.wait_for(command, 10)


async def test_a_relayed_command_ends_when_its_own_actor_ends_it(
    hub: Hub, client: TronConnection
) -> None:
    hub.silent = True
    command = client.send_command("sop", "goto field")
    # sop commands the guider in the name, and with the number, of the commander.
    hub.say("APO.Jane 1 guider : ")
    hub.say("APO.Jane 1 mcp f error=x")
    hub.say("APO.Jane 1 sop i text=going")
    hub.say("APO.Jane 1 SOP : ")
    await asyncio.wait_for(command, 10)
    assert command.status is CommandStatus.DONE
    assert [reply.message_code.value for reply in command.replies] == ["i", ":"]


async def test_the_number_of_a_command_that_runs_is_not_used_twice(
    hub: Hub, client: TronConnection
) -> None:
    hub.silent = True
    first = client.send_command("nobody", "go", mid=5)
    with pytest.raises(CommandError, match=r"command 5 is still running"):
        client.send_command("nobody", "go", mid=5)
    hub.say("APO.Jane 5 nobody : ")
    await asyncio.wait_for(first, 10)
    again = client.send_command("nobody", "go", mid=5, time_limit=0.01)
    await asyncio.wait_for(again, 10)
