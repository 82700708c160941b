"""The received kernel: what comes over a broker, one message at a time."""

from __future__ import annotations

import copy
import json
import logging
import math
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from clu._speedups import received_py
from clu._speedups.amqp import Delivery

from .conftest import builds

#: The compiled build alone, to be compared with the interpreted one.
COMPILED = builds("received")[1:]
CODES = {"i": "info", ":": "done", "I": "info"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
HEADERS = st.dictionaries(
    st.sampled_from(["message_code", "sender", "command_id", "internal", "other"]),
    st.sampled_from(["i", ":", "?", "", "camera", "c1", b"i", b"\xff", b"c1", 1, 0, None, True]),
)
BODIES = st.binary(max_size=20) | JSON.map(lambda value: json.dumps(value).encode())


def message(body: bytes = b"{}", correlation_id: str | None = None, **headers: Any) -> Any:
    made = Delivery()
    made.routing_key, made.body, made.correlation_id = "reply.broadcast", body, correlation_id
    made.headers = {"message_code": "i", "sender": "camera", **headers}
    made.has_bytes = any(isinstance(value, bytes) for value in headers.values())
    return made


def reply_class(kernel: Any) -> Any:
    class Reply(kernel.ReceivedReply):  # type: ignore[misc]
        def _report(self, log: Any) -> None:
            log.append(self._flaw)

    return Reply


def read(kernel: Any, made: Any) -> tuple[Any, list[int]]:
    reply, log = reply_class(kernel)(), []  # type: ignore[var-annotated]
    reply._read(made, CODES, log)
    return reply, log


def fields(reply: Any) -> dict[str, Any]:
    names = received_py.ReceivedReply.__slots__
    return {name: getattr(reply, name) for name in names if name != "_error"} | {
        "_error": repr(reply._error)
    }


# -- JSON -----------------------------------------------------------------------------------


@given(JSON)
def test_what_is_json_is_decoded(kernel: Any, value: Any) -> None:
    text = json.dumps(value).encode()
    assert repr(kernel.decode_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", [b"123456789012345678901234567890", b"[18446744073709551616]"])
def test_long_numbers_are_exact(kernel: Any, text: bytes) -> None:
    assert kernel.decode_json(text) == json.loads(text)


def test_what_only_some_call_json_is_decoded(kernel: Any) -> None:
    assert math.isnan(kernel.decode_json(b"NaN"))


@given(st.binary(max_size=30))
def test_bytes_are_decoded_or_a_value_error(kernel: Any, text: bytes) -> None:
    outcomes = []
    for decode in (kernel.decode_json, json.loads):
        try:
            outcomes.append(repr(decode(text)))
        except ValueError:
            outcomes.append("no JSON")
    assert outcomes[0] == outcomes[1]


# -- replies --------------------------------------------------------------------------------


def test_a_reply_has_what_the_message_says(kernel: Any) -> None:
    made = message(b'{"a": 1}', "c1", command_id="c1", internal=True)
    reply, log = read(kernel, made)
    assert (reply.is_valid, reply.body, reply.sender) == (True, {"a": 1}, "camera")
    assert (reply.message_code, reply._code, reply.internal) == ("i", "info", True)
    assert (reply.command_id, reply.message, reply.headers) == ("c1", made, made.headers)
    assert log == []


@pytest.mark.parametrize(
    ("made", "flaw"),
    [
        (message(message_code=None), "NO_CODE"),
        (message(message_code=""), "NO_CODE"),
        (message(b"{}", None, command_id="c1"), "OTHER_COMMAND"),
        (message(b"{", "c2", command_id="c1"), "OTHER_COMMAND"),
        (message(b"{"), "NOT_JSON"),
        (message(b""), "NOT_JSON"),
        (message(b"[" * 100_000), "NOT_JSON"),
        (message(b"[1]"), "NOT_OBJECT"),
        (message(b"null"), "NOT_OBJECT"),
    ],
)
def test_what_is_no_reply_has_a_reason(kernel: Any, made: Any, flaw: str) -> None:
    reply, log = read(kernel, made)
    assert log == [reply._flaw] == [getattr(kernel, flaw)]
    assert (reply.is_valid, reply.body) == (False, {})
    assert (reply._error is None) is (flaw != "NOT_JSON")


def test_a_reply_without_a_sender_is_valid_and_reported(kernel: Any) -> None:
    reply, log = read(kernel, message(sender=None))
    assert (reply.is_valid, reply.sender, log) == (True, None, [0])


def test_a_code_of_nobody_is_kept(kernel: Any) -> None:
    reply, _ = read(kernel, message(message_code="?"))
    assert (reply.is_valid, reply.message_code, reply._code) == (True, "?", None)


def test_ids_are_compared_as_strings(kernel: Any) -> None:
    reply, log = read(kernel, message(command_id=5))
    assert log == [kernel.OTHER_COMMAND]
    reply, log = read(kernel, message(b"{}", "5", command_id=5))
    assert (reply.command_id, log) == ("5", [])


def test_messages_of_aio_pika_are_read(kernel: Any) -> None:
    headers = {"message_code": b"i", "sender": b"camera\xff"}
    made = SimpleNamespace(headers=headers, correlation_id=None, body=b"{}")
    reply, log = read(kernel, made)
    assert (reply.message_code, reply.sender, log) == ("i", "camera\ufffd", [])
    reply, log = read(kernel, SimpleNamespace(headers=None, correlation_id=None, body=b"{}"))
    assert (reply.headers, log) == ({}, [kernel.NO_CODE])


@pytest.mark.parametrize("compiled", COMPILED)
@given(HEADERS, BODIES, st.sampled_from([None, "c1", "1", ""]))
def test_any_message_is_read_as_interpreted(
    compiled: Any, headers: dict[str, Any], body: bytes, command_id: str | None
) -> None:
    made = message(body, command_id)
    made.headers = headers
    made.has_bytes = any(isinstance(value, bytes) for value in headers.values())
    (reply, log), (expected, expected_log) = read(compiled, made), read(received_py, made)
    assert repr(fields(reply)) == repr(fields(expected))
    assert log == expected_log


def test_users_change_and_copy_replies(kernel: Any) -> None:
    reply, _ = read(kernel, SimpleNamespace(**_plain(), body=b'{"a": 1}'))
    reply.note, reply.body = "mine", {"b": 2}
    twin = copy.copy(reply)
    assert (twin.note, twin.body, twin.sender) == ("mine", {"b": 2}, "camera")


def _plain() -> dict[str, Any]:
    return {"headers": {"message_code": "i", "sender": "camera"}, "correlation_id": None}


# -- messages that come twice ---------------------------------------------------------------


def test_an_id_of_others_may_come_again(kernel: Any) -> None:
    seen = kernel.SeenMessages("clu:", 10)
    for _ in range(2):
        assert not seen.has(SimpleNamespace(message_id="theirs"))
        assert not seen.has(SimpleNamespace(message_id=None))
        assert not seen.has(SimpleNamespace(message_id=""))


@pytest.mark.parametrize("compiled", COMPILED)
@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=40))
def test_duplicates_are_those_of_the_interpreted_build(
    compiled: Any, most: int, messages: list[tuple[int, bool]]
) -> None:
    seen, expected = compiled.SeenMessages("clu:", most), received_py.SeenMessages("clu:", most)
    for number, redelivered in messages:
        if number == 0:
            seen.close_channel()
            expected.close_channel()
            continue
        made = SimpleNamespace(message_id=f"clu:{number}", redelivered=redelivered)
        assert seen.has(made) is expected.has(made)


