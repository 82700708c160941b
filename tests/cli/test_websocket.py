"""``clu websocket`` as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from clu.__main__ import main
from tests.broker import Broker, free_port

CLU = [sys.executable, "-m", "clu", "websocket"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, *arguments], capture_output=True, text=True, timeout=40, check=False
    )


def listening_at(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"Listening on (ws://localhost:\d+) for amqp://guest:\*+@127.0.0.1:\d+/", line)
    assert found is not None, line
    return found.group(1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_stops_it(broker: Broker, number: signal.Signals) -> None:
    address = ["-H", "127.0.0.1", "--rabbitmq-port", str(broker.port)]
    with subprocess.Popen(
        [*CLU, "-p", "0", *address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with connect(listening_at(process)) as client:
            message = {"consumer": "nobody", "command_string": "ping", "command_id": 1}
            client.send(json.dumps(message))
            error = json.loads(client.recv(20))
            assert error["error"] == "Failed routing message to consumer 'nobody'."
            assert error["command_id"] == 1
            process.send_signal(number)
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")


def test_options_reach_the_server(broker: Broker) -> None:
    with subprocess.Popen(
        [*CLU, "-p", "0", "--url", broker.url, "--token", "s3cret", "--max-connections", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        address = listening_at(process)
        with pytest.raises(InvalidStatus):
            connect(address)
        with connect(f"{address}?token=s3cret"), connect(f"{address}?token=s3cret") as second:
            assert "The limit of 1 clients" in json.loads(second.recv(20))["error"]
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "The token is missing or wrong." in errors
    assert "s3cret" not in errors


def test_the_broker_may_have_several_hosts_and_come_from_the_environment(broker: Broker) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{broker.port}"
    url = f"amqp://guest:guest@{hosts}/"
    nowhere = f"amqp://127.0.0.1:{free_port()}/"
    for arguments, variables in (
        (["--url", url], {}),
        ([], {"CLU_URL": url}),
        (["--rabbitmq-host", hosts], {}),
        (["--host", hosts, "--user", "guest", "--password", "guest"], {}),
        ([], {"CLU_HOST": "127.0.0.1", "CLU_PORT": str(broker.port), "CLU_PASSWORD": "guest"}),
        (["--rabbitmq-host", hosts], {"CLU_URL": nowhere}),
    ):
        with subprocess.Popen(
            [*CLU, "--port", "0", *arguments],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert f"for amqp://guest:******@127.0.0.1:{broker.port}/" in process.stdout.readline()
            process.terminate()


@pytest.mark.parametrize("arguments", [["-P", "{port}"], ["-P{port}"]])
def test_a_number_after_p_is_a_port_as_in_the_recorded_release_and_it_says_so(
    arguments: list[str],
) -> None:
    port = free_port()
    result = run("-p", "0", *(item.format(port=port) for item in arguments))
    assert result.returncode == 1
    assert result.stderr.startswith(
        f"-P {port} is taken for the port of the broker, as in sdss-clu."
    )
    assert f"localhost:{port}/" in result.stderr
    result = run("-p", "0", "-P", "5o5o", "--rabbitmq-port", str(port))
    assert "is taken for" not in result.stderr


def test_absent_broker_is_reported_in_one_sentence() -> None:
    port = free_port()
    result = run("-p", "0", "-P", str(port))
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: Failed connecting to the AMQP server at amqp://guest:******@")
    assert f"localhost:{port}/" in last
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--token", ""], "The token is empty"),
        (["--allow-origin", "example.org"], "'example.org' is not the origin of a page"),
        (["--port", "70000"], "--port"),
        (["--max-commands", "0"], "--max-commands"),
    ],
)
def test_silly_options_are_refused(arguments: list[str], reason: str) -> None:
    result = CliRunner().invoke(main, ["websocket", *arguments])
    assert result.exit_code in (1, 2)
    assert reason in result.output


def test_help_shows_the_options_and_their_defaults() -> None:
    output = " ".join(CliRunner().invoke(main, ["websocket", "--help"]).output.split())
    for text in (
        "-p, --port",
        "-H, --host, --rabbitmq-host",
        "--rabbitmq-port PORT",
        "-U, --user",
        "-P, --password",
        "CLU_PASSWORD, CLU_RABBITMQ_PASSWORD",
        "--site",
        "--url",
        "0 selects a free port. [default: 9876;",
        "--listen HOST The address to listen on.",
        "--token",
        "CLU_WEBSOCKET_TOKEN",
        "--allow-origin",
        "--max-connections N The maximum number of clients. [default: 500; x>=1]",
        "--max-commands",
        "--message-limit",
        "--buffer-limit",
    ):
        assert text in output
