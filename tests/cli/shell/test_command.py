"""The shell as a user sees it: in a terminal, with a real broker and a TCP JSON actor."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from clu.__main__ import main
from tests.cli.foreign import foreign
from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Observatory

PROMPT = r"^>$"
TIME = r"\d\d:\d\d:\d\d\.\d{3}"


@pytest.fixture
def shell(observatory: Observatory) -> Iterator[Terminal]:
    """A shell that knows the actor camera and shows a reply in a line."""
    with Terminal(*observatory.options, "-n", "camera", columns=100) as terminal:
        terminal.wait_for(PROMPT)
        yield terminal
        terminal.press("C-u", "C-d")
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.output.decode()


def test_replies_are_shown_in_colours_above_the_prompt(shell: Terminal) -> None:
    shell.press("camera status", "Enter")
    shell.wait_for(rf"^{TIME} camera :\n>$")
    assert re.search(
        rf'^{TIME} camera i {{"state": "idle", "temperature": -120.5}}$', shell.text, 8
    )
    assert shell.rows[0] == "> camera status"
    assert shell.rows[-1] == ">"
    assert "for experts" not in shell.text
    assert shell.colors('"idle"') == {"00875f"}
    assert shell.colors('"state"') == {"0087d7"}
    shell.press("camera break", "Enter")
    shell.wait_for("camera f")
    row = next(row for row in shell.rows if "camera f" in row)
    assert shell.colors(row[:12]) == {"808080"}
    assert shell.colors("camera f") >= {"ff00ff", "ff0000"}


def test_tab_completes_actors_commands_options_and_choices(shell: Terminal) -> None:
    shell.press("cam", "Tab")
    shell.wait_for("^> camera$")
    shell.press(" ", "Tab")
    shell.wait_for(r"^> camera\n +break\n +broadcast\n +echo +Repeats its arguments\.\n +expose ")
    shell.press("exp", "Tab")
    shell.wait_for("^> camera expose$")
    shell.press(" 0.1 --fl", "Tab")
    shell.wait_for("^> camera expose 0.1 --flavour$")
    shell.press(" ", "Tab")
    shell.wait_for(r"--flavour\n +bias\n +dark$")
    shell.press("d", "Tab")
    shell.wait_for("--flavour dark")
    shell.press("Enter")
    assert '{"state": "exposing dark"}' in shell.wait_for(r"camera : \{\"state\": \"idle\"\}")


def test_actor_that_replied_once_is_completed(shell: Terminal) -> None:
    shell.press("stage ping", "Enter")
    shell.wait_for(rf'^{TIME} stage : {{"text": "Pong."}}$')
    shell.press("st", "Tab")
    shell.wait_for("^> stage$")
    shell.press(" brea", "Tab")
    shell.wait_for("^> stage break$")
    shell.press("C-c")


def test_what_is_typed_while_replies_come_stays_on_the_line(
    observatory: Observatory, shell: Terminal
) -> None:
    for number in range(40):
        observatory.broadcast(observatory.camera, number=number)
        shell.press("c" if number % 2 else "b")
    shell.wait_for(r'"number": 39\}\n> (bc){20}$')
    assert not [row for row in shell.rows[:-1] if not row.endswith("}")]


def test_absent_actor_is_named_and_does_not_block_the_prompt(shell: Terminal) -> None:
    shell.press("nobody ", "Tab", "ping", "Enter")
    shell.wait_for("^There is no actor 'nobody' on amqp://guest:")
    shell.press("camera", "Enter")
    shell.wait_for("^Add a command for camera: see camera help.$")
    shell.press("help", "Enter")
    shell.wait_for("^quit, exit +leave")
    shell.press("camera help", "Enter")
    shell.wait_for(r'camera : \{"help": \["Usage: camera \[OPTIONS\]')


@pytest.mark.parametrize("key", ["command.#", "#"])
def test_absent_actor_is_named_although_a_recorder_gets_all_commands(
    observatory: Observatory, shell: Terminal, key: str
) -> None:
    with foreign(observatory, "recorder", key):
        shell.press("nobody ping", "Enter")
        shell.wait_for("^There is no actor 'nobody' on amqp://guest:")
        shell.press("nobody ", "Tab", "ping", "Enter", "camera ping", "Enter")
        shell.wait_for(rf'^{TIME} camera : {{"text": "Pong."}}$')  # the prompt was not blocked
        shell.wait_for(r"(?s)There is no actor 'nobody'.*There is no actor 'nobody'")
        shell.press("slow ping", "Enter")
        shell.wait_for("^There is no actor 'slow' on amqp://guest:")


def test_ctrl_c_clears_the_line_and_leaves_on_an_empty_one(observatory: Observatory) -> None:
    with Terminal(observatory.lamp_address) as terminal:
        terminal.wait_for("is lamp")
        terminal.wait_for(PROMPT)
        terminal.press("lamp echo wrong", "C-c")
        terminal.wait_for(r"^> lamp echo wrong\n>$")
        terminal.press("lamp ping", "Enter")
        assert '"wrong"' not in terminal.wait_for("Pong")
        terminal.wait_for(PROMPT)
        terminal.press("C-c")
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.output.decode()


@pytest.mark.parametrize("way", ["quit", "exit", "SIGTERM"])
def test_it_is_left_with_the_terminal_as_it_was(observatory: Observatory, way: str) -> None:
    import termios

    with Terminal(observatory.lamp_address) as terminal:
        before = termios.tcgetattr(terminal.descriptor)
        terminal.wait_for(PROMPT)
        assert termios.tcgetattr(terminal.descriptor) != before
        if way == "SIGTERM":
            terminal.process.send_signal(signal.SIGTERM)
        else:
            terminal.press(way, "Enter")
        assert terminal.wait_process() == 0
        assert termios.tcgetattr(terminal.descriptor) == before


def test_what_was_typed_is_kept_for_the_next_session(
    observatory: Observatory, tmp_path: Path
) -> None:
    for key in ("lamp echo 17", "Up"):
        with Terminal(observatory.lamp_address) as terminal:
            terminal.wait_for("is lamp")
            terminal.wait_for(PROMPT)
            terminal.press(key)
            terminal.wait_for("^> lamp echo 17$")
            terminal.press("Enter")
            terminal.wait_for(r'17\\"')
            terminal.wait_for(PROMPT)
            terminal.press("C-d")
            assert terminal.wait() == 0
    history = tmp_path / "clu" / "history"
    assert history.stat().st_mode & 0o077 == 0


def test_tcp_actor_is_known_by_its_name_and_its_address(observatory: Observatory) -> None:
    with Terminal(observatory.lamp_address, "-t") as terminal:
        terminal.wait_for(f"^{observatory.lamp_address} is lamp.$")
        terminal.press("la", "Tab")
        terminal.wait_for("^> lamp$")
        terminal.press(" sta", "Tab")
        terminal.wait_for("^> lamp status$")
        terminal.press("Enter")
        terminal.wait_for(r'^lamp i \{\n    "state": "idle",\n    "temperature": -120.5\n\}')
        terminal.press(f"{observatory.lamp_address} ping", "Enter")
        terminal.wait_for("Pong")
        terminal.press("camera ping", "Enter")
        terminal.wait_for("^There is no actor 'camera' here. Known: lamp.$")
        observatory.broadcast(observatory.lamp, number=4)
        terminal.wait_for(r'^    "number": 4$')


def test_tcp_actor_that_is_restarted_is_connected_again(observatory: Observatory) -> None:
    with Terminal(observatory.lamp_address) as terminal:
        terminal.wait_for("is lamp")
        observatory.restart_lamp()
        terminal.wait_for(f"^Lost the connection to {observatory.lamp_address}; reconnecting.$")
        terminal.wait_for(f"^Reconnected to {observatory.lamp_address}.$")
        terminal.press("lamp ping", "Enter")
        terminal.wait_for("Pong")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], {"broadcast 1", "broadcast 2"}),
        (["--all"], {"broadcast 1", "broadcast 2", "to others"}),
        (["--all", "--ignore-broadcasts"], {"to others"}),
        (["stage"], {"broadcast 2"}),
    ],
)
def test_options_choose_what_is_shown(
    observatory: Observatory, options: list[str], shown: set[str]
) -> None:
    with Terminal(*observatory.options, "-n", "-t", *options) as terminal:
        terminal.wait_for(PROMPT)
        observatory.broadcast(observatory.camera, number=1)
        observatory.broadcast(observatory.stage, number=2)
        observatory.call(observatory.camera.send_command("stage", "break"))
        terminal.press("stage ping", "Enter")
        text = terminal.wait_for("Pong")
    lines = {
        "broadcast 1": 'camera i {"number": 1}',
        "broadcast 2": 'stage i {"number": 2}',
        "to others": 'stage f {"error": "It is broken."}',
    }
    assert {name for name, line in lines.items() if line in text} == shown


def test_internal_replies_are_shown_when_asked_for(observatory: Observatory) -> None:
    with Terminal(*observatory.options, "--internal", "-n", "-t") as terminal:
        terminal.wait_for(PROMPT)
        terminal.press("camera status", "Enter")
        terminal.wait_for("^camera :$")
        assert "camera >" in terminal.text
        assert 'camera i {"text": "for experts"}' in terminal.text


def test_narrow_terminal_wraps_and_completes(observatory: Observatory) -> None:
    with Terminal(observatory.lamp_address, "-n", columns=30, lines=8) as terminal:
        terminal.wait_for(PROMPT)
        terminal.press("lamp expose 0.1 --fl", "Tab")
        terminal.wait_for("--flavour$")
        terminal.press(" dark", "Enter")
        terminal.wait_for(r'\{"state": "idle"\}|"idle"\}')
        terminal.wait_for(PROMPT)


def test_no_color_is_heeded(observatory: Observatory) -> None:
    with Terminal(observatory.lamp_address, NO_COLOR="1") as terminal:
        terminal.wait_for(PROMPT)
        terminal.press("lamp status", "Enter")
        terminal.wait_for("lamp :")
        assert terminal.colors('"idle"') == {"default"}


def test_escape_sequences_of_an_actor_do_not_act_on_the_terminal(observatory: Observatory) -> None:
    with Terminal(observatory.lamp_address, "-n", columns=120) as terminal:
        terminal.wait_for(PROMPT)
        observatory.broadcast(observatory.lamp, text="\x1b[2J\x9b31m\u202e\u00e9")
        terminal.wait_for(re.escape(r'{"text": "\u001b[2J\u009b31m\u202e' + "\u00e9"))


def test_it_runs_on_asyncio_too(observatory: Observatory) -> None:
    code = "import sys; sys.modules['uvloop'] = None; from clu.__main__ import main; main()"
    command = [sys.executable, "-c", code]
    with Terminal(*observatory.options, "-n", command=command) as terminal:
        terminal.wait_for(PROMPT)
        terminal.press("camera ping", "Enter")
        terminal.wait_for(r"Pong.*\n>$")
        terminal.press("C-d")
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.text


def test_slow_actor_does_not_block_the_prompt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with Terminal(address) as terminal:
            client, _ = server.accept()
            with client, client.makefile("rwb") as stream:
                terminal.wait_for(PROMPT)
                terminal.press(f"{address} ", "Tab", "say hello", "Enter")
                request = stream.readline()
                while b"say" not in request:
                    assert b"get-command-model" in request
                    request = stream.readline()
                number, _, text = request.decode().strip().partition(" ")
                assert text == "say hello"
                header = {
                    "command_id": int(number),
                    "commander_id": "x",
                    "message_code": ":",
                    "internal": False,
                    "sender": "sloth",
                }
                line = json.dumps({"header": header, "data": {"text": "Hello."}})
                stream.write(line.encode() + b"\n")
                stream.flush()
                terminal.wait_for("Hello")


def test_absent_broker_is_reported_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = str(closed.getsockname()[1])
    with Terminal("-H127.0.0.1", "-p", port, columns=120) as terminal:
        assert terminal.wait() == 3
        assert len(terminal.rows) == 1
        assert "Connection refused" in terminal.text


def test_without_a_terminal_it_says_what_scripts_use() -> None:
    run = subprocess.run(
        [*CLU, "camera"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    assert run.returncode == 2
    assert "clu send" in run.stderr


@pytest.mark.parametrize(
    "arguments", [["cli"], ["shell"], ["-p", "1"], ["-Hlocalhost"], ["camera"], []]
)
def test_it_is_what_runs_where_no_subcommand_is_named(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert "The shell needs a terminal" in result.output


# This is the last one: it restarts the broker of the others.
def test_broker_that_is_restarted_is_reported_in_a_line_each(observatory: Observatory) -> None:
    with Terminal(*observatory.options, "-n", "camera", columns=100) as terminal:
        terminal.wait_for(PROMPT)
        terminal.press("camera ping", "Enter")
        # The question for the commands of the camera went before, and is answered too by now.
        terminal.wait_for(r"Pong.*\n>$")
        address = f"amqp://guest:\\*+@127.0.0.1:{observatory.broker.port}/"
        observatory.broker.stop()
        terminal.wait_for(f"^Lost the connection to {address}; reconnecting.$")
        terminal.press("camera ping", "Enter")
        terminal.wait_for(f"^Not connected to {address}.$")
        # An outage of some seconds: several attempts to connect fail.
        time.sleep(3)
        observatory.broker.start()
        terminal.wait_for(f"^Reconnected to {address}.$")
        observatory.wait_connected()
        terminal.press("camera ping", "Enter")
        terminal.wait_for(r"Reconnected to [^\n]*\n> camera ping\n.* camera : .*Pong")
        beginnings = [row.partition(" ")[0] for row in terminal.rows[2:7]]
        assert beginnings == ["Lost", ">", "Not", "Reconnected", ">"], terminal.text
