"""``clu.run``: which event loop it uses."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from clu._core.run import default_loop, run
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    import pathlib

HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None


async def loop_module() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == "uvloop" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_asyncio_runs_where_it_is_asked_for() -> None:
    assert run(loop_module(), loop="asyncio") == "asyncio"


@pytest.mark.skipif(not HAS_UVLOOP, reason="there is no uvloop")
@pytest.mark.parametrize("loop", ["auto", "uvloop"])
def test_uvloop_runs_where_it_is_installed(loop: Any) -> None:
    assert default_loop() == "uvloop"
    assert run(loop_module(), loop=loop) == "uvloop"


def test_asyncio_stands_in_for_a_missing_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    without_uvloop(monkeypatch)
    assert default_loop() == "asyncio"
    assert run(loop_module()) == "asyncio"


def test_missing_uvloop_is_reported_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    without_uvloop(monkeypatch)
    with pytest.raises(CluValueError, match="not installed"):
        run(loop_module(), loop="uvloop")


def test_unknown_loop_is_refused() -> None:
    loop: Any = "trio"
    with pytest.raises(CluValueError, match="'trio'"):
        run(loop_module(), loop=loop)


def test_error_of_the_program_comes_through() -> None:
    async def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(fail())


async def test_running_loop_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"while an event loop runs .*: await the coroutine"):
        run(loop_module())


def script(tmp_path: pathlib.Path, text: str, **environment: str) -> subprocess.Popen[str]:
    (tmp_path / "script.py").write_text(text)
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "CLU_DEBUG": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


NO_BROKER = """
import clu
async def main():
    await clu.AMQPActor("stage", port=1).start()
clu.run(main())
"""


def test_error_of_clu_that_ends_a_program_is_one_line(tmp_path: pathlib.Path) -> None:
    process = script(tmp_path, NO_BROKER)
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert errors == (
        "Error: Failed connecting to the AMQP server at amqp://guest:******@localhost:1/: "
        "[Errno 111] Connection refused (script.py, line 4). CLU_DEBUG=1 shows the traceback.\n"
    )


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        (NO_BROKER, {"CLU_DEBUG": "1"}),
        (NO_BROKER.replace("(main())", "(main(), debug=True)"), {}),
        (NO_BROKER.replace("clu.run", "import asyncio; asyncio.run"), {}),
    ],
)
def test_traceback_is_there_for_who_asks_for_it(
    tmp_path: pathlib.Path, text: str, environment: dict[str, str]
) -> None:
    _, errors = script(tmp_path, text, **environment).communicate(timeout=40)
    assert "Traceback" in errors
    assert "clu.exceptions.BrokerConnectionError" in errors


def test_error_of_a_program_keeps_its_traceback(tmp_path: pathlib.Path) -> None:
    text = "import clu\nasync def main():\n    1 / 0\nclu.run(main())\n"
    _, errors = script(tmp_path, text).communicate(timeout=40)
    assert "Traceback" in errors
    assert "ZeroDivisionError" in errors


@pytest.mark.parametrize("catches", [False, True])
def test_ctrl_c_is_quiet_and_can_be_caught(tmp_path: pathlib.Path, catches: bool) -> None:
    text = """
import asyncio, clu
async def main():
    await clu.JSONActor("stage", port=0).start()
    print("started", flush=True)
    await asyncio.Event().wait()
"""
    caught = "try: clu.run(main())\nexcept KeyboardInterrupt: print('caught')\n"
    process = script(tmp_path, text + (caught if catches else "clu.run(main())\n"))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=40)
    assert (output, errors) == ("caught\n" if catches else "", "")
    assert process.returncode == (0 if catches else -signal.SIGINT)
