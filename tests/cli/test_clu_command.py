"""The ``clu`` command: its output before any subcommand runs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import clu
from clu.__main__ import main

if TYPE_CHECKING:
    from tests.cli.conftest import Observatory


def test_version_is_printed() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.output == f"clu {clu.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_lists_the_subcommands(arguments: list[str]) -> None:
    output = CliRunner().invoke(main, arguments).output
    assert "demo" in output
    assert "info" in output
    assert "shell*" in output


def test_subcommands_are_imported_when_they_are_used() -> None:
    later = ["rich", "psutil", "uvloop", "prompt_toolkit", "pygments", "aio_pika", "clu.cli.demo"]
    code = f"import sys, clu.__main__; print([m for m in {later} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout == "[]\n"


def test_sending_a_command_imports_little(observatory: Observatory) -> None:
    heavy = ["numpy", "yaml", "rich", "pygments", "sdsstools", "jsonschema", "pydantic"]
    heavy += ["prompt_toolkit", "uvloop", "clu.actor", "clu.legacy", "clu.parsers"]
    only_amqp = ["aio_pika", "clu.client"]
    for target, later in (
        ([*observatory.options, "camera"], heavy),
        ([observatory.lamp_address], [*heavy, *only_amqp]),
    ):
        code = (
            "import sys\n"
            "from clu.__main__ import main\n"
            f"try: main(['send', *{target}, 'ping'])\n"
            "except SystemExit as end: print(end.code)\n"
            f"print([name for name in {later} if name in sys.modules])"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
        )
        assert run.stdout == ": text=Pong.\n0\n[]\n"
