"""The address of a broker, and what programs show there to be admitted."""

from __future__ import annotations

import dataclasses
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from clu.cli.common.sites import SiteLogin

__all__ = ["BrokerOptions"]

_MUST_LOOK_LIKE = "must look like amqp://USER:PASSWORD@HOST:PORT/VHOST"


@dataclass
class BrokerOptions:
    """The address and the credentials of the broker, and the token for TCP actors.

    Commas separate several hosts. The address of a site, if there is one, takes the place of all
    others.
    """

    url: str | None
    user: str
    password: str
    host: str
    port: int
    token: str | None = None
    site: SiteLogin | None = None

    def completed(self) -> BrokerOptions:
        """Return the address with the password of the site, if there is a site."""
        if self.site is None:
            return self
        return dataclasses.replace(self, url=self.site.url(), site=None)

    def tcp_token(self) -> str | None:
        """Return the token for TCP actors, if there is one."""
        return self.token if self.site is None else self.site.tcp_token()

    def client_arguments(self) -> dict[str, Any]:
        """Return the arguments of `AMQPClient` for the address."""
        options = self.completed()
        return {
            "url": options.url,
            "user": options.user,
            "password": options.password,
            "port": options.port,
            "hosts": None if options.url else options.host,
        }

    def check(self) -> None:
        """Check the address, without revealing its password in errors.

        Raises
        ------
        click.UsageError
            If the address is not that of a broker.
        """
        if self.token is not None and self.token.split() != [self.token]:
            raise click.UsageError("--token: it must be a single word.")
        if self.url is None and self.host == "localhost":
            return  # the usual case need not import what follows
        from clu._amqp.address import split_hosts, split_urls

        place = "--url" if self.site is None else f"url of the site {self.site.site.name!r}"
        try:
            if self.url is None:
                split_hosts(self.host, self.port)
                return
            urls = [self.url] if self.url.startswith("tcp:") else split_urls(self.url)
        except CluValueError as error:
            if self.url is None:
                raise click.UsageError(f"--host: {error}") from None
            raise click.UsageError(f"{place} {_MUST_LOOK_LIKE}: {error}") from None
        for url in urls:
            self._check_url(url, place)

    @staticmethod
    def _check_url(url: str, place: str) -> None:
        try:
            parts = urllib.parse.urlsplit(url)
            scheme, host, _ = parts.scheme, parts.hostname, parts.port
        except ValueError:
            raise click.UsageError(f"The host or the port in {place} is invalid.") from None
        if scheme == "tcp":
            raise click.UsageError(
                f"{place} is the address of a broker. Use the address of a TCP actor, "
                "tcp://HOST:PORT, instead of its name."
            )
        if scheme not in ("amqp", "amqps", "memory") or not host:
            raise click.UsageError(f"{place} {_MUST_LOOK_LIKE}.")
