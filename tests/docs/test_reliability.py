"""The page of promises, limits and defaults agrees with the code."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import clu._amqp.connection
import clu._amqp.duplicates
import clu._amqp.errors
import clu._amqp.sender
import clu._core.loop
import clu._tcp.token
import clu._websocket.listener
import clu.client
import clu.device
import clu.legacy.tron
from clu import AMQPClient, JSONActor, LegacyActor
from clu._tcp.server import LINE_LIMIT
from clu.actor import TCPBaseActor
from clu.base import BaseActor
from clu.legacy.actor import BaseLegacyActor
from clu.legacy.tron import TronClientProtocol
from clu.protocol import TCPStreamServer
from clu.websocket import WebsocketServer

from .pages import DOCS, ROOT

PAGE = (DOCS / "reliability.md").read_text()


def section(title: str) -> str:
    """Return a section of the page."""
    for part in PAGE.split("\n### ")[1:]:
        if part.startswith(title):
            return part.partition("\n## ")[0]
    raise KeyError(title)


def table(title: str) -> dict[str, list[str]]:
    """Return the other cells of the rows of a section, by the first one."""
    rows = [line for line in section(title).splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return {first.strip(" |`"): rest for first, *rest in cells[1:]}


def default(function: Any, name: str) -> Any:
    return inspect.signature(function).parameters[name].default


def mebibytes(size: int) -> str:
    assert size % 2**20 == 0
    return f"{size // 2**20} MiB"


def seconds(number: float) -> str:
    return f"{number:g} s"


def tcp(name: str) -> Any:
    """Return a default that both kinds of actors have."""
    values = {default(kind, name) for kind in (TCPBaseActor, BaseLegacyActor)}
    (value,) = values
    return value


PARAMETERS = {
    "Actors over TCP": {
        "host": "`localhost`",
        "line_limit": mebibytes(tcp("line_limit")),
        "max_connections": {None: "no limit"}[tcp("max_connections")],
        "buffer_limit": mebibytes(tcp("buffer_limit")),
        "stall_limit": seconds(tcp("stall_limit")),
        "buffer_hard_limit": mebibytes(tcp("buffer_hard_limit")),
        "max_commands": str(tcp("max_commands")),
        "token": {None: "none"}[default(TCPBaseActor, "token")],
    },
    "All actors": {
        "store": str(default(BaseActor, "store")).lower(),
        "error_details": str(default(BaseActor, "error_details")).lower(),
    },
    "AMQP": {
        "connection_timeout": seconds(default(AMQPClient, "connection_timeout")),
        "heartbeat": {None: "as in the URL (`?heartbeat=10`), else 60 s"}[
            default(AMQPClient, "heartbeat")
        ],
        "outbox_messages": f"{default(AMQPClient, 'outbox_messages'):,}",
        "outbox_bytes": mebibytes(default(AMQPClient, "outbox_bytes")),
        "max_message_size": mebibytes(default(AMQPClient, "max_message_size")),
        "lost_command_limit": seconds(default(AMQPClient, "lost_command_limit")),
        "backlog_bytes": mebibytes(default(AMQPClient, "backlog_bytes")),
    },
    "Websocket bridge": {
        "whost": f"`{default(WebsocketServer, 'whost')}`",
        "wport": str(default(WebsocketServer, "wport")),
        "allowed_origins": {(): "pages of this machine and host"}[
            default(WebsocketServer, "allowed_origins")
        ],
        "token": {None: "none"}[default(WebsocketServer, "token")],
        "max_connections": str(default(WebsocketServer, "max_connections")),
        "max_commands": str(default(WebsocketServer, "max_commands")),
        "message_limit": mebibytes(default(WebsocketServer, "message_limit")),
        "buffer_limit": mebibytes(default(WebsocketServer, "buffer_limit")),
        "stall_limit": seconds(default(WebsocketServer, "stall_limit")),
        "buffer_hard_limit": mebibytes(default(WebsocketServer, "buffer_hard_limit")),
        "keepalive": seconds(default(WebsocketServer, "keepalive")),
        "time_limit": f"{default(WebsocketServer, 'time_limit') / 3600:g} h",
    },
}


@pytest.mark.parametrize("title", PARAMETERS)
def test_the_defaults_on_the_page_are_those_of_the_code(title: str) -> None:
    rows = table(title)
    told = {name: rows[name][0] for name in PARAMETERS[title] if name in rows}
    assert told == PARAMETERS[title]


FIXED = {
    "AMQP": {
        "reconnection": f"every {seconds(clu._amqp.errors.RECONNECT_INTERVAL)}",
        "attempts to publish a reply": str(clu._amqp.sender._MOST_ATTEMPTS),
        "messages in which duplicates are recognised": (
            f"the last {clu._amqp.duplicates._REMEMBERED} at least"
        ),
        "messages delivered and not acknowledged (prefetch count)": str(
            clu._amqp.topology.PREFETCH
        ),
        "how long `stop` waits for unconfirmed messages, and for the broker to close": (
            f"{seconds(clu.client._STOP_TIMEOUT)} each"
        ),
    },
    "Websocket bridge": {
        "opening handshake": seconds(clu._websocket.listener._OPEN_TIMEOUT),
        "how long `stop` waits for clients that do not answer": seconds(
            clu._websocket.listener._CLOSE_TIMEOUT
        ),
    },
    "Connections to a hub and to devices": {
        "First delay, growth and jitter of reconnection to a hub": (
            f"{TronClientProtocol.initial_delay * TronClientProtocol.factor:.1f} s, "
            f"\N{MULTIPLICATION SIGN} {TronClientProtocol.factor:.1f} after each failure, "
            f"± {TronClientProtocol.jitter:.0%}".replace("%", " %")
        ),
        "Longest delay": f"{seconds(TronClientProtocol.max_delay)}, ± "
        f"{TronClientProtocol.jitter:.0%}".replace("%", " %"),
        "How long `start` waits for a hub": (
            f"{seconds(clu.legacy.tron._TIMEOUT)}; it keeps trying in the background"
        ),
        "Longest line of a hub": mebibytes(LINE_LIMIT),
        "Longest line of a device": mebibytes(clu.device._LINE_LIMIT),
        "How long `stop` waits for clients that do not read": seconds(
            default(TCPStreamServer.wait_closed, "grace")
        ),
        "How long `stop` waits for callbacks that ignore their cancellation": seconds(
            clu._core.loop.GRACE
        ),
    },
}


@pytest.mark.parametrize("title", FIXED)
def test_the_limits_that_are_no_parameters_are_those_of_the_code(title: str) -> None:
    rows = table(title)
    told = {name: rows[name][0] for name in FIXED[title] if name in rows}
    assert told == FIXED[title]


def test_both_ways_to_publish_have_the_same_limits() -> None:
    assert clu._amqp.connection._CLOSE_TIMEOUT == clu.client._STOP_TIMEOUT


def test_what_the_page_says_in_passing_is_so() -> None:
    assert f"within {seconds(clu._tcp.token.TOKEN_TIMEOUT)}" in table("Actors over TCP")["token"][1]
    interval = 1.5 * clu._amqp.errors.RECONNECT_INTERVAL
    assert f"published {seconds(interval)} after" in table("AMQP")["reconnection"][1]
    assert clu._websocket.listener._READ_FACTOR == 8
    assert "at eight times the limit" in table("Websocket bridge")["message_limit"][1]


@pytest.mark.parametrize(
    ("title", "kind", "others"),
    [
        ("Actors over TCP", JSONActor, {"port", "compact"}),
        ("Actors over TCP", LegacyActor, {"port"}),
        ("AMQP", AMQPClient, {"loop", "ssl_context", "hosts"}),
        ("Websocket bridge", WebsocketServer, set()),
    ],
)
def test_every_limit_that_can_be_set_is_on_the_page(
    title: str, kind: Any, others: set[str]
) -> None:
    parameters: set[str] = set()
    for base in kind.__mro__:
        if "__init__" in vars(base) and base.__module__.startswith("clu."):
            found = inspect.signature(base.__init__).parameters.values()
            parameters |= {each.name for each in found if each.kind is each.KEYWORD_ONLY}
        if base in (TCPBaseActor, BaseLegacyActor, AMQPClient):
            break
    hub = {"tron_host", "tron_port", "models", "get_keys", "start_nubs"}
    assert parameters - others - hub <= {*table(title), *table("All actors")}


def test_the_parameters_of_actors_are_keys_of_their_configuration() -> None:
    limits: dict[str, Any] = {
        "max_connections": 1,
        "line_limit": 2,
        "buffer_limit": 3,
        "stall_limit": 0.5,
        "buffer_hard_limit": 5,
        "max_commands": 4,
    }
    section = {"name": "camera", "host": "127.0.0.1", "port": 0, **limits}
    for kind in (JSONActor, LegacyActor):
        actor: Any = kind.from_config({"actor": {**section, "store": 5, "error_details": False}})
        server = actor.server
        found = (server.max_connections, server.line_limit, server.max_requests)
        assert found == (1, 2, 4)
        assert (server.buffer_limit, server.stall_limit, server.buffer_hard_limit) == (3, 0.5, 5)
        assert (actor.host, actor.error_details) == ("127.0.0.1", False)
        assert actor.store is not None
    client = AMQPClient.from_config(
        {
            "actor": {
                "name": "c",
                "max_message_size": 5,
                "outbox_messages": 6,
                "outbox_bytes": 7,
                "backlog_bytes": 8,
                "lost_command_limit": 8,
            }
        }
    )
    assert client._limits == (5, 6, 7, 8)
    assert client.lost_command_limit == 8


def test_every_file_of_tests_that_a_promise_names_is_there() -> None:
    promises = PAGE.partition("## Parameters")[0]
    named = {
        cell.strip(" `")
        for line in promises.splitlines()
        if line.startswith("| ") and "test_" in line
        for cell in line.rstrip(" |").rpartition(" | ")[2].split(",")
    }
    assert len(named) > 10
    assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []
