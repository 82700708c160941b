"""The REPLY logging level, replies in a log, and log records as replies."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any

from clu._core.levels import REPLY as REPLY
from clu._core.loop import running_loop
from clu._core.reporting import without_details

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Writer(Protocol):
        """An object that writes replies: an actor or a command."""

        def write(self, message_code: Any = ..., message: Any = ..., **kwargs: Any) -> Any: ...


WARNING_REGEX = r"^.*?\s*?(\w*?Warning): (.*)"

_warning_pattern = re.compile(WARNING_REGEX)
_emitting: contextvars.ContextVar[bool] = contextvars.ContextVar("clu_emitting", default=False)


def log_reply(
    log: logging.Logger,
    message_code: Any,
    message: object,
    use_message_code: bool = False,
) -> None:
    """Write a reply to a log at the REPLY level.

    Parameters
    ----------
    log
        The logger.
    message_code
        The code of the reply.
    message
        The text of the reply.
    use_message_code
        Log at the level that corresponds to the code instead.
    """
    level = LEVEL_OF_CODE.get(str(getattr(message_code, "value", message_code)), REPLY)
    log.log(level if use_message_code else REPLY, message)


def log_to_file(log: Any, path: str) -> None:
    """Write everything that a logger of sdsstools gets to a file, with times in UTC.

    A file that is there is renamed first.
    """
    log.start_file_logger(path, log_level=REPLY, rotating=True, rollover=True)
    if log.fh is not None and log.fh.formatter is not None:
        log.fh.formatter.converter = time.gmtime


def one_line(text: str) -> str:
    """Return a string with characters that are not printable escaped, for a line of a log.

    A line break in a command could otherwise forge a line.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def guard_handlers(log: logging.Logger) -> None:
    """Report exceptions of the handlers of a logger on stderr instead of propagating them."""

    def call_handlers(record: logging.LogRecord) -> None:
        logger: logging.Logger | None = log
        found = False
        while logger is not None:
            for handler in list(logger.handlers):
                found = True
                if record.levelno >= handler.level:
                    _handle(handler, handler.handle, record)
            logger = logger.parent if logger.propagate else None
        if not found:
            type(log).callHandlers(log, record)  # which uses the handler of last resort

    log.callHandlers = call_handlers  # type: ignore[method-assign]


def _handle(
    handler: logging.Handler, function: Callable[..., Any], record: logging.LogRecord, *args: Any
) -> Any:
    """Call a function of a handler, and report its exceptions on stderr."""
    try:
        return function(record, *args)
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise
    except BaseException:  # SystemExit would end the program
        handler.handleError(record)
        return False


LEVEL_OF_CODE = {
    ">": REPLY,
    ":": logging.INFO,
    "f": logging.ERROR,
    "e": logging.ERROR,
    "!": logging.CRITICAL,
    "w": logging.WARNING,
    "i": logging.INFO,
    "d": logging.DEBUG,
}


class ActorHandler(logging.Handler):
    """A logging handler that outputs records as keywords of an actor.

    If the actor has ``error_details=False``, tracebacks, file names with lines, source code and
    absolute paths are left out.

    Parameters
    ----------
    actor
        The actor.
    level
        The lowest level of the records that are output.
    keyword
        The keyword for the text.
    code_mapping
        The message codes of logging levels, in addition to the defaults (d, i, w, e).
    filter_warnings
        Categories of warnings to output. Records of other warnings are dropped.
    """

    def __init__(
        self,
        actor: Writer,
        level: int = logging.ERROR,
        keyword: str = "text",
        code_mapping: dict[int, str] | None = None,
        filter_warnings: list[type[Warning]] | None = None,
    ) -> None:
        super().__init__(level)
        self.actor = actor
        self.keyword = keyword
        self.code_mapping = {
            logging.DEBUG: "d",
            logging.INFO: "i",
            logging.WARNING: "w",
            logging.ERROR: "e",
            **(code_mapping or {}),
        }
        self.filter_warnings = filter_warnings
        self._loop = running_loop()

    def handle(self, record: logging.LogRecord) -> Any:
        """Filter and output a record; exceptions raised by filters are reported on stderr."""
        return _handle(self, super().handle, record)

    def emit(self, record: logging.LogRecord) -> None:
        """Output a record, one reply per line.

        A record that the actor logs in the process is not output again. Records from other threads
        are output by the event loop in which the handler was created or first used.
        """
        if _emitting.get():
            return
        running = running_loop()
        if self._loop is None or not self._loop.is_running():
            self._loop = running
        _handle(self, self._emit, record, running)

    def _emit(self, record: logging.LogRecord, running: asyncio.AbstractEventLoop | None) -> None:
        lines = self._lines(record)
        if self._loop is running:
            self._output(record, lines)
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(_handle, self, self._output, record, lines)

    def _output(self, record: logging.LogRecord, lines: list[str]) -> None:
        token = _emitting.set(True)
        try:
            code = self._message_code(record.levelno)
            for line in lines:
                self.actor.write(code, message={self.keyword: line})
        finally:
            _emitting.reset(token)

    def _message_code(self, level: int) -> str:
        if level <= logging.DEBUG:
            return self.code_mapping[logging.DEBUG]
        if level <= logging.INFO:
            return self.code_mapping[logging.INFO]
        if level < logging.ERROR:
            return self.code_mapping[logging.WARNING]
        return self.code_mapping[logging.ERROR]

    def _lines(self, record: logging.LogRecord) -> list[str]:
        text = record.getMessage()
        # For a command, its actor decides what is reported.
        is_actor = hasattr(self.actor, "error_details")
        actor = self.actor if is_actor else getattr(self.actor, "actor", None)
        is_brief = not getattr(actor, "error_details", True)
        if record.levelno == logging.WARNING and (found := _warning_pattern.match(text)):
            if not self._filter_warning(found.groups()):
                return []
            text = f"{found.group(2)} ({found.group(1)})"
        if record.exc_info and record.exc_info[0] is not None:
            text += f"\n{record.exc_info[0].__name__}: {record.exc_info[1]}"
        if is_brief:
            text = without_details(text)
        return [line for line in text.splitlines() if line.strip()]

    def _filter_warning(self, warning_category_groups: tuple[str, ...]) -> bool:
        if not self.filter_warnings:
            return False
        name = warning_category_groups[0]
        accepted = list(self.filter_warnings)
        while accepted:
            category = accepted.pop()
            if category.__name__ == name:
                return True
            accepted.extend(category.__subclasses__())
        return False


def escape(value: object) -> str:
    """Quote and escape a string as in JSON."""
    return json.dumps(value)
