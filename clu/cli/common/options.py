"""The options and arguments shared by the shell, ``clu send`` and ``clu watch``."""

from __future__ import annotations

import functools
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ActorAddress", "ActorType", "broker_options", "is_overruled"]

_SCHEME = "tcp://"


class ActorAddress(NamedTuple):
    """The name of an actor on a broker, or the address of a TCP actor."""

    name: str
    tcp: tuple[str, int] | None


class ActorType(click.ParamType):  # type: ignore[type-arg]
    """The name of an actor, or ``tcp://HOST:PORT``."""

    name = "actor"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ActorAddress:
        """Return the address of an actor."""
        if isinstance(value, ActorAddress):
            return value
        if not value.startswith(_SCHEME):
            if not value or "/" in value or any(map(str.isspace, value)):
                self.fail(f"{value!r} is neither the name of an actor nor tcp://HOST:PORT.")
            return ActorAddress(value, None)
        try:
            parts = urllib.parse.urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or not port or parts.path.strip("/") or parts.username:
            self.fail(f"{value!r} is not the address of an actor: use tcp://HOST:PORT.")
        return ActorAddress(value.rstrip("/"), (host, port))


_OPTIONS = [
    click.option(
        "--url",
        envvar="CLU_URL",
        show_envvar=True,
        help="The URL of the AMQP broker, amqp://USER:PASSWORD@HOST:PORT/VHOST. Commas separate "
        "the hosts of a cluster, HOST:PORT,HOST:PORT.",
    ),
    click.option(
        "-U",
        "--user",
        default="guest",
        show_default=True,
        envvar="CLU_USER",
        help="The user name for the AMQP broker.",
    ),
    click.option(
        "-P",
        "--password",
        default="guest",
        envvar="CLU_PASSWORD",
        show_envvar=True,
        help="The password. Other users of the machine can see arguments, but not the environment.",
    ),
    click.option(
        "-H",
        "--host",
        default="localhost",
        show_default=True,
        envvar="CLU_HOST",
        help="The host of the AMQP broker, or several with commas between them.",
    ),
    click.option(
        "-p",
        "--port",
        type=click.IntRange(1, 65535),
        default=5672,
        show_default=True,
        envvar="CLU_PORT",
        help="The port of the AMQP broker.",
    ),
    click.option(
        "--token",
        metavar="TOKEN",
        envvar="CLU_TOKEN",
        show_envvar=True,
        help="The token for TCP actors that require one. It is sent to each TCP actor.",
    ),
]


def is_overruled(name: str, by: tuple[str, ...]) -> bool:
    """Whether an option from the environment is overridden by others on the command line."""
    source = click.get_current_context().get_parameter_source
    return source(name) is ParameterSource.ENVIRONMENT and any(
        source(item) is ParameterSource.COMMANDLINE for item in by
    )


def broker_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a broker, which are passed to a command as the argument ``broker``."""

    @functools.wraps(function)
    def wrapper(
        *,
        url: str | None,
        user: str,
        password: str,
        host: str,
        port: int,
        token: str | None,
        **kwargs: Any,
    ) -> Any:
        from clu.cli.common.broker_options import BrokerOptions

        if is_overruled("url", ("user", "password", "host", "port")):
            url = None
        broker = BrokerOptions(url, user, password, host, port, token)
        broker.check()
        return function(broker=broker, **kwargs)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper
