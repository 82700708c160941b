"""Commands as Python shows them: names, signatures, descriptions, and errors of calls."""

from __future__ import annotations

import copy
import enum
import inspect
import io
import json
import pathlib
import pydoc
import uuid
from contextlib import redirect_stdout
from datetime import date, datetime
from typing import Any

import click
import numpy as np
import pytest
from unclick import command_to_json

from clu._remote.commands import CommandSpec
from clu._remote.names import python_name, python_names
from clu.exceptions import InvalidArguments, InvalidCommand
from clu.remote import RemoteActor

from .actors import parser

CAMERA = CommandSpec("camera", json.loads(command_to_json(parser)))


class Nothing:
    """Sends nothing."""

    forbidden = ""


@pytest.fixture
def camera() -> RemoteActor:
    return RemoteActor(CAMERA, Nothing())


def spec_of(*parameters: click.Parameter, **kwargs: Any) -> CommandSpec:
    command = click.Command("go", params=list(parameters), **kwargs)
    return CommandSpec("actor", json.loads(command_to_json(command)), "go")


def string(spec: CommandSpec, *args: Any, **kwargs: Any) -> str:
    return spec.command_string(args, kwargs)


def error(spec: CommandSpec, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InvalidCommand) as caught:
        spec.command_string(args, kwargs)
    return caught.value.error


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("get-status", "get_status"),
        ("class", "class_"),
        ("2mass", "_2mass"),
        ("a.b c", "a_b_c"),
        ("", "_"),
        ("é", "é"),
        ("\u0300a", "_\u0300a"),
        ("\ufb01x²", "fix2"),
        ("timeout", "timeout_"),
    ],
)
def test_names_are_identifiers(name: str, expected: str) -> None:
    assert python_name(name, ["timeout"]) == expected
    assert expected.isidentifier()


def test_each_name_has_an_identifier_of_its_own() -> None:
    assert python_names(["a-b", "a_b", "a.b"]) == {"a_b": "a_b", "a_b_": "a-b", "a_b__": "a.b"}


def test_commands_are_shown_but_hidden_ones(camera: RemoteActor) -> None:
    shown = [name for name in dir(camera) if not name.startswith("_")]
    assert shown == [
        *("class_", "count", "expose", "flaky", "forward", "get_command_model", "get_schema"),
        *("help", "keyword", "pass_on", "ping", "power", "sleep", "version"),
    ]
    assert [name for name in dir(camera.power) if not name.startswith("_")] == [
        *("cycle_all", "on", "started", "started_")
    ]
    assert "cycle-all" in camera.power._ipython_key_completions_()
    assert repr(camera) == "<RemoteActor (camera)>"
    assert repr(camera.power.on) == "<RemoteCommand (camera power on)>"


def test_a_name_that_is_not_there_is_an_error_with_the_nearest_one(camera: RemoteActor) -> None:
    with pytest.raises(
        AttributeError, match=r"camera has no command 'expos'\. Did you mean expose"
    ):
        camera.expos
    with pytest.raises(
        AttributeError, match=r"camera power has no command 'x'\. It has: cycle-all"
    ):
        camera.power.x
    with pytest.raises(KeyError, match="camera has no command 'expos'"):
        camera["expos"]
    assert copy.copy(camera.power).on.__name__ == "on"


def test_a_signature_has_the_types_and_the_default_values(camera: RemoteActor) -> None:
    own = (
        "timeout: float | None = None, retries: int | Retries = 0, "
        "on_reply: Callable | None = None, command: BaseCommand | None = None) -> CommandResult"
    )
    assert str(inspect.signature(camera.expose)) == (
        "(exposure_time: float, *, flavour: Literal['bias', 'dark', 'object'] = 'object', "
        "count: int = 1, note: Sequence[str] | None = None, timeout_: float | None = None, "
        "window: tuple[int, int, int, int] | None = None, read: bool = True, "
        f"lambda_: int | None = None, stop: bool = False, {own}"
    )
    assert str(inspect.signature(camera.power.on)) == (
        f"(*names: str, port: int | None = None, {own}"
    )
    assert str(inspect.signature(camera.power.cycle_all)) == (
        f"(*, port: int | None = None, power_port: int | None = None, {own}"
    )
    assert str(inspect.signature(camera.class_)) == (
        f"(word: str | None = None, second: str | None = None, *, {own}"
    )


