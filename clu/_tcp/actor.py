"""The base class of actors with a TCP server: its clients and their running commands."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from clu._speedups.reply import would_log
from clu._tcp.errors import check_port, listen_error
from clu._tcp.first_steps import FirstSteps
from clu._tcp.transport import ClientTransport
from clu.base import BaseActor

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._core.protocols import CommandLike
    from clu._tcp.limits import BufferLimits
    from clu._tcp.lines import OverlongLine
    from clu._tcp.server import TCPStreamServer
    from clu.command import Command, TimedCommandList

_METHODS = "GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH"
_http_request = re.compile(rf"(?:{_METHODS}) \S+ HTTP/[0-9.]+")
_beginning_of_http = re.compile(rf"(?:{_METHODS}) \S+".encode())


def peer_name(transport: Any) -> str:
    """Return the address of a client, without the port."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else "?"


class TCPServerActor(BaseActor):
    """The base class of actors that serve TCP clients, which send one command per line.

    Attributes
    ----------
    server
        The TCP server.
    transports
        The transports of the connected clients, by user id.
    timed_commands
        The commands that the actor runs periodically.
    """

    host: str
    port: int
    server: TCPStreamServer
    transports: dict[Any, Any]
    timed_commands: TimedCommandList

    def _make_server(
        self,
        # Tests of actors replace them in the module of the actor.
        server_class: Callable[..., TCPStreamServer],
        timed_commands_class: Callable[..., TimedCommandList],
        host: str | None,
        port: int,
        max_connections: int | None,
        line_limit: int,
        limits: BufferLimits,
        max_commands: int | None,
    ) -> None:
        self._first_steps = FirstSteps()
        host = "localhost" if host is None else host
        self.host = host
        self.port = port
        self.transports = {}
        self.server = server_class(
            host,
            port,
            connection_callback=self.new_user,
            data_received_callback=self.new_command,
            overlong_callback=self._refuse_line,
            max_connections=max_connections,
            line_limit=line_limit,
            **limits._asdict(),
            max_requests=max_commands,
        )
        self.timed_commands = timed_commands_class(self)

    async def _start_server(self) -> None:
        check_port(self.name, self.server.port)
        try:
            await self.server.start()
        except (OSError, OverflowError, TypeError, ValueError) as error:
            raise listen_error(self.name, self.host, self.server.port, error) from error
        self.port = self.server.port
        self.set_loop_exception_handler()
        self.log.info("running TCP server on %s:%s", self.host, self.port)

    async def stop(self) -> None:
        """Cancel the running commands, notify the clients, and close their connections."""
        await self.timed_commands.stop()
        await self._active_commands.cancel(self)
        self.server.stop()
        await self.server.wait_closed()
        await super().stop()

    async def run_forever(self) -> None:
        """Serve until the task is cancelled."""
        await self.server.serve_forever()

    def new_user(self, transport: Any) -> None:
        """Add a new client, or remove one that has disconnected."""
        raise NotImplementedError

    async def drain(self, command: CommandLike | None = None) -> None:
        """Wait until little is buffered for the client that sent a command, or for all clients.

        It returns immediately if at most 64 KiB are buffered. It does not wait for clients that
        have disconnected, or have read nothing for ``stall_limit``.

        Parameters
        ----------
        command
            The command whose client to wait for. Without one, or if the actor itself runs it, wait
            for all clients.
        """
        transport = None if command is None else command.transport
        for client in [*self.transports.values()] if transport is None else [transport]:
            # Tests give actors other transports.
            if isinstance(client, ClientTransport):
                await client.drain()

    def _command(
        self, transport: Any, command_id: int, body: str = "", commander_id: Any = None
    ) -> Command[Any]:
        """Create the command of a client."""
        raise NotImplementedError

    def _log_command(
        self,
        command: Command[Any],
        commander_id: object,
        format_command: Callable[[str], str] = str,
    ) -> None:
        if would_log(self.log, logging.INFO):
            self.log.info(
                "New command received: %r (commander_id=%r, command_id=%r)",
                format_command(command.body),
                commander_id,
                command.command_id,
            )

    def _run_command(self, command: Command[Any], transport: Any) -> Command[Any] | None:
        """Run a command, and keep track of it until it is done.

        Returns
        -------
        command
            What `parse_command` returns, which a subclass may have overridden.
        """
        parsed: Command[Any] | None = self.parse_command(command)
        if not command.done():
            self._active_commands.track(command)
            if isinstance(transport, ClientTransport):
                transport.begin_request()
                command.add_done_callback(transport.end_request)
                self._first_steps.expect(command, transport)
        elif (
            " HTTP/" in command.body
            and isinstance(transport, ClientTransport)
            and _http_request.fullmatch(command.body)
        ):
            self._refuse_http(transport)
        return parsed

    def _refuse_http(self, transport: Any) -> None:
        """Close the connection of a browser: any web page can make it send requests here."""
        transport.is_refused = True
        self.log.warning(
            "%s: closed the connection from %s, which sent an HTTP request.",
            self.name,
            transport.get_extra_info("peername"),
        )
        transport.close()

    def _command_id_of(self, head: bytes) -> int:
        """Return the command id at the beginning of a line."""
        raise NotImplementedError

    def _refuse_line(self, transport: Any, line: OverlongLine) -> None:
        self._command(transport, self._command_id_of(line.head)).fail(
            error=f"The line is longer than the limit of {line.limit} bytes."
        )
        if _beginning_of_http.fullmatch(line.head):
            self._refuse_http(transport)
