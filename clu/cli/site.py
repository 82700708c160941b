"""``clu site``: the sites in the configuration file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import click

from clu._core.run import run
from clu.cli.common.passwords import without_password
from clu.cli.common.site_choice import chosen_path, chosen_site, config_path
from clu.cli.common.sites import SiteLogin, find_site, read_sites

if TYPE_CHECKING:
    from clu.cli.common.sites import Site

__all__ = ["command"]


@click.group(name="site")
def command() -> None:
    """Name the brokers of observatories.

    They are in the file clu/config.toml of the directory for configuration, which is ~/.config or
    $XDG_CONFIG_HOME:

    \b
    [sites.apo]
    url = "amqp://me@mq1.apo.example,mq2.apo.example/observatory"
    password_command = "secret-tool lookup clu apo"
    token_env = "APO_TOKEN"

    The settings are url, user, password and token. Instead of the latter two, password_env and
    token_env name a variable, and password_command and token_command a program that prints it.
    Passwords are never shown.

    \b
    clu --site apo send camera status     for one command
    export CLU_SITE=apo                   for a shell
    clu site use apo                      from now on

    What counts, in this order: --url, --host or --port on the command line; --site; the variables
    CLU_URL, CLU_HOST or CLU_PORT; CLU_SITE; the site of clu site use; localhost. The options
    --user, --password and --token take the place of those of a site.
    """  # noqa: D301


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_(as_json: bool) -> None:
    """List the sites; * marks the one of clu site use."""
    sites = read_sites()
    chosen = chosen_site()
    if as_json:
        click.echo(json.dumps([_described(site, chosen) for site in sites.values()], indent=2))
        return
    if not sites:
        click.echo(f"There are no sites: add tables to {config_path()}. See clu site --help.")
        return
    width = max(map(len, sites))
    for name, site in sites.items():
        described = _described(site, chosen)
        sources = [
            f"{secret}: {described[secret]}"
            for secret in ("password", "token")
            if described[secret]
        ]
        more = f"  ({', '.join(sources)})" if sources else ""
        mark = "*" if described["chosen"] else " "
        click.echo(f"{mark} {name:{width}}  {described['url']}{more}")


def _described(site: Site, chosen: str | None) -> dict[str, Any]:
    return {
        "name": site.name,
        "url": without_password(site.url),
        "user": site.user,
        "password": site.source("password"),
        "token": site.source("token"),
        "chosen": site.name == chosen,
    }


@command.command()
@click.argument("name", required=False)
@click.option("--none", is_flag=True, help="Use no site.")
def use(name: str | None, none: bool) -> None:
    """Use a site from now on, where no other is asked for."""
    if none == (name is not None):
        raise click.UsageError("Give the name of a site, or --none.")
    path = chosen_path()
    try:
        if name is None:
            path.unlink(missing_ok=True)
        else:
            find_site(name, read_sites())
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name}\n", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"Cannot write {path}: {error.strerror}.") from None
    click.echo("No site is used." if name is None else f"{name} is used from now on.")


@command.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
def test(names: tuple[str, ...]) -> None:
    """Connect to the brokers of sites: of those given, or of all.

    The exit status is 3 if one of them cannot be reached.
    """
    sites = read_sites()
    wanted = [find_site(name, sites) for name in names] or list(sites.values())
    if not wanted:
        click.echo(f"There are no sites: add tables to {config_path()}. See clu site --help.")
    works = [_works(site) for site in wanted]
    if not all(works):
        raise click.exceptions.Exit(3)


def _works(site: Site) -> bool:
    try:
        answer = run(_connect(site))
    except click.ClickException as error:
        click.echo(f"{site.name}: {error.format_message()}", err=True)
        return False
    click.echo(f"{site.name}: {answer}")
    return True


async def _connect(site: Site) -> str:
    from clu.cli.common.broker import BrokerConnection
    from clu.cli.common.broker_options import BrokerOptions

    options = BrokerOptions(site.url, "", "", "", 0, site=SiteLogin(site))
    connection = BrokerConnection(options)
    start = time.monotonic()
    try:
        await connection.open()
        took = time.monotonic() - start
        return f"connected to {connection.address} in {took * 1000:.0f} ms"
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await connection.close()
