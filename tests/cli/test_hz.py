"""``clu hz``: the rates of messages."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

from clu.cli.common.connection import Received
from clu.cli.common.options import ActorAddress
from clu.cli.hz import Rates
from clu.cli.watch.selection import targets
from tests.terminal import CLU

if TYPE_CHECKING:
    from tests.cli.conftest import Lamp, Observatory


def test_messages_and_bytes_are_counted_by_actor_and_keyword() -> None:
    rates = Rates(targets([ActorAddress("*", None)]))
    for value in (1, 22):
        rates.take(Received("camera", "i", {"number": value, "state": "on"}, size=50))
    rates.take(Received("stage", ":", {}, size=2))
    found = json.loads(rates.json_line(2.0))["actors"]
    assert found["camera"]["messages_per_second"] == 1
    assert found["camera"]["bytes_per_second"] == 50
    assert found["camera"]["keywords"]["number"] == {
        "messages_per_second": 1,
        "bytes_per_second": 1.5,
    }
    assert found["stage"] == {"messages_per_second": 0.5, "bytes_per_second": 1.0, "keywords": {}}
    rates.clear()
    assert "camera                                    0.0            0\n" in rates.table(2.0)


def test_only_what_is_asked_for_is_counted() -> None:
    rates = Rates(targets([ActorAddress("camera", None), ActorAddress("num*", None)]))
    rates.take(Received("camera", "i", {"state": "on"}, size=9))
    rates.take(Received("camera", ":", {}, size=2))
    rates.take(Received("stage", "i", {"number": 1}, size=9))
    rates.take(Received("camera", "i", {"number": 1}, size=9), ("h", 1))
    assert rates.table(1.0).endswith("no messages yet\n")
    rates.take(Received("camera", "i", {"state": "on", "number": 1}, size=20))
    assert list(json.loads(rates.json_line(1.0))["actors"]["camera"]["keywords"]) == ["number"]


def test_rates_of_actors_on_the_broker_and_over_tcp(observatory: Observatory) -> None:
    arguments = [*observatory.options, "--json", "--interval", "0.5"]
    with subprocess.Popen(
        [*CLU, "hz", *arguments, "camera", "number", observatory.lamp_address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        seen: dict[str, float] = {}
        for _ in range(100):
            for actor in (observatory.camera, observatory.lamp):
                observatory.broadcast(actor, number=5)
            for actor, rates in json.loads(process.stdout.readline())["actors"].items():
                rate = rates["keywords"]["number"]["bytes_per_second"]
                seen[actor] = max(rate, seen.get(actor, 0))
            if all(seen.get(actor) for actor in ("camera", "lamp")):
                break
        assert set(seen) == {"camera", "lamp"}
        assert min(seen.values()) >= 2
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_it_ends_after_a_number_of_intervals_and_tells_a_refusal(
    observatory: Observatory, vault: Lamp
) -> None:
    for address, status, text in (
        (observatory.lamp_address, 0, "messages/s"),
        (f"tcp://127.0.0.1:{vault.port}", 3, "needs a token"),
    ):
        run = subprocess.run(
            [*CLU, "hz", "--interval", "0.2", "--count", "2", address],
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert run.returncode == status
        assert text in run.stdout + run.stderr
