"""What a callback writes at once is sent with the reply that its command runs, unless it blocks."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import click
import pytest

from clu import Command, JSONActor
from clu.parsers.click import CluGroup
from clu.protocol import open_connection

from ..waiting import until

if TYPE_CHECKING:
    from pathlib import Path


class Actor(JSONActor):
    """An actor that notes what it sends at a time."""

    @click.group(cls=CluGroup)
    def parser(*args: Any) -> None:
        pass


@Actor.parser.command(name="at_once")
async def at_once(command: Command[Any]) -> None:
    command.finish(text="done")


@Actor.parser.command()
@click.argument("folder")
async def block(command: Command[Any], folder: str) -> None:
    """Wait in the event loop until the client has got the running reply, if it is told to."""
    from pathlib import Path

    if Path(folder, "blocks").exists():
        end = time.monotonic() + 20
        while not Path(folder, "told").exists() and time.monotonic() < end:
            time.sleep(0.005)
        command.finish(text="told" if Path(folder, "told").exists() else "not told")
    else:
        command.finish(text="done")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the task handles all lines there")
async def test_a_callback_that_ends_at_once_costs_one_send(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("QUICK", "BLOCKING"):  # however busy the machine is
        monkeypatch.setattr(f"clu._tcp.first_steps.{limit}", 3600.0)
    actor = await Actor("camera", port=0, additional_properties=True).start()
    client_side = await open_connection("localhost", actor.port)
    assert client_side.writer is not None
    sent: list[bytes] = []
    await until(lambda: actor.transports)
    (client,) = actor.transports.values()
    client._transport = spy(client._transport, sent)
    for number in range(1, 30):
        client_side.writer.write(b"%d at_once\n" % number)
        await until(lambda number=number: b"".join(sent).count(b"\n") == 2 * number)
    replies = b"".join(sent).splitlines()
    assert [b'"message_code": ">"' in line for line in replies] == [True, False] * 29
    # The first one tells how long the callback takes.
    assert [data.count(b"\n") for data in sent] == [1, 1, *[2] * 28]
    client_side.close()
    await actor.stop()


def spy(transport: Any, sent: list[bytes]) -> Any:
    class Spy:
        def write(self, data: bytes) -> None:
            sent.append(bytes(data))
            transport.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(transport, name)

    return Spy()


async def test_the_running_reply_does_not_wait_for_a_callback_that_is_not_known(
    tmp_path: Path,
) -> None:
    actor = await Actor("camera", port=0, additional_properties=True).start()
    (tmp_path / "blocks").touch()
    reading = asyncio.get_running_loop().run_in_executor(None, tell, actor.port, tmp_path)
    assert b'"told"' in await reading
    await actor.stop()


async def test_a_callback_that_once_blocked_never_holds_the_running_reply_again(
    tmp_path: Path,
) -> None:
    actor = await Actor("camera", port=0, additional_properties=True).start()
    command = Actor.parser.commands["block"]
    actor._first_steps._seconds[command] = 1.0
    loop = asyncio.get_running_loop()
    for _ in range(3):
        assert b'"done"' in await loop.run_in_executor(None, tell, actor.port, tmp_path)
    (tmp_path / "blocks").touch()
    assert b'"told"' in await loop.run_in_executor(None, tell, actor.port, tmp_path)
    await actor.stop()


def tell(port: int, folder: Path) -> bytes:
    """Run the command in a thread, say when the running reply has come; return the last reply."""
    with socket.create_connection(("localhost", port), 30) as connection:
        connection.sendall(b"1 block %s\n" % str(folder).encode())
        data = b""
        while b"\n" not in data:
            data += connection.recv(10_000)
        (folder / "told").touch()
        while data.count(b"\n") < 2:
            data += connection.recv(10_000)
        (folder / "told").unlink()
        return data.splitlines()[-1]
