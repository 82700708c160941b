"""``clu run`` as a user and as systemd run it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.broker import free_port
from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from tests.broker import Broker

LIMIT = 40

ACTOR = """
import asyncio
from clu import JSONActor
from clu.parsers.click import command_parser

@command_parser.command()
async def expose(command):
    command.info(text="exposing")
    await asyncio.sleep(1000)

class Camera(JSONActor):
    async def stop(self):
        await super().stop()
        print("stopped", flush=True)
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "camera.py").write_text(ACTOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLU_DEBUG", raising=False)
    return tmp_path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, "run", *arguments], capture_output=True, text=True, timeout=LIMIT, check=False
    )


@contextlib.contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*CLU, "run", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    output, errors = process.communicate(timeout=LIMIT)
    return process.returncode, output, errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_actor_in_order(folder: pathlib.Path, number: int) -> None:
    port = free_port()
    with started("camera.py:Camera", "--set", "name=cam", "--set", f"port={port}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == (
            f"cam runs on localhost:{port}. Try: clu send tcp://localhost:{port} help\n"
        )
        client = subprocess.Popen(
            [*CLU, "send", f"tcp://localhost:{port}", "expose"], stdout=subprocess.PIPE, text=True
        )
        assert client.stdout is not None
        assert client.stdout.readline() == "i text=exposing\n"
        assert end(process, number) == (0, "stopped\n", "")
        told, _ = client.communicate(timeout=LIMIT)
    assert told == 'f error="This command has been cancelled."\n'
    assert client.returncode == 1


def test_ctrl_c_in_a_terminal_is_quiet(folder: pathlib.Path) -> None:
    with Terminal("run", "camera.py", "--set", "name=cam", "--set", "port=0") as terminal:
        terminal.wait_for(r"cam runs on localhost:\d+")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 0
        assert terminal.text.endswith("stopped")
        assert "Traceback" not in terminal.text


