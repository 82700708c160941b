"""The options and arguments shared by the subcommands that talk to actors."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from clu._tcp.address import SCHEME, split_url
from clu.cli.common.actor_address import ActorAddress
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from clu.cli.common.broker_options import BrokerOptions

__all__ = [
    "ActorAddress",
    "ActorType",
    "bridge_options",
    "broker_options",
    "complete_site",
    "options_so_far",
]


class ActorType(click.ParamType):  # type: ignore[type-arg]
    """The name of an actor, or ``tcp://HOST:PORT``."""

    name = "actor"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ActorAddress:
        """Return the address of an actor."""
        if isinstance(value, ActorAddress):
            return value
        if not value.startswith(SCHEME):
            if not value or "/" in value or any(map(str.isspace, value)):
                self.fail(f"{value!r} is neither the name of an actor nor tcp://HOST:PORT.")
            return ActorAddress(value, None)
        try:
            return ActorAddress(value.rstrip("/"), split_url(value))
        except CluValueError as error:
            self.fail(str(error))

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the actors that are known on the broker."""
        from clu.cli.common.completing import complete_actors

        broker = options_so_far(ctx)
        return [] if broker is None else complete_actors(broker, incomplete)


def complete_site(ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
    """Return the sites of the user."""
    from clu.cli.common.completing import complete_sites

    try:
        return complete_sites(incomplete)
    except click.ClickException:
        return []


def _options(
    *, host: tuple[str, ...], port: tuple[str, ...], password_variables: list[str]
) -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """Return the options for the address of a broker."""
    return [
        click.option(
            "--site",
            metavar="SITE",
            envvar="CLU_SITE",
            show_envvar=True,
            shell_complete=complete_site,
            help="The site, as in the configuration file: see clu site --help.",
        ),
        click.option(
            "--url",
            envvar="CLU_URL",
            show_envvar=True,
            help="The URL of the AMQP broker, amqp://USER:PASSWORD@HOST:PORT/VHOST. Commas "
            "separate the hosts of a cluster, HOST:PORT,HOST:PORT.",
        ),
        click.option(
            "-U",
            "--user",
            default="guest",
            show_default=True,
            envvar="CLU_USER",
            show_envvar=True,
            help="The user name for the AMQP broker.",
        ),
        click.option(
            "-P",
            "--password",
            default="guest",
            envvar=password_variables,
            show_envvar=True,
            help="The password. Other users of the machine can see arguments, but not the "
            "environment.",
        ),
        click.option(
            *host,
            "broker_host",
            default="localhost",
            show_default=True,
            envvar="CLU_HOST",
            show_envvar=True,
            help="The host of the AMQP broker, or several with commas between them.",
        ),
        click.option(
            *port,
            "broker_port",
            type=click.IntRange(1, 65535),
            metavar="PORT",
            default=5672,
            show_default=True,
            envvar="CLU_PORT",
            show_envvar=True,
            help="The port of the AMQP broker.",
        ),
    ]


def _is_given(name: str) -> bool:
    """Whether an option is on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def _is_set(*names: str) -> bool:
    """Whether any of some options is in the environment."""
    source = click.get_current_context().get_parameter_source
    return any(source(name) is ParameterSource.ENVIRONMENT for name in names)


def _make_options(
    *,
    site: str | None,
    url: str | None,
    user: str,
    password: str,
    host: str,
    port: int,
    token: str | None,
) -> BrokerOptions:
    """Return the address that counts: see the reference for the order."""
    from clu.cli.common.broker_options import BrokerOptions

    usual = BrokerOptions(url, user, password, host, port, token)
    if _is_given("url"):
        return usual
    if _is_given("broker_host") or _is_given("broker_port"):
        return dataclasses.replace(usual, url=None)
    ctx = click.get_current_context()
    root = ctx.find_root()
    group_site = None if root is ctx else root.params.get("site")
    if not _is_given("site") and group_site is None:
        if _is_set("url", "broker_host", "broker_port"):
            is_changed = _is_set("url") and (_is_given("user") or _is_given("password"))
            return dataclasses.replace(usual, url=None) if is_changed else usual
        if not site:
            from clu.cli.common.site_choice import chosen_site

            site = chosen_site()
    elif not _is_given("site"):
        site = group_site
    if not site:
        return usual
    from clu.cli.common.sites import SiteLogin, find_site, read_sites

    login = SiteLogin(
        find_site(site, read_sites()),
        user if _is_given("user") else None,
        password if _is_given("password") else None,
        token if _is_given("token") else None,
        password if _is_set("password") else None,
        token,
    )
    return dataclasses.replace(usual, url=login.site.url, site=login)


def options_so_far(ctx: click.Context) -> BrokerOptions | None:
    """Return the broker of a line that is being typed, or None if its options make no sense."""
    given = ctx.params
    try:
        with ctx.scope(cleanup=False):
            broker = _make_options(
                site=given.get("site"),
                url=given.get("url"),
                user=given.get("user") or "guest",
                password=given.get("password") or "guest",
                host=given.get("broker_host") or "localhost",
                port=given.get("broker_port") or 5672,
                token=given.get("token"),
            )
        broker.check()
    except click.ClickException:
        return None
    return broker


def _with_options(
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]],
    function: Callable[..., Any],
    has_token: bool,
) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(
        *,
        site: str | None,
        url: str | None,
        user: str,
        password: str,
        broker_host: str,
        broker_port: int,
        **kwargs: Any,
    ) -> Any:
        broker = _make_options(
            site=site,
            url=url,
            user=user,
            password=password,
            host=broker_host,
            port=broker_port,
            token=kwargs.pop("token") if has_token else None,
        )
        broker.check()
        return function(broker=broker, **kwargs)

    for option in reversed(options):
        wrapper = option(wrapper)
    return wrapper


def broker_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a broker, which are passed to a command as the argument ``broker``."""
    options = _options(
        host=("-H", "--host"), port=("-p", "--port"), password_variables=["CLU_PASSWORD"]
    )
    token = click.option(
        "--token",
        metavar="TOKEN",
        envvar="CLU_TOKEN",
        show_envvar=True,
        help="The token for TCP actors that require one. It is sent to each TCP actor.",
    )
    return _with_options([*options, token], function, has_token=True)


def bridge_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a broker to a program that listens on a port itself, with ``--port``.

    The names that sdss-clu has are kept.
    """
    options = _options(
        host=("-H", "--host", "--rabbitmq-host"),
        port=("--rabbitmq-port",),
        password_variables=["CLU_PASSWORD", "CLU_RABBITMQ_PASSWORD"],
    )
    return _with_options(options, function, has_token=False)
