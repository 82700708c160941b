"""The command models of actors: requested when needed, cached, and refreshed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from clu._remote.model import MODEL_REQUESTS, decoded_model
from clu.cli.common.connection import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from clu.cli.common.connection import Result

__all__ = ["CommandModels"]

#: How long to wait for the answer of an actor, in seconds.
_ANSWER_TIMEOUT = 5.0
#: The seconds after which a model, or its absence, is no longer up to date.
_FRESH = 60.0
_FRESH_FAILURE = 5.0


class CommandModels:
    """The command models of actors.

    Parameters
    ----------
    ask
        A coroutine function that runs a command. Its arguments are the name of an actor, the
        command and a timeout in seconds.
    """

    def __init__(self, ask: Callable[[str, str, float], Awaitable[Result]]) -> None:
        self._ask = ask
        self._models: dict[str, dict[str, Any]] = {}
        self._expiry: dict[str, float] = {}
        self._requests: dict[str, asyncio.Task[Result]] = {}

    async def get(self, actor: str) -> dict[str, Any] | None:
        """Return the model of an actor, or None if it has none.

        A cached model is returned immediately, even if it is being refreshed in the background.
        """
        request = self.request(actor)
        if actor not in self._models and request is not None:
            # Several callers can await the same answer, each until the next key is pressed.
            await asyncio.shield(request)
        return self._models.get(actor)

    def request(self, actor: str) -> asyncio.Task[Result] | None:
        """Request the model of an actor, unless it is up to date."""
        running = self._requests.get(actor)
        if running is None and time.monotonic() >= self._expiry.get(actor, 0):
            running = asyncio.get_running_loop().create_task(self._request(actor))
            self._requests[actor] = running
        return running

    def expire(self) -> None:
        """Refresh all models when they are needed next: the actors may have changed."""
        self._expiry.clear()

    async def stop(self) -> None:
        """Cancel the pending requests."""
        requests = list(self._requests.values())
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)

    async def _request(self, actor: str) -> Result:
        try:
            for text in MODEL_REQUESTS:
                result = await self._ask(actor, text, _ANSWER_TIMEOUT)
                if result.outcome is not Outcome.FAILED:
                    break
            model = decoded_model(result.keyword("command_model"))
            if model is not None:
                self._models[actor] = model
            self._expiry[actor] = time.monotonic() + (_FRESH_FAILURE if model is None else _FRESH)
            return result
        finally:
            del self._requests[actor]
