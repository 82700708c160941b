"""The tasks of running commands: registering, finding and cancelling them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from clu._core.status import CommandStatus
from clu.exceptions import CluValueError
from clu.parsers._lazy import LazyContext

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from clu.command import Command

#: The contexts of which the path is made of names alone.
_USUAL = (click.Context, LazyContext)

_running: dict[str, list[asyncio.Task[Any]]] = {}


def command_name(ctx: click.Context | LazyContext) -> str:
    """Return the name under which the tasks of a command are registered."""
    names: list[str] = []
    outer: click.Context | LazyContext | None = ctx
    while outer is not None:
        # The path has the arguments of groups, too.
        has_arguments = outer is not ctx and outer.command.params
        if type(outer) not in _USUAL or has_arguments or not outer.info_name:
            ctx = ctx.make() if isinstance(ctx, LazyContext) else ctx
            return ctx.command_path.replace(" ", "_")
        names.append(outer.info_name)
        outer = outer.parent
    return "_".join(reversed(names)).replace(" ", "_")


def register_task(
    name: str,
    task: asyncio.Task[Any],
    command: Command[Any],
    callback: Coroutine[Any, Any, Any] | None = None,
) -> None:
    """Register the task of a command until it is done."""
    _running.setdefault(name, []).append(task)

    def forget(task: asyncio.Task[Any]) -> None:
        tasks = _running[name]
        tasks.remove(task)
        if not tasks:
            del _running[name]
        if task.cancelled():
            end_unstarted(command, callback)

    task.add_done_callback(forget)


def end_unstarted(command: Command[Any], callback: Coroutine[Any, Any, Any] | None = None) -> None:
    """End a command whose task was cancelled before it started."""
    if callback is not None:
        callback.close()
    end_cancelled(command)


def end_cancelled(command: Command[Any]) -> None:
    """End a command whose callback was cancelled, unless it has ended already."""
    if not command.status.is_done:
        command.set_status(CommandStatus.CANCELLED, error="This command has been cancelled.")


def get_running_tasks(cmd_name: str | None) -> list[asyncio.Task[Any]] | None:
    """Return the running tasks of a command, the oldest first, or None.

    Parameters
    ----------
    cmd_name
        The name of the command, as `get_current_command_name` returns it. No command is called
        None: its list is empty.
    """
    if cmd_name is None:
        return []
    tasks = [task for task in _running.get(cmd_name, []) if not task.done()]
    return tasks or None


def get_current_command_name() -> str:
    """Return the name of the running command. Call it from a callback.

    Raises
    ------
    RuntimeError
        If no command is running.
    """
    return command_name(click.get_current_context())


def cancel_command(
    name: str | None = None,
    ctx: click.Context | None = None,
    ok_no_exists: bool = True,
    keep_last: bool = False,
) -> bool:
    """Cancel the running callbacks of a command.

    Parameters
    ----------
    name
        The name of the command; by default that of the context.
    ctx
        The click context; the current one by default.
    ok_no_exists
        Whether not to raise an error if the command is not running.
    keep_last
        Whether to keep the callback that was started last: a command can thus cancel its
        predecessors.

    Returns
    -------
    cancelled
        Whether any callback was cancelled.

    Raises
    ------
    CluValueError
        If the command is not running and ``ok_no_exists`` is False.
    """
    if name is None:
        name = command_name(ctx if ctx is not None else click.get_current_context())
    tasks = get_running_tasks(name) or []
    if keep_last:
        tasks = tasks[:-1]
    for task in tasks:
        task.cancel()
    if not tasks and not ok_no_exists:
        raise CluValueError(f"Cannot find any running command {name!r}.")
    return bool(tasks)
