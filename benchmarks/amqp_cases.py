"""The workloads on an AMQP broker, whose address is in the variable CLU_BENCHMARK_URL.

The actor and the client share a process, each with its own connection: the figures are their
common cost, with the broker in a process of its own. In the cases whose names end with
``_processes`` the actor has a process of its own, too: ``python amqp_cases.py`` is that actor.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from contextlib import asynccontextmanager
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import inputs
from harness import CASES, check, workload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from harness import Timed

ADDRESS = "CLU_BENCHMARK_URL"
LIMIT, PING_LIMIT = "amqp_limit", "amqp_ping_limit"
PING_LIMIT_PROCESSES = "amqp_ping_limit_processes"
PINGS_LIMIT_PROCESSES = "amqp_ping_1000_limit_processes"
#: The cases that have nothing to do with clu.
LIMITS = (LIMIT, PING_LIMIT, PING_LIMIT_PROCESSES, PINGS_LIMIT_PROCESSES)
PINGS_AT_ONCE = 1000
REPLIES_PER_TURN = 50
#: The seconds that anything may take: messages that got lost do not come any more.
TIMEOUT = 60


def broker_url() -> str:
    try:
        return os.environ[ADDRESS]
    except KeyError:
        raise NotImplementedError(f"no broker: {ADDRESS} is not set") from None


def add_burst(parser: Any) -> None:
    import click

    @parser.command()
    @click.argument("count", type=int)
    async def burst(command: Any, count: int) -> None:
        messages = [inputs.message(index) for index in range(inputs.VARIANTS)]
        for index in range(count):
            command.info(messages[index % inputs.VARIANTS])
            if index % REPLIES_PER_TURN == REPLIES_PER_TURN - 1:
                await asyncio.sleep(0)
        command.finish()


def make_actor() -> Any:
    import clu
    from clu.parsers.click import command_parser

    add_burst(command_parser)
    return clu.AMQPActor("bench", url=broker_url(), schema=inputs.schema())


@asynccontextmanager
async def actor_here() -> AsyncIterator[None]:
    actor = make_actor()
    await actor.start()
    try:
        yield
    finally:
        await actor.stop()


@asynccontextmanager
async def actor_in_a_process() -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), TIMEOUT)
        check(line == b"started\n", "the actor does not start")
        yield
    finally:
        process.stdin.close()
        await process.wait()


async def serve() -> None:
    """Run the actor until the standard input is closed."""
    async with actor_here():
        print("started", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


@asynccontextmanager
async def actor_and_client(actor: Any = actor_here) -> AsyncIterator[Any]:
    """Start an actor, whose `burst` writes replies, and give a client that has reached it."""
    import clu

    async with actor():
        client = clu.AMQPClient("client", url=broker_url())
        await client.start()
        try:
            command = await asyncio.wait_for(send(client, "ping"), TIMEOUT)
            check(command.status.did_succeed, "the actor does not answer")
            yield client
        finally:
            await client.stop()


async def send(client: Any, text: str) -> Any:
    return await (await client.send_command("bench", text))


@workload(
    amqp_ping_serial=(1, actor_here),
    amqp_ping_1000=(PINGS_AT_ONCE, actor_here),
    amqp_ping_processes=(1, actor_in_a_process),
    amqp_ping_1000_processes=(PINGS_AT_ONCE, actor_in_a_process),
)
async def amqp_ping(at_once: int, actor: Any) -> AsyncIterator[Timed]:
    """`send_command("bench", "ping")` until done, ``at_once`` of them at a time."""
    async with actor_and_client(actor) as client:

        async def one_by_one(number: int) -> float:
            start = perf_counter()
            for _ in range(number):
                command = await send(client, "ping")
                check(command.status.did_succeed, "a ping failed")
            return perf_counter() - start

        async def timed(number: int) -> float:
            if at_once == 1:
                return await asyncio.wait_for(one_by_one(number), TIMEOUT)
            rounds = -(-number // at_once)
            start = perf_counter()
            for _ in range(rounds):
                pings = asyncio.gather(*(send(client, "ping") for _ in range(at_once)))
                commands = await asyncio.wait_for(pings, TIMEOUT)
                check(all(c.status.did_succeed for c in commands), "a ping failed")
            return (perf_counter() - start) * number / (rounds * at_once)

        yield timed


@workload(
    amqp_burst=(perf_counter, actor_here),
    amqp_burst_cpu=(process_time, actor_here),
    amqp_burst_processes=(perf_counter, actor_in_a_process),
)
async def amqp_burst(clock: Any, actor: Any) -> AsyncIterator[Timed]:
    """A command with many validated replies, from sending it until the client has them all."""
    async with actor_and_client(actor) as client:

        async def timed(number: int) -> float:
            start = clock()
            command = await asyncio.wait_for(send(client, f"burst {number}"), TIMEOUT)
            seconds: float = clock() - start
            frames = [reply.body["frame"] for reply in command.replies if "frame" in reply.body]
            wanted = [inputs.message(index % inputs.VARIANTS)["frame"] for index in range(number)]
            check(frames == wanted, f"{len(frames)} of {number} replies arrived in order")
            return seconds

        yield timed


@workload(amqp_burst_websocket=())
async def amqp_burst_websocket() -> AsyncIterator[Timed]:
    """The same command of a page on the websocket bridge, until the page has all messages."""
    import json

    from websockets.asyncio.client import connect

    from clu.websocket import WebsocketServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with actor_here():
        server = WebsocketServer("127.0.0.1", port, name="bridge", url=broker_url())
        await server.start()
        try:
            async with connect(f"ws://127.0.0.1:{port}") as page:

                async def burst(number: int) -> list[Any]:
                    text = f"burst {number}"
                    await page.send(json.dumps({"consumer": "bench", "command_string": text}))
                    # The first and the last reply of the command are messages, too.
                    return [await page.recv() for _ in range(number + 2)]

                async def timed(number: int) -> float:
                    start = perf_counter()
                    messages = await asyncio.wait_for(burst(number), TIMEOUT)
                    seconds = perf_counter() - start
                    replies = [json.loads(message)["body"] for message in messages]
                    frames = [reply["frame"] for reply in replies if "frame" in reply]
                    wanted = (inputs.message(i % inputs.VARIANTS)["frame"] for i in range(number))
                    check(frames == [*wanted], f"{len(frames)} of {number} replies arrived")
                    return seconds

                yield timed
        finally:
            await server.stop()


@workload(amqp_watch=())
async def amqp_watch() -> AsyncIterator[Timed]:
    """Replies of 5 keywords to nobody, until `clu watch --json --all` has printed all of them."""
    import clu

    if not hasattr(clu.AMQPClient, "watch"):
        raise NotImplementedError("there is no clu watch")
    actor = make_actor()
    await actor.start()
    watch = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "clu", "watch", "bench", "--json", "--all", "--url", broker_url()),
        stdout=asyncio.subprocess.PIPE,
    )
    lines = watch.stdout
    assert lines is not None
    ends = itertools.count(1)

    async def until_end() -> int:
        """Return the number of lines before that of a frame which no message has."""
        end = next(ends)
        actor.write("i", {"frame": end})
        mark, seen = f'"frame", "value": {end}}}\n'.encode(), 0
        while not (line := await lines.readline()).endswith(mark):
            check(bool(line), "clu watch has ended")
            seen += 1
        return seen

    async def burst(number: int) -> int:
        messages = [inputs.message(index) for index in range(inputs.VARIANTS)]
        for index in range(number):
            actor.write("i", messages[index % inputs.VARIANTS])
            if index % REPLIES_PER_TURN == REPLIES_PER_TURN - 1:
                await asyncio.sleep(0)
        return await until_end()

    try:
        for _ in range(TIMEOUT):
            actor.write("i", {"frame": 0})
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(lines.readline(), 1)
                break
        await asyncio.wait_for(burst(1), TIMEOUT)

        async def timed(number: int) -> float:
            start = perf_counter()
            seen = await asyncio.wait_for(burst(number), TIMEOUT)
            seconds = perf_counter() - start
            check(seen == number * len(inputs.message(0)), f"{seen} lines")
            return seconds

        yield timed
    finally:
        watch.terminate()
        await watch.wait()
        await actor.stop()


@workload(**{LIMIT: ()})
async def amqp_limit() -> AsyncIterator[Timed]:
    """The same replies from a publisher that encodes none to a consumer that parses none."""
    import amqp_limit as limit

    with limit.Limit(broker_url()) as ends:

        async def timed(number: int) -> float:
            return ends.run(number) * number / limit.rounded(number)

        yield timed


@workload(
    **{
        PING_LIMIT: (1, False),
        PING_LIMIT_PROCESSES: (1, True),
        PINGS_LIMIT_PROCESSES: (PINGS_AT_ONCE, True),
    }
)
async def amqp_ping_limit(at_once: int, is_apart: bool) -> AsyncIterator[Timed]:
    """The messages of pings, with nothing encoded and nothing parsed."""
    import amqp_limit as limit

    async with limit.PingLimit(broker_url(), is_apart) as client:

        async def timed(number: int) -> float:
            rounds = -(-number // at_once)
            start = perf_counter()
            for _ in range(rounds):
                await client.ping(at_once)
            return (perf_counter() - start) * number / (rounds * at_once)

        yield timed


NAMES = [name for name in CASES if name.startswith("amqp_")]


if __name__ == "__main__":
    asyncio.run(serve())
