"""The transcript of a scenario: events by label, and the logs, warnings and loop errors beside."""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
import warnings
from typing import TYPE_CHECKING, Any

from .describe import bases, clean, describe, hide, raised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: The seconds after which what a scenario awaits counts as never ending.
NEVER = 2.0
NOT_GIVEN = object()
OTHER_LOGGERS = ("asyncio", "aiormq", "aio_pika", "py", "concurrent", "websockets", "pamqp")
#: What packages warn about that only one of the releases uses.
OTHER_WARNINGS = ("websockets.legacy is deprecated", "websockets.server.serve is deprecated")
NOISE = (ResourceWarning, PendingDeprecationWarning, ImportWarning)


class Transcript:
    """Takes down what happens in one scenario."""

    def __init__(self) -> None:
        self.events: list[list[Any]] = []
        self.logs: list[str] = []
        self.warnings: list[Any] = []
        self.loop: list[Any] = []
        self.has_ended = False
        #: Whether things happen in one process only, so that their order tells something.
        self.ordered = True
        # Letters, since names with digits are a matter of their own in texts of help.
        self.mark = "".join(chr(ord("g") + int(digit, 16)) for digit in uuid.uuid4().hex[:8])
        hide(self.mark, "")

    def result(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "logs": self.logs,
            "warnings": self.warnings,
            "loop": self.loop,
            "ordered": self.ordered,
        }

    def end(self) -> None:
        """Take down no more, since cleaning up tells nothing of the scenario."""
        self.has_ended = True
        warnings._showwarnmsg = lambda _: None  # type: ignore[attr-defined]

    # What goes into the transcript.

    def note(self, label: str, value: Any) -> None:
        if self.has_ended:
            return
        self.events.append([label, describe(value)])

    def attributes(self, label: str, owner: Any, *names: str) -> None:
        """Note attributes, also those that are not there."""
        for name in names:
            try:
                value = describe(getattr(owner, name))
            except AttributeError:
                value = "<no attribute>"
            except Exception as error:
                value = raised(error)
            self.events.append([f"{label}.{name}", value])

    def call(self, label: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call, and note what is returned or raised."""
        try:
            value = function(*args, **kwargs)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            self.events.append([label, raised(error)])
            return None
        self.note(label, value)
        return value

    def quietly(self, label: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call, and note only what is raised."""
        try:
            return function(*args, **kwargs)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            self.events.append([label, raised(error)])
            return None

    async def wait(self, label: str, awaitable: Awaitable[Any], timeout: float = NEVER) -> Any:
        """Await, and note what comes out; what takes too long is noted as never ending."""
        future = asyncio.ensure_future(awaitable)
        done, _ = await asyncio.wait([future], timeout=timeout)
        if not done:
            self.events.append([label, "<never>"])
            return None
        if future.cancelled():
            self.events.append([label, "<cancelled>"])
            return None
        error = future.exception()
        if error is not None:
            self.events.append([label, raised(error)])
            return None
        self.note(label, future.result())
        return future.result()

    # What takes things down by itself.

    def spy(self, owner: Any, *names: str, label: str = "") -> None:
        """Note the calls of methods of an object, which are still made."""
        for name in names:
            method = getattr(owner, name)
            setattr(owner, name, self._noting(label + name, method))

    def _noting(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.took(name, args, kwargs)
            return method(*args, **kwargs)

        return call

    def took(self, name: str, args: Any, kwargs: Any) -> None:
        keywords = {key: describe(value) for key, value in sorted(kwargs.items())}
        self.events.append([f"{name}()", {"args": describe(list(args)), "keywords": keywords}])

    def callback(self, name: str = "callback", raises: BaseException | None = None) -> Any:
        """Return a function that takes up to three arguments and notes what it gets.

        Functions with ``*args`` are a matter of their own, for which there are scenarios.
        """

        def function(one: Any = NOT_GIVEN, two: Any = NOT_GIVEN, three: Any = NOT_GIVEN) -> None:
            self.took(name, [one_ for one_ in (one, two, three) if one_ is not NOT_GIVEN], {})
            if raises is not None:
                raise raises

        return function

    def coroutine(self, name: str = "coroutine", raises: BaseException | None = None) -> Any:
        function = self.callback(name, raises)

        async def later(one: Any = NOT_GIVEN, two: Any = NOT_GIVEN, three: Any = NOT_GIVEN) -> None:
            function(one, two, three)

        return later

    def unique(self, name: str) -> str:
        """Return a name that no other process has, which the transcript shows as it is given."""
        return f"{name}{self.mark}"

    def hide(self, text: Any, name: str) -> Any:
        hide(str(text), name)
        return text

    # Time.

    async def turns(self, number: int = 60) -> None:
        """Let the event loop do all that is ready."""
        for _ in range(number):
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], Any], timeout: float = NEVER) -> bool:
        """Wait for a condition; False when it does not come true."""
        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        while not condition():
            if clock() > end:
                return False
            await asyncio.sleep(0.005)
        return True

    # The logs, the warnings and what the loop is told.

    def listen(self) -> None:
        transcript = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                transcript.take_record(record)

        logging.getLogger().addHandler(Handler(0))

        def show(message: warnings.WarningMessage) -> None:
            of_others = str(message.message).startswith(OTHER_WARNINGS)
            if not issubclass(message.category, NOISE) and not of_others:
                category = message.category
                self.warnings.append(
                    {
                        "category": category.__name__,
                        "bases": bases(category),
                        "text": clean(str(message.message)),
                    }
                )

        warnings._showwarnmsg = show  # type: ignore[attr-defined]
        warnings.simplefilter("always")

    def take_record(self, record: logging.LogRecord) -> None:
        if self.has_ended or record.name.split(".")[0] in OTHER_LOGGERS:
            return
        text = clean(record.getMessage())
        if "Traceback" in text:
            text = text.split("Traceback")[0] + "<traceback>"
        extra = " +exc_info" if record.exc_info and record.exc_info[0] else ""
        self.logs.append(f"{clean(record.name)} {record.levelname}{extra}: {text}")

    def loop_error(self, loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.loop.append(raised(error) if error else clean(context.get("message", "")))


async def run(scenario: Callable[[Transcript], Any], transcript: Transcript) -> None:
    asyncio.get_running_loop().set_exception_handler(transcript.loop_error)
    try:
        result = scenario(transcript)
        if inspect.isawaitable(result):
            await result
        await transcript.turns()
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        transcript.events.append(["<the scenario>", raised(error)])
