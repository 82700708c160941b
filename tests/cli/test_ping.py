"""``clu ping``: whether actors answer."""

from __future__ import annotations

import re
import socket
import subprocess
from typing import TYPE_CHECKING

from tests.cli.foreign import foreign
from tests.terminal import CLU

if TYPE_CHECKING:
    from tests.cli.conftest import Observatory

ANSWER = r"{}: \d+\.\d ms\n"


def ping(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, "ping", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_time_of_each_is_printed_and_the_status_is_0(observatory: Observatory) -> None:
    run = ping(*observatory.options, "camera", "stage", observatory.lamp_address, "camera")
    assert (run.returncode, run.stderr) == (0, "")
    lines = sorted(run.stdout.splitlines(keepends=True))
    names = ("camera", "stage", re.escape(observatory.lamp_address))
    for line, name in zip(lines, names, strict=True):
        assert re.fullmatch(ANSWER.format(name), line)


def test_who_is_not_there_is_named_and_the_status_is_3(observatory: Observatory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        lamp = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
    run = ping(*observatory.options, "camera", "nobody", lamp)
    assert run.returncode == 3
    assert re.fullmatch(ANSWER.format("camera"), run.stdout)
    lines = sorted(run.stderr.splitlines())
    assert lines[0].startswith("nobody: There is no actor 'nobody' on amqp://guest:******@127.")
    assert lines[1] == f"{lamp}: Cannot connect to {lamp}: Connection refused."


def test_behind_a_recorder_who_is_not_there_is_named_as_well(observatory: Observatory) -> None:
    for key in ("command.#", "#"):
        with foreign(observatory, "recorder", key):
            run = ping(*observatory.options, "--timeout", "30", "camera", "nobody")
        assert run.returncode == 3
        assert re.fullmatch(ANSWER.format("camera"), run.stdout)
        assert run.stderr.startswith("nobody: There is no actor 'nobody' on amqp://")


def test_an_actor_that_is_slow_is_not_taken_for_absent(observatory: Observatory) -> None:
    with foreign(observatory, "tcc"):  # which says nothing
        run = ping(*observatory.options, "--timeout", "4", "tcc")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "tcc: No answer within 4 s.\n"
    with foreign(observatory, "tcc", answers=(">",)):
        run = ping(*observatory.options, "--timeout", "1", "tcc")
    assert run.stderr == "tcc: No answer within 1 s. It runs the command ping.\n"


def test_an_actor_without_the_command_has_answered(observatory: Observatory) -> None:
    with foreign(observatory, "tcc", answers=("f",)):
        run = ping(*observatory.options, "tcc")
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"tcc: \d+\.\d ms, but the command ping fails\.\n", run.stdout)