def test_configuration_of_a_file_is_changed_by_settings(folder: pathlib.Path) -> None:
    (folder / "camera.yaml").write_text("actor: {name: cam, port: 1}\ndevices: {lamp: 1}\n")
    shows = "    async def start(self):\n        print(self.config, flush=True)\n"
    (folder / "camera.py").write_text(ACTOR + shows)
    with started(
        "camera.py", "--config", "camera.yaml", "--set", "port=0", "--set", "devices.lamp=[2, x]"
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
    assert line == "{'actor': {'name': 'cam', 'port': 0}, 'devices': {'lamp': [2, 'x']}}\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["camera.py"], "Camera needs 'port'. Give that with --set KEY=VALUE, or in a file with "),
        (["camera.py:Camra"], "camera.py has no 'Camra'. Did you mean 'Camera'?"),
        (["camra.py"], "There is no file camra.py. Did you mean camera.py?"),
        (["nomodule:Camera"], "There is no module 'nomodule' here, nor is one installed."),
        (["camera.py:expose"], "'expose' in camera.py is a command of an actor, not an actor:"),
        (["camera.py", "--set", "name"], "--set name: write it as key=value."),
        (["camera.py", "--set", "name=[a"], "--set name=[a: the value is not valid YAML:"),
        (
            ["camera.py", "--set", "name=a", "--set", "prot=1"],
            "Camera has no argument 'prot'. Did you mean 'port'?",
        ),
        (["camera.py", "--set", "name=a"], "Camera needs 'port'. Give that with --set KEY=VALUE"),
        (
            ["camera.py", "--config", "camra.yaml"],
            "configuration path does not exist. There is no file ",
        ),
        (
            ["broken.py"],
            "Cannot import broken.py: ZeroDivisionError: division by zero (bro",
        ),
        (["two.py"], "two.py has several actors: A, B. Choose one: clu run two.py:A"),
        (["none.py"], "none.py has no actor, and no class of actors"),
        (["script.py"], "script.py runs a program when it is imported. Put that below `if __n"),
        (["factory.py:make"], "make() returned 5, which is not an actor."),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(
    folder: pathlib.Path, arguments: list[str], reason: str
) -> None:
    (folder / "broken.py").write_text("x = 1\ny = x / 0\n")
    (folder / "two.py").write_text(
        "import clu\n" + "".join(f"class {name}(clu.JSONActor): ...\n" for name in "AB")
    )
    (folder / "none.py").write_text("from clu import JSONActor\n")
    (folder / "factory.py").write_text("def make(): return 5\n")
    (folder / "script.py").write_text("import clu\nasync def f(): ...\nclu.run(f())\n")
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Error: {reason}")


def test_error_of_the_start_is_one_line_and_a_traceback_if_asked_for(folder: pathlib.Path) -> None:
    arguments = ["camera.py", "--set", "name=cam", "--set"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(*arguments, f"port={port}")
        assert done.returncode == 1
        assert done.stderr == (
            f"Error: cam cannot listen on localhost:{port}: address already in use. Another "
            "program, maybe another instance of this actor, uses the port.\n"
        )
        with started(*arguments, f"port={port}", CLU_DEBUG="1") as process:
            _, errors = process.communicate(timeout=LIMIT)
    assert "Traceback" in errors


def test_broker_that_is_absent_has_a_status_of_its_own(folder: pathlib.Path) -> None:
    (folder / "stage.py").write_text("import clu\nstage = clu.AMQPActor('stage', port=1)\n")
    done = run("stage.py")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "Error: Failed connecting to the AMQP server at amqp://guest:******@localhost:1/: [Errno "
        "111] Connection refused.\n"
    )


def test_second_instance_of_a_name_is_refused_in_one_line(
    folder: pathlib.Path, broker: Broker
) -> None:
    (folder / "stage.py").write_text("from clu import AMQPActor\nclass Stage(AMQPActor): ...\n")
    arguments = ["stage.py", "--set", "name=stage_that_runs", "--set", f"url={broker.url}"]
    with started(*arguments) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("stage_that_runs runs on amqp://guest:******@")
        assert line.endswith("stage_that_runs help\n")
        done = run(*arguments)
        assert end(process, signal.SIGTERM) == (0, "", "")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "another instance of the same actor is running" in done.stderr


def test_systemd_is_told_when_the_actor_is_ready_and_when_it_stops(folder: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(LIMIT)
        arguments = ["camera.py", "--set", "name=cam", "--set", "port=0"]
        with started(*arguments, NOTIFY_SOCKET=str(folder / "notify")) as process:
            assert manager.recv(1000) == b"READY=1\nSTATUS=cam runs."
            assert end(process, signal.SIGTERM)[0] == 0
            assert manager.recv(1000) == b"STOPPING=1"


def test_log_goes_to_the_terminal_and_to_a_file(folder: pathlib.Path) -> None:
    arguments = ["camera.py", "--set", "name=cam", "--set", "port=0"]
    with started(*arguments, "--log-level", "info", "--log-file", "cam.log") as process:
        assert process.stdout is not None
        process.stdout.readline()
        _, _, errors = end(process, signal.SIGTERM)
    assert "running TCP server on localhost" in errors
    assert "running TCP server on localhost" in (folder / "cam.log").read_text()


def test_change_of_a_file_starts_the_actor_again(folder: pathlib.Path) -> None:
    pytest.importorskip("watchfiles")
    output = folder / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*CLU, "run", "--reload", "camera.py", "--set", "name=cam", "--set", "port=0"],
            stdout=file,
            stderr=file,
        )
    try:
        limit = time.monotonic() + LIMIT
        number = 0
        while output.read_text().count("cam runs on") < 2:  # a change may come too early to count
            assert time.monotonic() < limit, output.read_text()
            number += 1
            (folder / "camera.py").write_text(f"{ACTOR}\nx = {number}\n")
            time.sleep(3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
        process.wait()
    assert "camera.py changed; starting again.\nstopped\n" in output.read_text()


def test_an_actor_is_called_as_its_file_unless_something_else_is_said(
    folder: pathlib.Path,
) -> None:
    with started("camera.py", "--set", "port=0") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("camera runs on localhost:")
