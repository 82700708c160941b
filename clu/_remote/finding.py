"""Finding an actor, and the commands that it has."""

from __future__ import annotations

import asyncio
import functools
import textwrap
import time
from typing import TYPE_CHECKING, Any

from clu._core.result import CommandResult
from clu._core.status import CommandStatus
from clu._remote.actor import RemoteActor
from clu._remote.calling import Caller, is_refused
from clu._remote.commands import CommandSpec
from clu._remote.model import MODEL_REQUESTS, decoded_model
from clu._remote.names import did_you_mean
from clu.exceptions import ActorNotFound, CluConnectionError, CluValueError, CommandFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clu._remote.calling import Commander

__all__ = ["find_actor"]

#: The seconds between two questions to an actor that is not there.
_INTERVAL = 0.2
#: The seconds that an actor has for its first answer before it is asked again, as it may have been
#: started meanwhile. Each further one is twice as long.
_FIRST_WAIT = 1.0
#: How much of the reason of an actor an error shows, in characters.
_REASON_WIDTH = 200
#: The version of actors that have none.
_NO_VERSION = "?"


async def find_actor(
    client: Commander, name: str, timeout: float, model: Mapping[str, Any] | None
) -> RemoteActor:
    """Return an actor as an object.

    Parameters
    ----------
    client
        The client that asks.
    name, timeout, model
        As for `clu._remote.client.CommandsActors.actor`.
    """
    if model is None:
        spec = await _Search(client, name, timeout).commands()
    else:
        spec = CommandSpec(name, model)
    forget = functools.partial(client._forget_commands, spec.actor)
    return RemoteActor(spec, Caller(client, spec.actor, forget))


class _Search:
    """The search for an actor and its commands.

    Parameters
    ----------
    client
        The client that asks.
    name
        The name of the actor.
    timeout
        How many seconds it may take.
    """

    def __init__(self, client: Commander, name: str, timeout: float) -> None:
        if not timeout > 0:
            raise CluValueError(f"timeout must be greater than 0, not {timeout!r}.")
        self._client = client
        self._name = name
        self._timeout = timeout
        self._end = time.monotonic() + timeout

    async def commands(self) -> CommandSpec:
        """Return the commands of the actor."""
        client = self._client
        version = (await self._ask("version")).get("version")
        name = client._called(self._name)
        if client._known_commands is None:
            client._known_commands = {}
        if isinstance(version, list) and len(version) == 1:  # of a hub
            version = version[0]
        known = client._known_commands.get(name)
        if known is not None and known[0] == version:
            return known[1]
        result = None
        for request in MODEL_REQUESTS:
            result = await self._ask(request)
            if not is_refused(result):
                break
        assert result is not None
        model = decoded_model(result.get("command_model"))
        if model is None:
            reason = "the answer makes no sense."
            if not result.status.did_succeed:
                reason = textwrap.shorten(result.reason, _REASON_WIDTH, placeholder="…")
            raise CommandFailed(
                name,
                MODEL_REQUESTS[0],
                f"The actor does not tell its commands: {reason} With model={{}} it takes command "
                "strings.",
                result.replies,
            )
        spec = CommandSpec(name, model)
        if version not in (None, _NO_VERSION):
            client._known_commands[name] = (version, spec)
        return spec

    async def _ask(self, text: str) -> CommandResult:
        """Return the result of a command of the actor, once it is there and answers."""
        limit, is_absent = _FIRST_WAIT, False
        lost: CluConnectionError | None = None
        while (left := self._end - time.monotonic()) > 0:
            try:
                sent = await self._client._begin_command(
                    self._name, text, None, False, None, min(limit, left), internal=True
                )
                await sent
            except CluConnectionError as error:
                lost = error
            else:
                lost = None
                result = CommandResult(self._name, text, sent.status, sent.replies)
                if sent.status is CommandStatus.TIMEDOUT and result.last("error") is None:
                    limit *= 2
                    continue
                # One of the recorded release says an error, and nothing else, if the reply is not
                # what its schema allows.
                if not self._client._is_absent(result):
                    return result
                is_absent = True
            await asyncio.sleep(min(_INTERVAL, max(self._end - time.monotonic(), 0)))
        if lost is not None:
            raise lost
        if is_absent:
            raise await self._not_found(f"There is no actor {self._name!r}.")
        raise await self._not_found(f"{self._name} does not answer within {self._timeout:g} s.")

    async def _not_found(self, reason: str) -> ActorNotFound:
        try:
            present = await self._client._present_actors()
        except CluConnectionError:
            present = []
        if hint := did_you_mean(self._name, present):
            reason += hint
        if present:
            reason += f" There {'is' if len(present) == 1 else 'are'}: {', '.join(present)}."
        return ActorNotFound(self._name, reason, present)
