"""Blocking clients, for notebooks and scripts.

`Client` commands the actors on an AMQP broker, `connect` returns a connection to one TCP JSON
actor. Each has an event loop in a thread of its own. Their methods wait until there is a result,
and can be called from any thread.

It is over 400 lines, most of them documentation: what users read is in one place.
"""

from __future__ import annotations

import asyncio
import collections
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from clu._core.reply import KEPT_REPLIES
from clu._core.thread import LoopThread
from clu._remote.actor import CommandGroup
from clu._tcp.address import split_url
from clu.exceptions import CommandFailed, CommandTimeout
from clu.remote import CommandResult, JSONClient

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Coroutine, Iterator

    from typing_extensions import Self

    from clu._remote.calling import Caller
    from clu.base import Reply
    from clu.client import AMQPClient, AMQPReply
    from clu.command import Command
    from clu.remote import JSONReply, RemoteActor, Retries
    from clu.watch import Update

    Sending = Callable[[Callable[[Any], None]], Coroutine[Any, Any, Command[Any]]]

__all__ = ["Actor", "ActorCommand", "Client", "Connection", "Running", "connect"]


class Running:
    """A command that an actor runs. Iterating over it gives its replies as they come.

    Replies without keywords, which only tell the status, are left out. Of those that nobody has
    taken yet the latest 10,000 are kept. At the end of a ``with`` block the command is cancelled.

    Attributes
    ----------
    actor
        The name of the actor.
    missed
        How many replies were not kept, as they were not taken in time.
    """

    def __init__(self, thread: LoopThread, actor: str, send: Sending) -> None:
        self.actor = actor
        self.missed = 0
        self._thread = thread
        self._replies: collections.deque[AMQPReply | JSONReply] = collections.deque()
        self._changed = threading.Condition()
        self._has_ended = False
        self._command = thread.run(self._begin(send))

    async def _begin(self, send: Sending) -> Command[Any]:
        command = await send(self._take)
        command.add_done_callback(self._end)
        return command

    def __repr__(self) -> str:
        state = "ended" if self.done else "running"
        return f"<{type(self).__name__} ({self.actor} {self._command.body}: {state})>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def __iter__(self) -> Iterator[AMQPReply | JSONReply]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._replies or self._has_ended)
                if not self._replies:
                    return
                reply = self._replies.popleft()
            yield reply

    @property
    def done(self) -> bool:
        """Whether the command has ended."""
        return self._has_ended

    def result(self, timeout: float | None = None) -> CommandResult:
        """Wait until the command has ended.

        Parameters
        ----------
        timeout
            How many seconds to wait. The command runs on after them.

        Returns
        -------
        result
            Its replies.

        Raises
        ------
        CommandTimeout
            If it has not ended in time.
        CommandFailed
            If it failed or was cancelled.
        """
        self._thread.run(_wait(self._command, timeout))
        text = self._command.body
        if not self._command.done():
            reason = f"not ended within {timeout:g} s."
            raise CommandTimeout(self.actor, text, reason, self._command.replies)
        if self._command.cancelled():
            reason = "cancelled by this program."
            raise CommandFailed(self.actor, text, reason, self._command.replies)
        result = CommandResult(self.actor, text, self._command.status, self._command.replies)
        result.raise_for_status()
        return result

    def cancel(self) -> None:
        """Wait for the command no longer.

        The actor goes on with it. A command that can be stopped has a way of its own, such as the
        option ``--stop`` of cancellable commands.
        """
        self._thread.call(self._command.cancel)

    def _take(self, reply: AMQPReply | JSONReply) -> None:
        if not reply.body:
            return
        with self._changed:
            if len(self._replies) >= KEPT_REPLIES:
                self._replies.popleft()
                self.missed += 1
            self._replies.append(reply)
            self._changed.notify_all()

    def _end(self, _: object) -> None:
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()


async def _wait(command: Command[Any], timeout: float | None) -> None:
    await asyncio.wait([command], timeout=timeout)


