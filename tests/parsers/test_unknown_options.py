"""Options that a command does not have."""

from __future__ import annotations

from typing import Any

import click
import pytest

from clu import Command, JSONActor, LegacyActor
from clu.parsers.click import CluGroup
from clu.testing import setup_test_actor


@click.group(cls=CluGroup)
@click.option("--quick", is_flag=True)
def parser(*args: Any, **kwargs: Any) -> None:
    pass


@parser.command()
@click.argument("POS", type=float)
@click.option("--speed", "-s", type=float)
@click.option("--wait/--no-wait")
async def move(command: Command[Any], pos: float, speed: float, wait: bool) -> None:
    command.finish(text=f"{pos} {speed}")


@parser.command()
@click.argument("WORDS", nargs=-1)
async def say(command: Command[Any], words: tuple[str, ...]) -> None:
    if "--raise" in words:
        raise click.BadArgumentUsage("Not this.")
    command.finish(text=" ".join(words))


async def replies(body: str, cls: Any = JSONActor) -> list[tuple[str, dict[str, Any]]]:
    actor: Any = await setup_test_actor(cls("stage", "localhost", 0))
    actor.parser = parser
    await actor.invoke_mock_command(body, 1)
    return [(reply.flag, dict(reply)) for reply in actor.mock_replies]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("move --sped 3 3", "NoSuchOption: No such option: --sped. Did you mean --speed?"),
        ("move --sped=3 3", "NoSuchOption: No such option: --sped. Did you mean --speed?"),
        ("move 3 --no-wiat", "NoSuchOption: No such option: --no-wiat. Did you mean --no-wait?"),
        ("--quick move 3 -x", "NoSuchOption: No such option: -x."),
        ("move -3 4", "UsageError: Got unexpected extra argument (4)"),
        ("move -inf 4", "UsageError: Got unexpected extra argument (4)"),
        ("move 3 -- --sped", "UsageError: Got unexpected extra argument (--sped)"),
        ("--quick move x", "BadParameter: Invalid value for 'POS': 'x' is not a valid float."),
    ],
)
async def test_what_cannot_be_parsed_is_blamed_on_the_unknown_option(
    body: str, reason: str
) -> None:
    assert (await replies(body))[1:] == [
        ("w", {"help": [reason]}),
        ("f", {"error": f"Command {body!r} does not exist or cannot be parsed."}),
    ]


async def test_lines_of_legacy_actors_say_it_too() -> None:
    assert (await replies("move --sped 3 3", LegacyActor))[1] == (
        "w",
        {"help": '"NoSuchOption: No such option: --sped. Did you mean --speed?"'},
    )


async def test_words_that_look_like_options_are_arguments_where_they_fit() -> None:
    assert (await replies("say --hello -x"))[1:] == [(":", {"text": "--hello -x"})]
    assert (await replies("say --raise"))[1][1] == {"help": ["BadArgumentUsage: Not this."]}
