"""The kernels in both builds, and the paths through the public classes in the selected one.

Run with ``pytest benchmarks --benchmark-only``; no test judges a time.
"""

from __future__ import annotations

import collections
import itertools
import json
import logging
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cases
import inputs
import jsonschema
import pytest

from clu.exceptions import CluNotImplemented

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from pytest_benchmark.fixture import BenchmarkFixture

    Kernel = Callable[[str], ModuleType]

BATCH = 200
IN_PROCESS = [
    name
    for name in cases.CASES
    if "broadcast" not in name and name.split("_")[0] not in ("import", "amqp")
]


# --- status ------------------------------------------------------------------------------


def test_status_is_within(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    assert benchmark(kernel("status").is_within, 32, 224)


def test_status_is_combination(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    assert benchmark(kernel("status").is_combination, 224)


def test_status_active_bits(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    members = [(1 << bit, f"bit {bit}") for bit in range(9)]
    bits = benchmark(kernel("status").active_bits, 0b10100, members)
    assert bits == ["bit 2", "bit 4"]


# --- reply -------------------------------------------------------------------------------


def test_reply_merge_message(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    merge = kernel("reply").merge_message
    assert benchmark(merge, inputs.message(), "text", {}) == inputs.message()


def test_reply_holds_exception(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    assert not benchmark(kernel("reply").holds_exception, inputs.message())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        (True, "T"),
        (-110.25, "-110.25"),
        ([1, 2.5, "x y"], '1,2.5,"x y"'),
    ],
)
def test_reply_format_value(
    benchmark: BenchmarkFixture, kernel: Kernel, value: Any, text: str
) -> None:
    assert benchmark(kernel("reply").format_value, value) == text


@pytest.mark.parametrize(
    "value", [inputs.message(), {"big": 2**70}, {"never": None}], ids=["usual", "exact", "null"]
)
def test_reply_encode_json(benchmark: BenchmarkFixture, kernel: Kernel, value: Any) -> None:
    assert json.loads(benchmark(kernel("reply").encode_json, value)) == value


def test_reply_encode_reply(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    encode = kernel("reply").encode_reply
    line = benchmark(encode, 7, "user", "i", False, "bench", inputs.message())
    assert json.loads(line)["data"] == inputs.message()


def test_reply_would_log(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    logger = logging.Logger("benchmarks", level=5)
    logger.addHandler(logging.NullHandler(logging.WARNING))
    assert not benchmark(kernel("reply").would_log, logger, 5)


# --- schema ------------------------------------------------------------------------------


@pytest.mark.parametrize("keywords", [30, 300])
@pytest.mark.parametrize(("make", "verdict"), [(inputs.message, True), (inputs.bad_message, False)])
def test_schema_is_valid(
    benchmark: BenchmarkFixture,
    kernel: Kernel,
    keywords: int,
    make: Callable[[], Any],
    verdict: bool,
) -> None:
    schema = kernel("schema").compile_schema(inputs.schema(keywords))
    assert benchmark(schema.is_valid, make()) is verdict


@pytest.mark.parametrize(("make", "verdict"), [(inputs.message, True), (inputs.bad_message, False)])
def test_schema_of_a_bundle_is_valid(
    benchmark: BenchmarkFixture, kernel: Kernel, make: Callable[[], Any], verdict: bool
) -> None:
    """By fastjsonschema: the kernel has no tree for it."""
    schema = kernel("schema").compile_schema(inputs.bundle())
    assert benchmark(schema.is_valid, make()) is verdict


@pytest.mark.parametrize(("make", "verdict"), [(inputs.message, True), (inputs.bad_message, False)])
def test_schema_of_a_bundle_by_jsonschema(
    benchmark: BenchmarkFixture, make: Callable[[], Any], verdict: bool
) -> None:
    """What the one above would take without it."""
    validator = jsonschema.Draft7Validator(inputs.bundle())
    assert benchmark(validator.is_valid, make()) is verdict


def test_schema_compile(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    schema = benchmark(kernel("schema").compile_schema, inputs.schema())
    assert schema.is_valid(inputs.message())


# --- opscore -----------------------------------------------------------------------------


def make_scanner(opscore: ModuleType) -> Any:
    reply = type("Reply", (opscore.ReplyBase,), {})
    keyword = type("Keyword", (opscore.KeywordBase,), {})
    keywords = type("Keywords", (opscore.KeywordsBase,), {})
    return opscore.Scanner(reply, keywords, keyword, lambda *where: ValueError(where))


@pytest.mark.parametrize(
    ("line", "count"), [(inputs.long_line(), 9), (inputs.short_line(), 2)], ids=["300", "45"]
)
def test_opscore_hub_reply(
    benchmark: BenchmarkFixture, kernel: Kernel, line: str, count: int
) -> None:
    opscore = kernel("opscore")
    header = type("Header", (opscore.ReplyHeaderBase,), {})
    reply = benchmark(make_scanner(opscore).hub_reply, line, header, {"i": "INFO"})
    assert reply.header.code == "INFO"
    assert len(reply.keywords) == count


def test_opscore_command(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    scan = make_scanner(kernel("opscore")).command
    _, verb, values, keywords, raw = benchmark(scan, 'move 1.5, "x y" speed=2 axes=a,b')
    assert (verb, values, len(keywords), raw) == ("move", ["1.5", "x y"], 2, None)


def test_opscore_convert(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    opscore = kernel("opscore")
    number = opscore.BareConverter(type("Float", (float,), {}), None, None)
    text = opscore.BareConverter(type("String", (str,), {}), None, None)
    plan = opscore.Plan([number, number, text], None, 3, [], None)
    assert benchmark(plan.convert, ["1.5", "-2", "state"]) == [1.5, -2.0, "state"]


# --- amqp --------------------------------------------------------------------------------

AMQP_MESSAGES = 100


def amqp_message(amqp: ModuleType, index: int) -> bytes:
    """Return the frames that publish the usual reply, as an actor does."""
    headers = {
        "message_code": "i",
        "commander_id": "client.actor",
        "command_id": f"0d3b0a0a-5d35-4d23-8a2c-6c1f7e7d{index:04x}",
        "sender": "actor",
        "internal": False,
    }
    body = json.dumps(inputs.message()).encode()
    ids = (f"0123456789abcdef0123{index:x}", headers["command_id"], None)
    publisher = amqp.Publisher("sdss_exchange", "text/json")
    return bytes(
        publisher.encode(1, 131072, "reply.client", body, headers, *ids, 1_700_000_000, False)
    )


@pytest.mark.parametrize("commands", ["same", "other"])
def test_amqp_encode(benchmark: BenchmarkFixture, kernel: Kernel, commands: str) -> None:
    amqp = kernel("amqp")
    encode = amqp.Publisher("sdss_exchange", "text/json").encode
    body = json.dumps(inputs.message()).encode()
    ids = [f"0d3b0a0a-5d35-4d23-8a2c-{index:012x}" for index in range(5000)]
    next_id = itertools.cycle(ids if commands == "other" else ids[:1]).__next__

    def publish() -> Any:
        command_id = next_id()
        headers = {
            "message_code": "i",
            "commander_id": "client.actor",
            "command_id": command_id,
            "sender": "actor",
            "internal": False,
        }
        message_id = "0123456789abcdef01230"
        rest = (message_id, command_id, None, 1_700_000_000, False)
        return encode(1, 131072, "reply.client", body, headers, *rest)

    assert body in benchmark(publish)


@pytest.mark.parametrize("commands", ["same", "other"])
def test_amqp_deliver(benchmark: BenchmarkFixture, kernel: Kernel, commands: str) -> None:
    """Split `AMQP_MESSAGES` messages."""
    amqp = kernel("amqp")
    method = b"\x00\x3c\x00\x3c\x04ctag" + bytes(8) + b"\x00\x0dsdss_exchange\x0creply.client"
    start = b"\x01\x00\x01" + len(method).to_bytes(4, "big") + method + b"\xce"
    stream = b""
    for index in range(AMQP_MESSAGES):
        frames = amqp_message(amqp, index if commands == "other" else 0)
        stream += start + frames[8 + int.from_bytes(frames[3:7], "big") :]
    messages: collections.deque[Any] = collections.deque(maxlen=1)

    def nothing(*rest: Any) -> None:
        pass

    splitter = amqp.Splitter(
        nothing, amqp.Delivery, {b"ctag": messages.append}, nothing, nothing, nothing
    )
    benchmark(splitter.feed, stream)
    assert json.loads(messages[-1].body) == inputs.message()


def test_amqp_confirm(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    """Split `AMQP_MESSAGES` confirmations."""
    amqp = kernel("amqp")
    tags: collections.deque[int] = collections.deque(maxlen=1)

    def nothing(*rest: Any) -> None:
        pass

    splitter = amqp.Splitter(
        nothing, amqp.Delivery, {}, lambda tag, *rest: tags.append(tag), nothing, nothing
    )
    splitter.channel = 7
    # An acknowledgement is the same in both directions.
    stream = b"".join(amqp.encode_ack(7, tag) for tag in range(AMQP_MESSAGES))
    benchmark(splitter.feed, stream)
    assert tags[-1] == AMQP_MESSAGES - 1


def test_amqp_encode_ack(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    assert len(benchmark(kernel("amqp").encode_ack, 1, 12345)) == 21


def test_amqp_has_long_number(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    body = json.dumps(inputs.message()).encode()
    assert not benchmark(kernel("amqp").has_long_number, body)


# --- call --------------------------------------------------------------------------------


def test_call_command_string(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    call = kernel("call")
    number = call.INTEGER + call.FLOAT
    choices = {"dark": " --flavour dark", "object": " --flavour object"}
    options = [
        call.UsualParameter("flavour", False, " --flavour ", call.STRING, texts=choices),
        call.UsualParameter("note", False, " --note ", call.STRING, multiple=True),
        call.UsualParameter("count", False, " --count ", call.INTEGER, limits=(0, 9)),
    ]
    time = call.UsualParameter("exposure_time", True, " ", number, limits=(0, 3600))
    expose = call.UsualCall("expose", options, [time], 1)
    text = benchmark(expose.command_string, (900,), {"flavour": "dark", "note": ["a b"]})
    assert text == "expose --flavour dark --note 'a b' 900"


# --- received ----------------------------------------------------------------------------


class Models(dict[str, Any]):
    missing: dict[str, Any] = {}


class Receiving:
    """A client that follows nobody."""

    def __init__(self) -> None:
        self.log = logging.getLogger("clu")
        self.models = Models()
        self.running_commands: dict[str, Any] = {}
        self._notifier = SimpleNamespace(_callbacks=[])

    def handle_reply(self, message: Any) -> None:
        pass


def test_received_take(benchmark: BenchmarkFixture, kernel: Kernel) -> None:
    received, client = kernel("received"), Receiving()
    receiver = received.ReplyReceiver(
        *(client, Receiving.handle_reply, received.ReceivedReply, {}),
        *(received.SeenMessages("clu:", 8192), "presence", "announcement"),
    )
    message = kernel("amqp").Delivery()
    message.routing_key, message.body = "reply.broadcast", json.dumps(inputs.message()).encode()
    message.headers = {"message_code": "i", "command_id": None, "sender": "bench"}
    benchmark(receiver.take, message)
    assert receiver.handle(message).body == inputs.message()


# --- the cases of the comparison, without network and processes ----------------------------


@contextmanager
def no_log_capture() -> Iterator[None]:
    """Take pytest's handlers away: they would format every reply for the report of a failure."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = handlers


@pytest.mark.parametrize("name", IN_PROCESS)
def test_case(benchmark: BenchmarkFixture, loop: AbstractEventLoop, name: str) -> None:
    """`BATCH` operations of the case, in the build that clu selects."""
    context = cases.CASES[name].make()
    try:
        timed = loop.run_until_complete(context.__aenter__())
    except CluNotImplemented as err:
        pytest.skip(str(err))
    try:
        with no_log_capture():
            seconds = benchmark(lambda: loop.run_until_complete(timed(BATCH)))
    finally:
        loop.run_until_complete(context.__aexit__(None, None, None))
    assert seconds > 0