class _BlockingClient:
    """What both clients share: the thread, and how it ends."""

    def __init__(self, client: AMQPClient | JSONClient, timeout: float | None) -> None:
        self.timeout = timeout
        self._awaitable = client
        self._thread = LoopThread("clu.sync")
        #: Ends the client when nobody uses it any more, or when the program ends.
        self._close = weakref.finalize(self, _close, self._thread, client)
        try:
            self._thread.run(client.start())
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Commands that run fail."""
        self._close()

    def wait_for(
        self,
        name: str,
        predicate: Callable[[Any], Any] | None = None,
        timeout: float | None = None,
    ) -> Update:
        """Wait until a keyword has a value. Ctrl-C cancels the waiting.

        Parameters
        ----------
        name, predicate, timeout
            As for `clu.base.BaseClient.wait_for`. The predicate is called in the thread of the
            event loop.

        Returns
        -------
        update
            The first update with such a value.

        Raises
        ------
        KeywordTimeout
            If there was no such value in this time.
        CluValueError, CluTypeError
            If there is no such keyword, or an argument makes no sense.
        """
        return self._thread.run(self._awaitable.wait_for(name, predicate, timeout))

    def _find(self, finding: Coroutine[Any, Any, RemoteActor]) -> Actor:
        found = self._thread.run(finding)
        return Actor(found._spec, _Caller(self, found._caller))


class _Caller:
    """Sends the commands of the calls of an actor, and waits."""

    def __init__(self, client: _BlockingClient, caller: Caller) -> None:
        self.forbidden = caller.forbidden
        self._client = client
        self._caller = caller

    def call(self, text: str, timeout: float | None, *args: Any) -> CommandResult:
        limit = self._client.timeout if timeout is None else timeout
        return self._client._thread.run(self._caller.call(text, limit, *args))

    def started(self, text: str, timeout: float | None) -> Running:
        limit = self._client.timeout if timeout is None else timeout

        def send(take: Callable[[Any], None]) -> Coroutine[Any, Any, Command[Any]]:
            return self._caller.begin(text, limit, take)

        return Running(self._client._thread, self._caller.actor, send)


class ActorCommand(CommandGroup):
    """A command of an `Actor`, which is called like a function. A group has further commands."""

    @property
    def __name__(self) -> str:
        return self._spec.name

    @property
    def __signature__(self) -> inspect.Signature:
        found = self._spec.signature
        kept = [item for name, item in found.parameters.items() if name != "command"]
        return found.replace(parameters=kept)

    def __call__(
        self,
        /,
        *args: Any,
        timeout: float | None = None,
        retries: int | Retries = 0,
        on_reply: Callable[[Reply], Any] | None = None,
        **kwargs: Any,
    ) -> CommandResult:
        """Send the command, and wait until it has ended. Ctrl-C cancels the waiting.

        Parameters
        ----------
        args, timeout, retries, on_reply, kwargs
            As for `clu.remote.RemoteCommand`. The callback is called in the thread of the event
            loop.

        Raises
        ------
        InvalidCommand
            If an argument is not valid, or the actor does not take the command.
        CommandTimeout
            If it has not ended in time.
        CommandFailed
            If it failed, or there is no such actor.
        """
        caller: _Caller = self._caller
        text = self._spec.command_string(args, kwargs, caller.forbidden)
        return caller.call(text, timeout, retries, on_reply)

    def started(self, /, *args: Any, timeout: float | None = None, **kwargs: Any) -> Running:
        """Send the command, and return when it is on its way.

        Parameters
        ----------
        args, timeout, kwargs
            As for the call.
        """
        caller: _Caller = self._caller
        return caller.started(self._spec.command_string(args, kwargs, caller.forbidden), timeout)


ActorCommand._kind = ActorCommand


class Actor(CommandGroup):
    """An actor, whose commands are attributes: `clu.remote.RemoteActor` for code that blocks."""

    _kind = ActorCommand


def _close(thread: LoopThread, client: AMQPClient | JSONClient) -> None:
    if thread.is_running:
        thread.finish(client.stop())


class Client(_BlockingClient):
    """A blocking client of an AMQP broker. It connects when it is made.

    Parameters
    ----------
    url
        The address of the broker; by default that in the environment variable ``CLU_URL``, and
        without one that in the other parameters.
    timeout
        The seconds after which commands time out, unless they have a time limit of their own.
    kwargs
        Further parameters of `clu.client.AMQPClient`.

    Attributes
    ----------
    client
        The `clu.client.AMQPClient`. Its models may be read from any thread; callbacks that are
        added to it are called in the thread of the event loop.

    Raises
    ------
    CluConnectionError
        If the broker cannot be reached or refuses the connection.
    """

    def __init__(
        self, url: str | list[str] | None = None, *, timeout: float | None = None, **kwargs: Any
    ) -> None:
        from clu.client import AMQPClient

        if url is None and not {"host", "hosts", "port", "user", "password"} & kwargs.keys():
            url = os.environ.get("CLU_URL")
        self.client = AMQPClient(url=url, **kwargs)
        super().__init__(self.client, timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self.client.connection.address})>"

    def send(
        self, actor: str, command: str, *args: Any, timeout: float | None = None
    ) -> CommandResult:
        """Send a command to an actor, and wait until it has ended. Ctrl-C cancels the waiting.

        Parameters
        ----------
        actor
            The name of the actor.
        command
            The command.
        args
            Further words of the command.
        timeout
            How many seconds the command may take.

        Returns
        -------
        result
            The replies.

        Raises
        ------
        CommandTimeout
            If it has not ended in time.
        CommandFailed
            If it failed, or there is no such actor.
        """
        with self.started(actor, command, *args, timeout=timeout) as running:
            return running.result()

    def actor(self, name: str, *, timeout: float = 5.0) -> Actor:
        """Return an actor as an object, whose commands are called like functions.

        Parameters
        ----------
        name
            The name of the actor.
        timeout
            How many seconds to wait for the actor and its answers.

        Raises
        ------
        ActorNotFound
            If the actor is not there, or does not answer. It says who is there.
        CommandFailed
            If the actor does not tell its commands.
        """
        return self._find(self.client.actor(name, timeout=timeout))

    def started(
        self, actor: str, command: str, *args: Any, timeout: float | None = None
    ) -> Running:
        """Send a command to an actor, and return when it is on its way.

        Parameters
        ----------
        actor, command, args, timeout
            As for `send`.
        """
        limit = self.timeout if timeout is None else timeout

        def send(take: Callable[[Any], None]) -> Coroutine[Any, Any, Command[Any]]:
            return self.client.send_command(
                actor, command, *args, reply_callback=take, time_limit=limit, await_command=False
            )

        return Running(self._thread, actor, send)


class Connection(_BlockingClient):
    """A blocking connection to a TCP JSON actor, which `connect` makes.

    Attributes
    ----------
    client
        The `clu.remote.JSONClient`, in the thread of the event loop.
    """

    def __init__(self, client: JSONClient, timeout: float | None) -> None:
        self.client = client
        super().__init__(client, timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self.client.address})>"

    def send(self, command: str, *args: Any, timeout: float | None = None) -> CommandResult:
        """Send a command, and wait until it has ended. Ctrl-C cancels the waiting.

        Parameters
        ----------
        command
            The command.
        args
            Further words of the command.
        timeout
            How many seconds the command may take.

        Returns
        -------
        result
            The replies.

        Raises
        ------
        CommandTimeout
            If it has not ended in time.
        CommandFailed
            If it failed, or the connection was lost.
        """
        with self.started(command, *args, timeout=timeout) as running:
            return running.result()

    def actor(self, *, timeout: float = 5.0) -> Actor:
        """Return the actor as an object, whose commands are called like functions.

        Parameters
        ----------
        timeout
            How many seconds to wait for its answers.

        Raises
        ------
        ActorNotFound
            If the actor does not answer.
        CommandFailed
            If the actor does not tell its commands.
        """
        return self._find(self.client.actor(timeout=timeout))

    def started(self, command: str, *args: Any, timeout: float | None = None) -> Running:
        """Send a command, and return at once.

        Parameters
        ----------
        command, args, timeout
            As for `send`.
        """
        limit = self.timeout if timeout is None else timeout

        def send(take: Callable[[Any], None]) -> Coroutine[Any, Any, Command[Any]]:
            return self.client.send_command(
                command, *args, reply_callback=take, time_limit=limit, await_command=False
            )

        return Running(self._thread, self.client.actor_name or self.client.address, send)


def connect(url: str, *, token: str | None = None, timeout: float | None = None) -> Connection:
    """Connect to a TCP JSON actor.

    Parameters
    ----------
    url
        The address, ``tcp://HOST:PORT``.
    token
        The token of the actor, if it needs one.
    timeout
        The seconds after which commands time out, unless they have a time limit of their own.

    Raises
    ------
    CluConnectionError
        If the actor cannot be reached, or does not take the token.
    CluValueError
        If the address is not one.
    """
    host, port = split_url(url)
    return Connection(JSONClient(host, port, token=token), timeout)
