"""The token that a TCP JSON actor may ask its clients for."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING, Any

from clu._tcp.command import BadLine, parse_tcp_command
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from clu._tcp.lines import OverlongLine
    from clu.actor import TCPBaseActor

#: How long a client may take to send its token, in seconds.
PATIENCE = 10.0
_NEEDED = "This actor needs a token: send token <token>."


class TokenGate:
    """Stands between a server and its actor, and lets in who sends the token first.

    The first line of a client must be ``[<command id>] token <token>``. It is answered like a
    command that succeeds; from then on the client is one of the actor. Anything else is answered
    by one failing reply, and the connection is closed. Who has not been let in gets no replies.

    Parameters
    ----------
    actor
        The actor.
    token
        The token, a word.

    Raises
    ------
    CluValueError
        If the token is empty, or not one word.
    """

    def __init__(self, actor: TCPBaseActor, token: str) -> None:
        if not isinstance(token, str) or len(token.split()) != 1 or token.strip() != token:
            raise CluValueError("The token must be a text without white space.")
        self._actor = actor
        self._token = token.encode()
        self._waiting: dict[Any, asyncio.TimerHandle] = {}
        server = actor.server
        server.connection_callback = self._connected
        server.data_received_callback = self._received
        server.overlong_callback = self._overlong

    def _connected(self, transport: Any) -> None:
        if not transport.is_closing():
            loop = asyncio.get_running_loop()
            self._waiting[transport] = loop.call_later(PATIENCE, self._time_out, transport)
            return
        if transport in self._waiting:
            self._waiting.pop(transport).cancel()
        else:
            self._actor.new_user(transport)

    def _received(self, transport: Any, line: bytes) -> Any:
        if transport.is_closing():
            return None
        is_waiting = transport in self._waiting
        if not is_waiting and transport.user_id is None:
            return None
        if not (is_waiting or self._token in line):
            return self._actor.new_command(transport, line)
        try:
            command_id, body = parse_tcp_command(line)
        except BadLine as error:
            command_id, body = error.command_id, ""
        word, _, token = body.partition(" ")
        if not is_waiting:
            if word != "token":
                return self._actor.new_command(transport, line)
            # Once more: as a command it would be in the log.
            self._actor._command(transport, command_id).finish()
        elif word != "token":
            self._refuse(transport, command_id, _NEEDED)
        elif not hmac.compare_digest(token.strip().encode(), self._token):
            self._refuse(transport, command_id, "The token is wrong.")
        else:
            self._waiting.pop(transport).cancel()
            self._actor.new_user(transport)
            self._actor._command(transport, command_id).finish()
        return None

    def _overlong(self, transport: Any, line: OverlongLine) -> None:
        if transport.is_closing():
            return
        if transport in self._waiting:
            command_id = self._actor._command_id_of(line.head)
            self._refuse(transport, command_id, _NEEDED)
        elif transport.user_id is not None:
            self._actor._refuse_line(transport, line)

    def _time_out(self, transport: Any) -> None:
        self._refuse(transport, 0, f"The token did not come within {PATIENCE:g} s.")

    def _refuse(self, transport: Any, command_id: int, reason: str) -> None:
        self._waiting[transport].cancel()
        # It stays among those who wait until it has gone, so that it never counts as a user.
        self._actor.log.warning(
            "%s: turned down the client at %s: %s",
            self._actor.name,
            transport.get_extra_info("peername"),
            reason,
        )
        self._actor._command(transport, command_id).fail(error=reason)
        transport.close()
