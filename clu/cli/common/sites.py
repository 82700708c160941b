"""The sites of a user: the brokers in the configuration file, by name."""

from __future__ import annotations

import difflib
import os
import shlex
import subprocess
import sys
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from clu.cli.common.passwords import has_password
from clu.cli.common.site_choice import config_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = [
    "Site",
    "SiteLogin",
    "find_site",
    "read_sites",
]

_COMMAND_LIMIT = 60.0
_SECRETS = ("password", "token")
_KEYS = {
    "url",
    "user",
    *_SECRETS,
    *(f"{name}_{way}" for name in _SECRETS for way in ("env", "command")),
}


@dataclass(frozen=True)
class Site:
    """A site.

    Attributes
    ----------
    name
        The name of the site.
    settings
        What the file says of it.
    path
        The path of the file.
    """

    name: str
    settings: Mapping[str, Any]
    path: Path

    @property
    def url(self) -> str:
        """The address of the broker, as it is in the file."""
        return str(self.settings["url"])

    @property
    def user(self) -> str | None:
        """The name of the user, unless the address has it."""
        return self.settings.get("user")

    def secret(self, name: str) -> str | None:
        """Return the password or the token, or None if the site has none.

        Raises
        ------
        click.UsageError
            If the variable is not set, or the command does not print it.
        """
        if (variable := self.settings.get(f"{name}_env")) is not None:
            if variable not in os.environ:
                raise click.UsageError(
                    f"The {name} of the site {self.name!r} is expected in the variable "
                    f"{variable}, which is not set."
                )
            return os.environ[variable]
        if (command := self.settings.get(f"{name}_command")) is not None:
            return self._ask(name, command)
        return self.settings.get(name)

    def source(self, name: str) -> str:
        """Return where a password or a token comes from, without it."""
        if (variable := self.settings.get(f"{name}_env")) is not None:
            return f"variable {variable}"
        if (command := self.settings.get(f"{name}_command")) is not None:
            return f"command {_words(command)[0]}"
        has = name in self.settings or (name == "password" and has_password(self.url))
        return "in the file" if has else ""

    def _ask(self, name: str, command: str | list[str]) -> str:
        words = _words(command)
        place = f"The command for the {name} of the site {self.name!r}, {words[0]},"
        try:
            # It may ask the user for something on the terminal, on which its errors appear too.
            done = subprocess.run(
                words, stdout=subprocess.PIPE, text=True, timeout=_COMMAND_LIMIT, check=False
            )
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it printed no text"
            raise click.UsageError(f"{place} cannot be run: {reason}.") from None
        except subprocess.TimeoutExpired:
            raise click.UsageError(f"{place} did not end within {_COMMAND_LIMIT:g} s.") from None
        if done.returncode != 0:
            raise click.UsageError(f"{place} failed with status {done.returncode}.")
        secret = done.stdout.rstrip("\r\n")
        if not secret:
            raise click.UsageError(f"{place} printed nothing.")
        return secret


def _words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command


@dataclass(frozen=True)
class SiteLogin:
    """A site, and what the command line or the environment says instead of the file.

    The commands for passwords are run when these are needed, and not before.

    Attributes
    ----------
    site
        The site.
    user, password, token
        What takes the place of what the file says.
    other_password, other_token
        What is used if the file has none.
    """

    site: Site
    user: str | None = None
    password: str | None = None
    token: str | None = None
    other_password: str | None = None
    other_token: str | None = None

    def url(self) -> str:
        """Return the address of the broker, with the user and the password."""
        user = self.site.user if self.user is None else self.user
        password = self.password
        if password is None:
            password = self.site.secret("password")
        if password is None and not has_password(self.site.url):
            password = self.other_password
        if user is None and password is None:
            return self.site.url
        return with_credentials(self.site.url, user, password)

    def tcp_token(self) -> str | None:
        """Return the token for TCP actors, if there is one."""
        return self.token or self.site.secret("token") or self.other_token


def read_sites() -> dict[str, Site]:
    """Return the sites in the configuration file; none if there is no file.

    Raises
    ------
    click.UsageError
        If the file cannot be read, or something in it makes no sense.
    """
    path = config_path()
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise click.UsageError(f"Cannot read {path}: {reason}.") from None
    try:
        config = _decode(text)
    except ValueError as error:
        raise click.UsageError(f"{path} is not TOML: {error}") from None
    sites = config.get("sites", {})
    if not isinstance(sites, dict):
        raise click.UsageError(f"{path}: sites must be tables, such as [sites.apo].")
    for name, settings in sites.items():
        if (problem := _problem(settings)) is not None:
            raise click.UsageError(f"{path}: [sites.{name}]: {problem}")
    return {name: Site(name, settings, path) for name, settings in sites.items()}


def _decode(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    config: dict[str, Any] = tomllib.loads(text)
    return config


def _problem(settings: Any) -> str | None:
    """Return what is wrong with the settings of a site, without repeating their values."""
    if not isinstance(settings, dict):
        return "it must be a table."
    for key, value in settings.items():
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1)
            hint = (
                f" Did you mean {near[0]}?" if near else f" Known are {', '.join(sorted(_KEYS))}."
            )
            return f"there is no setting {key!r}.{hint}"
        words = value if key.endswith("_command") and isinstance(value, list) else [value]
        if not words or not all(isinstance(word, str) and word for word in words):
            return f"{key} must be a string that is not empty."
    for name in _SECRETS:
        given = [key for key in settings if key == name or key.startswith(f"{name}_")]
        if len(given) > 1:
            return f"give one of {' and '.join(given)}."
    return None if "url" in settings else "url is missing."


def find_site(name: str, sites: Mapping[str, Site]) -> Site:
    """Return a site.

    Raises
    ------
    click.UsageError
        If there is none of this name.
    """
    if (site := sites.get(name)) is not None:
        return site
    raise click.UsageError(f"There is no site {name!r}. {_advice(name, sites)}")


def _advice(name: str, sites: Iterable[str]) -> str:
    known = sorted(sites)
    if not known:
        example = '[sites.apo] with url = "amqp://USER@HOST/VHOST"'
        return f"There are none: add a table to {config_path()}, such as {example}."
    near = difflib.get_close_matches(name, known, 3, 0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"Those in {config_path()} are {', '.join(known)}."


def with_credentials(url: str, user: str | None, password: str | None) -> str:
    """Return an address, or several, with another user or password.

    What is None stays as it is in each address.
    """
    from clu._amqp.address import split_urls

    urls = []
    for item in split_urls(url):
        scheme, _, rest = item.partition("://")
        netloc, slash, path = rest.partition("/")
        old, _, hosts = netloc.rpartition("@")
        old_user, colon, old_password = old.partition(":")
        name = urllib.parse.quote(user, safe="") if user is not None else old_user or "guest"
        if password is not None:
            secret = ":" + urllib.parse.quote(password, safe="")
        else:
            secret = colon + old_password
        urls.append(f"{scheme}://{name}{secret}@{hosts}{slash}{path}")
    return ",".join(urls)
