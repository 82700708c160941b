"""Lines of JSON, which people and scripts read, are spaced as ``json.dumps`` does it."""

from __future__ import annotations

import json
import logging

import pytest

from clu import JSONActor
from clu.base import REPLY
from clu.model import Model
from tests.tcp_client import Client

MESSAGE = {"text": 'a,b: "é"', "values": [1, {"b": None}]}


class Texts(logging.Handler):
    """Keeps the texts of records."""

    def __init__(self) -> None:
        super().__init__(REPLY)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.mark.parametrize("compact", [False, True])
async def test_a_line_and_its_record_are_spaced_unless_compact(compact: bool) -> None:
    actor = JSONActor("test_actor", port=0, compact=compact, validate=False)
    handler = Texts()
    await actor.start()
    actor.log.addHandler(handler)
    try:
        async with await Client.connect(actor.port) as client:
            await client.ask("3 ping")
            actor.write("i", MESSAGE)
            line = (await client.reader.readline()).decode()
    finally:
        actor.log.removeHandler(handler)
        await actor.stop()
    header = {"command_id": None, "commander_id": None, "message_code": "i", "internal": False}
    reply = {"header": {**header, "sender": "test_actor"}, "data": MESSAGE}
    if compact:
        expected = json.dumps(reply, separators=(",", ":"), ensure_ascii=False)
    else:
        expected = json.dumps(reply)
    assert line == expected + "\n"
    assert handler.texts[-1] == expected


def test_the_json_of_a_model_is_spaced() -> None:
    model = Model("camera", {"type": "object", "properties": {"text": {}, "values": {}}})
    model.update_model(MESSAGE)
    assert model.jsonify() == json.dumps(model.flatten())
