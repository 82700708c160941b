"""The token that a TCP JSON actor can require from its clients."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING, Any

from clu._tcp.command import BadLine, find_command_id, parse_tcp_command
from clu._tcp.refusals import NEEDED, NOT_RECEIVED, TOKEN_TIMEOUT, WRONG
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._core.protocols import ActorLike
    from clu._tcp.lines import OverlongLine
    from clu._tcp.server import TCPStreamServer


class TokenGate:
    """Wraps the callbacks of a server, to admit only clients that send the token first.

    The first line of a client must be ``[<command id>] token <token>``. It is answered like a
    command that succeeds; from then on the server calls its callbacks for the client. Anything
    else is answered with one failing reply, and the connection is closed. A client that has not
    been admitted receives no replies.

    Parameters
    ----------
    server
        The server, whose callbacks are replaced.
    token
        The token, a single word.
    actor
        The actor, for its name and log.
    make_command
        A function that creates the command for a reply, from a transport and a command id.

    Raises
    ------
    CluValueError
        If the token is empty, or not a single word.
    """

    def __init__(
        self,
        server: TCPStreamServer,
        token: str,
        actor: ActorLike,
        make_command: Callable[[Any, int], Any],
    ) -> None:
        if not isinstance(token, str) or len(token.split()) != 1 or token.strip() != token:
            raise CluValueError("The token must be a string without white space.")
        self._token = token.encode()
        self._actor = actor
        self._make_command = make_command
        self._waiting: dict[Any, asyncio.TimerHandle] = {}
        assert server.connection_callback is not None
        assert server.data_received_callback is not None
        assert server.overlong_callback is not None
        self._user_callback = server.connection_callback
        self._line_callback = server.data_received_callback
        self._overlong_callback = server.overlong_callback
        server.connection_callback = self._connected
        server.data_received_callback = self._received
        server.overlong_callback = self._overlong

    def _connected(self, transport: Any) -> Any:
        if not transport.is_closing():
            loop = asyncio.get_running_loop()
            self._waiting[transport] = loop.call_later(TOKEN_TIMEOUT, self._time_out, transport)
            return None
        if transport in self._waiting:
            self._waiting.pop(transport).cancel()
        else:
            return self._user_callback(transport)
        return None

    def _received(self, transport: Any, line: bytes) -> Any:
        if transport.is_closing():
            return None
        is_waiting = transport in self._waiting
        if not is_waiting and transport.user_id is None:
            return None
        if not (is_waiting or self._token in line):
            return self._line_callback(transport, line)
        try:
            command_id, body = parse_tcp_command(line)
        except BadLine as error:
            command_id, body = error.command_id, ""
        word, _, token = body.partition(" ")
        if not is_waiting:
            if word != "token":
                return self._line_callback(transport, line)
            # The client has sent it again: running it as a command would log it.
            self._make_command(transport, command_id).finish()
        elif word != "token":
            self._refuse(transport, command_id, NEEDED)
        elif not hmac.compare_digest(token.strip().encode(), self._token):
            self._refuse(transport, command_id, WRONG)
        else:
            self._waiting.pop(transport).cancel()
            self._user_callback(transport)
            self._make_command(transport, command_id).finish()
        return None

    def _overlong(self, transport: Any, line: OverlongLine) -> None:
        if transport.is_closing():
            return
        if transport in self._waiting:
            self._refuse(transport, find_command_id(line.head), NEEDED)
        elif transport.user_id is not None:
            self._overlong_callback(transport, line)

    def _time_out(self, transport: Any) -> None:
        self._refuse(transport, 0, NOT_RECEIVED)

    def _refuse(self, transport: Any, command_id: int, reason: str) -> None:
        self._waiting[transport].cancel()
        # It stays in `_waiting` until it has disconnected, and never counts as a user.
        self._actor.log.warning(
            "%s: refused the client at %s: %s",
            self._actor.name,
            transport.get_extra_info("peername"),
            reason,
        )
        self._make_command(transport, command_id).fail(error=reason)
        transport.close()
