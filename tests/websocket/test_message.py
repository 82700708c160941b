"""What clients of the websocket bridge may send, and what they receive."""

from __future__ import annotations

import datetime
import json
import math
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from clu._websocket.message import (
    BadMessage,
    encode_error,
    encode_reply,
    parse_message,
    without_nan,
)
from clu.exceptions import CluError

LIMIT = 1000


def parse(**content: Any) -> Any:
    return parse_message(json.dumps(content).encode(), LIMIT)


def test_command_is_read() -> None:
    command = parse(consumer="camera", command_string="expose 1", command_id="a", more=1)
    assert (command.consumer, command.command_string) == ("camera", "expose 1")
    assert (command.command_id, command.given_id) == ("a", "a")


def test_number_is_an_id() -> None:
    command = parse(consumer="camera", command_string="", command_id=0)
    assert (command.command_id, command.given_id) == ("0", 0)


@pytest.mark.parametrize("given", [{}, {"command_id": None}, {"command_id": ""}])
def test_command_without_an_id_gets_one(given: dict[str, Any]) -> None:
    command = parse(consumer="camera", command_string="ping", **given)
    assert uuid.UUID(command.command_id)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "is not JSON"),
        (b"ping", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b'"\\ud800"', "is not JSON"),
        (b'{"consumer": "camera", "command_string": NaN}', "is not JSON"),
        (b"[" * LIMIT, "is not JSON"),
        (b'{"a": 1}' * 2, "is not JSON"),
        (b"x" * (LIMIT + 1), "longer than the limit of 1000 bytes"),
        (b"null", "is null, not an object"),
        (b"true", "is a boolean, not an object"),
        (b"1e400", "is not JSON|is a number, not an object"),
        (b"[1]", "is a list, not an object"),
        (b'"ping"', "is a string, not an object"),
        (b"{}", "has no 'consumer'"),
        (b'{"consumer": "camera"}', "has no 'command_string'"),
        (b'{"consumer": 1, "command_string": "a"}', "'consumer' must be a string, not a number"),
        (b'{"consumer": "", "command_string": "a"}', "'consumer' is empty"),
        (b'{"consumer": "a", "command_string": [1]}', "'command_string' must be a string, not a"),
        (b'{"consumer": "a", "command_string": "b", "command_id": true}', "'command_id' must be"),
        (b'{"consumer": "a", "command_string": "b", "command_id": 1.5}', "'command_id' must be"),
    ],
)
def test_invalid_message_gets_the_reason(message: bytes, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason) as caught:
        parse_message(message, LIMIT)
    assert isinstance(caught.value, CluError)


@pytest.mark.parametrize("name", ["consumer", "command_id"])
def test_name_that_amqp_does_not_take_is_refused(name: str) -> None:
    content = {"consumer": "camera", "command_string": "ping", name: "é" * 65}
    with pytest.raises(BadMessage, match=f"'{name}' has 130 bytes, and the limit is 128"):
        parse(**content)


def test_bad_message_keeps_the_id_that_it_has() -> None:
    with pytest.raises(BadMessage) as caught:
        parse(consumer="camera", command_id=5)
    assert (caught.value.given_id, caught.value.consumer) == (5, "camera")


def test_error_looks_like_a_failing_reply_too() -> None:
    error = json.loads(encode_error("No.", 5, "camera"))
    assert error["error"] == error["body"]["error"] == "No."
    assert error["command_id"] == 5
    assert error["headers"] == {
        "command_id": "5",
        "commander_id": None,
        "internal": False,
        "message_code": "f",
        "sender": "camera",
    }
    assert set(error) == {"error", "command_id", *RECORDED}


RECORDED = ("headers", "exchange", "message_id", "routing_key", "timestamp", "body")


def reply(**headers: Any) -> Any:
    message = SimpleNamespace(
        exchange="sdss_exchange",
        message_id="1",
        routing_key="reply.a.b",
        timestamp=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
    )
    return SimpleNamespace(message=message, headers=headers, body={"angle": math.nan})


def test_reply_has_what_was_recorded() -> None:
    text = encode_reply(reply(command_id="a", internal=False))
    content = json.loads(text)
    assert list(content) == list(RECORDED)
    assert content["headers"] == {"command_id": "a", "internal": False}
    assert content["timestamp"] == "2026-01-02T03:04:05+00:00"
    assert content["routing_key"] == "reply.a.b"
    assert math.isnan(content["body"]["angle"])


@pytest.mark.parametrize(
    ("sent", "parsed"),
    [
        ('{"angle": NaN, "limits": [-Infinity, Infinity, 1.5]}', [None, [None, None, 1.5]]),
        ('{"angle": "NaN", "limits": "to Infinity"}', ["NaN", "to Infinity"]),
        ('{"angle": 1' + "0" * 40 + ', "limits": "NaN \\u2028"}', [10**40, "NaN \u2028"]),
    ],
)
def test_browser_gets_null_for_what_it_cannot_parse(sent: str, parsed: list[Any]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"JSON.parse refuses {constant}")

    assert [*json.loads(without_nan(sent), parse_constant=refuse).values()] == parsed


def test_reply_that_a_browser_can_parse_is_left_as_it_is() -> None:
    text = '{"angle":null,"name":"nan"}'
    assert without_nan(text) is text


def test_reply_without_a_time_has_none() -> None:
    without = reply()
    without.message.timestamp = None
    assert json.loads(encode_reply(without))["timestamp"] is None


def test_header_that_has_no_json_becomes_a_text() -> None:
    content = json.loads(encode_reply(reply(unknown=object(), nested={"raw": b"x"})))
    assert content["headers"]["unknown"].startswith("<object object")
    assert "x" in content["headers"]["nested"]["raw"]
