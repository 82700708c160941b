"""``clu run --memory``: actors and a shell in one process, without a broker to install."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 40
CAMERA = pathlib.Path(__file__).parents[3] / "examples/camera"

SHARED = """
from clu.parsers.click import command_parser

@command_parser.command()
async def status(command):
    command.finish(text=f"{command.actor.name} is well.")
"""
ACTOR = """
import shared
from clu import AMQPActor
from clu.parsers.click import command_parser

@command_parser.command()
async def {command}(command):
    command.finish(text="{command}!")

class {name}(AMQPActor):
    pass
"""
TCP = """
from clu import JSONActor

lamp = JSONActor("lamp", port=0)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "shared.py").write_text(SHARED)
    (tmp_path / "dome.py").write_text(ACTOR.format(name="Dome", command="rotate"))
    (tmp_path / "mirror.py").write_text(ACTOR.format(name="Mirror", command="tilt"))
    (tmp_path / "lamp.py").write_text(TCP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLU_DEBUG", raising=False)
    return tmp_path


@pytest.fixture
def shell() -> Iterator[Terminal]:
    with Terminal("run", "--memory", "dome.py", "mirror.py", NO_COLOR="1") as terminal:
        terminal.wait_for("^>", LIMIT)
        yield terminal


def test_actors_take_commands_in_the_shell_until_the_user_leaves_it(shell: Terminal) -> None:
    assert shell.rows[:2] == [
        "dome and mirror run on a broker in memory, for this process only.",
        "Type: dome help",
    ]
    shell.press("dome rotate", "Enter")
    shell.wait_for("rotate!", LIMIT)
    shell.press("mirror tilt", "Enter")
    shell.wait_for("tilt!", LIMIT)
    shell.press("quit", "Enter")
    assert shell.wait(LIMIT) == 0


def test_each_actor_has_its_own_commands_and_those_that_its_module_imports(shell: Terminal) -> None:
    shell.press("mirror rotate", "Enter")
    shell.wait_for("No such command 'rotate'", LIMIT)
    shell.press("mirror status", "Enter")
    shell.wait_for("mirror is well", LIMIT)
    shell.press("dome status", "Enter")
    shell.wait_for("dome is well", LIMIT)


def test_an_actor_that_is_not_there_is_told(shell: Terminal) -> None:
    shell.press("camera ping", "Enter")
    shell.wait_for("There is no actor 'camera'", LIMIT)


def test_the_actors_of_an_example_command_each_other() -> None:
    files = [str(CAMERA / name) for name in ("camera.py", "shutter.py")]
    with Terminal("run", "--memory", *files, NO_COLOR="1") as shell:
        shell.wait_for("^>", LIMIT)
        shell.press("camera expose 0", "Enter")
        shell.wait_for(r"image-0001\.fits", LIMIT)
        shell.press("camera expose 600", "Enter")
        shell.wait_for('"state": "exposing"', LIMIT)
        shell.press("shutter stop", "Enter")
        shell.wait_for('"state": "idle"', LIMIT)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_without_a_terminal_it_runs_until_it_is_told_to_stop() -> None:
    with subprocess.Popen(
        [*CLU, "run", "--memory", "dome.py"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=LIMIT)
    assert line == "dome runs on a broker in memory, for this process only.\n"
    assert (process.returncode, rest, errors) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["--memory", "lamp.py"],
            "--memory is for actors on a broker: lamp is a JSONActor, and is run without it.",
        ),
        (["dome.py", "mirror.py"], "Run each actor with a clu run of its own, or several with "),
        (
            ["--memory", "--set", "name=x", "dome.py", "mirror.py"],
            "--config and --set are for a single actor.",
        ),
        (["--memory", "--reload", "dome.py"], "Use either --memory or --reload, not both."),
    ],
)
def test_what_does_not_go_together_is_told(arguments: list[str], reason: str) -> None:
    done = subprocess.run(
        [*CLU, "run", *arguments], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {reason}")
