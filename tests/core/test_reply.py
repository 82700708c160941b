"""Replies and their codes."""

from __future__ import annotations

import copy
import datetime
import pickle
import time
import weakref

import pytest

from clu import Command, MessageCode, Reply
from clu._core.reply import message_code_of
from clu.exceptions import CluError, CluValueError


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("STARTED", ">"),
        ("DONE", ":"),
        ("FAILED", "f"),
        ("ERROR", "e"),
        ("CRITICAL", "!"),
        ("INFO", "i"),
        ("WARNING", "w"),
        ("DEBUG", "d"),
    ],
)
def test_a_code_equals_its_string_and_nothing_else(name: str, code: str) -> None:
    member = MessageCode[name]
    assert member == code
    assert code == member
    assert (member != code) is False
    assert member == MessageCode(code)
    assert member != "x"
    assert member != name
    assert member is not None
    assert [other for other in MessageCode if other == member] == [member]
    assert message_code_of(code) is message_code_of(member) is member


def test_codes_and_their_strings_are_the_same_key() -> None:
    table = {MessageCode.DONE: "done", "f": "failed"}
    assert table[":"] == "done"
    assert table[MessageCode.FAILED] == "failed"
    assert {MessageCode.INFO, "i"} == {"i"}
    assert hash(MessageCode.INFO) == hash("i")


@pytest.mark.parametrize("code", ["x", "", "INFO", 5, None, [], {}])
def test_an_unknown_code_is_a_value_error(code: object) -> None:
    with pytest.raises(CluValueError, match="is not a valid MessageCode") as caught:
        message_code_of(code)  # type: ignore[arg-type]
    assert isinstance(caught.value, CluError)
    assert isinstance(caught.value, ValueError)


def test_a_reply_has_the_documented_fields() -> None:
    reply = Reply(MessageCode.INFO, {"a": 1})
    assert reply.message == reply.body == {"a": 1}
    assert reply.message_code is MessageCode.INFO
    assert reply.command is None
    assert reply.keywords is None
    assert (reply.broadcast, reply.use_validation, reply.validated, reply.internal) == (False,) * 4
    assert "a" in repr(reply)


async def test_the_fields_are_those_given() -> None:
    command = Command()
    reply = Reply(
        MessageCode.DONE,
        {},
        command,
        broadcast=True,
        use_validation=True,
        validated=True,
        internal=True,
        keywords=["key"],
    )
    assert reply.command is command
    assert reply.keywords == ["key"]
    assert (reply.broadcast, reply.use_validation, reply.validated, reply.internal) == (True,) * 4


def test_the_date_is_that_of_creation_in_utc() -> None:
    before = time.time()
    reply = Reply(MessageCode.INFO, {})
    after = time.time()
    while time.time() < after + 0.001:
        pass
    assert before - 1e-6 <= reply.date.timestamp() <= after + 1e-6
    assert reply.date.utcoffset() == datetime.timedelta(0)


def test_replies_can_be_watched_by_weak_references() -> None:
    reply = Reply(MessageCode.INFO, {})
    assert weakref.ref(reply)() is reply


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_reply_can_be_pickled(protocol: int) -> None:
    reply = Reply(MessageCode.WARNING, {"a": [1]}, validated=True)
    again = pickle.loads(pickle.dumps(reply, protocol))
    assert (again.message_code, again.message) == (MessageCode.WARNING, {"a": [1]})
    assert (again.validated, again.date) == (True, reply.date)


def test_a_copy_of_a_reply_has_its_own_message_if_it_is_deep() -> None:
    reply = Reply(MessageCode.INFO, {"a": [1]})
    assert copy.copy(reply).message is reply.message
    assert copy.deepcopy(reply).message == reply.message
    assert copy.deepcopy(reply).message is not reply.message
