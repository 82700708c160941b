"""Actors of the recorded release, which do not know that they are called like functions."""

from __future__ import annotations

import ast
import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from unclick import command_to_json

from clu import AMQPClient
from clu.exceptions import ActorNotFound, CommandFailed, InvalidCommand
from clu.remote import connect
from tests import recorded_release

from ..broker import free_port
from . import actors
from .conftest import ask_hub
from .test_calls import plain, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from clu.remote import RemoteActor
    from clu.testing import Hub

    from ..broker import Broker

PROGRAM = Path(__file__).parent / "camera.py"


@pytest.fixture(params=[recorded_release.OLDEST_CLICK, recorded_release.newest_click()])
def click_folder(request: pytest.FixtureRequest) -> Path:
    return recorded_release.click_folder(request.param)


async def start(click_folder: Path, kind: str, address: str) -> asyncio.subprocess.Process:
    environment = recorded_release.environment(
        PYTHONPATH=os.pathsep.join([str(click_folder), str(PROGRAM.parent)]),
        PYTHONWARNINGS="ignore",
    )
    program = await asyncio.create_subprocess_exec(
        *(recorded_release.PYTHON, str(PROGRAM), kind, address),
        env=environment,
        cwd=recorded_release.HOME,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert program.stdout is not None
    version = await asyncio.wait_for(program.stdout.readline(), 60)
    assert version.decode().strip() == recorded_release.RELEASE
    return program


async def end(program: asyncio.subprocess.Process) -> None:
    program.kill()
    await program.wait()
    program._transport.close()  # type: ignore[attr-defined]


@pytest.fixture(params=[pytest.param("amqp", marks=pytest.mark.rabbitmq), "json"])
async def remote(click_folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[RemoteActor]:
    client: Any
    if request.param == "amqp":
        broker: Broker = request.getfixturevalue("broker")
        program = await start(click_folder, "amqp", broker.url)
        client = await AMQPClient("client", url=broker.url).start()
        yield await client.actor("camera", timeout=20)
    else:
        port = free_port()
        program = await start(click_folder, "json", str(port))
        client = await connect(f"tcp://127.0.0.1:{port}")
        yield await client.actor(timeout=20)
    await client.stop()
    await end(program)


async def test_its_commands_are_called_like_functions(remote: RemoteActor) -> None:
    result = await remote.expose(
        900, flavour="dark", note=["-a", "é\t'\" \\"], window=(0, -1, 2, 3)
    )
    assert ast.literal_eval(text(result)) == (
        900.0,
        {
            "flavour": "dark",
            "note": ("-a", "é\t'\" \\"),
            "window": (0, -1, 2, 3),
            "count": 1,
            "timeout": None,
            "read": True,
            "lambda_": None,
        },
    )
    assert text(await remote.power.on("", "-b", port=-3)) == "(-3, ('', '-b'))"
    assert text(await remote.power.cycle_all(port=1, power_port=2)) == "(2, 1)"
    async with remote.count.started(3) as run:
        assert [reply.body["number"] async for reply in run] == [0, 1, 2]
    assert remote._spec.subcommands["expose"].parameters["flavour"].source == (
        "Literal['bias', 'dark', 'object']"
    )


async def test_its_failures_are_errors(remote: RemoteActor) -> None:
    with pytest.raises(CommandFailed, match=r"Failure 1\."):
        await remote.flaky(1)
    with pytest.raises(InvalidCommand, match=r"No such command 'dance'"):
        await remote("dance", retries=3)
    with pytest.raises(InvalidCommand, match="flavour must be one of"):
        await remote.expose(1, flavour="x")


@pytest.mark.rabbitmq
async def test_it_is_told_as_present_when_its_keywords_are_followed(
    click_folder: Path, broker: Broker
) -> None:
    program = await start(click_folder, "amqp", broker.url)
    async with AMQPClient("client", url=broker.url, models=["camera"]) as client:
        with pytest.raises(ActorNotFound, match=r"Did you mean camera\? There is: camera\."):
            await client.actor("camra", timeout=0.3)
    await end(program)


async def test_a_legacy_actor_that_does_not_tell_its_commands_takes_command_strings(
    click_folder: Path, hub: Hub
) -> None:
    port = free_port()
    program = await start(click_folder, "legacy", str(port))
    hub.add_actor("camera", port)
    client = await ask_hub(hub)
    try:
        await client.send_command("hub", "startNubs camera")
        # It does not allow itself the reply.
        with pytest.raises(CommandFailed, match="does not tell its commands: Failed validating"):
            await client.actor("camera", timeout=20)
        camera = await client.actor("camera", model={})
        assert plain((await camera("count 2")).last("number")) == 1
        same = await client.actor("camera", model=json.loads(command_to_json(actors.parser)))
        assert plain((await same.count(2)).last("number")) == 1
        with pytest.raises(InvalidCommand, match=r"flavour must be one of"):
            await same.expose(1, flavour="x")
    finally:
        client.stop()
        await end(program)
