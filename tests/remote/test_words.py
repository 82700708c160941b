"""What an actor parses from a call is what was meant, whatever the command and the arguments."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import click
import hypothesis.strategies as st
import pytest
from hypothesis import event, given
from unclick import command_to_json

from clu import Command, JSONActor
from clu._remote.commands import CommandSpec
from clu.exceptions import InvalidCommand
from clu.parsers.click import CluGroup
from clu.testing import setup_test_actor

#: Texts, many of which look like something else.
TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="-='\"\\ \n\t\r#;$a1é*~\u2028\x00", max_size=8),
    st.sampled_from(
        ["", "-", "--", "---", "-1", "-n", "--name", "--name=3", "-x=", "help", "--help", "--stop"]
    ),
)
NUMBERS = st.floats(allow_nan=False)
CHOICES = ["dark", "light red", "-7", "é", ""]


class Kind(NamedTuple):
    """A type of click, and the values that it takes."""

    type: Any
    values: st.SearchStrategy[Any]


KINDS = [
    Kind(str, TEXTS),
    Kind(int, st.integers()),
    Kind(float, NUMBERS | st.integers(-(10**9), 10**9)),
    Kind(bool, st.booleans()),
    Kind(click.Choice(CHOICES), st.sampled_from(CHOICES)),
    Kind(click.IntRange(-5, 5), st.integers(-5, 5)),
    Kind(click.FloatRange(-1, 1, min_open=True), st.floats(-1, 1, exclude_min=True)),
]


class Given(NamedTuple):
    """A parameter of click, and a value for it, or None."""

    parameter: click.Parameter
    value: Any


@st.composite
def arguments(draw: st.DrawFn, index: int) -> Given:
    kind = draw(st.sampled_from(KINDS))
    nargs = draw(st.sampled_from([1, 1, 2]))
    required = draw(st.booleans())
    argument = click.Argument([f"a{index}"], type=kind.type, nargs=nargs, required=required)
    value = kind.values if nargs == 1 else st.tuples(*[kind.values] * nargs)
    return Given(argument, draw(value if required else st.none() | value))


@st.composite
def rests(draw: st.DrawFn) -> Given:
    kind = draw(st.sampled_from(KINDS))
    argument = click.Argument(["rest"], type=kind.type, nargs=-1)
    return Given(argument, draw(st.none() | st.lists(kind.values, max_size=3).map(tuple)))


@st.composite
def options(draw: st.DrawFn, index: int, names: str) -> Given:
    letter = names[index]
    decls = draw(
        st.sampled_from([["-" + letter], ["--" + letter * 3], ["-" + letter, "--n-" + letter]])
    )
    decls = [f"o{names[index]}", *decls]
    form = draw(
        st.sampled_from(
            ["value", "value", "several", "pair", "flag", "pair of flags", "word", "count"]
        )
    )
    if form == "flag":
        return Given(click.Option(decls, is_flag=True), draw(st.none() | st.booleans()))
    if form == "pair of flags":
        decls = [decls[0], f"--with-{letter}/--without-{letter}"]
        default = draw(st.booleans())
        return Given(click.Option(decls, default=default), draw(st.none() | st.booleans()))
    if form == "word":
        option = click.Option(decls, flag_value="word", is_flag=False)
        texts = TEXTS.filter(lambda text: text == "-" or text[:1] != "-")
        return Given(option, draw(st.none() | texts | st.just(True)))
    if form == "count":
        return Given(click.Option(decls, count=True), draw(st.none() | st.integers(0, 3)))
    kind = draw(st.sampled_from(KINDS))
    if form == "several":
        values = st.lists(kind.values, max_size=3).map(tuple)
        return Given(click.Option(decls, type=kind.type, multiple=True), draw(st.none() | values))
    if form == "pair":
        second = draw(st.sampled_from(KINDS))
        option = click.Option(decls, type=(kind.type, second.type))
        return Given(option, draw(st.none() | st.tuples(kind.values, second.values)))
    return Given(click.Option(decls, type=kind.type), draw(st.none() | kind.values))


@st.composite
def parameters(draw: st.DrawFn, names: str) -> list[Given]:
    found = [draw(options(index, names)) for index in range(draw(st.integers(0, 3)))]
    found += [draw(arguments(index)) for index in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        found.append(draw(rests()))
        found += [draw(arguments(index)) for index in range(2, 2 + draw(st.integers(0, 1)))]
    return found


def is_same(got: Any, meant: Any) -> bool:
    """Whether a callback gets what was meant. An integer does for a float."""
    if isinstance(meant, tuple):
        return len(got) == len(meant) and all(map(is_same, got, meant))
    if isinstance(got, float) and type(meant) is int:
        meant = float(meant)
    return repr(got) == repr(meant)


def is_refused_rightly(outer: list[Given], inner: list[Given]) -> bool:
    """Whether there is a reason not to send a command."""
    return (
        any(not is_sendable(item.value) for item in (*outer, *inner))
        or any(lacks_value(item) for item in (*outer, *inner))
        # The name of the command would be taken for the argument of the group.
        or any(item.value is None and is_argument(item) for item in outer)
        or is_ambiguous(inner)
    )


def is_sendable(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(is_sendable, value))
    if not isinstance(value, str):
        return True
    is_text = not any("\ud800" <= character <= "\udfff" for character in value)
    return is_text and value != "--help"


def lacks_value(item: Given) -> bool:
    return item.parameter.required and item.value in (None, ())


def is_argument(item: Given) -> bool:
    return isinstance(item.parameter, click.Argument)


def is_ambiguous(items: list[Given]) -> bool:
    """Whether arguments are left out so that click would take others for them."""
    found = [item for item in items if is_argument(item)]
    counts = [
        len(item.value or ())
        if item.parameter.nargs < 0
        else item.parameter.nargs * (item.value is not None)
        for item in found
    ]
    words = list(range(sum(counts)))
    meant, start = [], 0
    for count in counts:
        meant.append(words[start : start + count])
        start += count
    return split(words, [item.parameter.nargs for item in found]) != meant


def split(words: list[int], nargs: list[int]) -> list[list[int]]:
    """Give the words to arguments, as click does."""
    if not nargs:
        return []
    if nargs[0] >= 0:
        return [words[: nargs[0]], *split(words[nargs[0] :], nargs[1:])]
    after: list[list[int]] = []
    left = list(words)
    for count in reversed(nargs[1:]):
        taken = [left.pop() for _ in range(min(count, len(left)))]
        after.insert(0, taken[::-1])
    return [left, *after]


async def parse(text: str, group: click.Group) -> Command[Any]:
    actor: Any = JSONActor("actor", port=1)
    actor.parser = group
    await setup_test_actor(actor)
    command: Command[Any] = Command(text, actor=actor)
    command.parse()
    await asyncio.wait_for(command, 10)
    return command


def make(outer: list[Given], inner: list[Given], got: dict[str, Any]) -> click.Group:
    """Return a parser with the command ``power on``, both with parameters."""

    def take_outer(**values: Any) -> None:
        got.update(values)

    def take_inner(command: Command[Any], **values: Any) -> None:
        got.update(values)
        command.finish()

    parser = CluGroup("parser")
    power = CluGroup("power", params=[item.parameter for item in outer], callback=take_outer)
    power.command(name="on")(take_inner)
    power.commands["on"].params = [item.parameter for item in inner]
    parser.add_command(power)
    return parser


@given(inner=parameters("uvw"))
def test_a_usual_call_has_the_string_of_a_closer_look(inner: list[Given]) -> None:
    model = json.loads(command_to_json(make([], inner, {})))
    spec = CommandSpec("actor", model).subcommands["power"].subcommands["on"]
    values = {str(item.parameter.name): item.value for item in inner}
    try:
        expected = spec._checked_string((), dict(values), "")
    except InvalidCommand as error:
        with pytest.raises(type(error)):
            spec.command_string((), dict(values))
    else:
        assert spec.command_string((), dict(values)) == expected


@given(outer=parameters("pqr"), inner=parameters("uvw"))
def test_what_is_parsed_is_what_was_meant(outer: list[Given], inner: list[Given]) -> None:
    got: dict[str, Any] = {}
    # A group whose argument takes all words could not have a command.
    outer = [item for item in outer if item.parameter.nargs > 0]
    for item in outer:
        item.parameter.name = f"outer_{item.parameter.name}"
    parser = make(outer, inner, got)
    model = json.loads(command_to_json(parser))
    spec = CommandSpec("actor", model).subcommands["power"].subcommands["on"]
    values = {str(item.parameter.name): item.value for item in (*outer, *inner)}
    try:
        text = spec.command_string((), dict(values))
    except InvalidCommand as error:
        text, reason = None, str(error)
    if text is None:
        event("refused")
        assert is_refused_rightly(outer, inner), reason
        return
    event("parsed")
    command = asyncio.run(parse(text, parser))
    assert command.status.did_succeed, [reply.message for reply in command.replies]
    for item in (*outer, *inner):
        name, meant = str(item.parameter.name), item.value
        if (
            meant is True
            and isinstance(item.parameter, click.Option)
            and item.parameter.flag_value == "word"
        ):
            meant = "word"
        if meant is not None:
            assert is_same(got[name], meant), (text, name)
