"""Mask bits, the status of a command, and a mix-in for objects with a status."""

from __future__ import annotations

import asyncio
import enum
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from clu._core.callbacks import callback_name
from clu._core.loop import get_event_loop
from clu._speedups.status import active_bits, is_combination, is_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

COMMAND_STATUS_TO_CODE = {
    "DONE": ":",
    "CANCELLED": "f",
    "FAILED": "f",
    "TIMEDOUT": "f",
    "READY": "i",
    "RUNNING": ">",
    "CANCELLING": "w",
    "FAILING": "w",
    "DEBUG": "d",
}


class Maskbit(enum.Flag):
    """A set of mask bits, intended for subclassing."""

    @property
    def active_bits(self) -> list[Self]:
        """The single-bit members that are set in this value."""
        members: list[tuple[int, object]] = [
            (member.value, member) for member in type(self).__members__.values()
        ]
        return active_bits(self.value, members)  # type: ignore[return-value]


class CommandStatus(Maskbit):
    """The status of a command.

    Each state that is not a combination has a ``code``, the message code that reports it.
    """

    # There is one member for each value, which caches the results of its tests.

    code: str | None

    #: The command has finished successfully.
    DONE = enum.auto()
    #: The command was cancelled.
    CANCELLED = enum.auto()
    #: The command has failed.
    FAILED = enum.auto()
    #: The command has exceeded its time limit and was ended.
    TIMEDOUT = enum.auto()
    #: The command has not started.
    READY = enum.auto()
    #: The command has started.
    RUNNING = enum.auto()
    #: The command is being cancelled.
    CANCELLING = enum.auto()
    #: The command is failing.
    FAILING = enum.auto()
    #: The status that corresponds to a debug message.
    DEBUG = enum.auto()

    #: Running, being cancelled or failing.
    ACTIVE_STATES = RUNNING | CANCELLING | FAILING
    #: Cancelled, failed or timed out.
    FAILED_STATES = CANCELLED | FAILED | TIMEDOUT
    #: Being cancelled or failing.
    FAILING_STATES = CANCELLING | FAILING
    #: Ended, successfully or not.
    DONE_STATES = DONE | FAILED_STATES
    #: All states of a command.
    ALL_STATES = ACTIVE_STATES | DONE_STATES | READY

    def __init__(self, *args: object) -> None:
        self.code = COMMAND_STATUS_TO_CODE.get(self._name_ or "")

    @cached_property
    def is_combination(self) -> bool:
        """Whether this value combines several states."""
        return is_combination(self._value_)

    @cached_property
    def did_fail(self) -> bool:
        """Whether the command failed, was cancelled or timed out."""
        return is_within(self._value_, CommandStatus.FAILED_STATES._value_)

    @cached_property
    def did_succeed(self) -> bool:
        """Whether the command finished successfully."""
        return is_within(self._value_, CommandStatus.DONE._value_)

    @cached_property
    def is_active(self) -> bool:
        """Whether the command is running, cancelling or failing."""
        return is_within(self._value_, CommandStatus.ACTIVE_STATES._value_)

    @cached_property
    def is_done(self) -> bool:
        """Whether the command has ended, successfully or not."""
        return is_within(self._value_, CommandStatus.DONE_STATES._value_)

    @cached_property
    def is_failing(self) -> bool:
        """Whether the command is being cancelled or failing."""
        return is_within(self._value_, CommandStatus.FAILING_STATES._value_)

    @staticmethod
    def code_to_status(code: str, default: CommandStatus | None = None) -> CommandStatus:
        """Return the status that a message code reports.

        Parameters
        ----------
        code
            A message code, e.g. ``":"``.
        default
            The status for other codes; ``RUNNING`` by default.
        """
        status = _CODE_TO_STATUS.get(code)
        if status is None:
            return CommandStatus.RUNNING if default is None else default
        return status


_CODE_TO_STATUS = {
    ":": CommandStatus.DONE,
    "f": CommandStatus.FAILED,
    "!": CommandStatus.FAILED,
    ">": CommandStatus.RUNNING,
}

MaskbitType = TypeVar("MaskbitType", bound=Maskbit)
if TYPE_CHECKING:
    StatusCallbacks = (
        Callable[[MaskbitType], Any]
        | list[Callable[[MaskbitType], Any]]
        | tuple[Callable[[MaskbitType], Any], ...]
    )


class StatusMixIn(Generic[MaskbitType]):
    """A mix-in that holds a status and calls callbacks when it changes.

    Parameters
    ----------
    maskbit_flags
        The class of the status.
    initial_status
        The initial status.
    callback_func
        A function that is called with the status when it changes, or a list or tuple of them.
    call_now
        Whether to call the callback immediately.

    Attributes
    ----------
    callbacks
        The functions to call when the status changes.
    """

    def __init__(
        self,
        maskbit_flags: type[MaskbitType],
        initial_status: MaskbitType | None = None,
        callback_func: StatusCallbacks[MaskbitType] | None = None,
        call_now: bool = False,
    ) -> None:
        self.flags = maskbit_flags
        self.callbacks: list[Callable[[MaskbitType], Any]]
        if callback_func is None:
            self.callbacks = []
        elif isinstance(callback_func, (list, tuple)):
            self.callbacks = callback_func  # type: ignore[assignment]  # a tuple stays one
        else:
            self.callbacks = [callback_func]
        self._status = initial_status
        self.watcher: asyncio.Event | None = None
        if call_now:
            self.do_callbacks()

    def do_callbacks(self) -> None:
        """Schedule the callbacks with the current status."""
        if not self.callbacks or self._status is None:
            return
        loop = get_event_loop()
        for callback in self.callbacks:
            loop.call_soon(self._call, callback, self.status)

    @staticmethod
    def _call(callback: Callable[[Any], Any], status: object) -> None:
        try:
            callback(status)
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise
        except BaseException:  # SystemExit would stop the event loop
            logging.getLogger("clu").exception(
                "The status callback %s raised an error.", callback_name(callback)
            )

    @property
    def status(self) -> MaskbitType:
        """The current status. Setting another value, of any kind, runs the callbacks."""
        return self._status  # type: ignore[return-value]

    @status.setter
    def status(self, value: MaskbitType) -> None:
        if value != self._status:
            self._status = value
            self.do_callbacks()
            self._wake_watcher()

    def _wake_watcher(self) -> None:
        if self.watcher is not None:
            self.watcher.set()

    async def wait_for_status(self, value: MaskbitType) -> None:
        """Wait until the status is ``value``."""
        while self._status != value:
            if self.watcher is None or self.watcher.is_set():
                self.watcher = asyncio.Event()
            await self.watcher.wait()
        if self.watcher is not None and self.watcher.is_set():
            self.watcher = None  # nobody else waits for this one any more
