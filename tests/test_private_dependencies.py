"""What clu uses of click, aio-pika and aiormq though it is not documented: it is still there.

A failure names what a new release has moved. Until clu follows, the upper bound in pyproject.toml
goes below that release.
"""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from typing import Any
from unittest.mock import Mock

import aio_pika
import aiormq
import click
import click.globals
import click.parser
import pytest
from aio_pika.connection import UnderlayConnection
from aio_pika.message import ProcessContext
from aiormq.connection import TransportFactory
from aiormq.tools import censor_url

from clu._amqp.stream import FrameTransportFactory
from clu.parsers._context import has_callbacks, use_task_contexts
from clu.parsers._lazy import PROTECTED_ARGS
from clu.parsers._options import _NAME, IS_KNOWN

URL = "amqp://guest:guest@localhost:1/"


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


# --- click ------------------------------------------------------------------------------------


def test_click_has_the_parser_of_options() -> None:
    assert IS_KNOWN, "click.parser has neither _OptionParser nor OptionParser, or not its methods"
    cls = getattr(click.parser, _NAME)
    assert parameters(cls._process_opts) == ["self", "arg", "state"]
    assert parameters(cls._match_short_opt) == ["self", "arg", "state"]
    parser = cls(click.Context(click.Command("test")))
    for name in ("_short_opt", "_long_opt", "_opt_prefixes", "ignore_unknown_options", "ctx"):
        assert hasattr(parser, name), f"click.parser.{_NAME} has no attribute {name}"


def test_click_makes_its_parsers_where_clu_makes_another_one() -> None:
    command = click.Command("test", params=[click.Option(["--number"], type=int)])
    context = click.Context(command)
    parser = command.make_parser(context)
    assert type(parser) is getattr(click.parser, _NAME)
    assert "--number" in parser._long_opt, "parameters are not added by add_to_parser"
    assert parameters(click.Option.add_to_parser) == ["self", "parser", "ctx"]


def test_click_gives_its_parser_the_words_as_a_list_that_it_empties() -> None:
    words = ["--number", "1", "rest"]
    command = click.Command(
        "test", params=[click.Option(["--number"], type=int), click.Argument(["name"])]
    )
    parser = command.make_parser(click.Context(command))
    found, rest, _ = parser.parse_args(words)
    assert (found, rest, words) == ({"number": "1", "name": "rest"}, [], [])


def test_click_keeps_its_contexts_in_a_local_that_can_be_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Local:
        def __init__(self) -> None:
            self.stack: list[Any] = []

    assert hasattr(click.globals, "_local"), "click.globals has no _local"
    local = Local()
    monkeypatch.setattr(click.globals, "_local", local)
    context = click.Context(click.Command("test"))
    click.globals.push_context(context)
    assert local.stack == [context], "push_context appends to another list"
    assert click.get_current_context() is context
    click.globals.pop_context()
    assert local.stack == [], "pop_context takes from another list"


def test_click_keeps_the_name_of_a_subcommand_in_the_context() -> None:
    group = click.Group("test", commands=[click.Command("inner")])
    context = group.make_context("test", ["inner", "word"])
    assert getattr(context, PROTECTED_ARGS, None) == ["inner"], f"{PROTECTED_ARGS} has moved"
    assert context.args == ["word"]


def test_click_counts_how_often_a_context_is_entered_and_keeps_what_closing_it_calls() -> None:
    context = click.Context(click.Command("test"))
    with context:
        assert context._depth == 1
        with context.scope(cleanup=False):
            assert context._depth == 3
        assert not has_callbacks(context)
        context.call_on_close(lambda: None)
        assert has_callbacks(context)
    assert context._depth == 0
    assert not has_callbacks(context)


def test_click_makes_one_help_option_that_it_keeps() -> None:
    command = click.Command("test")
    context = click.Context(command)
    option = command.get_help_option(context)
    assert option is not None
    assert command.get_help_option(context) is option
    assert command.get_params(context) == [option]
    assert parameters(option.handle_parse_result) == ["ctx", "opts", "args"]


def test_click_knows_whether_a_group_has_a_callback_for_results() -> None:
    assert click.Group("test")._result_callback is None


# --- asyncio ----------------------------------------------------------------------------------


def test_click_shares_the_dictionaries_of_a_context_with_those_within() -> None:
    outer = click.Context(click.Group("outer"), obj={})
    outer._meta = {"key": "value"}
    inner = click.Context(click.Command("inner"), parent=outer)
    assert (inner.obj, inner.meta) == (outer.obj, {"key": "value"})
    assert inner.obj is outer.obj
    assert not inner.get_parameter_source("unknown")


def test_the_parser_of_click_tells_what_its_options_do() -> None:
    command = click.Command(
        "test", params=[click.Option(["--number", "-n"], type=int), click.Option(["--on/--off"])]
    )
    parser = command.make_parser(click.Context(command))
    number, on, off = (parser._long_opt[name] for name in ("--number", "--on", "--off"))
    assert parser._short_opt["-n"] is number
    assert (number.obj, number.action) == (command.params[0], "store")
    assert [(each.action, each.const) for each in (on, off)] == [
        ("store_const", True),
        ("store_const", False),
    ]


async def test_asyncio_can_be_told_which_task_is_the_current_one() -> None:
    loop, current = asyncio.get_running_loop(), asyncio.current_task()
    assert current is not None
    asyncio._leave_task(loop, current)
    assert asyncio.current_task() is None
    asyncio._enter_task(loop, current)
    assert asyncio.current_task() is current


# --- click, without its parser ----------------------------------------------------------------


