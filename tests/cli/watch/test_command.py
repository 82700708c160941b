"""``clu watch``: in a terminal, and as lines."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Observatory


@contextlib.contextmanager
def watching(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*CLU, "watch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


def ends(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    return process.returncode, output, errors


@pytest.fixture(params=["amqp", "tcp"])
def watched(request: pytest.FixtureRequest, observatory: Observatory) -> tuple[list[str], Any]:
    if request.param == "amqp":
        return [*observatory.options, "camera"], observatory.camera
    return [observatory.lamp_address], observatory.lamp


def test_initial_values_then_changes_are_lines(
    observatory: Observatory, watched: tuple[list[str], Any]
) -> None:
    arguments, actor = watched
    observatory.broadcast(actor, state="idle", temperature=-120.5)
    with watching(*arguments, "state", "temperature") as process:
        found = lines(process, 2)
        assert [re.sub(r"^[\d:.]+ ", "", line) for line in found] == [
            f"{actor.name} state=idle",
            f"{actor.name} temperature=-120.5",
        ]
        for temperature in (-120.5, -119.5, -119.5, -118.0):
            observatory.broadcast(actor, temperature=temperature)
        found = lines(process, 2)
        assert [line.rpartition("=")[2] for line in found] == ["-119.5", "-118.0"]
        assert ends(process) == (0, "", "")


def test_named_keywords_are_json_lines(
    observatory: Observatory, watched: tuple[list[str], Any]
) -> None:
    arguments, actor = watched
    observatory.broadcast(actor, temperature=-120.5)
    observatory.broadcast(actor, number=2)
    with watching("--json", "--all", *arguments, "Temperature", "number") as process:
        assert [json.loads(line)["value"] for line in lines(process, 2)] == [-120.5, 2]
        observatory.broadcast(actor, state="busy", number=3)
        observatory.broadcast(actor, temperature=-120.5)
        changes = [json.loads(line) for line in lines(process, 2)]
        assert [(item["actor"], item["keyword"], item["value"]) for item in changes] == [
            (actor.name, "number", 3),
            (actor.name, "temperature", -120.5),
        ]
        assert ends(process) == (0, "", "")


def test_replies_to_others_count_and_other_actors_do_not(observatory: Observatory) -> None:
    with watching(*observatory.options, "--no-status", "--seconds", "20", "camera") as process:
        end = time.monotonic() + 20
        # Nothing is printed at first: repeat until it listens.
        while time.monotonic() < end:
            observatory.broadcast(observatory.stage, number=5)
            observatory.call(observatory.stage.send_command("camera", "expose 0"))
            if ready(process):
                break
        found = lines(process, 1)
        assert found[0].endswith('camera state="exposing None"')
        process.kill()


def ready(process: subprocess.Popen[str]) -> bool:
    import select

    return bool(select.select([process.stdout], [], [], 0.1)[0])


def watch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, "watch", *arguments], capture_output=True, text=True, timeout=40, check=False
    )


def test_it_ends_after_the_seconds(observatory: Observatory) -> None:
    observatory.broadcast(observatory.lamp, state="idle")
    run = watch("--seconds", "1.5", observatory.lamp_address, "state")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("lamp state=idle\n")


def test_unknown_keyword_ends_it_with_the_nearest_names(
    watched: tuple[list[str], Any],
) -> None:
    arguments, _ = watched
    run = watch("--no-status", *arguments, "state", "temprature")
    assert run.returncode == 2
    expected = f"{arguments[-1]} has no keyword 'temprature'. Did you mean temperature?"
    assert run.stderr == f"Error: {expected}\n"
    run = watch("--no-status", *arguments, "x*")
    assert run.returncode == 2
    assert run.stderr.endswith("no keyword 'x*'. It has state, temperature, number.\n")


def test_what_others_do_with_a_tcp_actor_is_seen(observatory: Observatory) -> None:
    with watching("--no-status", observatory.lamp_address, "state") as process:
        for _ in range(200):  # until it listens
            subprocess.run(
                [*CLU, "send", observatory.lamp_address, "expose", "0"],
                stdout=subprocess.DEVNULL,
                check=True,
            )
            if ready(process):
                break
        assert lines(process, 1)[0].endswith('lamp state="exposing None"')
        assert ends(process)[::2] == (0, "")


def test_an_actor_that_does_not_pass_on_replies_is_told_of() -> None:
    actor = socket.create_server(("127.0.0.1", 0))
    address = f"tcp://127.0.0.1:{actor.getsockname()[1]}"
    with actor, watching("--no-status", address, "state") as process:
        client, _ = actor.accept()
        with client, client.makefile("rw") as stream:
            command_id, _, text = stream.readline().strip().partition(" ")
            assert text == "all-replies --on"
            stream.write(reply(int(command_id), "f", error="There is no such command."))
            stream.flush()
            assert process.stderr is not None
            assert process.stderr.readline() == (
                f"{address} sends the replies to a command only to whoever sent it: what others "
                "do with it is not seen here, except for its broadcasts.\n"
            )


def reply(command_id: int, code: str, **keywords: Any) -> str:
    header = {
        "command_id": command_id,
        "commander_id": "me",
        "message_code": code,
        "internal": False,
        "sender": "old",
    }
    return json.dumps({"header": header, "data": keywords}) + "\n"


def test_several_actors_and_patterns(observatory: Observatory) -> None:
    camera, stage = observatory.camera, observatory.stage
    for actor in (camera, stage, observatory.lamp):
        observatory.broadcast(actor, state="idle", temperature=-120.5, number=0)
    arguments = [*observatory.options, "camera", "temp*", "stage.number", observatory.lamp_address]
    with watching("--json", "--all", *arguments) as process:
        found = {(item["actor"], item["keyword"]) for item in map(json.loads, lines(process, 5))}
        assert found == {
            ("camera", "temperature"),
            ("stage", "number"),
            ("lamp", "state"),
            ("lamp", "temperature"),
            ("lamp", "number"),
        }
        observatory.broadcast(stage, state="not asked for")
        observatory.broadcast(camera, state="not asked for")
        observatory.broadcast(stage, number=1)
        observatory.broadcast(camera, temperature=-1)
        found = [(item["actor"], item["keyword"]) for item in map(json.loads, lines(process, 2))]
        assert sorted(found) == [("camera", "temperature"), ("stage", "number")]
        assert ends(process) == (0, "", "")


def test_all_actors(observatory: Observatory) -> None:
    with watching(*observatory.options, "*") as process:
        for number in range(200):  # until it listens
            observatory.broadcast(observatory.stage, number=number)
            observatory.broadcast(observatory.camera, number=number)
            if ready(process):
                break
        found = {line.split()[1] for line in lines(process, 2)}
        assert found == {"camera", "stage"}
        assert ends(process)[::2] == (0, "")


def test_closed_pipe_ends_it(observatory: Observatory) -> None:
    with watching(observatory.lamp_address) as process:
        lines(process, 1)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        observatory.broadcast(observatory.lamp, number=6)
        observatory.broadcast(observatory.lamp, number=7)
        assert process.stderr.read() == ""
        assert process.wait(20) == 1


def test_actor_that_is_not_there_yet_is_waited_for(observatory: Observatory) -> None:
    with watching(*observatory.options, "nobody") as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("There is no actor 'nobody' on amqp://guest:******@")
        assert line.endswith("Waiting for it.\n")
        assert ends(process)[0] == 0


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 6)])
def test_table_on_a_terminal(observatory: Observatory, columns: int, rows: int) -> None:
    with Terminal("watch", observatory.lamp_address, columns=columns, lines=rows) as terminal:
        terminal.wait_for("^temperature +-120.5")
        assert terminal.rows[0].startswith("keyword ")
        observatory.broadcast(observatory.lamp, number=11)
        terminal.wait_for("^number +11")
        observatory.broadcast(observatory.lamp, number=12)
        terminal.wait_for("^number +12")
        assert terminal.text.count("number") == 1
        observatory.broadcast(observatory.lamp, text="a" * 100)
        terminal.wait_for("^text +a+…")
        terminal.wait_for("^1-4 of 4 ")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.text


def test_table_of_several_actors_scrolls_filters_and_freezes(observatory: Observatory) -> None:
    observatory.broadcast(observatory.camera, temperature=-120.5)
    arguments = ["watch", *observatory.options, "camera", "stage.*"]
    with Terminal(*arguments, columns=80, lines=5) as terminal:
        terminal.wait_for("^temperature +-120.5")
        observatory.broadcast(observatory.camera, number=1)
        observatory.broadcast(observatory.stage, number=2)
        terminal.wait_for("^1-3 of [0-9]")
        terminal.wait_for("^actor ")
        terminal.press("End")
        terminal.wait_for("^stage +")
        terminal.press("Home")
        terminal.wait_for("^1-3 of")
        terminal.press("\x1b[<65;1;2M")  # the wheel of the mouse
        terminal.wait_for("^([2-9])-[3-9] of")
        terminal.press("number")
        terminal.wait_for("^1-2 of 2  filter: number")
        terminal.wait_for("^camera +number +1")
        terminal.press(" ")
        terminal.wait_for("FROZEN")
        observatory.broadcast(observatory.camera, number=7)
        observatory.broadcast(observatory.camera, number=8)
        terminal.press("\x7f")
        terminal.wait_for("filter: numbe  FROZEN")
        assert re.search("^camera +number +1 ", terminal.text, re.MULTILINE)
        terminal.press(" ")
        terminal.wait_for("^camera +number +8 ")
        terminal.press("C-c")
        assert terminal.wait() == 0


def test_table_says_that_there_are_no_values_yet_and_what_is_wrong(
    observatory: Observatory,
) -> None:
    with Terminal("watch", *observatory.options, "nobody") as terminal:
        terminal.wait_for("^no values yet: they appear when the actors send them")
        terminal.wait_for("^There is no actor 'nobody' on amqp")
    with Terminal("watch", observatory.lamp_address, "temprature") as terminal:
        assert terminal.wait() == 2
        assert "Did you mean temp" in terminal.text


def test_actor_that_is_restarted_is_connected_again(observatory: Observatory) -> None:
    with watching(observatory.lamp_address) as process:
        lines(process, 2)
        observatory.restart_lamp()
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Lost the connection to tcp://")
        assert process.stderr.readline().startswith("Reconnected to tcp://")
        # The actor takes the connection a moment after it is made.
        for number in range(200):
            observatory.broadcast(observatory.lamp, number=number)
            if ready(process):
                break
        assert "lamp number=" in lines(process, 1)[0]
        assert ends(process)[0] == 0


def test_an_actor_without_values_is_sent_its_status(observatory: Observatory) -> None:
    observatory.restart_lamp()
    with watching(observatory.lamp_address) as process:
        found = [line.partition(" ")[2] for line in lines(process, 2)]
        assert found == ["lamp state=idle", "lamp temperature=-120.5"]
        assert ends(process) == (0, "", "")


def test_the_values_that_are_there_spare_the_status(observatory: Observatory) -> None:
    observatory.broadcast(observatory.lamp, state="open")
    with watching("--all", observatory.lamp_address, "state") as process:
        assert lines(process, 1)[0].endswith("lamp state=open")
        observatory.broadcast(observatory.lamp, state="closed")
        assert lines(process, 1)[0].endswith("lamp state=closed")
        assert ends(process) == (0, "", "")


def test_a_strategy_selects_what_is_shown(
    observatory: Observatory, watched: tuple[list[str], Any]
) -> None:
    arguments, actor = watched
    observatory.broadcast(actor, number=0)
    with watching("--delta", "2", *arguments, "number") as process:
        assert lines(process, 1)[0].endswith("number=0")
        for number in (1, 2, 3, 4, 5, 6, 0):
            observatory.broadcast(actor, number=number)
        assert [line.rpartition("=")[2] for line in lines(process, 3)] == ["3", "6", "0"]
        assert ends(process) == (0, "", "")
    with watching("--period", "0.01", *arguments, "number") as process:
        assert {line.rpartition("=")[2] for line in lines(process, 5)} == {"0"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--delta", "-1"], "delta must be a number that is not negative, not -1.0."),
        (["--min", "2", "--max", "1"], "min (2.0) must not be more than max (1.0)."),
        (["--strategy", "differential"], "The strategy differential needs delta."),
        (["--strategy", "event", "--delta", "1"], "The strategy event takes no parameters"),
        (["--strategy", "often"], "'often' is not one of 'auto', 'event', 'period'"),
        (["--all", "--delta", "1"], "The strategy auto takes no parameters, and no delta."),
        (["--all", "--strategy", "event"], "--all is the strategy auto, and not event."),
        (["--period", "0"], "period must be at least 0.001 s, not 0.0."),
    ],
)
def test_parameters_that_make_no_sense_are_errors(options: list[str], message: str) -> None:
    run = watch(*options, "tcp://localhost:1", "number")
    assert (run.returncode, run.stdout) == (2, "")
    assert message in run.stderr


def test_a_delta_needs_a_keyword_of_numbers(watched: tuple[list[str], Any]) -> None:
    arguments, _ = watched
    run = watch("--delta", "1", *arguments, "state")
    expected = f"Error: {arguments[-1]} has no numbers in state, so there is no delta.\n"
    assert (run.returncode, run.stderr) == (2, expected)
