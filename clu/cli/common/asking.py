"""What completion asks actors, within a time limit and without a word about what goes wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from clu._core.run import run
from clu.cli.common.command_models import CommandModels
from clu.cli.common.open import make_connection
from clu.exceptions import CluError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.connection import Connection

__all__ = ["command_model", "names_of_actors"]

#: For how long to wait for the next answer to the question who is there, in seconds.
_NEXT_ANSWER = 0.3


def command_model(
    actor: ActorAddress, broker: BrokerOptions, limit: float
) -> dict[str, Any] | None:
    """Return the command model of an actor, or None if it does not tell it in time."""

    async def ask(connection: Connection) -> dict[str, Any] | None:
        models = CommandModels(
            lambda name, text, timeout: connection.run(name, text, quiet=True, timeout=timeout)
        )
        return await models.get(actor.name)

    model: dict[str, Any] | None = _within(limit, lambda: make_connection(actor, broker), ask)
    return model


def names_of_actors(broker: BrokerOptions, limit: float) -> list[str]:
    """Return the names of the actors that answer the question who is there."""
    from clu._amqp.presence import who_is_there
    from clu.cli.common.broker import BrokerConnection

    async def ask(connection: BrokerConnection) -> list[str]:
        present = await who_is_there(connection.client, _NEXT_ANSWER)
        return [item.name for item in present if item.is_actor]

    return _within(limit, lambda: BrokerConnection(broker), ask) or []


def _within(
    limit: float,
    make: Callable[[], Any],
    ask: Callable[[Any], Coroutine[Any, Any, Any]],
) -> Any:
    async def connected() -> Any:
        connection = make()
        try:
            await connection.open()
            return await ask(connection)
        finally:
            await connection.close()

    async def limited() -> Any:
        return await asyncio.wait_for(connected(), limit)

    try:
        return run(limited(), loop="asyncio")
    except (click.ClickException, CluError, asyncio.TimeoutError, OSError):
        return None
