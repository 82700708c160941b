"""``clu wait``: what it prints, and its exit status."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Observatory


def wait(*arguments: str) -> tuple[int, str, str]:
    run = subprocess.run(
        [*CLU, "wait", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    return run.returncode, run.stdout, run.stderr


@pytest.fixture(params=["amqp", "tcp"])
def waited(request: pytest.FixtureRequest, observatory: Observatory) -> tuple[list[str], Any]:
    if request.param == "amqp":
        return [*observatory.options, "camera"], observatory.camera
    return [observatory.lamp_address], observatory.lamp


def test_a_value_that_is_there_is_printed_at_once(
    observatory: Observatory, waited: tuple[list[str], Any]
) -> None:
    arguments, actor = waited
    observatory.broadcast(actor, state="open", number=7)
    status, output, errors = wait(*arguments, "state", 'value == "open"')
    assert (status, errors) == (0, "")
    assert output.endswith(f" {actor.name} state=open\n")
    status, output, _ = wait(*arguments, "Number", "--json")
    found = json.loads(output)
    assert (status, found["actor"], found["keyword"], found["value"]) == (
        0,
        actor.name,
        "number",
        7,
    )


def test_the_keyword_may_be_in_the_same_word(
    observatory: Observatory, waited: tuple[list[str], Any]
) -> None:
    arguments, actor = waited
    observatory.broadcast(actor, number=7)
    name = f"{arguments.pop()}.number"
    assert wait(*arguments, name, "value > 5")[0] == 0


def test_a_value_that_comes_later_is_waited_for(
    observatory: Observatory, waited: tuple[list[str], Any]
) -> None:
    arguments, actor = waited
    observatory.broadcast(actor, number=0)
    done = threading.Event()

    def count() -> None:
        number = 0
        while not done.is_set():
            number += 1
            observatory.broadcast(actor, number=number)
            time.sleep(0.02)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        status, output, errors = wait(*arguments, "number", "value >= 100", "--timeout", "50")
    finally:
        done.set()
        thread.join()
    assert (status, errors) == (0, "")
    assert "number=100" in output


def test_a_timeout_is_exit_status_1_and_tells_what_was_seen(
    observatory: Observatory, waited: tuple[list[str], Any]
) -> None:
    arguments, actor = waited
    observatory.broadcast(actor, state="closed")
    status, output, errors = wait(*arguments, "state", 'value == "open"', "--timeout", "1.5")
    assert (status, output) == (1, "")
    expected = (
        f"Error: {arguments[-1]}.state has not got the value that was waited for within 1.5 s."
    )
    assert errors.startswith(f"{expected} 1 value came; the last is 'closed', ")
    status, output, errors = wait(*arguments, "version", "--timeout", "1.5")
    assert (status, errors.endswith("No value came.\n")) == (1, True)


def test_a_keyword_that_does_not_exist_is_exit_status_2(waited: tuple[list[str], Any]) -> None:
    arguments, _ = waited
    status, _, errors = wait(*arguments, "temprature", "value > 3")
    assert (status, errors) == (
        2,
        f"Error: {arguments[-1]} has no keyword 'temprature'. Did you mean temperature?\n",
    )


def test_an_expression_that_cannot_be_evaluated_is_exit_status_2(
    observatory: Observatory, waited: tuple[list[str], Any]
) -> None:
    arguments, actor = waited
    observatory.broadcast(actor, state="closed")
    status, _, errors = wait(*arguments, "state", "value > 3")
    assert status == 2
    assert errors.startswith("Error: 'value > 3' cannot be evaluated for the value 'closed': ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["camera"], "Which keyword of camera? Give camera.KEYWORD."),
        (["tcp://localhost:1"], "Which keyword of tcp://localhost:1?"),
        (["camera.*"], "Give the name of one keyword, not 'camera.*'."),
        (["camera.state", "value ="], "'value =' is not an expression"),
        (["camera.state", "value == open"], "There is no name 'open' in expressions."),
        (
            ["camera.state", "value", "==", "3"],
            "There is more than one expression: 'value' and '=='",
        ),
        (["camera.state", "--timeout", "0"], "'--timeout'"),
        (["a b.state"], "'a b' is neither the name of an actor nor tcp://HOST:PORT."),
        ([], "Missing argument"),
    ],
)
def test_wrong_arguments_are_exit_status_2(arguments: list[str], message: str) -> None:
    status, output, errors = wait(*arguments)
    assert (status, output) == (2, "")
    assert message in errors


def test_an_actor_that_is_not_there_is_exit_status_3(observatory: Observatory) -> None:
    status, _, errors = wait(*observatory.options, "nobody.state")
    assert status == 3
    assert errors.startswith("Error: There is no actor 'nobody' on amqp://")
    status, _, errors = wait("tcp://localhost:1", "state")
    assert (status, errors) == (
        3,
        "Error: Cannot connect to tcp://localhost:1: Connection refused.\n",
    )
    status, _, errors = wait("-p", "1", "camera.state")
    assert status == 3
    assert "Connection refused" in errors


def test_ctrl_c_is_exit_status_130_and_quiet(observatory: Observatory) -> None:
    observatory.broadcast(observatory.camera, number=1)
    with Terminal("wait", *observatory.options, "camera.number", "value < 0") as terminal:
        time.sleep(2)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 130
        assert terminal.text.strip() == ""


def test_it_waits_while_the_actor_is_restarted(observatory: Observatory) -> None:
    with subprocess.Popen(
        [*CLU, "wait", observatory.lamp_address, "number", "value == 77"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not observatory.lamp.transports:
            time.sleep(0.05)
        observatory.restart_lamp()
        assert process.stderr.readline().startswith("Lost the connection to tcp://")
        observatory.broadcast(observatory.lamp, number=77)
        output, errors = process.communicate(timeout=60)
        assert errors.startswith("Reconnected to tcp://")
        assert (process.returncode, output.endswith(" lamp number=77\n")) == (0, True)
