"""``clu list``: who is on the broker, and how that is known."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import clu
from clu.cli.common.table import span
from tests.cli.foreign import foreign
from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Observatory


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, "list", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def found(observatory: Observatory, *arguments: str) -> dict[str, Any]:
    done = run(*observatory.options, "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return {item["name"]: item for item in json.loads(done.stdout)}


def cells(line: str) -> list[str]:
    return re.split(r"  +", line.strip())


def test_actors_and_clients_are_listed_with_what_they_are(observatory: Observatory) -> None:
    client = clu.AMQPClient("observer", url=observatory.broker.url)
    observatory.call(client.start())
    done = run(*observatory.options)
    observatory.call(client.stop())
    assert (done.returncode, done.stderr) == (0, "")
    title, camera, observer, stage = done.stdout.splitlines()
    assert cells(title) == [
        "NAME",
        "KIND",
        "VERSION",
        "CLU",
        "HOST",
        "PID",
        "UP",
        "RUNS",
        "KNOWN FROM",
    ]
    host = socket.gethostname().partition(".")[0]
    where = [clu.__version__, host, str(os.getpid())]
    name, kind, version, *rest = cells(camera)
    assert [name, kind, version, *rest[:3]] == ["camera", "actor", "1.2.3", *where]
    assert rest[4:] == ["0", "its answer"]
    assert cells(observer)[:6] == ["observer", "client", "?", *where]
    assert cells(observer)[-1] == "its answer"
    assert cells(stage)[0] == "stage"


def test_scripts_get_json(observatory: Observatory) -> None:
    camera = found(observatory)["camera"]
    assert 0 <= camera.pop("uptime") < 10_000
    assert camera == {
        "name": "camera",
        "kind": "actor",
        "known_from": "answer",
        "version": "1.2.3",
        "clu": clu.__version__,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "running_commands": 0,
    }


def test_an_actor_of_the_recorded_release_is_known_from_a_ping(observatory: Observatory) -> None:
    with foreign(observatory, "tcc", answers=(">", ":")) as tcc:
        assert "tcc" not in found(observatory)
        entries = found(observatory, "tcc")
        assert [json.loads(item.body)["command_string"] for item in tcc.messages] == ["ping"]
        line = run(*observatory.options, "tcc").stdout.splitlines()[-1]
    tcc_entry = entries["tcc"]
    assert (tcc_entry["kind"], tcc_entry["known_from"]) == ("actor", "ping")
    assert tcc_entry["version"] is tcc_entry["pid"] is None
    assert cells(line) == ["tcc", "actor", "a ping"]


def test_an_actor_that_says_something_meanwhile_is_known_from_that(
    observatory: Observatory,
) -> None:
    with (
        foreign(observatory, "hal") as hal,
        Terminal("list", "-w", *observatory.options) as terminal,
    ):
        terminal.wait_for("camera .* its answer")
        observatory.call(hal.reply("i", {}, state="ready"))
        terminal.wait_for(r"^hal +actor +its replies, \d+ s ago$")


def test_who_does_not_answer_and_who_is_absent_is_told_apart(observatory: Observatory) -> None:
    with foreign(observatory, "stuck"):
        done = run(*observatory.options, "stuck", "nobody", "stuck")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [cells(line) for line in lines[-2:]] == [["stuck", "no answer"], ["nobody", "absent"]]


def test_a_recorder_of_all_commands_is_not_who_they_are_for(observatory: Observatory) -> None:
    with foreign(observatory, "recorder", "command.#"):
        entries = found(observatory, "nobody", "camera")
    assert entries["nobody"]["known_from"] == "absent"
    assert entries["camera"]["known_from"] == "answer"


def test_it_is_watched_until_ctrl_c(observatory: Observatory) -> None:
    with Terminal("list", "--watch", *observatory.options) as terminal:
        terminal.wait_for("stage .* its answer")
        client = clu.AMQPClient("late", url=observatory.broker.url)
        observatory.call(client.start())
        terminal.wait_for("late +client .* its answer")
        observatory.call(client.stop())
        while "late" in terminal.text:
            terminal.read(1)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.text


def test_nothing_is_cut_off_on_a_terminal_of_80_columns(observatory: Observatory) -> None:
    with Terminal("list", *observatory.options) as terminal:
        assert terminal.wait() == 0
        assert max(map(len, terminal.rows)) <= 80
        assert cells(terminal.rows[0])[-1] == "KNOWN FROM"


def test_a_broker_that_is_not_there_is_status_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = str(closed.getsockname()[1])
    done = run("-H", "127.0.0.1", "-p", port)
    assert done.returncode == 3
    assert "onnection refused" in done.stderr


def test_periods_are_short() -> None:
    periods = [0.4, 119, 121, 7300, 200_000]
    assert [span(item) for item in periods] == ["0 s", "119 s", "2 min", "2 h", "2 d"]
    assert span(None) is None