@pytest.mark.parametrize(
    "moved",
    [
        "[vars(click.parser).pop(name, None) for name in ('_OptionParser', 'OptionParser')]",
        "del parser._match_short_opt",
        "del parser._process_opts",
    ],
)
def test_clu_parses_commands_with_a_click_that_has_another_parser(moved: str) -> None:
    code = f"""
import asyncio, click.parser
vars(click.parser).pop("__getattr__", None)  # of deprecated names
parser = getattr(click.parser, {_NAME!r})
{moved}
import clu
from clu.parsers._options import IS_KNOWN
from clu.testing import setup_test_actor

async def main():
    actor = await setup_test_actor(clu.JSONActor("test", port=0))
    command = clu.Command("ping", actor=actor)
    actor.parse_command(command)
    await command
    assert command.status.did_succeed, command.status

assert not IS_KNOWN
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


def test_contexts_are_left_to_a_click_that_keeps_them_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(click.globals, "_local")
    use_task_contexts()
    assert not hasattr(click.globals, "_local")


# --- aio-pika and aiormq ----------------------------------------------------------------------


async def test_aiormq_opens_its_streams_with_the_factory_of_a_connection() -> None:
    """And gives the factory what it needs: the way into it is through aio-pika's arguments."""
    asked: list[Any] = []

    class Factory(FrameTransportFactory):
        async def create(self, url: Any, **kwargs: Any) -> Any:
            asked.append((url, kwargs))
            raise aiormq.exceptions.AMQPConnectionError("enough")

    connection = aio_pika.RobustConnection(censored(), ssl_context=None)
    assert isinstance(connection.kwargs, dict), "RobustConnection has no dictionary kwargs"
    connection.kwargs["transport_factory"] = Factory(Mock(), Mock())
    with pytest.raises(aiormq.exceptions.AMQPConnectionError, match="enough"):
        await connection.connect(5)
    await connection.close()
    assert asked, "the factory in the kwargs of a RobustConnection is not asked for a stream"
    url, kwargs = asked[0]
    assert (url.host, url.port, url.scheme) == ("localhost", 1, "amqp")
    provider = kwargs.get("ssl_context_provider")
    assert provider is not None, "aiormq's factory gets no ssl_context_provider"
    assert asyncio.iscoroutinefunction(provider.get_context)


async def test_aio_pika_asks_for_the_address_and_tells_of_the_connection_at_each_attempt() -> None:
    """Where clu._amqp.robust chooses the address, and the names of the queues."""
    asked: list[str] = []

    class Connection(aio_pika.RobustConnection):
        @property
        def url(self) -> Any:
            asked.append("url")
            return censored()

        @url.setter
        def url(self, url: Any) -> None:
            pass

    connection = Connection(censored(), ssl_context=None)
    asked.clear()
    with pytest.raises(aiormq.exceptions.AMQPConnectionError):
        await connection.connect(5)
    await connection.close()
    assert asked, "aio-pika does not read the attribute url when it connects"
    assert asyncio.iscoroutinefunction(aio_pika.RobustConnection._on_connected)
    assert "client_properties" in parameters(aiormq.Connection.__init__)


def censored() -> Any:
    from yarl import URL as Address

    address = Address(URL)
    assert "guest:guest" not in str(censor_url(address))
    return address


def test_aiormq_has_the_factory_of_streams() -> None:
    assert parameters(TransportFactory.create)[:2] == ["self", "url"]
    assert "transport_factory" in parameters(aiormq.Connection.__init__)


@pytest.mark.parametrize(
    "name", ["is_closed", "close_called", "connected", "transport", "kwargs", "channel", "close"]
)
async def test_aio_pika_has_what_is_used_of_a_robust_connection(name: str) -> None:
    connection = aio_pika.RobustConnection(censored())
    assert hasattr(connection, name), f"aio_pika.RobustConnection has no {name}"
    await connection.close()


async def test_aio_pika_tells_with_an_event_whether_there_is_a_connection() -> None:
    connection = aio_pika.RobustConnection(censored())
    assert isinstance(connection.connected, asyncio.Event)
    assert connection.transport is None
    await connection.close()


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (aio_pika.RobustChannel, "get_underlay_channel"),
        (aio_pika.RobustChannel, "ready"),
        (aio_pika.RobustChannel, "_on_close"),  # in the lines that the log filters
        (aiormq.Channel, "is_closed"),
    ],
)
def test_aio_pika_has_what_is_used_of_channels(cls: type, name: str) -> None:
    assert hasattr(cls, name), f"{cls.__module__}.{cls.__name__} has no {name}"


def test_aio_pika_has_the_connection_of_aiormq_below_its_own() -> None:
    fields = {*dir(UnderlayConnection), *getattr(UnderlayConnection, "__annotations__", {})}
    assert "connection" in fields, "aio_pika's UnderlayConnection has no connection"
    source = inspect.getsource(aiormq.Connection.__init__)
    assert "self.channels" in source, "aiormq.Connection has no dictionary channels"
    source = inspect.getsource(aiormq.Channel.__init__)
    assert "self.number" in source, "aiormq.Channel has no number"
    assert "connection" in inspect.getsource(aiormq.base.Base) + source


def test_aio_pika_has_the_context_of_a_message_that_is_processed() -> None:
    expected = {"message", "requeue", "reject_on_redelivered", "ignore_processed"}
    assert expected <= set(parameters(ProcessContext))


def test_an_event_loop_of_asyncio_waits_in_its_selector() -> None:
    """Which `clu.testing.virtual_time` replaces."""
    loop = asyncio.new_event_loop()
    waited: list[float | None] = []
    selector = loop._selector
    select = selector.select
    selector.select = lambda timeout: (waited.append(timeout), select(0))[1]
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    assert any(timeout for timeout in waited)
