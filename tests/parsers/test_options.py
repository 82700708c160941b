"""Options of a command are parsed as by click itself."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu import Command, JSONActor
from clu.parsers._options import OptionParser
from clu.parsers.click import CluCommand, CluGroup
from clu.testing import setup_test_actor

PARAMETERS = [
    click.Option(["--alpha"]),
    click.Option(["--beta/--no-beta", "-b/-B"]),
    click.Option(["--gamma", "-g"], multiple=True),
    click.Option(["-v"], count=True),
    click.Option(["--two", "-t"], nargs=2),
    click.Option(["--maybe", "-m"], is_flag=False, flag_value="yes"),
    click.Option(["+p"], is_flag=True),
    click.Argument(["words"], nargs=-1),
]
WORDS = ["a", "-", "--", "-1", "-1.5", "--x", "--alp", "--alpha", "--alpha=1", "--x=1", "-x=1"]
WORDS += ["-b", "-bB", "-bx", "-xb", "-g", "-g1", "-vvv", "-vgx", "-t", "--two", "--beta", "-B"]
WORDS += ["--beta=1", "--no-beta", "-m", "-mx", "--maybe", "-m=1", "+p", "+q", "++p", "=", "-="]
WORDS += ["--ALPHA", "-V", "---", "-\u00e9", ""]


def parsed(parser: Any, context: click.Context, words: list[str]) -> Any:
    for parameter in context.command.get_params(context):
        parameter.add_to_parser(parser, context)
    try:
        values, rest, order = parser.parse_args(list(words))
    except click.UsageError as error:
        return type(error), error.format_message()
    return values, rest, [parameter.name for parameter in order]


def check(ignores: bool, normalize: Any, words: list[str]) -> None:
    command = CluCommand(
        "move",
        params=PARAMETERS,
        context_settings={"ignore_unknown_options": ignores, "token_normalize_func": normalize},
    )
    context = click.Context(command, info_name="move", **command.context_settings)
    (original,) = OptionParser.__bases__
    assert parsed(OptionParser(context), context, words) == parsed(
        original(context), context, words
    )


@pytest.mark.parametrize("ignores", [True, False])
@pytest.mark.parametrize("normalize", [None, str.lower])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_taken_as_click_takes_it(ignores: bool, normalize: Any, word: str) -> None:
    for words in ([word], [word, "a", "b"], ["a", word, word], [word, "--x", "--", word]):
        check(ignores, normalize, words)


@pytest.mark.parametrize("ignores", [True, False])
@pytest.mark.parametrize("normalize", [None, str.lower])
@given(words=st.lists(st.sampled_from(WORDS) | st.text("-abgv=1", max_size=5), max_size=8))
def test_words_are_taken_as_click_takes_them(
    ignores: bool, normalize: Any, words: list[str]
) -> None:
    check(ignores, normalize, words)


def test_the_parser_of_a_command_is_the_quick_one() -> None:
    command = CluCommand("move", params=PARAMETERS)
    context = click.Context(command, **command.context_settings)
    parser = command.make_parser(context)
    assert isinstance(parser, OptionParser)
    assert parser.parse_args(["-b", "--x", "a"])[0]["words"] == ("--x", "a")


async def test_the_first_line_of_a_command_is_not_kept_for_its_parser() -> None:
    @click.group(cls=CluGroup)
    def fresh(*args: Any) -> None:
        pass

    @fresh.command()
    @click.argument("POSITION", type=float)
    @click.option("--fast", is_flag=True)
    def move(command: Command[Any], position: float, fast: bool) -> None:
        command.finish()

    actor_class = type("Actor", (JSONActor,), {"parser": fresh})
    actor: Any = await setup_test_actor(actor_class("camera", port=0))
    for body in ("move", "move 5 --fast", "move x"):
        command = weakref.ref(actor.invoke_mock_command(body))
        actor.mock_replies.clear()
        gc.collect()
        assert command() is None
