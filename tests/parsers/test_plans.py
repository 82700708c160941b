"""Commands whose parameters are converted without click get what click would give them."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from typing import Any

import click
import pytest

from clu import Command, JSONActor
from clu.parsers.click import CluCommand, CluGroup

Seen = list[Any]


def make_parser() -> Any:
    @click.group(cls=CluGroup)
    def parser(*args: Any) -> None:
        pass

    parser.callback = None
    return parser


def actor_with(parser: Any) -> JSONActor:
    actor_class = type("Actor", (JSONActor,), {"parser": parser})
    actor: JSONActor = actor_class("camera", port=0, additional_properties=True)
    return actor


def call(actor: JSONActor, text: str) -> Command[Any]:
    return Command(text, actor=actor).parse()


def answers(actor: JSONActor, text: str) -> list[Any]:
    command = call(actor, text)
    return [(reply.message_code.value, reply.message) for reply in command.replies]


WITHOUT_DEFAULTS = [
    click.Argument(["position"], type=float),
    click.Argument(["name"], required=False),
    click.Option(["--speed", "-s"], type=int),
    click.Option(["--fast"], is_flag=True),
    click.Option(["--on/--off", "is_on"]),
]
WITH_DEFAULTS = [
    click.Option(["--level"], type=click.IntRange(1, 5), default=2),
    click.Argument(["axis"], type=click.Choice(["alt", "az"]), default="az"),
    click.Option(["-q", "--quiet"], is_flag=True, default=True),
    click.Option(["--mode"], type=click.Choice(["a", "b"], case_sensitive=False)),
    click.Option(["--hidden"], type=bool, hidden=True),
]
WITH_SPECIAL = [
    click.Argument(["names"], nargs=-1),
    click.Option(["--twice"], multiple=True),
    click.Option(["-v"], count=True),
    click.Option(["--both"], nargs=2, type=int),
    click.Option(["--checked"], callback=lambda ctx, param, value: (ctx.info_name, value)),
]
LINES = [
    "",
    "5",
    "-5",
    "-5.5 --fast",
    "5 --fast",
    "--fast 5",
    "5 x --speed 3 --off",
    "--speed=3 5",
    "--speed=3 -s 4 5",
    "-s3 5",
    "-s 3 5",
    "5 --speed",
    "5 --speed x",
    "5 --speed --fast",
    "5 --fast=1",
    "5 --unknown",
    "5 -x",
    "5 -fs",
    "5 6 7",
    "-- -5 --fast",
    "5 --",
    "five",
    '"" ""',
    "5 -",
    "--on --off 5",
    "alt --level 5",
    "az --level 6",
    "az --level=1 -q",
    "az -q --mode B",
    "ALT",
    "az --hidden true",
    "az --hidden perhaps",
    "-qq az",
    "-1",
    "a b c",
    "a --twice b --twice c -vvv",
    "--both 1 2",
    "--checked x",
    "5 --speed \uff19 x",
]


@pytest.mark.parametrize(
    "params", [WITHOUT_DEFAULTS, WITH_DEFAULTS, WITH_SPECIAL], ids=["plain", "defaults", "special"]
)
@pytest.mark.parametrize("ignores", [True, False])
async def test_a_line_gives_the_same_whatever_lines_came_before(params: Any, ignores: bool) -> None:
    def answer_of(lines: tuple[str, ...]) -> list[Any]:
        parser, got = make_parser(), []

        def move(command: Any, **values: Any) -> None:
            got.append([*values.items()])
            context = command.context
            assert context.params == values
            got.append([context.get_parameter_source(name) for name in values])
            got.append((context.args, context.command_path, context.parent.invoked_subcommand))
            command.finish()

        settings = {"ignore_unknown_options": ignores}
        parser.add_command(
            CluCommand("move", callback=move, params=[*params], context_settings=settings)
        )
        actor = actor_with(parser)
        replies: list[Any] = []
        for line in lines:
            got.clear()
            # To look at the context has click make it at once from then on.
            parser.commands["move"].looked_up_by = None
            replies = answers(actor, f"move {line}")
        return [*got, replies]

    expected = {line: answer_of((line,)) for line in LINES}
    before = answer_of(tuple(LINES))
    assert before == expected[LINES[-1]]
    for line in LINES:
        assert answer_of((*LINES, line)) == expected[line], line


async def test_no_context_is_made_for_a_callback_that_does_not_look_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parser, made = make_parser(), Seen()

    @parser.group()
    def stage(*_: Any) -> None:
        pass

    @stage.command()
    @click.argument("position", type=float)
    @click.option("--fast", is_flag=True)
    async def move(command: Any, position: float, fast: bool) -> None:
        command.finish(moved=[position, fast])

    class Context(click.Context):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(kwargs.get("info_name"))
            super().__init__(*args, **kwargs)

    actor = actor_with(parser)
    await call(actor, "stage move 1 --fast")
    await call(actor, "stage move 1")
    for each in (parser, stage, move):
        monkeypatch.setattr(type(each), "context_class", Context)
    command = await call(actor, "stage move 5 --fast")
    assert command.replies.get("moved") == [5.0, True]
    assert made == []

    assert command.context is command.ctx is command.context
    assert command.context.command_path == "camera-command-parser stage move"
    assert command.context.obj["parser_args"] == [command]
    assert made == ["camera-command-parser", "stage", "move"]


async def test_the_context_is_the_current_one_for_whoever_looks() -> None:
    parser, seen = make_parser(), Seen()

    @parser.command()
    @click.option("--late", is_flag=True)
    async def move(command: Any, late: bool) -> None:
        if late:
            await asyncio.sleep(0)
        seen.append(click.get_current_context())
        assert click.get_current_context() is command.context
        command.finish()

    actor = actor_with(parser)
    for line in ("move", "move --late", "move", "move --late"):
        move.looked_up_by = None
        command = await call(actor, line)
        assert seen.pop() is command.context
        assert click.get_current_context(silent=True) is None


async def test_what_the_callback_of_a_group_changes_is_inherited() -> None:
    parser, seen = make_parser(), Seen()

    @parser.group()
    @click.pass_context
    def stage(ctx: click.Context, *_: Any) -> None:
        ctx.obj = {**ctx.obj, "stage": ctx.invoked_subcommand}
        ctx.call_on_close(lambda: seen.append("closed"))

    @stage.command()
    def move(command: Any) -> None:
        context = click.get_current_context()
        seen.extend([context.obj["stage"], context.parent is not None, context is command.context])
        command.finish()

    actor = actor_with(parser)
    for _ in range(3):
        stage.looked_up_by = None
        await call(actor, "stage move")
        assert seen == ["move", True, True, "closed"]
        seen.clear()


@pytest.mark.parametrize("attribute", ["default", "type", "callback", "required"])
async def test_a_parameter_that_changes_is_looked_at_again(attribute: str) -> None:
    parser, seen = make_parser(), Seen()

    @parser.command()
    @click.option("--speed", default="7")
    def move(command: Any, speed: Any) -> None:
        seen.append(speed)
        command.finish()

    actor = actor_with(parser)
    for line in ("move", "move --speed 5"):
        await call(actor, line)
    values = {"default": "8", "type": click.INT, "callback": lambda *_: "9", "required": True}
    setattr(move.params[0], attribute, values[attribute])
    await call(actor, "move --speed 5")
    await call(actor, "move")
    expected = {"default": ["5", "8"], "type": [5, 7], "callback": ["9", "9"]}
    assert seen[2:] == expected.get(attribute, ["5", "7"])


async def test_a_default_that_is_made_for_each_line_is() -> None:
    parser, seen, numbers = make_parser(), Seen(), itertools.count()

    @parser.command()
    @click.option("--number", type=int, default=lambda: next(numbers))
    def move(command: Any, number: int) -> None:
        seen.append(number)
        command.finish()

    actor = actor_with(parser)
    for line in ("move", "move", "move --number 9", "move"):
        await call(actor, line)
    assert seen == [0, 1, 9, 2]


async def test_an_error_of_the_callback_is_not_taken_for_a_wrong_word() -> None:
    parser = make_parser()

    @parser.command()
    @click.argument("position", type=float)
    def move(command: Any, position: float) -> None:
        raise click.BadParameter("no such place")

    actor = actor_with(parser)
    first, *others = [answers(actor, "move 5") for _ in range(3)]
    assert "no such place" in str(first)
    assert others == [first, first]


async def test_a_stop_and_a_second_one_are_answered_as_before() -> None:
    parser = make_parser()

    @parser.command(cancellable=True)
    @click.option("--seconds", type=float, default=60.0)
    async def expose(command: Any, seconds: float) -> None:
        await asyncio.sleep(seconds)

    actor = actor_with(parser)
    said = []
    for _ in range(3):
        running = call(actor, "expose --seconds 60")
        second = await call(actor, "expose")
        stopping = await call(actor, "expose --stop")
        await running
        said.append([str(each.replies[-1].message) for each in (running, second, stopping)])
    assert said[0] == said[1] == said[2]
    assert "already running" in said[0][1]


async def test_a_command_that_has_ended_is_forgotten() -> None:
    parser = make_parser()

    @parser.command()
    @click.argument("position", type=float)
    def move(command: Any, position: float) -> None:
        command.finish()

    actor = actor_with(parser)
    for _ in range(3):
        command = await call(actor, "move 5")
    ended = weakref.ref(command)
    del command
    gc.collect()
    assert ended() is None
