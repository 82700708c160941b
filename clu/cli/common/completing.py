"""Completion of actors and of their commands in the shell of the user."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

from clu.cli.common.completion_cache import FRESH, CompletionCache
from clu.cli.common.passwords import without_password

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions

__all__ = ["complete_actors", "complete_command", "complete_sites"]

#: For how many seconds at most the user waits for what is not known yet.
LIMIT = 2.0
_ACTORS = "who is there"


def complete_sites(incomplete: str) -> list[CompletionItem]:
    """Return the names of sites that begin with a string."""
    from clu.cli.common.sites import read_sites

    return [
        CompletionItem(name, help=without_password(site.url))
        for name, site in read_sites().items()
        if name.startswith(incomplete)
    ]


def complete_actors(broker: BrokerOptions, incomplete: str) -> list[CompletionItem]:
    """Return the names of actors on the broker that begin with a string."""
    if incomplete.startswith("tcp:"):
        return []
    cache = CompletionCache(_place(broker))
    _keep_fresh(cache, _ACTORS, lambda: _ask_names(broker, cache))
    return [CompletionItem(name) for name in cache.names if name.startswith(incomplete)]


def complete_command(
    broker: BrokerOptions, actor: ActorAddress, words: Sequence[str], incomplete: str
) -> list[CompletionItem]:
    """Return the possible next words of a command for an actor."""
    from clu.cli.common.suggestions import suggest

    cache = CompletionCache(_place(broker) if actor.tcp is None else actor.name)
    _keep_fresh(cache, actor.name, lambda: _ask_model(actor, broker, cache))
    model = cache.model(actor.name)
    if model is None:
        return []
    return [
        CompletionItem(item.text, help=item.meaning or None)
        for item in suggest(model, list(words), incomplete)
    ]


def _place(broker: BrokerOptions) -> str:
    if broker.url is not None:
        return without_password(broker.url)
    return f"{broker.user}@{broker.host}:{broker.port}"


def _keep_fresh(cache: CompletionCache, topic: str, ask: Callable[[], None]) -> None:
    """Ask what is not known; what was known for a while is asked again in the background."""
    age = cache.age(topic)
    if age is None:
        ask()
    elif age > FRESH and sys.platform != "win32" and os.fork() == 0:
        status = 1
        try:
            _detach()
            ask()
            status = 0
        finally:
            os._exit(status)


def _detach() -> None:
    """Let go of the shell, which waits until nobody can write to it any more."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)


def _ask_names(broker: BrokerOptions, cache: CompletionCache) -> None:
    from clu.cli.common.asking import names_of_actors

    # Who did not answer in time may do so at the next Tab.
    if found := names_of_actors(broker, LIMIT):
        cache.add(_ACTORS, found)


def _ask_model(actor: ActorAddress, broker: BrokerOptions, cache: CompletionCache) -> None:
    from clu.cli.common.asking import command_model

    model: dict[str, Any] | None = command_model(actor, broker, LIMIT)
    if model is not None:
        cache.add(actor.name, [actor.name], model)
