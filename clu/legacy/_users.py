"""What the users of a legacy actor are told of each other."""

from __future__ import annotations

import asyncio
from typing import Any

from clu._core.reply import MessageCode
from clu._speedups.reply import format_line
from clu._tcp.actor import TCPServerActor

#: The seconds between two lists for those who are connected already.
PERIOD = 1.0
#: How many users hear of each other without delay: a list for all of them is under 3 kB.
FEW = 10


class UserList:
    """Greets new users, and tells all who is there.

    A new user gets the list at once. The others get it at once too, but where there are more than
    `FEW` not more often than every `PERIOD` seconds: to tell each of a hundred clients of each of
    the others as they come in would take nine megabytes. The last list is always complete.

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
        """Take a new user, to be greeted at the end of this turn of the loop."""
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
        """Forget a user."""
        self._actor.transports.pop(transport.user_id, None)
        self._lines = None

    def stop(self) -> None:
        """Tell nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def describe(self, user_id: int) -> dict[str, Any]:
        """Return the message about a user."""
        peer = self._actor.transports[user_id].get_extra_info("peername")
        return {"UserInfo": [user_id, str(peer[0]) if peer else "?"]}

    def show(self, user_id: int) -> None:
        """Send the list to a user now, and to the others soon."""
        self._send(self._actor.transports[user_id])
        self._informed.add(user_id)
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
        if uninformed:
            self._next_time = asyncio.get_running_loop().time() + PERIOD
        self._informed |= uninformed
        for user_id in uninformed:
            self._send(self._actor.transports[user_id])

    def _send(self, transport: Any) -> None:
        if self._lines is None:
            users = self._actor.transports
            lines = [format_line(0, 0, "i", self.describe(user_id)) for user_id in users]
            self._lines = b"".join(lines)
        transport.write(self._lines)


class GreetingActor(TCPServerActor):
    """The base of actors whose users have numbers and hear of each other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._users = UserList(self)

    async def stop(self) -> None:
        """Cancel what runs, tell the clients, and close their connections."""
        await super().stop()
        self._users.stop()

    def new_user(self, transport: Any) -> None:
        """Take a new client, or forget one that has gone."""
        if transport.is_closing():
            self._users.remove(transport)
        else:
            self._users.add(transport)

    def show_new_user_info(self, user_id: int) -> None:
        """Tell a new user its id, who is there, and the version of the actor."""
        self.show_user_info(user_id)
        self.show_version(user_id)

    def show_user_info(self, user_id: int) -> None:
        """Tell a user its id, and all users who is there."""
        message = {"yourUserID": user_id, "num_users": len(self.transports)}
        self.write(MessageCode.INFO, message, user_id=user_id)
        if user_id in self.transports:
            self.write(MessageCode.INFO, self._users.describe(user_id), emit=False)
            self._users.show(user_id)

    def show_user_list(self) -> None:
        """Tell all users who is there."""
        for user_id in list(self.transports):
            self.write(MessageCode.INFO, self._users.describe(user_id))

    def show_version(self, user_id: int = 0) -> None:
        """Tell a user, or all, the version of the actor."""
        self.write(MessageCode.INFO, {"version": repr(self.version)}, user_id=user_id)