@given(st.integers(1, 50))
def test_the_latest_are_remembered_and_no_more_than_twice_as_many(kernel: Any, most: int) -> None:
    seen = kernel.SeenMessages("clu:", most)
    for number in range(5 * most):
        assert not seen.has(SimpleNamespace(message_id=f"clu:{number}"))
    for number in range(4 * most + 1, 5 * most):
        assert seen.has(SimpleNamespace(message_id=f"clu:{number}"))
    assert not seen.has(SimpleNamespace(message_id="clu:0"))


# -- what becomes of a message --------------------------------------------------------------


class Client:
    """Records what it is called with."""

    name = "client"

    def __init__(self, kernel: Any, **attributes: Any) -> None:
        self.calls: list[Any] = []
        self.log = logging.getLogger("received")
        self.running_commands = Running(self.calls)
        self.models = Models()
        self._notifier = SimpleNamespace(
            _callbacks=[], notify=lambda reply: self.calls.append(("notify", reply.body))
        )
        self.seen = kernel.SeenMessages("clu:", 100)
        self.receiver = kernel.ReplyReceiver(
            *(self, Client.handle_reply, reply_class(kernel), CODES, self.seen),
            *("presence", "announcement"),
        )
        self.__dict__.update(attributes)

    async def handle_reply(self, made: Any) -> None:
        """Stand for what a subclass may override."""

    def _take_question(self, made: Any) -> None:
        self.calls.append("question")

    def _take_announcement(self, reply: Any) -> None:
        self.calls.append(("announcement", reply.headers["announcement"]))

    def _update_missing_model(self, reply: Any) -> None:
        self.calls.append(("missing", reply.sender))

    def _run_handle_reply(self, made: Any) -> str:
        return "soon"

    def _create_task(self, coroutine: Any) -> None:
        self.calls.append(coroutine)

    def _is_echo(self, made: Any) -> bool:
        return bool(made.correlation_id == "echo")


