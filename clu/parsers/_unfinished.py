"""Callbacks that return although their command has not ended, and nobody is left to end it."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import types
import weakref
from typing import TYPE_CHECKING, Any

from clu._core.active_commands import ActiveCommands
from clu._core.callbacks import callback_name
from clu._core.reply import Reply
from clu.parsers._words import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu.command import Command

#: The seconds after which it is looked for who may still end the command: what the callback has
#: started holds it by then, and what ran it does not any more.
_DELAY = 1.0
#: The seconds between two looks for the same callback, as a look visits all objects in memory.
_PERIOD = 60.0

#: What has a command without ending it: the actor, its replies, and a task that awaits it.
_POWERLESS = (ActiveCommands, Reply, asyncio.Task)
#: The methods of a command that are called when it ends, or its parent.
_OWN_METHODS = ("_parent_ended", "_leave_parent")

#: For each actor, when the commands of a callback were looked for last.
_looks: weakref.WeakKeyDictionary[Any, dict[str, float]] = weakref.WeakKeyDictionary()


def callback_returned(
    actor: Any, arguments: list[Any], callback: Callable[..., Any], *, is_strict: bool
) -> None:
    """Fail a command that its callback has not ended, or warn if nobody else can end it.

    Parameters
    ----------
    actor
        The actor that runs the command.
    arguments
        The list of the arguments of the callback. The first is the command, which may have ended.
    callback
        The callback, which has returned.
    is_strict
        Whether the command fails at once.
    """
    command: Command[Any] = arguments[0]
    if command.status.is_done:
        return
    name = callback_name(inspect.unwrap(callback))
    if is_strict:
        command.fail(
            error=f"Command {excerpt(command.body)!r} has not ended: its callback {name} returned "
            "without a call of finish() or fail()."
        )
        return
    if command.time_limit:
        return
    loop = asyncio.get_running_loop()
    looks = _looks.setdefault(actor, {})
    if loop.time() < looks.get(name, -_PERIOD) + _PERIOD:
        return
    looks[name] = loop.time()
    loop.call_later(_DELAY, _look, weakref.ref(actor), arguments, name)


def _look(actor_ref: weakref.ref[Any], arguments: list[Any], name: str) -> None:
    actor, command = actor_ref(), arguments[0]
    if actor is None or command.status.is_done or is_held(command, arguments):
        return
    actor.log.warning(
        "Command %r has not ended, and waits for ever: its callback %s returned without a call of "
        "finish() or fail(), and nothing else has the command.",
        excerpt(command.body),
        name,
    )


def is_held(command: Command[Any], arguments: list[Any]) -> bool:
    """Whether anything has a command that could still end it.

    Parameters
    ----------
    command
        A command whose callback has returned.
    arguments
        The list of the arguments of the callback, which has the command, too.
    """
    awaiting = type(command.__await__())
    executing = set()
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        executing.add(id(frame))
        frame = frame.f_back
    return any(
        referrer is not arguments
        and id(referrer) not in executing
        and not isinstance(referrer, (*_POWERLESS, awaiting))
        and not (isinstance(referrer, types.MethodType) and referrer.__name__ in _OWN_METHODS)
        for referrer in gc.get_referrers(command)
    )
