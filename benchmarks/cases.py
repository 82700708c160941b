#!/usr/bin/env python
"""The workloads, written against the documented API only: they run under every build of clu.

    python benchmarks/cases.py [--json OUT] [--case NAME ...] [--seconds S] [--list]

Each case checks that the work was done, then takes the median of several repeats. Output: JSON,
``{"about": {...}, "cases": {case: {"microseconds": ..., "per_second": ..., ...}}}``. A case that
a build cannot run has ``"microseconds": null`` and a ``"reason"``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import amqp_cases  # noqa: F401  (adds the cases that need a broker)
import inputs
from harness import CASES, Case, NullTransport, check, timed_statement, workload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from harness import Timed

WRITES_PER_ITERATION = 200
BROADCASTS_PER_TURN = 50
COMMANDS_AT_ONCE = 100
GROWTH = 5000
MARKER = "benchmark-start"
CLIENT = Path(__file__).with_name("tcp_client.py")


# --- values and models -------------------------------------------------------------------


@workload(status_tests=())
async def status_tests() -> AsyncIterator[Timed]:
    from clu import CommandStatus

    status = CommandStatus.RUNNING
    names = ("is_done", "did_fail", "is_active", "did_succeed", "is_failing")
    truth = [getattr(status, name) for name in names]
    check(truth == [False, False, True, False, False], f"{status!r}: {truth}")
    yield timed_statement("; ".join(f"s.{name}" for name in names), s=status)


@workload(
    model_validate=(30,),
    model_validate_300=(300,),
)
async def model_validate(keywords: int) -> AsyncIterator[Timed]:
    from clu.model import Model

    model = Model("bench", inputs.schema(keywords))
    check(model.validate(inputs.message(), update_model=False)[0], "a good reply is rejected")
    check(not model.validate(inputs.bad_message(), update_model=False)[0], "a bad one passes")
    next_message = inputs.rotate(inputs.message)
    yield timed_statement(
        "validate(next(), update_model=False)", validate=model.validate, next=next_message
    )


@workload(
    model_update=(30,),
    model_update_300=(300,),
)
async def model_update(keywords: int) -> AsyncIterator[Timed]:
    from clu.model import Model

    model = Model("bench", inputs.schema(keywords))
    model.update_model(inputs.message(5))
    check(model["frame"].value == inputs.message(5)["frame"], "the model is not updated")
    yield timed_statement(
        "update(next())", update=model.update_model, next=inputs.rotate(inputs.message)
    )


@workload(model_notify=(True, False), property_notify=(False, True))
async def model_notify(on_model: bool, on_properties: bool) -> AsyncIterator[Timed]:
    """An update of 5 keywords of 30, with a callback of the model or of each of them."""
    from clu.model import Model

    seen: list[Any] = []

    def take_keyword(model: Any, keyword: Any) -> None:
        seen[:] = [model, keyword]

    def take_value(keyword: Any) -> None:
        seen[:] = [keyword]

    model = Model("bench", inputs.schema(30), callback=take_keyword if on_model else None)
    for name in inputs.message(0) if on_properties else ():
        model[name].register_callback(take_value)
    message = inputs.message(5)
    model.update_model(message)
    *flattened, last = seen
    check(last.value == message[last.name], "the callback has another value")
    check(all(len(each) >= 30 for each in flattened), "the model is not complete")
    yield timed_statement(
        "update(next())", update=model.update_model, next=inputs.rotate(inputs.message)
    )


@workload(watch_update=())
async def watch_update() -> AsyncIterator[Timed]:
    """An update of 5 keywords, of which one is watched, until the watcher has it."""
    actor, _ = make_actor("json")
    if not hasattr(actor, "watch"):
        raise NotImplementedError("there are no subscriptions")
    subscription = actor.watch("frame")
    next_message = inputs.rotate(inputs.message)

    async def timed(number: int) -> float:
        start = perf_counter()
        for _ in range(number):
            actor.model.update_model(message := next_message())
            update = await subscription.__anext__()
        seconds = perf_counter() - start
        check(update.value == message["frame"], "the watcher has another value")
        return seconds

    yield timed


# --- the opscore protocol ----------------------------------------------------------------

READ_VALUES = "for keyword in parse(next()).keywords: [value for value in keyword.values]"
CONSUME = "consume(parse(next()))"
CONSUME_AND_READ = """
reply = parse(next())
consume(reply)
for keyword in reply.keywords: model[keyword.name].value
"""


@workload(
    reply_parse_300=(inputs.long_line, 300, 9, "parse(next())"),
    reply_parse_45=(inputs.short_line, 45, 2, "parse(next())"),
    reply_read_300=(inputs.long_line, 300, 9, READ_VALUES),
    reply_read_45=(inputs.short_line, 45, 2, READ_VALUES),
)
async def reply_parse(
    line: Callable[[int], str], length: int, keywords: int, statement: str
) -> AsyncIterator[Timed]:
    """A line into a reply; `READ_VALUES` reads each value too, which may be converted on demand."""
    from clu.legacy.types.parser import ReplyParser

    parser = ReplyParser()
    check(len(line(0)) == length, f"the line has {len(line(0))} characters")
    check(len(parser.parse(line(0)).keywords) == keywords, "wrong number of keywords")
    yield timed_statement(statement, parse=parser.parse, next=inputs.rotate(line))


@workload(
    hub_line_300=(300, CONSUME),
    hub_line_300_read=(300, CONSUME_AND_READ),
    hub_line_5=(5, CONSUME),
)
async def hub_line(keys: int, statement: str) -> AsyncIterator[Timed]:
    from clu.legacy.tron import TronModel
    from clu.legacy.types.keys import Key, KeysDictionary
    from clu.legacy.types.parser import ReplyParser
    from clu.legacy.types.types import Bool, Enum, Float, Int, String

    makers: list[Callable[[], Any]] = [
        lambda: Float() * 3,
        String,
        Int,
        lambda: Enum("Open", "Closed", "Moving"),
        lambda: Bool("F", "T"),
    ]
    entries = [Key(f"key{index}", makers[index % len(makers)]()) for index in range(keys)]
    model, parser = TronModel(KeysDictionary("bench", (1, 0), *entries)), ReplyParser()
    reply = parser.parse(inputs.hub_line(7, keys))
    model.parse_reply(reply)
    values = [list(model[keyword.name].value) for keyword in reply.keywords]
    check(values == [[7.5, 2.25, -3.125], ["state 7"], [7], ["Moving"], [True]], f"{values}")
    yield timed_statement(
        statement,
        model=model,
        consume=model.parse_reply,
        parse=parser.parse,
        next=inputs.rotate(lambda index: inputs.hub_line(index, keys)),
    )


# --- an actor with a null transport ------------------------------------------------------


def make_actor(kind: str, port: int = 1, keywords: int = 30) -> tuple[Any, NullTransport]:
    import clu

    actor_class, user_id = {"json": (clu.JSONActor, "user"), "legacy": (clu.LegacyActor, 1)}[kind]
    actor = actor_class("bench", host="127.0.0.1", port=port, schema=inputs.schema(keywords))
    return actor, NullTransport(user_id)


def check_reply(kind: str, line: str, index: int) -> None:
    if kind == "json":
        good = json.loads(line)["data"] == inputs.message(index)
    else:
        good = line.split(" i ", 1)[-1] == inputs.message_text(index)
    check(good, f"wrong reply {line}")


@workload(
    json_write=("json", True, False),
    json_write_unvalidated=("json", False, False),
    json_write_command=("json", True, True),
    json_write_command_unvalidated=("json", False, True),
    json_write_300=("json", True, True, 300),
    legacy_write=("legacy", True, False),
    legacy_write_unvalidated=("legacy", False, False),
    legacy_write_command=("legacy", True, True),
    legacy_write_command_unvalidated=("legacy", False, True),
)
async def write(
    kind: str, validate: bool, with_command: bool, keywords: int = 30
) -> AsyncIterator[Timed]:
    """`actor.write`: `WRITES_PER_ITERATION` in each iteration of the loop, with a new command."""
    from clu import Command

    actor, transport = make_actor(kind, keywords=keywords)
    actor.transports[transport.user_id] = transport
    next_message = inputs.rotate(inputs.message)

    def make_command() -> Any:
        if not with_command:
            return None
        return Command(
            "x", commander_id=transport.user_id, command_id=7, actor=actor, transport=transport
        )

    async def iteration(count: int) -> float:
        command = make_command()
        start = perf_counter()
        for _ in range(count):
            actor.write("i", next_message(), command=command, validate=validate)
        await asyncio.sleep(0)
        return perf_counter() - start

    async def timed(number: int) -> float:
        iterations, rest = divmod(number, WRITES_PER_ITERATION)
        return sum(
            [await iteration(WRITES_PER_ITERATION) for _ in range(iterations)]
        ) + await iteration(rest)

    await iteration(3)
    check_reply(kind, transport.last_line(), 2)
    actor.write("i", inputs.bad_message(), validate=validate)
    await asyncio.sleep(0)
    rejected = "Failed validating" in transport.last_line()
    check(rejected == validate, f"a bad reply was {'' if rejected else 'not '}rejected")
    yield timed


@workload(
    json_ping_serial=("json", 1),
    json_ping_concurrent=("json", COMMANDS_AT_ONCE),
    json_ping_after_5000=("json", 1, GROWTH),
    legacy_ping_serial=("legacy", 1),
    legacy_ping_concurrent=("legacy", COMMANDS_AT_ONCE),
    json_move=("json", 1, 0, b"move 5 --fast", "5.0 True"),
    json_move_in_group=("json", 1, 0, b"stage move 5 --fast", "5.0 True"),
)
async def ping(
    kind: str, at_once: int, before: int = 0, text: bytes = b"ping", wanted: str = "Pong"
) -> AsyncIterator[Timed]:
    """`new_command(transport, b"<id> ping\\n")` until done, ``at_once`` of them at a time."""
    actor, transport = make_actor(kind)
    add_moves(actor.parser)
    actor.transports[transport.user_id] = transport
    numbers = itertools.cycle(range(1, 1000))

    async def timed(number: int) -> float:
        start = perf_counter()
        for _ in range(0, number, at_once):
            commands = [
                actor.new_command(transport, b"%d %s\n" % (next(numbers), text))
                for _ in range(at_once)
            ]
            for command in commands:
                await command
        await asyncio.sleep(0)
        return (perf_counter() - start) * number / (-(-number // at_once) * at_once)

    await timed(max(before, 1))
    check(wanted in transport.last_line(), f"wrong reply {transport.last_line()}")
    yield timed


def add_moves(parser: Any) -> None:
    """Add commands with a number and a flag, whose callbacks are coroutine functions."""
    import click

    @parser.group()
    def stage(*args: Any) -> None:
        pass

    for group in (parser, stage):

        @group.command()
        @click.argument("position", type=float)
        @click.option("--fast", is_flag=True)
        async def move(command: Any, position: float, fast: bool) -> None:
            command.finish(text=f"{position} {fast}")


# --- a real client over loopback ---------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start_client(port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT), "127.0.0.1", str(port), MARKER, stdin=-1, stdout=-1
    )


async def greet(actor: Any, client: asyncio.subprocess.Process) -> None:
    """Wait until the client is connected and past the greeting."""
    for _ in range(500):
        await asyncio.sleep(0.01)
        if actor.transports:
            break
    check(bool(actor.transports), "the actor does not see its client connect")
    actor.write("i", text=MARKER, broadcast=True)
    await answer(client, "ready")


async def answer(client: asyncio.subprocess.Process, expected: str = "") -> str:
    if client.stdout is None:
        raise RuntimeError("the client has no standard output")
    line = (await asyncio.wait_for(client.stdout.readline(), 120)).decode().strip()
    check(bool(line) and (not expected or line == expected), f"the client said {line!r}")
    return line


@workload(
    json_broadcast=("json",),
    legacy_broadcast=("legacy",),
    json_broadcast_uvloop=("json",),
    legacy_broadcast_uvloop=("legacy",),
)
async def broadcast(kind: str) -> AsyncIterator[Timed]:
    """Validated replies to one client; from the first write until the client has read the last."""
    port = free_port()
    actor, _ = make_actor(kind, port)
    await actor.start()
    client = await start_client(port)
    messages = [inputs.message(index) for index in range(inputs.VARIANTS)]

    async def timed(number: int) -> float:
        if client.stdin is None:
            raise RuntimeError("the client has no standard input")
        client.stdin.write(b"%d\n" % number)
        await answer(client, "counting")
        start = perf_counter()
        for index in range(number):
            actor.write("i", messages[index % inputs.VARIANTS], broadcast=True)
            if index % BROADCASTS_PER_TURN == BROADCASTS_PER_TURN - 1:
                await asyncio.sleep(0)
        last = await answer(client)
        seconds = perf_counter() - start
        check_reply(kind, last, (number - 1) % inputs.VARIANTS)
        return seconds

    try:
        await greet(actor, client)
        yield timed
    finally:
        with suppress(ProcessLookupError):
            client.kill()
        await client.wait()
        await actor.stop()


# --- import ------------------------------------------------------------------------------

IMPORT = """
from time import perf_counter
start = perf_counter()
import clu
print(perf_counter() - start, clu.__file__)
"""


@workload(import_clu=())
async def import_clu() -> AsyncIterator[Timed]:
    """`import clu` in a fresh interpreter where nothing else, asyncio included, is loaded."""
    import clu

    async def timed(number: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            outputs = [fresh_import(folder) for _ in range(number)]
        check(all(path == clu.__file__ for _, path in outputs), f"imported {outputs[0][1]}")
        return sum(float(seconds) for seconds, _ in outputs)

    await timed(1)
    yield timed


def fresh_import(folder: str) -> tuple[str, str]:
    command = [sys.executable, "-c", IMPORT]
    output = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    seconds, path = output.strip().split(maxsplit=1)
    return seconds, path


# --- running -----------------------------------------------------------------------------


def outcome(selected: Case, seconds: float) -> dict[str, Any]:
    from clu.exceptions import CluNotImplemented

    try:
        return selected.run(seconds)
    except (ImportError, NotImplementedError, CluNotImplemented) as err:
        return {"microseconds": None, "reason": f"not there: {type(err).__name__}: {err}"}
    except Exception as err:
        return {"microseconds": None, "reason": f"{type(err).__name__}: {err}", "wrong": True}


def about() -> dict[str, Any]:
    import clu

    try:
        from clu import _speedups

        kernels = _speedups.backend()
    except (ImportError, AttributeError):
        kernels = None
    return {
        "version": clu.__version__,
        "file": clu.__file__,
        "kernels": kernels,
        "no_extensions": os.environ.get("CLU_NO_EXTENSIONS", ""),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--case", action="append", choices=CASES, help="only this case (repeatable)"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each case (default 1)")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if options.list:
        print("\n".join(CASES))
        return 0
    figures = {}
    for name in options.case or CASES:
        figures[name] = outcome(CASES[name], options.seconds)
        print(
            f"{name:34}", figures[name].get("reason") or f"{figures[name]['microseconds']:12.3f} us"
        )
    text = json.dumps({"about": about(), "cases": figures}, indent=1, default=str)
    if options.json:
        options.json.write_text(text + "\n")
    else:
        print(text)
    return 1 if any(figure.get("wrong") for figure in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
