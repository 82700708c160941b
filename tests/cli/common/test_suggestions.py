"""What can follow the words of a command."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from unclick import command_to_json

from clu.cli.common.suggestions import suggest


@click.group()
def parser() -> None:
    pass


@parser.command()
@click.argument("band", type=click.Choice(["green", "red"]))
@click.argument("cameras", type=click.Choice(["b1", "r 1"]), nargs=-1)
@click.option("-f", "--flavour", type=click.Choice(["bias", "dark"]), help="What.\nAnd more.")
@click.option("--binning", type=int, nargs=2)
@click.option("--tag", multiple=True)
@click.option("--readout/--no-readout")
@click.option("--secret", hidden=True)
def expose() -> None:
    """Exposes."""


@parser.group(name="filter")
def filter_() -> None:
    """The filter wheel."""


@filter_.command()
def home() -> None:
    pass


@parser.command(hidden=True)
def hidden() -> None:
    pass


@parser.command(name="help")
@click.argument("command", required=False)
def help_() -> None:
    pass


MODEL: dict[str, Any] = json.loads(command_to_json(parser))


@pytest.mark.parametrize(
    ("words", "current", "expected"),
    [
        ("", "", ["expose", "filter", "help"]),
        ("", "f", ["filter"]),
        ("", "--", ["--help"]),
        ("filter", "", ["home"]),
        ("help", "f", ["filter"]),
        ("help", "", ["expose", "filter", "help", "--help"]),
        ("expose", "g", ["green"]),
        ("expose red", "r", []),
        ("expose red", "'r", ["'r 1'"]),
        ("expose red b1 b1", "b", ["b1"]),
        ("expose", "--f", ["--flavour"]),
        ("expose", "-f", ["-f"]),
        ("expose --flavour", "", ["bias", "dark"]),
        ("expose -f", "d", ["dark"]),
        ("expose", "--flavour=d", ["--flavour=dark"]),
        ("expose --flavour=dark", "--f", []),
        ("expose --flavour dark", "--f", []),
        ("expose --tag a", "--t", ["--tag"]),
        ("expose --binning 1", "r", []),
        ("expose --binning 1 2", "r", ["red"]),
        ("expose --readout", "r", ["red"]),
        ("expose", "--no", ["--no-readout"]),
        ("expose", "--s", []),
        ("expose --", "-", []),
        ("expose --nonsense", "r", ["red"]),
        ("nonsense", "e", ["expose"]),
    ],
)
def test_words_that_can_come_next(words: str, current: str, expected: list[str]) -> None:
    assert [item.text for item in suggest(MODEL, words.split(), current)] == expected


def test_meaning_is_the_first_line_of_the_help() -> None:
    assert ("--flavour", "What.") in suggest(MODEL, ["expose"], "--f")
    assert ("expose", "Exposes.") in suggest(MODEL, [], "")


@pytest.mark.parametrize(
    "model",
    [{}, {"commands": None, "params": None}, {"commands": {"a": 3}, "params": [4, {"type": 5}]}],
)
def test_model_that_makes_no_sense_suggests_nothing(model: dict[str, Any]) -> None:
    assert suggest(model, ["a", "--b"], "") == []
