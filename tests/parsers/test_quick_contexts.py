"""Contexts of click that are entered without click's own context managers behave the same."""

from __future__ import annotations

import asyncio
from typing import Any

import click
import pytest

from clu import Command, JSONActor
from clu.parsers.click import CluGroup

Seen = list[Any]


def actor_with(parser: Any) -> JSONActor:
    actor_class = type("Actor", (JSONActor,), {"parser": parser})
    actor: JSONActor = actor_class("camera", port=0, additional_properties=True)
    return actor


def make_parser() -> Any:
    @click.group(cls=CluGroup)
    def parser(*args: Any) -> None:
        pass

    return parser


async def run(parser: Any, text: str) -> Command[Any]:
    return await Command(text, actor=actor_with(parser)).parse()


async def test_callbacks_of_the_closing_of_contexts_run_after_the_command_innermost_first() -> None:
    parser, seen = make_parser(), Seen()

    @parser.group()
    @click.pass_context
    def stage(ctx: click.Context, *_: Any) -> None:
        ctx.call_on_close(lambda: seen.append("stage"))

    @stage.command()
    @click.pass_context
    def home(ctx: click.Context, command: Command[Any]) -> None:
        ctx.call_on_close(lambda: seen.append("home"))
        command.finish()
        seen.append("callback")

    await run(parser, "stage home")
    assert seen == ["callback", "home", "stage"]
    assert click.get_current_context(silent=True) is None


async def test_callbacks_of_the_closing_of_contexts_run_after_an_error() -> None:
    parser, seen = make_parser(), Seen()

    @parser.command()
    @click.pass_context
    def fail(ctx: click.Context, command: Command[Any]) -> None:
        ctx.call_on_close(lambda: seen.append("closed"))
        raise ValueError("no")

    command = await run(parser, "fail")
    assert command.status.did_fail
    assert seen == ["closed"]
    assert click.get_current_context(silent=True) is None


async def test_a_parameter_sees_the_contexts_above_it_and_may_close_nothing_yet() -> None:
    parser, seen = make_parser(), Seen()

    class Number(click.ParamType):
        name = "number"

        def convert(self, value: Any, param: Any, ctx: Any) -> int:
            current = click.get_current_context()
            assert current is ctx
            seen.append([current.info_name, current.parent.info_name])  # type: ignore[union-attr]
            ctx.call_on_close(lambda: seen.append("closed"))
            return int(value)

    @parser.command()
    @click.argument("number", type=Number())
    def move(command: Command[Any], number: int) -> None:
        seen.append(number)
        command.finish()

    await run(parser, "move 5")
    assert seen == [["move", "camera-command-parser"], 5, "closed"]


async def test_a_coroutine_has_the_context_after_the_command_was_parsed() -> None:
    parser, seen = make_parser(), Seen()

    @parser.command()
    @click.argument("number", type=int)
    async def move(command: Command[Any], number: int) -> None:
        for _ in range(2):
            ctx = click.get_current_context()
            seen.append((ctx.info_name, ctx.params["number"]))
            await asyncio.sleep(0.001 * number)
        command.finish()

    actor = actor_with(parser)
    await asyncio.gather(*(Command(f"move {n}", actor=actor).parse() for n in (3, 1, 2)))
    assert sorted(seen) == [("move", n) for n in (1, 1, 2, 2, 3, 3)]


async def test_the_same_parser_takes_different_words() -> None:
    parser, seen = make_parser(), Seen()

    @parser.command()
    @click.argument("position", type=float)
    @click.option("--fast/--slow", "-f/-s", default=False)
    @click.option("--axis", multiple=True)
    @click.pass_context
    def move(ctx: click.Context, command: Command[Any], **options: Any) -> None:
        names = ("position", "fast", help_name(move))
        sources = [getattr(ctx.get_parameter_source(name), "name", None) for name in names]
        seen.append((*options.values(), sources))
        command.finish()

    for text in ("move 5", "move --fast 6 --axis x --axis y", "move -s 7", "move -8.5", "move x"):
        await run(parser, text)
    line, default = "COMMANDLINE", "DEFAULT"
    assert [sorted(map(str, row)) for row in seen] == [
        sorted(map(str, row))
        for row in (
            (5.0, False, (), [line, default, default]),
            (6.0, True, ("x", "y"), [line, line, default]),
            (7.0, False, (), [line, line, default]),
            (-8.5, False, (), [line, default, default]),
        )
    ]


async def test_a_parameter_that_is_added_later_is_parsed() -> None:
    parser, seen = make_parser(), Seen()

    @parser.command()
    def move(command: Command[Any], **options: Any) -> None:
        seen.append(options)
        command.finish()

    await run(parser, "move")
    move.params.append(click.Option(["--fast"], is_flag=True))
    await run(parser, "move --fast")
    move.params.append(click.Option(["--axis"]))
    await run(parser, "move --axis x")
    assert seen == [{}, {"fast": True}, {"fast": False, "axis": "x"}]


async def test_an_option_that_changes_the_parser_is_asked_for_each_line() -> None:
    parser, seen = make_parser(), Seen()

    class Greedy(click.Option):
        def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
            seen.append(ctx.info_name)
            super().add_to_parser(parser, ctx)

    @parser.command()
    @click.option("--axis", cls=Greedy)
    def move(command: Command[Any], axis: str) -> None:
        command.finish()

    await run(parser, "move --axis x")
    await run(parser, "move --axis y")
    assert seen == ["move", "move"]


@pytest.mark.parametrize("name", ["-h", "--usage"])
async def test_another_name_of_the_help_option_still_shows_the_help(name: str) -> None:
    parser, seen = make_parser(), Seen()

    @parser.command(context_settings={"help_option_names": ["-h", "--usage"]})
    def move(command: Command[Any]) -> None:
        seen.append("called")
        command.finish()

    command = await run(parser, f"move {name}")
    assert command.status.did_fail
    assert seen == []


async def test_a_default_map_may_have_the_help_option() -> None:
    parser, seen = make_parser(), Seen()

    @parser.command()
    @click.option("--fast", is_flag=True)
    def move(command: Command[Any], fast: bool) -> None:
        seen.append("called")
        command.finish()

    move.context_settings["default_map"] = {help_name(move): True}
    command = await run(parser, "move --fast")
    assert command.status.did_fail
    assert seen == []


def help_name(command: click.Command) -> str:
    """The name under which click keeps the value of the help option, which differs by release."""
    option = command.get_help_option(click.Context(command))
    assert option is not None
    return str(option.name)