class Running(dict[str, Any]):
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def take_reply(self, reply: Any) -> None:
        self.calls.append(("running", reply.command_id))


class Models(dict[str, Any]):
    missing: dict[str, Any] = {}


def test_a_reply_updates_the_model_then_the_command_then_calls_back(kernel: Any) -> None:
    client = Client(kernel)
    update = SimpleNamespace(update_model=lambda body: client.calls.append(("model", body)))
    client.models["camera"] = update
    client.running_commands["c1"] = None
    client._notifier._callbacks.append(None)
    client.receiver.take(message(b'{"a": 1}', "c1"))
    assert client.calls == [("model", {"a": 1}), ("running", "c1"), ("notify", {"a": 1})]


def test_a_reply_that_nobody_wants_is_read_all_the_same(kernel: Any) -> None:
    client = Client(kernel)
    reply = client.receiver.handle(message(b'{"a": 1}', "c1"))
    assert (reply.body, client.calls) == ({"a": 1}, [])


def test_values_of_a_missing_model_are_the_clients(kernel: Any) -> None:
    client = Client(kernel, models=Models())
    client.models.missing = {"camera": None}
    client.receiver.take(message())
    assert client.calls == [("missing", "camera")]


def test_questions_and_announcements_are_the_clients(kernel: Any) -> None:
    client = Client(kernel)
    question = message()
    question.routing_key = "presence.client"
    client.receiver.take(question)
    client.receiver.take(message(announcement="started"))
    assert client.calls == ["question", ("announcement", "started")]


def test_what_handles_replies_itself_gets_messages_but_no_announcements(kernel: Any) -> None:
    class Own(Client):
        async def handle_reply(self, made: Any) -> None:
            """Do something else."""

    for client in (Own(kernel), Client(kernel, handle_reply=lambda made: None)):
        assert not client.receiver.is_plain()
        client.receiver.take(message())
        client.receiver.take(message(announcement="started"))
        client.receiver.take(message(b"{}", "echo"))
        assert client.calls == ["soon", ("announcement", "started"), "soon"]
    assert Client(kernel).receiver.is_plain()


def test_an_echo_is_left_alone_unless_somebody_waits_for_it(kernel: Any) -> None:
    client = Client(kernel)
    client.receiver.take(message(b"{}", "echo"))
    assert client.calls == []
    client.running_commands["echo"] = None
    client.receiver.take(message(b"{}", "echo"))
    assert client.calls == [("running", "echo")]


def test_a_duplicate_is_acknowledged_and_not_handled(kernel: Any) -> None:
    client = Client(kernel)
    client._notifier._callbacks.append(None)
    for _ in range(2):
        made = SimpleNamespace(
            **_plain(), routing_key="reply.c1", message_id="clu:1", origin=1, processed=False
        )
        made.body, made.acknowledge = b"{}", lambda: client.calls.append("ack")
        client.receiver.take(made)
    assert client.calls == ["ack", ("notify", {}), "ack"]


def test_an_error_is_logged_and_goes_no_further(
    kernel: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(kernel)
    client.receiver.take(message(message_code=None))
    client.receiver.take(None)
    texts = [record.getMessage() for record in caplog.records]
    assert texts[-1] == "client: failed handling a reply."
    assert client.calls == []
