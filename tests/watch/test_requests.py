"""Requests for the last values of an actor, and its answers."""

from __future__ import annotations

from typing import Any

import pytest

from clu import Command, JSONActor
from clu._watch.requests import Answer, Ended, last_values, request_values, values_in
from clu.model import Model
from clu.testing import setup_test_actor

SCHEMA = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number"},
        "tempo": {"type": "number"},
        "state": {"type": "string"},
    },
}


def model() -> Model:
    model = Model("camera", SCHEMA)
    model.update_model({"temperature": -20.5, "state": "idle", "text": "Hello!"})
    return model


@pytest.mark.parametrize(
    ("keyword", "names"),
    [
        ("temperature", ["temperature"]),
        ("TEMPERATURE", ["temperature"]),
        ("tempo", []),
        ("nothing", []),
        ("*", ["temperature", "state"]),
        ("TEMP*", ["temperature"]),
        ("st?te", ["state"]),
        ("text", ["text"]),
        ("te*", ["temperature"]),
    ],
)
def test_the_values_that_were_written_are_found_by_name_or_pattern(
    keyword: str, names: list[str]
) -> None:
    camera = model()
    found = last_values(camera, keyword)
    assert list(found) == names
    for name in names:
        assert found[name] == {"value": camera[name].value, "when": camera[name].last_seen}
    assert [item[0] for item in values_in({"keyword_values": found})] == names


@pytest.mark.parametrize(
    "wrong",
    [None, 3, "x", [], {"a": 3}, {"a": {}}, {"a": {"value": 3}}, {"a": {"value": 3, "when": "x"}}],
)
def test_an_answer_of_another_kind_has_no_values(wrong: Any) -> None:
    assert list(values_in({"keyword_values": wrong})) == []
    assert list(values_in({})) == []


async def test_the_command_keyword_tells_the_last_values_and_nothing_new() -> None:
    actor = await setup_test_actor(JSONActor("camera", port=0, schema=SCHEMA))
    actor.write("i", temperature=-20.5)
    assert actor.model is not None
    seen = actor.model["temperature"].last_seen
    expected = {"temperature": {"value": -20.5, "when": seen}}
    for text in ("keyword temperature --value", "keyword --value '*'", "keyword --value 'T*'"):
        command: Command[Any] = await actor.invoke_mock_command(text)
        assert command.status.did_succeed
        assert command.replies.get("keyword_values") == expected
        assert command.replies[-1].internal
    command = await actor.invoke_mock_command("keyword --value tempo")
    assert command.replies.get("keyword_values") == {}
    assert actor.model["temperature"].last_seen == seen
    assert "keyword_values" not in actor.model
    command = await actor.invoke_mock_command("keyword temperature")
    assert "type: number" in str([reply.message for reply in command.replies])
    assert (await actor.invoke_mock_command("keyword --value")).status.did_fail
    assert (await actor.invoke_mock_command("keyword --valu temperature")).status.did_fail


class Actor:
    """Answers requests, and counts them."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.commands: list[tuple[str, bool]] = []

    async def ask(self, text: str, internal: bool) -> Answer:
        self.commands.append((text, internal))
        name = text.partition(" ")[0].replace("-", "_")
        return self.answers.get(name, Answer(Ended.FAILED, {}))


DONE = Answer(Ended.DONE, {})
FAILED = Answer(Ended.FAILED, {})
ABSENT = Answer(Ended.ABSENT, {}, "There is no actor.")
SILENT = Answer(Ended.SILENT, {}, "It is silent.")
HAS_STATUS = Answer(Ended.DONE, {"command_model": {"commands": {"status": {"params": []}}}})
AS_TEXT = Answer(Ended.DONE, {"command_model": '{"commands": {"status": {}}}'})
NEEDS_MORE = Answer(
    Ended.DONE, {"command_model": {"commands": {"status": {"params": [{"required": True}]}}}}
)


@pytest.mark.parametrize(
    ("answers", "commands", "reason"),
    [
        ({"keyword": ABSENT}, ["keyword"], "There is no actor."),
        ({"keyword": SILENT}, ["keyword"], "It is silent."),
        ({}, ["keyword", "get-command-model", "get_command_model"], ""),
        ({"get_command_model": SILENT}, ["keyword", "get-command-model"], ""),
        ({"get_command_model": NEEDS_MORE}, ["keyword", "get-command-model"], ""),
        (
            {"get_command_model": HAS_STATUS, "status": DONE},
            ["keyword", "get-command-model", "status"],
            "",
        ),
        (
            {"keyword": DONE, "get_command_model": AS_TEXT, "status": SILENT},
            ["keyword", "get-command-model", "status"],
            "It is silent.",
        ),
        (
            {"get_command_model": AS_TEXT, "status": FAILED},
            ["keyword", "get-command-model", "status"],
            "The command status failed.",
        ),
    ],
)
async def test_an_actor_is_asked_until_there_are_values(
    answers: dict[str, Answer], commands: list[str], reason: str
) -> None:
    actor = Actor(**answers)
    assert await request_values(actor.ask, ["a"], lambda: False) == reason
    assert [text.partition(" ")[0] for text, _ in actor.commands] == commands
    assert [internal for text, internal in actor.commands if text == "status"] in ([], [False])


async def test_values_that_are_there_need_no_status() -> None:
    actor = Actor(keyword=DONE)
    assert await request_values(actor.ask, ["a", "b c", "text"], lambda: True) == ""
    assert [text for text, _ in actor.commands] == [
        "keyword --value a",
        "keyword --value 'b c'",
        "keyword --value text",
    ]
    actor = Actor(keyword=DONE)
    assert await request_values(actor.ask, ["a", "b", "c", "text", "d"], lambda: True) == ""
    assert [text for text, _ in actor.commands] == ["keyword --value '*'", "keyword --value text"]