def test_help_reads_well(camera: RemoteActor) -> None:
    output = io.StringIO()
    with redirect_stdout(output):
        pydoc.Helper(output=output).help(camera.expose)
    lines = [line.strip() for line in output.getvalue().splitlines()]
    assert lines[0] == "Help on RemoteCommand in module clu.remote:"
    assert lines[2:13] == [
        "expose = <RemoteCommand (camera expose)>",
        "Expose the camera.",
        "",
        "The time is in",
        "seconds.",
        "",
        "Parameters",
        "----------",
        "exposure_time: float",
        "It is at least 0 and at most 3600.",
        "flavour: Literal['bias', 'dark', 'object'] = 'object'",
    ]
    assert "What to expose." in lines
    assert str(camera.power.__doc__).endswith("Commands: cycle_all, on, started_")


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((), {}, "exposure_time is missing."),
        ((None,), {}, "exposure_time is missing."),
        ((1, 2), {}, "takes at most 1 positional argument, not 2."),
        ((1,), {"exposure_time": 2}, "exposure_time is given twice."),
        ((1,), {"flavor": "dark"}, "has no parameter 'flavor'. Did you mean flavour?"),
        (("1",), {}, "exposure_time must be a number, not '1'."),
        ((True,), {}, "exposure_time must be a number, not True."),
        ((-1,), {}, "exposure_time must be at least 0 and at most 3600, not -1."),
        ((1,), {"count": 1.5}, "count must be an integer, not 1.5."),
        ((1,), {"note": "a"}, "note must be a sequence of values, not 'a'."),
        ((1,), {"note": [1]}, "note must be a string, not 1."),
        ((1,), {"window": (1, 2)}, "window must be a sequence of 4, not (1, 2)."),
        ((1,), {"window": 1}, "window must be a sequence of 4, not 1."),
        ((1,), {"read": "yes"}, "read must be True or False, not 'yes'."),
        ((1,), {"lambda_": 299}, "lambda_ must be at least 300 and at most 1000, not 299."),
        ((1,), {"note": ["\ud800"]}, r"note is no text: '\ud800'."),
    ],
)
def test_an_error_of_a_call_names_the_parameter(
    args: tuple[Any, ...], kwargs: dict[str, Any], expected: str
) -> None:
    assert error(CAMERA.subcommands["expose"], *args, **kwargs) == expected


def test_a_cancellable_command_is_stopped_without_its_arguments() -> None:
    assert string(CAMERA.subcommands["expose"], stop=True) == "expose --stop"
    assert "missing" in error(CAMERA.subcommands["expose"], stop=False)


def test_an_argument_before_another_one_cannot_be_left_out() -> None:
    spec = CAMERA.subcommands["class"]
    assert (
        error(spec, second="b") == "word cannot be left out, as it would take what comes after it."
    )
    assert string(spec, "a", "b") == "class a b"
    copying = spec_of(click.Argument(["from"], nargs=-1), click.Argument(["to"], required=False))
    assert string(copying, "a", "b", to="c") == "go a b c"
    assert "to cannot be left out" in error(copying, "a", "b")
    assert str(copying.signature).startswith("(*from_: str, to: str | None = None, timeout:")
    assert string(copying, from_=["a"], to="c") == "go a c"


def test_what_means_something_else_is_not_sent() -> None:
    on = CAMERA.subcommands["power"].subcommands["on"]
    assert error(on, "--help") == "names cannot be '--help', which means something else."
    assert string(on, "--stop", "-x") == "power on -- --stop -x"
    spec = spec_of(click.Option(["-x"]), click.Option(["--name"]))
    assert string(spec, x="--help", name="--help") == "go -x--help --name=--help"


class Color(enum.Enum):
    RED = 1


class Flavour(str, enum.Enum):
    DARK = "dark"


