"""Peers do not slow each other down: some do not read, some flood, and there are many."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest

from clu import Command
from clu.tools import ActorHandler

from ..conftest import HAS_UVLOOP
from ..flooding import COMMANDS, FLOODS, BusyActor, flood
from ..waiting import until
from .actors import Peer, make

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPS = ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])]
#: What the documentation promises of one client.
MEGABYTES, COMMANDS_IN_AN_ITERATION, COMMANDS_IN_FLIGHT = 32, 64, 1000


@pytest.fixture(params=LOOPS)
def busy(kind: str, request: pytest.FixtureRequest) -> Iterator[BusyActor]:
    # What it costs when it is cut off sooner is the same for any limit.
    with BusyActor(kind, request.param, buffer_hard_limit=16 * 1024 * 1024) as busy:
        yield busy


async def use(kind: str, port: int, shouting: bool) -> None:
    """Ping for a while, and check that every answer arrives."""
    async with await Peer.connect(kind, port) as good:
        told = 0
        if shouting:
            good.send("1000 shout")
        hoarse = not shouting
        for number in range(100):
            good.send(f"{number} ping")
            while True:
                answer = await good.answer()
                told += "xxxx" in answer.text
                hoarse = hoarse or answer[:2] == (1000, ":")
                if answer[:2] == (number, ":"):
                    break
            await asyncio.sleep(0.005)
        while not hoarse:
            answer = await good.answer()
            told += "xxxx" in answer.text
            hoarse = answer[:2] == (1000, ":")
        assert told == (4000 if shouting else 0)


@pytest.mark.endurance
@pytest.mark.parametrize("name", ["only listens", *FLOODS])
def test_a_client_that_does_not_read_costs_little_and_holds_nobody_up(
    kind: str, busy: BusyActor, name: str
) -> None:
    only_listens = name not in FLOODS
    with flood(busy.port, FLOODS.get(name, ""), 0 if only_listens else COMMANDS):
        asyncio.run(use(kind, busy.port, shouting=only_listens))
        found = busy.report()
    # Of the one that floods and the one that pings.
    assert found["commands_in_an_iteration"] <= 2 * COMMANDS_IN_AN_ITERATION
    assert found["megabytes"] < MEGABYTES
    assert found["in_flight"] <= COMMANDS_IN_FLIGHT


async def test_an_actor_drains_the_commander_or_all_clients(kind: str, actor: Any) -> None:
    async with await Peer.connect(kind, actor.port) as one:
        await one.ask("1 ping")
        silent = socket.create_connection(("localhost", actor.port))
        await until(lambda: len(actor.transports) == 2)
        first, second = actor.transports.values()
        command = Command("tell", actor=actor, transport=first)
        child = Command("tell", parent=command)
        # It reads nothing, and what is written to it is more than the kernel takes.
        second.write(b"x" * 15_000_000)
        child.info(text="x" * 1000)
        for coroutine in (command.drain(), child.drain(), actor.drain(command)):
            await asyncio.wait_for(coroutine, 30)
        waiting = asyncio.create_task(actor.drain())
        by_itself = asyncio.create_task(Command("tell", actor=actor).drain())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert not by_itself.done()
        silent.close()
        await asyncio.wait_for(asyncio.gather(waiting, by_itself), 30)


@pytest.mark.endurance
async def test_two_hundred_clients_with_fifty_pings_each_get_their_own_replies(
    kind: str, actor: Any, stray: list[Any]
) -> None:
    async def use(client: int) -> None:
        async with await Peer.connect(kind, actor.port) as peer:
            for index in range(50):
                number = client * 50 + index
                answers = await peer.ask(f"{number} echo client-{client}-{index}-")
                own = [answer for answer in answers if answer.command_id == number]
                assert own[-1].code == ":"
                assert f"client-{client}-{index}-" in own[-1].text
                # The others are told only who is there, and only by a legacy actor.
                others = [answer for answer in answers if answer.command_id != number]
                assert all("UserInfo" in answer.text for answer in others)

    await asyncio.gather(*(use(client) for client in range(200)))
    await until(lambda: not actor.transports)
    assert stray == []


# --- callbacks of users -------------------------------------------------------------------------


async def test_a_handler_of_the_log_that_raises_stops_nothing(
    actor: Any, peer: Peer, capsys: pytest.CaptureFixture[str], stray: list[Any]
) -> None:
    class BrokenHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no disk")

    seen: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    handlers = [BrokenHandler(), Listener()]
    for handler in handlers:
        actor.log.addHandler(handler)
    try:
        answers = await peer.ask("5 ping")
        actor.log.warning("still here")
    finally:
        for handler in handlers:
            actor.log.removeHandler(handler)
    assert answers[-1][:2] == (5, ":")
    assert "still here" in seen
    error = capsys.readouterr().err
    assert "BrokenHandler" in error or "no disk" in error
    assert stray == []


async def test_an_actor_may_output_all_of_its_own_log(actor: Any, peer: Peer) -> None:
    handler = ActorHandler(actor, level=0)
    actor.log.addHandler(handler)
    try:
        answers = await peer.ask("5 ping")
        actor.log.info("from the loop")
        await asyncio.to_thread(actor.log.info, "from a thread")
        await asyncio.sleep(0.05)
        answers += await peer.ask("6 ping")
    finally:
        actor.log.removeHandler(handler)
    texts = [answer.text for answer in answers]
    assert answers[-1][:2] == (6, ":")
    for text in ("from the loop", "from a thread"):
        assert sum(text in each for each in texts) == 1
    assert len(texts) < 30


async def test_an_actor_whose_message_processor_raises_goes_on_and_names_it(
    actor: Any, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_processor(message: dict[str, Any]) -> dict[str, Any]:
        raise GeneratorExit("no")

    def fussy_processor(message: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("no")

    for processor in (broken_processor, fussy_processor):
        caplog.clear()
        actor.set_message_processor(processor)
        assert (await peer.ask("5 ping"))[-1][:2] == (5, ":")
        told = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
        assert told
        assert all(processor.__qualname__ in line for line in told)
    actor.set_message_processor(None)


class Callbacks:
    """What a user may register: the same in every form that can be called."""

    def __init__(self) -> None:
        self.calls = 0

    def method(self, *args: Any) -> None:
        self.calls += 1

    def __call__(self, *args: Any) -> None:
        self.calls += 1


def forms(callbacks: Callbacks) -> dict[str, Any]:
    import functools

    def plain(first: Any) -> None:
        callbacks.calls += 1

    def any_number(*args: Any) -> None:
        callbacks.calls += 1

    def with_default(first: Any, second: Any = None) -> None:
        callbacks.calls += 1

    async def coroutine(first: Any) -> None:
        callbacks.calls += 1

    return {
        "function": plain,
        "bound method": callbacks.method,
        "object": callbacks,
        "partial": functools.partial(plain),
        "partial of a method": functools.partial(callbacks.method, "more"),
        "*args": any_number,
        "default": with_default,
        "lambda": lambda first: plain(first),
        "coroutine function": coroutine,
    }


FORMS = list(forms(Callbacks()))


@pytest.mark.parametrize("form", FORMS)
async def test_callbacks_of_models_and_properties_may_have_any_form(kind: str, form: str) -> None:
    actor = make(kind, schema={"type": "object", "properties": {"x": {"type": "integer"}}})
    of_model, of_property = Callbacks(), Callbacks()
    actor.model.register_callback(forms(of_model)[form])
    actor.model["x"].register_callback(forms(of_property)[form])
    actor.write("i", x=5)
    await asyncio.sleep(0.01)
    assert (of_model.calls, of_property.calls) == (1, 1)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "coroutine function"])
async def test_status_callbacks_and_processors_may_have_any_form(peer: Peer, form: str) -> None:
    from clu import Command, CommandStatus

    callbacks = Callbacks()
    command: Command[Any] = Command(status_callback=forms(callbacks)[form])
    command.set_status(CommandStatus.DONE)
    await asyncio.sleep(0.01)
    assert callbacks.calls == 1


class NamedError(Exception):
    """What the callbacks below raise."""


class Broken:
    async def later(self, *args: Any) -> None:
        raise NamedError("later")

    def method(self, *args: Any) -> None:
        raise NamedError("method")

    def cancelled(self, *args: Any) -> None:
        raise asyncio.CancelledError

    def __call__(self, *args: Any) -> None:
        raise NamedError("object")


@pytest.mark.parametrize("name", ["later", "method", "cancelled", "__call__"])
async def test_callbacks_that_raise_are_logged_by_name_and_the_command_ends(
    actor: Any, peer: Peer, name: str, caplog: pytest.LogCaptureFixture, stray: list[Any]
) -> None:
    callback = Broken() if name == "__call__" else getattr(Broken(), name)
    calls = Callbacks()
    for registry in (actor.model, actor.model["text"]):
        registry.register_callback(callback)
        registry.register_callback(calls)
    assert (await peer.ask("5 echo hello"))[-1][:2] == (5, ":")
    await asyncio.sleep(0.01)
    assert calls.calls == 2
    assert ("Broken" if name == "__call__" else f"Broken.{name}") in caplog.text
    assert stray == []
