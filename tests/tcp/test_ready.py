"""What an idle event loop would run next is run at once, in the same order."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import click
import pytest

from clu import JSONActor
from clu._core.ready import ReadyCallbacks
from clu.parsers.click import CluGroup
from clu.remote import JSONClient


@pytest.fixture
async def loop() -> asyncio.AbstractEventLoop:
    found = asyncio.get_running_loop()
    if not ReadyCallbacks(found)._handles and ReadyCallbacks(found)._handles is None:
        pytest.skip("this event loop does not tell what it runs next")
    return found


async def order_of(loop: asyncio.AbstractEventLoop, *, at_once: bool, before: Any = None) -> Any:
    """Return the order in which a callback and what it schedules run."""
    seen: list[Any] = []
    done = loop.create_future()
    ready = ReadyCallbacks(loop)

    async def step(number: int) -> None:
        seen.append(f"step {number}")
        await asyncio.sleep(0)
        seen.append(f"second step {number}")

    def received() -> None:
        may_run = ready.are_none()
        if before is not None:
            before(seen)
        seen.append("received")
        for number in range(2):
            tasks.append(loop.create_task(step(number)))
        loop.call_soon(seen.append, "soon")
        loop.call_soon(seen.append, "cancelled").cancel()
        loop.call_soon(lambda: loop.call_soon(done.set_result, None))
        if at_once and may_run:
            ready.run()
            seen.append("returned")

    tasks: list[Any] = []
    loop.call_later(0.001, received)
    await done
    await asyncio.gather(*tasks)
    return seen


async def test_callbacks_run_in_the_order_of_the_event_loop(loop: Any) -> None:
    later = await order_of(loop, at_once=False)
    now = await order_of(loop, at_once=True)
    assert "returned" in now
    assert now.index("returned") > now.index("soon")
    assert [each for each in now if each != "returned"] == later


async def test_a_timer_that_is_due_comes_first(loop: Any) -> None:
    def before(seen: list[Any]) -> None:
        loop.call_later(0, seen.append, "timer")

    later = await order_of(loop, at_once=False, before=before)
    now = await order_of(loop, at_once=True, before=before)
    assert [each for each in now if each != "returned"] == later


async def test_nothing_is_run_while_others_wait_for_their_turn(loop: Any) -> None:
    seen: list[str] = []
    ready = ReadyCallbacks(loop)
    done = loop.create_future()

    def received() -> None:
        assert not ready.are_none()
        loop.call_soon(done.set_result, None)

    loop.call_soon(received)
    loop.call_soon(seen.append, "other")
    await done
    assert seen == ["other"]


async def test_nothing_is_run_within_a_task(loop: Any) -> None:
    ready = ReadyCallbacks(loop)
    seen: list[str] = []
    loop.call_soon(seen.append, "soon")
    ready.run()
    assert seen == []
    await asyncio.sleep(0)
    assert seen == ["soon"]


async def test_what_another_thread_schedules_is_run_once(loop: Any) -> None:
    ready = ReadyCallbacks(loop)
    seen: list[str] = []
    done = loop.create_future()

    def received() -> None:
        thread = threading.Thread(
            target=lambda: loop.call_soon_threadsafe(seen.append, "from a thread")
        )
        thread.start()
        thread.join()
        ready.run()
        loop.call_later(0.01, done.set_result, None)

    loop.call_later(0.001, received)
    await done
    assert seen == ["from a thread"]


async def test_nothing_is_run_on_another_event_loop() -> None:
    class Loop(asyncio.SelectorEventLoop):
        def _run_once(self) -> None:
            super()._run_once()  # type: ignore[misc]

    other = Loop()
    try:
        ready = ReadyCallbacks(other)
        assert not ready.are_none()
        other.call_soon(lambda: pytest.fail("it was run"))
        ready.run()
    finally:
        other.close()


async def test_commands_of_one_iteration_are_sent_together_and_in_order() -> None:
    @click.group(cls=CluGroup)
    def parser(*args: Any) -> None:
        pass

    order: list[int] = []

    @parser.command()
    @click.argument("number", type=int)
    async def count(command: Any, number: int) -> None:
        order.append(number)
        await asyncio.sleep(0)
        command.finish(number=number)

    actor_class = type("Actor", (JSONActor,), {"parser": parser})
    actor = actor_class("camera", host="127.0.0.1", port=0, additional_properties=True)
    await actor.start()
    try:
        async with JSONClient("127.0.0.1", actor.port) as client:
            written: list[bytes] = []
            transport = client._connection.transport  # type: ignore[union-attr]
            write = transport.write

            class Transport:
                def __getattr__(self, name: str) -> Any:
                    return getattr(transport, name)

                def write(self, data: bytes) -> None:
                    written.append(data)
                    write(data)

            client._connection.transport = Transport()  # type: ignore[union-attr]
            commands = await asyncio.gather(
                *(client.send_command(f"count {number}") for number in range(20))
            )
            assert [command.replies.get("number") for command in commands] == [*range(20)]
            assert order == [*range(20)]
            assert [piece.count(b"\n") for piece in written] == [1, 19]

            await client.send_command("count 20")
            assert written[2].count(b"\n") == 1

            # What was gathered is sent before the connection is closed.
            for number in (21, 22):
                await client.send_command(f"count {number}", await_command=False)
        for _ in range(100):
            if len(order) == 23:
                break
            await asyncio.sleep(0.01)
        assert order == [*range(23)]
    finally:
        await actor.stop()