@pytest.mark.parametrize(
    ("type_", "value", "word"),
    [
        (click.INT, np.int64(-3), "3"),
        (click.INT, 10**30, "1000000000000000000000000000000"),
        (click.FLOAT, np.float32(0.5), "0.5"),
        (click.FLOAT, np.int16(2), "2.0"),
        (click.FLOAT, 1e-300, "1e-300"),
        (click.BOOL, np.bool_(True), "true"),
        (click.Choice(["dark"]), Flavour.DARK, "dark"),
        (click.Choice(["RED"]), Color.RED, "RED"),
        (click.Choice(["Dark"], case_sensitive=False), "dark", "dark"),
        (click.Choice(["1", "2"]), 1, "1"),
        (click.IntRange(0, 3, clamp=True), 7, "7"),
        (click.Path(), pathlib.PurePosixPath("/a b"), "'/a b'"),
        (click.UUID, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (click.DateTime(), date(2026, 1, 2), "2026-01-02"),
        (click.DateTime(), datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (click.DateTime(), "2026-01-02", "2026-01-02"),
        (click.UNPROCESSED, 3, "3"),
        (click.UNPROCESSED, "a b", "'a b'"),
    ],
)
def test_values_are_taken_that_the_type_of_click_takes(type_: Any, value: Any, word: str) -> None:
    words = string(spec_of(click.Option(["--x"], type=type_)), x=value)
    assert words == f"go --x{'=-' if str(value) == '-3' else ' '}{word}"


@pytest.mark.parametrize(
    ("type_", "value", "reason"),
    [
        (click.INT, "1", "must be an integer, not '1'."),
        (click.FLOAT, 10**400, "is too large: 1"),
        (click.FLOAT, np.array([1.0, 2.0]), "must be a number, not array"),
        (click.BOOL, 1, "must be True or False, not 1."),
        (click.STRING, 1, "must be a string, not 1."),
        (click.STRING, b"a", "must be a string, not b'a'."),
        (click.Path(), b"a", "must be a path, not b'a'."),
        (click.UUID, "a", "must be a UUID, not 'a'."),
        (click.DateTime(), "noon", "must be a date such as %Y-%m-%d"),
        (click.DateTime(["%Y"]), date(2026, 1, 2), "cannot be written as %Y:"),
        (click.FloatRange(0, min_open=True), 0, "must be greater than 0, not 0."),
        (click.IntRange(max=3, max_open=True), 3, "must be less than 3, not 3."),
        (click.UNPROCESSED, True, "must be a string or a number, not True."),
        (click.UNPROCESSED, [1], "must be a string or a number, not [1]."),
        (click.Choice(["1"]), True, "must be one of '1', not True."),
    ],
)
def test_other_values_are_an_error(type_: Any, value: Any, reason: str) -> None:
    assert reason in error(spec_of(click.Option(["--x"], type=type_)), x=value)


def test_what_can_be_read_only_once_is_a_sequence_too() -> None:
    spec = CAMERA.subcommands["power"].subcommands["on"]
    assert string(spec, names=(name for name in ["a", "--"])) == "power on -- a --"
    assert "names cannot be '--help'" in error(spec, names=iter(["a", "--help"]))


def test_flags_are_given_or_left_out() -> None:
    spec = spec_of(
        click.Option(["--quiet", "-q"], is_flag=True),
        click.Option(["--on/--off"], default=None),
        click.Option(["-v"], count=True),
        click.Option(["--upper", "case"], flag_value="upper"),
        click.Option(["--lower", "case"], flag_value="lower", default="lower"),
        click.Option(["--no-guide", "guide"], flag_value=False, default=True),
    )
    assert string(spec, quiet=True, on=False, v=3) == "go --quiet --off -v -v -v"
    assert string(spec, quiet=False, on=True, v=0) == "go --on"
    assert string(spec, case="upper") == "go --upper"
    assert "must be one of 'upper', 'lower', not 'x'" in error(spec, case="x")
    assert string(spec, guide=False) == "go --no-guide"
    assert string(spec, guide=True) == "go"
    assert "must be how often -v is given" in error(spec, v=-1)
    assert "case: Literal['upper', 'lower'] = 'lower'" in str(spec.signature)


def test_an_option_that_needs_no_value_is_kept_apart_from_the_arguments() -> None:
    spec = spec_of(
        click.Option(["--log"], is_flag=False, flag_value="all"),
        click.Argument(["word"], required=False),
    )
    assert string(spec, "x", log=True) == "go --log -- x"
    assert string(spec, "x", log="a") == "go --log=a -- x"
    assert "cannot begin with '-'" in error(spec, log="-x")


def test_what_a_model_lacks_does_no_harm() -> None:
    spec = CommandSpec("actor", {"params": [{"name": "x", "param_type_name": "argument"}, 3]}, "go")
    assert string(spec, "a") == "go a"
    assert CommandSpec("actor", {"commands": [1], "params": None}).subcommands == {}
    with pytest.raises(InvalidArguments):
        CommandSpec("actor", {}, "go").command_string((1,), {})
