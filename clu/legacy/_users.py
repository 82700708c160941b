"""The list of users that a legacy actor sends to its users."""

from __future__ import annotations

import asyncio
from typing import Any

from clu._core.logging import REPLY
from clu._core.reply import MessageCode
from clu._speedups.reply import format_line, would_log
from clu._tcp.actor import TCPServerActor, peer_name

#: The minimum interval between two lists for users who are already connected, in seconds.
PERIOD = 1.0
#: The number of users up to which lists are sent without delay: all of them are under 3 kB.
FEW = 10


class UserList:
    """Sends messages to new users, and the list of users to all.

    A new user receives the list immediately, and so do the others; but if there are more than
    `FEW` users, the others receive it at most every `PERIOD` seconds: sending each of a hundred
    clients the list for each new client would take nine megabytes. The last list is always
    complete.

    Parameters
    ----------
    actor
        The actor.
    """

    def __init__(self, actor: GreetingActor) -> None:
        self._actor = actor
        self._newcomers: list[int] = []
        self._informed: set[int] = set()
        self._lines: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_time = 0.0

    def add(self, transport: Any) -> None:
        """Add a new user, to be notified at the end of this iteration of the event loop."""
        users = self._actor.transports
        transport.user_id = user_id = max(users, default=0) + 1
        transport.multiline = False
        users[user_id] = transport
        self._lines = None
        self._informed.clear()
        if not self._newcomers:
            asyncio.get_running_loop().call_soon(self._greet)
        self._newcomers.append(user_id)

    def remove(self, transport: Any) -> None:
        """Remove a user."""
        if self._actor.transports.pop(transport.user_id, None) is not None:
            self._actor.log.debug("user %s disconnected.", transport.user_id)
        self._lines = None

    def stop(self) -> None:
        """Stop sending lists."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def describe(self, user_id: int) -> dict[str, Any]:
        """Return the message with the information about a user."""
        return {"UserInfo": [user_id, peer_name(self._actor.transports[user_id])]}

    def show(self, user_id: int) -> None:
        """Send the list to a user now, and to the others within `PERIOD`."""
        self._send(self._actor.transports[user_id])
        self._informed.add(user_id)
        if len(self._actor.transports) <= FEW:
            self._log()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            is_soon = len(self._actor.transports) <= FEW
            time = loop.time() if is_soon else max(self._next_time, loop.time())
            self._timer = loop.call_at(time, self._inform)

    def _greet(self) -> None:
        newcomers, self._newcomers = self._newcomers, []
        for user_id in newcomers:
            if user_id in self._actor.transports:
                self._actor.show_new_user_info(user_id)

    def _inform(self) -> None:
        self._timer = None
        uninformed = self._actor.transports.keys() - self._informed
        if len(self._actor.transports) > FEW:
            self._log()
        if uninformed:
            self._next_time = asyncio.get_running_loop().time() + PERIOD
        self._informed |= uninformed
        for user_id in uninformed:
            self._send(self._actor.transports[user_id])

    def _list(self) -> bytes:
        """Return the list, a line for each user."""
        if self._lines is None:
            users = self._actor.transports
            lines = [format_line(0, 0, "i", self.describe(user_id)) for user_id in users]
            self._lines = b"".join(lines)
        return self._lines

    def _send(self, transport: Any) -> None:
        transport.write(self._list())

    def _log(self) -> None:
        """Log the list, as the replies to all users that it is."""
        if would_log(self._actor.log, REPLY):
            for line in self._list().decode().splitlines():
                self._actor.log.log(REPLY, line)


class GreetingActor(TCPServerActor):
    """The base class of actors that number their users and send them the list of users."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._users = UserList(self)

    async def stop(self) -> None:
        """Cancel the running commands, notify the clients, and close their connections."""
        await super().stop()
        self._users.stop()

    def new_user(self, transport: Any) -> None:
        """Add a new client, or remove one that has disconnected."""
        if transport.is_closing():
            self._users.remove(transport)
        else:
            self._users.add(transport)

    def show_new_user_info(self, user_id: int) -> None:
        """Send a new user its id, the list of users, and the version of the actor."""
        self.show_user_info(user_id)
        self.show_version(user_id)
        name = peer_name(self.transports[user_id])
        self.log.debug("user %s connected from %r.", user_id, name)

    def show_user_info(self, user_id: int) -> None:
        """Send a user its id, and the list of users to all users."""
        message = {"yourUserID": user_id, "num_users": len(self.transports)}
        self.write(MessageCode.INFO, message, user_id=user_id)
        if user_id in self.transports:
            self.write(MessageCode.INFO, self._users.describe(user_id), emit=False)
            self._users.show(user_id)
        else:
            self.show_user_list()

    def show_user_list(self) -> None:
        """Send the list of users to all users."""
        for user_id in list(self.transports):
            self.write(MessageCode.INFO, self._users.describe(user_id))

    def show_version(self, user_id: int = 0) -> None:
        """Send the version of the actor to a user, or to all users."""
        self.write(MessageCode.INFO, {"version": repr(self.version)}, user_id=user_id)
