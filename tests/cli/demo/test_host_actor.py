"""The actor of the demo, over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from clu.cli.demo.host_actor import HostActor, host_parser
from clu.cli.demo.telemetry import SCHEMA
from clu.parsers.click import command_parser
from tests.tcp_client import Client, codes, last

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def actor() -> AsyncIterator[HostActor]:
    actor = await HostActor(rate=100).start()
    yield actor
    await actor.stop()


@pytest.fixture
async def client(actor: HostActor) -> AsyncIterator[Client]:
    async with await Client.connect(actor.port) as client:
        yield client


async def broadcasts(client: Client, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        reply = await client.reply()
        if reply["header"]["command_id"] is None:
            found.append(reply["data"])
    return found


async def test_status_has_all_keywords_of_the_machine(client: Client) -> None:
    command_id, code, keywords = last(await client.ask("7 status"))
    assert (command_id, code) == (7, ":")
    jsonschema.Draft7Validator(SCHEMA).validate(keywords)
    assert {"sequence", "rate", "load", "memory_used", "disk_free"} <= set(keywords)


async def test_telemetry_is_numbered_without_gaps(actor: HostActor, client: Client) -> None:
    await client.ask("ping")
    actor.start_telemetry()
    found = await broadcasts(client, 20)
    assert [keywords["sequence"] for keywords in found] == list(range(1, 21))
    for keywords in found:
        jsonschema.Draft7Validator(SCHEMA).validate(keywords)


async def test_every_client_gets_the_telemetry(actor: HostActor, client: Client) -> None:
    async with await Client.connect(actor.port) as other:
        await client.ask("ping")
        await other.ask("ping")
        actor.start_telemetry()
        assert await broadcasts(client, 5) == await broadcasts(other, 5)


async def test_slow_sensors_are_not_in_every_reply(actor: HostActor, client: Client) -> None:
    await client.ask("ping")
    actor.start_telemetry()
    first, second = await broadcasts(client, 2)
    assert "disk_free" in first
    assert "disk_free" not in second


async def test_telemetry_stops(actor: HostActor, client: Client) -> None:
    await client.ask("ping")
    actor.start_telemetry()
    await broadcasts(client, 1)
    actor.stop_telemetry()
    number = actor.sequence
    await client.ask("ping")
    assert last(await client.ask("status"))[2]["sequence"] == number


@pytest.mark.parametrize("rate", ["0.1", "2.5", "200"])
async def test_rate_is_set(actor: HostActor, client: Client, rate: str) -> None:
    assert last(await client.ask(f"3 rate {rate}")) == (3, ":", {"rate": float(rate)})
    assert actor.rate == float(rate)


async def test_new_rate_takes_effect_at_once(actor: HostActor, client: Client) -> None:
    actor.rate = 0.1
    actor.start_telemetry()
    client.send("rate 100")
    assert len(await broadcasts(client, 5)) == 5


@pytest.mark.parametrize("rate", ["0", "-5", "201", "1e9", "nan", "inf", "-inf"])
async def test_rate_out_of_range_is_refused(actor: HostActor, client: Client, rate: str) -> None:
    command_id, code, keywords = last(await client.ask(f"3 rate {rate}"))
    assert (command_id, code) == (3, "f")
    assert keywords["error"].startswith("The rate must be from 0.1 to 200 Hz, not ")
    assert actor.rate == 100


@pytest.mark.parametrize("command", ["rate", "rate fast", "measure", "measure long", "mesure 1"])
async def test_wrong_command_fails_once(client: Client, command: str) -> None:
    replies = await client.ask(f"4 {command}")
    assert codes(replies).count("f") == 1
    assert last(replies)[0] == 4


async def test_measurement_reports_progress_and_result(client: Client) -> None:
    replies = await client.ask("5 measure 0.5")
    assert codes(replies)[0] == ">"
    assert codes(replies)[-1] == ":"
    assert set(codes(replies)[1:-1]) == {"i"}
    progress = [reply["data"]["progress"] for reply in replies[1:]]
    assert progress == sorted(progress)
    result = last(replies)[2]
    assert result["progress"] == 100
    assert result["samples"] == len(progress)
    assert 0 <= result["cpu_min"] <= result["cpu_mean"] <= result["cpu_max"] <= 100


async def test_shortest_measurement_has_a_result(client: Client) -> None:
    assert last(await client.ask("measure 0.1"))[2]["samples"] == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "1e6", "nan"])
async def test_length_out_of_range_is_refused(client: Client, seconds: str) -> None:
    _, code, keywords = last(await client.ask(f"measure {seconds}"))
    assert code == "f"
    assert keywords["error"].startswith("The length must be from 0.1 to 3600 s, not ")


async def test_measurement_is_cancelled_from_the_same_connection(client: Client) -> None:
    client.send("8 measure 3600")
    while (await client.reply())["header"]["message_code"] != "i":
        pass
    client.send("9 measure --stop")
    replies = await client.replies(8)
    assert last(replies)[1] == "f"
    assert "cancelled" in last(replies)[2]["error"]
    stop = [reply["header"] for reply in replies if reply["header"]["command_id"] == 9]
    assert [header["message_code"] for header in stop] == [">", ":"]


async def test_nothing_to_stop_is_a_failure(client: Client) -> None:
    assert last(await client.ask("9 measure --stop"))[1] == "f"


async def test_commands_are_answered_during_a_measurement(client: Client) -> None:
    client.send("1 measure 3600")
    client.send("2 ping")
    assert last(await client.replies(2))[2] == {"text": "Pong."}


async def test_broken_sensor_is_reported_and_telemetry_goes_on(
    actor: HostActor, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.ask("ping")
    read = actor._sampler.read
    calls = iter([OSError("no such sensor")])

    def fail_once(slow: bool = True) -> dict[str, Any]:
        for error in calls:
            raise error
        return read(slow)

    monkeypatch.setattr(actor._sampler, "read", fail_once)
    monkeypatch.setattr(actor.log, "exception", lambda *_: None)
    actor.start_telemetry()
    first, second = await broadcasts(client, 2)
    assert first == {"error": "Cannot read the sensors: no such sensor"}
    assert second["sequence"] == 1


async def test_commands_of_other_actors_are_not_affected() -> None:
    assert {"status", "rate", "measure"}.isdisjoint(command_parser.commands)
    assert {"ping", "version", "help", "get_schema", "keyword"} <= set(host_parser.commands)
