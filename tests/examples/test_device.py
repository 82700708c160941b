"""The actor of a device, and the simulated device, over real sockets."""

from __future__ import annotations

import json

from .running import running, talk


def test_heat_drives_the_device_until_the_temperature_is_reached() -> None:
    with running("device") as example:
        talking, heat, ask_help = example.suggestions
        assert (heat, ask_help) == ("1 heat 60", "2 help")
        lines = talk(talking, [heat, ask_help], r'"command_id": 1,.*"message_code": "[:f]"')
        replies = [json.loads(line) for line in lines]
        last = replies[-1]
        assert (last["header"]["message_code"], last["data"]) == (":", {"temperature": 60})
        told = [
            reply["data"]["temperature"]
            for reply in replies
            if len(reply["data"]) == 1 and "temperature" in reply["data"]
        ]
        assert [number for number in told if number > 20] == [*range(21, 61), 60]
        (shown,) = (reply["data"]["help"] for reply in replies if "help" in reply["data"])
        assert any("heat" in line for line in shown)


def test_silly_temperatures_are_refused() -> None:
    with running("device") as example:
        lines = talk(example.suggestions[0], ["5 heat 1000"], r'"message_code": "[:f]"')
        assert json.loads(lines[-1])["header"]["message_code"] == "f"
        assert "1000 is not in the range" in lines[-2]
