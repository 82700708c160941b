"""Actors for the shell, ``clu send`` and ``clu watch``: on a real broker, and a TCP JSON actor."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import click
import pytest

from clu import AMQPActor, Command, JSONActor
from clu.parsers import click as parsers
from tests.broker import Broker
from tests.brokers import broker_of_programs  # noqa: F401  (a fixture)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

SCHEMA = {
    "type": "object",
    "properties": {
        "state": {"type": "string"},
        "temperature": {"type": "number"},
        "number": {"type": "integer"},
    },
    "additionalProperties": False,
}


def make_parser() -> click.Group:
    @click.group(cls=parsers.CluGroup)
    def parser(*args: Any) -> None:
        pass

    for builtin in ("ping", "version", "get_schema", "help_", "keyword", "get_command_model"):
        parser.add_command(getattr(parsers, builtin))

    @parser.command()
    def status(command: Command[Any]) -> None:
        """Reports the state."""
        command.info(state="idle", temperature=-120.5)
        command.info(text="for experts", internal=True)
        command.finish()

    @parser.command()
    @click.argument("seconds", type=float)
    @click.option("--flavour", type=click.Choice(["bias", "dark"]), help="What to expose.")
    async def expose(command: Command[Any], seconds: float, flavour: str | None) -> None:
        """Exposes the detector."""
        command.info(state=f"exposing {flavour}")
        await asyncio.sleep(seconds)
        command.finish(state="idle")

    @parser.command()
    @click.argument("words", nargs=-1)
    def echo(command: Command[Any], words: tuple[str, ...]) -> None:
        """Repeats its arguments."""
        command.finish(text=json.dumps(words))

    @parser.command()
    def mismatch(command: Command[Any]) -> None:
        command.info(colour="red")
        command.finish()

    @parser.command(name="break")
    def break_(command: Command[Any]) -> None:
        command.fail(error="It is broken.")

    @parser.command(hidden=True)
    @click.argument("end", type=click.Choice(["finish", "fail"]))
    async def panic(command: Command[Any], end: str) -> None:
        command.write("!", text="It is on fire.")
        await asyncio.sleep(0.1)
        command.info(state="safe")
        getattr(command, end)()

    @parser.command()
    @click.argument("number", type=int)
    def broadcast(command: Command[Any], number: int) -> None:
        command.actor.write("i", number=number, broadcast=True)
        command.finish()

    return parser


class Camera(AMQPActor):
    parser = make_parser()
    schema = SCHEMA


class Lamp(JSONActor):
    parser = make_parser()
    schema = SCHEMA


class Observatory:
    """A broker with the actors camera and stage, and the TCP JSON actor lamp."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.camera = Camera("camera", url=broker.url, version="1.2.3")
        self.stage = Camera("stage", url=broker.url)
        self.lamp = Lamp("lamp", host="127.0.0.1", port=0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        for actor in (self.camera, self.stage, self.lamp):
            self.call(actor.start())

    @property
    def lamp_address(self) -> str:
        return f"tcp://127.0.0.1:{self.lamp.port}"

    @property
    def options(self) -> list[str]:
        return ["-H", "127.0.0.1", "-p", str(self.broker.port)]

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine where the actors run."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def broadcast(self, actor: Any, **keywords: Any) -> None:
        async def write() -> None:
            actor.write("i", keywords, broadcast=True)

        self.call(write())

    def restart_lamp(self) -> None:
        self.call(self.lamp.stop())
        self.lamp = Lamp("lamp", host="127.0.0.1", port=self.lamp.port)
        self.call(self.lamp.start())

    def wait_connected(self) -> None:
        """Wait until the actors have reconnected to the broker."""

        async def connected() -> None:
            for actor in (self.camera, self.stage):
                while not actor.is_connected():
                    await asyncio.sleep(0.05)
                await actor.connection.channel.ready()

        self.call(connected())

    def stop(self) -> None:
        for actor in (self.camera, self.stage, self.lamp):
            self.call(actor.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="session")
def observatory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    broker = Broker(tmp_path_factory.mktemp("rabbitmq"))
    broker.start()
    observatory = Observatory(broker)
    yield observatory
    observatory.stop()
    broker.stop()


@pytest.fixture(scope="session")
def vault(observatory: Observatory) -> Iterator[Lamp]:
    """A TCP JSON actor that requires the token ``s3cret``."""
    vault = Lamp("vault", host="127.0.0.1", port=0, token="s3cret")
    observatory.call(vault.start())
    yield vault
    observatory.call(vault.stop())


@pytest.fixture(autouse=True)
def _own_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not use the history and the broker of the user who runs the tests."""
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path))
    for name in ("URL", "USER", "PASSWORD", "HOST", "PORT", "TOKEN", "SITE"):
        monkeypatch.delenv(f"CLU_{name}", raising=False)
