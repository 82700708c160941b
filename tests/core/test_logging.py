"""Replies in a log, and log records as replies."""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import clu
from clu._core.logging import one_line
from clu.base import BaseActor
from clu.exceptions import CluWarning
from clu.tools import REPLY, ActorHandler, log_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu.base import Reply


class Writer:
    """What an actor or a command looks like to the handler."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, Any]]] = []
        self.threads: set[threading.Thread] = set()

    def write(self, message_code: Any = "i", message: Any = None, **_: Any) -> None:
        self.written.append((message_code, message))
        self.threads.add(threading.current_thread())


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def log() -> logging.Logger:
    return logging.Logger("tests.handler", 1)  # with no parent, and so without pytest's handlers


# --- the level --------------------------------------------------------------------------------


def test_the_level_has_a_name_and_a_method(caplog: pytest.LogCaptureFixture) -> None:
    assert clu.REPLY == REPLY == 5
    assert logging.getLevelName(5) == "REPLY"
    log: Any = logging.getLogger("tests.level")
    log.setLevel(REPLY)
    log.REPLY("one %s", "two")
    log.setLevel(REPLY + 1)
    log.REPLY("not this")
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (5, "one two")
    assert record.funcName == "test_the_level_has_a_name_and_a_method"


@pytest.mark.parametrize(
    ("code", "level"),
    [
        (">", REPLY),
        (":", logging.INFO),
        ("f", logging.ERROR),
        ("e", logging.ERROR),
        ("!", logging.CRITICAL),
        ("w", logging.WARNING),
        ("i", logging.INFO),
        ("d", logging.DEBUG),
        ("?", REPLY),
    ],
)
def test_replies_are_logged_at_their_own_level_or_that_of_their_code(
    code: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("tests.reply")
    log.setLevel(1)
    log_reply(log, code, "text")
    log_reply(log, code, "text", use_message_code=True)
    assert [record.levelno for record in caplog.records] == [REPLY, level]


def test_members_are_codes_too(caplog: pytest.LogCaptureFixture) -> None:
    log_reply(logging.getLogger("tests.reply"), clu.MessageCode.FAILED, "text", True)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


# --- ActorHandler -----------------------------------------------------------------------------


def test_records_become_replies_with_the_code_of_their_level(
    writer: Writer, log: logging.Logger
) -> None:
    log.addHandler(ActorHandler(writer, level=1))
    for level in (REPLY, 10, 20, 25, 30, 40, 50):
        log.log(level, "level %d", level)
    assert writer.written == [
        ("d", {"text": "level 5"}),
        ("d", {"text": "level 10"}),
        ("i", {"text": "level 20"}),
        ("w", {"text": "level 25"}),
        ("w", {"text": "level 30"}),
        ("e", {"text": "level 40"}),
        ("e", {"text": "level 50"}),
    ]


def test_only_errors_are_output_by_default(writer: Writer, log: logging.Logger) -> None:
    log.addHandler(ActorHandler(writer))
    log.warning("no")
    log.error("yes")
    assert writer.written == [("e", {"text": "yes"})]


def test_keyword_and_codes_can_be_chosen(writer: Writer, log: logging.Logger) -> None:
    mapping = {logging.ERROR: "f"}
    log.addHandler(ActorHandler(writer, logging.INFO, keyword="error", code_mapping=mapping))
    log.info("one")
    log.error("two")
    assert writer.written == [("i", {"error": "one"}), ("f", {"error": "two"})]
    assert mapping == {logging.ERROR: "f"}


def test_each_line_is_a_reply_and_empty_ones_are_none(writer: Writer, log: logging.Logger) -> None:
    log.addHandler(ActorHandler(writer, logging.INFO))
    log.info("one\n\n  two\n")
    log.info("")
    assert [message["text"] for _, message in writer.written] == ["one", "  two"]


def test_an_exception_follows_the_text(writer: Writer, log: logging.Logger) -> None:
    log.addHandler(ActorHandler(writer))
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        log.exception("It broke:")
    log.error("no exception", exc_info=True)
    assert [message["text"] for _, message in writer.written] == [
        "It broke:",
        "ValueError: first",
        "second",
        "no exception",
    ]


@pytest.mark.parametrize(
    ("accepted", "text", "output"),
    [
        ([UserWarning], "a.py:1: UserWarning: careful\n  code()\n", "careful (UserWarning)"),
        ([UserWarning], "a.py:1: CluWarning: careful", "careful (CluWarning)"),
        ([Warning], "a.py:1: DeprecationWarning: old", "old (DeprecationWarning)"),
        ([CluWarning], "a.py:1: UserWarning: careful", None),
        (
            [UserWarning, DeprecationWarning],
            "x: DeprecationWarning: old",
            "old (DeprecationWarning)",
        ),
        ([UserWarning], "a.py:1: UnknownWarning: what", None),
        ([], "a.py:1: UserWarning: careful", None),
        (None, "a.py:1: UserWarning: careful", None),
        (None, "no warning at all", "no warning at all"),
    ],
)
def test_warnings_are_output_only_for_accepted_categories(
    writer: Writer,
    log: logging.Logger,
    accepted: list[type[Warning]] | None,
    text: str,
    output: str | None,
) -> None:
    log.addHandler(ActorHandler(writer, logging.WARNING, filter_warnings=accepted))
    log.warning(text)
    assert writer.written == ([] if output is None else [("w", {"text": output})])


def test_an_error_that_looks_like_a_warning_is_an_error(
    writer: Writer, log: logging.Logger
) -> None:
    log.addHandler(ActorHandler(writer, logging.INFO))
    log.error("UserWarning: on fire")
    log.info("UserWarning: was on fire")
    assert writer.written == [
        ("e", {"text": "UserWarning: on fire"}),
        ("i", {"text": "UserWarning: was on fire"}),
    ]


def test_warnings_of_python_are_output(writer: Writer) -> None:
    log = logging.getLogger("py.warnings")
    handler = ActorHandler(writer, logging.WARNING, filter_warnings=[CluWarning])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        log.addHandler(handler)
        try:
            warnings.warn("careful", CluWarning, stacklevel=1)
            warnings.warn("whatever", UserWarning, stacklevel=1)
        finally:
            log.removeHandler(handler)
            logging.captureWarnings(False)
    assert writer.written == [("w", {"text": "careful (CluWarning)"})]


class LoggingActor(BaseActor):
    """An actor that logs what it writes, as all actors do."""

    def __init__(self) -> None:
        super().__init__("logging_actor")
        self.sent: list[Any] = []

    async def start(self) -> Any:
        return self

    def new_command(self) -> None: ...

    def parse_command(self, command: Any) -> None: ...

    def _write_internal(self, reply: Reply, write_to_log: bool = True) -> None:
        self.sent.append(reply.message)
        self.log.log(REPLY, "reply: %s", reply.message)


class SlowLoggingActor(LoggingActor):
    async def _write_internal(self, reply: Reply, write_to_log: bool = True) -> None:
        await asyncio.sleep(0)
        super()._write_internal(reply)


@pytest.mark.parametrize("kind", [LoggingActor, SlowLoggingActor])
async def test_an_actor_can_output_all_of_its_own_log(kind: type[LoggingActor]) -> None:
    actor = kind()
    handler = ActorHandler(actor, level=0)
    actor.log.addHandler(handler)
    try:
        actor.log.info("one")
        actor.log.info("two")
        actor.write("i", text="three", validate=False)
        await asyncio.gather(*actor._tasks)
    finally:
        actor.log.removeHandler(handler)
    texts = [message["text"] for message in actor.sent]
    assert texts[:3] == ["one", "two", "three"]
    assert texts[3:] == ["reply: {'text': 'three'}"]


async def test_another_thread_leaves_the_writing_to_the_loop(
    writer: Writer, log: logging.Logger
) -> None:
    log.addHandler(ActorHandler(writer, logging.INFO))
    await asyncio.to_thread(log.info, "from a thread\nin two lines")
    log.info("from the loop")
    await asyncio.sleep(0)
    assert sorted(message["text"] for _, message in writer.written) == [
        "from a thread",
        "from the loop",
        "in two lines",
    ]
    assert writer.threads == {threading.current_thread()}


async def test_a_writer_that_raises_for_another_thread_is_reported_on_stderr(
    writer: Writer, log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    stray: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: stray.append(context))
    log.addHandler(ActorHandler(writer))
    await asyncio.to_thread(broken_writer, writer, log)
    await asyncio.sleep(0)
    assert "--- Logging error ---" in capsys.readouterr().err
    assert stray == []


async def test_the_loop_may_be_found_later(writer: Writer, log: logging.Logger) -> None:
    log.addHandler(await asyncio.to_thread(ActorHandler, writer, logging.INFO))
    log.info("from the loop")
    await asyncio.to_thread(log.info, "from a thread")
    await asyncio.sleep(0)
    assert [message["text"] for _, message in writer.written] == ["from the loop", "from a thread"]
    assert writer.threads == {threading.current_thread()}


def test_a_handler_outlives_the_loop(writer: Writer, log: logging.Logger) -> None:
    async def create() -> None:
        log.addHandler(ActorHandler(writer, logging.INFO))

    async def use() -> None:
        log.info("in another loop")

    asyncio.run(create())
    log.info("outside")
    asyncio.run(use())
    assert [message["text"] for _, message in writer.written] == ["outside", "in another loop"]


def broken_call(writer: Writer, log: logging.Logger) -> None:
    log.error("%d", "not a number")


def broken_writer(writer: Writer, log: logging.Logger) -> None:
    def write(*_: Any, **__: Any) -> None:
        raise RuntimeError("no connection")

    writer.write = write  # type: ignore[method-assign]
    log.error("one")


@pytest.mark.parametrize("cause", [broken_call, broken_writer])
def test_what_goes_wrong_is_reported_on_stderr_and_never_raised(
    writer: Writer,
    log: logging.Logger,
    capsys: pytest.CaptureFixture[str],
    cause: Callable[[Writer, logging.Logger], None],
) -> None:
    log.addHandler(ActorHandler(writer))
    cause(writer, log)
    assert writer.written == []
    assert "--- Logging error ---" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("expose 1 -t 'a b' é", "expose 1 -t 'a b' é"),
        ("a\nb", "a\\nb"),
        ("a\r\n\x1b[31m\x85\u2028\0", "a\\r\\n\\x1b[31m\\x85\\u2028\\x00"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_what_others_have_written_makes_no_lines_of_its_own(text: str, line: str) -> None:
    assert one_line(text) == line
