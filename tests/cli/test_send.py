"""``clu send`` as a script runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from clu.__main__ import main
from tests.cli.foreign import foreign
from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Observatory


def send(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, "send", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


@pytest.fixture(params=["amqp", "tcp"])
def target(request: pytest.FixtureRequest, observatory: Observatory) -> list[str]:
    """Return the options and the actor: one on the broker, and one by its address."""
    if request.param == "amqp":
        return [*observatory.options, "camera"]
    return [observatory.lamp_address]


def test_replies_are_printed_as_text_without_the_internal_ones(target: list[str]) -> None:
    run = send(*target, "status")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "i state=idle temperature=-120.5\n:\n"


def test_replies_are_printed_as_json(target: list[str]) -> None:
    run = send("--json", "--internal", *target, "status")
    assert (run.returncode, run.stderr) == (0, "")
    replies = [json.loads(line) for line in run.stdout.splitlines()]
    assert {reply["actor"] for reply in replies} <= {"camera", "lamp"}
    assert [(reply["code"], reply["keywords"]) for reply in replies if reply["code"] != ">"] == [
        ("i", {"state": "idle", "temperature": -120.5}),
        ("i", {"text": "for experts"}),
        (":", {}),
    ]
    assert all(reply["time"].endswith("+00:00") for reply in replies)


def test_reply_that_does_not_match_the_schema_is_a_failure(target: list[str]) -> None:
    run = send(*target, "mismatch")
    assert (run.returncode, run.stderr) == (
        1,
        "Error: A reply did not match the schema of the actor.\n",
    )
    assert run.stdout == (
        "e error=\"Failed validating the reply: message {'colour': 'red'} does not match the "
        "schema. The keyword 'colour' is not in it.\"\n:\n"
    )


def test_words_and_options_reach_the_actor_as_they_are(target: list[str]) -> None:
    run = send("--json", *target, "echo", "two words", "it's", "--json", '"', "")
    assert run.returncode == 0
    keywords = json.loads(run.stdout)["keywords"]
    assert json.loads(keywords["text"]) == ["two words", "it's", "--json", '"', ""]


def test_failed_command_is_status_1(target: list[str]) -> None:
    run = send(*target, "break")
    assert (run.returncode, run.stdout) == (1, 'f error="It is broken."\n')


def test_critical_reply_is_a_failure_and_what_comes_after_it_is_shown(target: list[str]) -> None:
    run = send(*target, "panic", "fail")
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout == '! text="It is on fire."\ni state=safe\nf\n'
    run = send(*target, "panic", "finish")
    assert run.returncode == 1
    assert run.stdout == '! text="It is on fire."\ni state=safe\n:\n'
    assert run.stderr.endswith(
        " ended 'panic finish' as done, but after a critical reply (!): it has failed.\n"
    )


def test_command_that_is_not_known_is_status_1(target: list[str]) -> None:
    run = send(*target, "brake")
    assert run.returncode == 1
    assert "No such command 'brake'" in run.stdout


def test_command_over_the_time_is_status_4(target: list[str]) -> None:
    run = send("--timeout", "0.5", *target, "expose", "30")
    assert run.returncode == 4
    assert run.stdout == 'i state="exposing None"\n'
    assert run.stderr.endswith("did not end 'expose 30' within 0.5 s.\n")


def test_help_of_a_command_is_printed_as_lines(observatory: Observatory) -> None:
    run = send(observatory.lamp_address, "expose", "--help")
    assert run.returncode == 0
    assert "\n  Usage: lamp expose [OPTIONS] SECONDS\n" in run.stdout
    assert "--flavour" in run.stdout


def test_unknown_actor_is_named_and_status_3(observatory: Observatory) -> None:
    run = send(*observatory.options, "nobody", "ping")
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr.startswith("Error: There is no actor 'nobody' on amqp://guest:******@127.")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("key", ["command.#", "#"])
def test_unknown_actor_is_named_although_a_recorder_gets_all_commands(
    observatory: Observatory, key: str
) -> None:
    with foreign(observatory, "recorder", key) as recorder:
        run = send(*observatory.options, "nobody", "ping")
        assert any(item.routing_key == "command.nobody" for item in recorder.messages)
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr.startswith("Error: There is no actor 'nobody' on amqp://guest:******@127.")
    assert run.stderr.count("\n") == 1


def test_actor_that_says_nothing_for_long_does_not_fail_a_command(
    observatory: Observatory,
) -> None:
    with foreign(observatory, "recorder", "command.#"), foreign(observatory, "tcc"):
        run = send("--timeout", "5", *observatory.options, "tcc", "status")
    assert (run.returncode, run.stderr) == (4, "Error: tcc did not end 'status' within 5 s.\n")


def test_absent_broker_and_absent_actor_are_status_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = str(closed.getsockname()[1])
    for arguments in (["-H", "127.0.0.1", "-p", port, "camera"], [f"tcp://127.0.0.1:{port}"]):
        run = send(*arguments, "ping")
        assert run.returncode == 3
        assert f"127.0.0.1:{port}" in run.stderr
        assert "onnection refused" in run.stderr
        assert run.stderr.count("\n") == 1


def test_password_is_taken_from_the_environment_and_never_shown(observatory: Observatory) -> None:
    arguments = [*observatory.options, "camera", "ping"]
    assert send("-U", "guest", *arguments, CLU_PASSWORD="guest").returncode == 0
    wrong = send(*arguments, CLU_PASSWORD="s3cret")
    assert wrong.returncode == 3
    assert "ACCESS_REFUSED" in wrong.stderr
    address = f"127.0.0.1:{observatory.broker.port}"
    url = send("--url", f"amqp://guest:s3cret@{address}/", "camera", "ping")
    assert url.returncode == 3
    for run in (wrong, url, send("--url", "amqp://me:s3cret@host:99999/", "camera", "ping")):
        assert "s3cret" not in run.stderr + run.stdout


def test_options_on_the_command_line_win_over_a_url_in_the_environment(
    observatory: Observatory,
) -> None:
    run = send(*observatory.options, "camera", "ping", CLU_URL="amqp://elsewhere.invalid/")
    assert (run.returncode, run.stdout) == (0, ": text=Pong.\n")


def test_actor_that_hangs_up_is_status_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with subprocess.Popen([*CLU, "send", address, "ping"], stderr=subprocess.PIPE) as process:
            client, _ = server.accept()
            assert client.recv(100).endswith(b" ping\n")
            client.sendall(b"what is this?\n")
            client.close()
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 3
    assert f"{address} sent an invalid reply: 'what is this?'" in errors.decode()
    assert f"Error: {address} closed the connection." in errors.decode()


def test_closed_pipe_ends_it(observatory: Observatory) -> None:
    with subprocess.Popen(
        [*CLU, "send", observatory.lamp_address, "expose", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b'i state="exposing None"\n'
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 1


def test_ctrl_c_is_status_130(observatory: Observatory) -> None:
    with Terminal("send", *observatory.options, "camera", "expose", "30") as terminal:
        terminal.wait_for("exposing")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 130
        assert "Interrupted. The command may still be running." in terminal.text
        assert "Traceback" not in terminal.text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["camera"], "Missing argument 'COMMAND...'"),
        (["tcp://localhost", "ping"], "'tcp://localhost' is not the address of an actor"),
        (["tcp://localhost:port", "ping"], "is not the address of an actor"),
        (["http://localhost:80", "ping"], "neither the name of an actor nor tcp://HOST:PORT"),
        (["--url", "tcp://localhost:9", "camera", "ping"], "instead of its name"),
        (["--url", "localhost", "camera", "ping"], "must look like amqp://"),
        (["--url", "amqp://h:x/", "camera", "ping"], "The host or the port in --url is invalid."),
        (["--timeout", "0", "camera", "ping"], "--timeout"),
        (["tcp://localhost:9", "two\nlines"], "must be a single line"),
        (["--speed", "camera", "ping"], "No such option"),
    ],
)
def test_arguments_that_make_no_sense_are_status_2(arguments: list[str], problem: str) -> None:
    result = CliRunner().invoke(main, ["send", *arguments])
    assert result.exit_code == 2
    assert problem in " ".join(result.output.split())
