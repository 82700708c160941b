"""A TCP proxy that simulates the failures of networks."""

from __future__ import annotations

import asyncio
import contextlib


class Proxy:
    """Forwards connections to a port of this machine, until it is told to fail.

    Parameters
    ----------
    target
        The port of the server.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._links: set[_Link] = set()
        self._is_blackhole = False
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.release()
        tasks = [link.task for link in self._links]
        for link in list(self._links):
            link.end()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def cut(self) -> None:
        """Reset the connections. New ones can be made."""
        for link in self._links:
            link.reset()

    def hold(self) -> None:
        """Forward nothing until `release` is called; nothing gets lost."""
        self._flows.clear()

    def release(self) -> None:
        """Forward everything again, except on connections that were abandoned."""
        self._flows.set()

    def abandon(self) -> None:
        """Leave the connections half open: nothing is forwarded any more, not even their end."""
        for link in self._links:
            link.is_abandoned = True

    def blackhole(self, is_on: bool = True) -> None:
        """Leave new connections half open from the start, or forward them again."""
        self._is_blackhole = is_on

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        link = _Link(task, writer, self._is_blackhole)
        self._links.add(link)
        try:
            there, onwards = await asyncio.open_connection("127.0.0.1", self.target)
            link.writers.append(onwards)
            await asyncio.gather(self._pump(link, reader, onwards), self._pump(link, there, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._links.discard(link)
            link.reset()

    async def _pump(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flows.wait()
                if link.is_abandoned:
                    await asyncio.Event().wait()
                writer.write(data)
                await writer.drain()
        if not link.is_abandoned:
            writer.close()


class _Link:
    def __init__(
        self, task: asyncio.Task[None], writer: asyncio.StreamWriter, is_abandoned: bool
    ) -> None:
        self.task = task
        self.writers = [writer]
        self.is_abandoned = is_abandoned

    def reset(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    def end(self) -> None:
        self.reset()
        self.task.cancel()
