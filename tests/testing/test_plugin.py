"""The fixtures of the plugin, in runs of pytest of their own."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

from tests.conftest import HAS_UVLOOP

pytest_plugins = "pytester"

MODES = ["strict", "auto", "anyio"]
LOOPS = ["asyncio", pytest.param("uvloop", marks=pytest.mark.skipif(not HAS_UVLOOP, reason="-"))]

_UVLOOP_OF_PYTEST_ASYNCIO = """
import uvloop

def pytest_asyncio_loop_factories(config, item):
    return {"uvloop": uvloop.new_event_loop}
"""
_BACKEND_OF_ANYIO = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio", {"use_uvloop": USES_UVLOOP}
"""
_HEAD = """
import asyncio
import pytest
import pytest_asyncio
from clu import AMQPClient
from tests.testing.actors import *

pytestmark = MARK
fixture = FIXTURE
"""
#: What is written before the tests so that they run in a mode.
_MARKS = {
    "strict": ("pytest.mark.asyncio", "pytest_asyncio.fixture"),
    "auto": ("[]", "pytest.fixture"),
    "anyio": ("pytest.mark.anyio", "pytest.fixture"),
}


class Runner:
    """Runs tests with the plugin, in another process."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester

    def run(self, tests: str, mode: str = "auto", loop: str = "asyncio") -> pytest.RunResult:
        pytester = self._pytester
        if mode == "anyio":
            conftest = _BACKEND_OF_ANYIO.replace("USES_UVLOOP", str(loop == "uvloop"))
        else:
            conftest = _UVLOOP_OF_PYTEST_ASYNCIO if loop == "uvloop" else ""
        pytester.makeconftest(conftest)
        mark, fixture = _MARKS[mode]
        pytester.makepyfile(test_it=_HEAD.replace("MARK", mark).replace("FIXTURE", fixture) + tests)
        asyncio_mode = "auto" if mode == "auto" else "strict"
        return pytester.runpytest_subprocess(
            *("-p", "no:cacheprovider", "-p", "no:benchmark", "-p", "no:xdist"),
            *("-p", "no:hypothesispytest", "-o", "asyncio_default_fixture_loop_scope=function"),
            *("-o", f"asyncio_mode={asyncio_mode}", "--tb=short", "--timeout=60"),
            # sdsstools leaves a file open as it is imported.
            *("-Werror", "-Wignore:unclosed file:ResourceWarning"),
            *("-Wignore:starting LegacyActor without Tron",),
        )


@pytest.fixture
def runner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runner:
    # The actors are those of this package.
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]))
    return Runner(pytester)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("mode", MODES)
def test_the_fixtures_work_in_each_mode_and_on_each_loop(
    runner: Runner, mode: str, loop: str
) -> None:
    result = runner.run(
        f"""
LOOP = {loop!r}

@fixture
async def camera(clu_actor):
    camera = await clu_actor(Camera)
    yield camera
    assert camera.is_connected()  # it is stopped after what depends on it
    assert (await run(camera, "ping")).status.did_succeed

async def test_a_loop(clu_bus):
    assert type(asyncio.get_running_loop()).__module__.startswith(LOOP)

async def test_a_client(camera, clu_bus, clu_client):
    command = await clu_client.send_command("camera", "expose")
    await clu_bus.expect("camera", state="idle")
    assert clu_bus.snapshot(command)[0] == (">", {{}})

@pytest.mark.parametrize("kind", [JSONCamera, LegacyCamera])
async def test_tcp(kind, clu_actor):
    actor = await clu_actor(kind, name="camera")
    assert (await run(actor, "ping")).status.did_succeed

async def test_two(clu_bus, clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_actor(Camera, name="dome")
    async with AMQPClient("gui", url=clu_bus.url) as gui:
        assert (await gui.send_command("dome", "ask camera")).status.did_succeed

async def test_nothing(clu_bus, clu_client, clu_actor):
    pass

async def test_leaves(clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_client.send_command("camera", "wait", await_command=False)
""",
        mode,
        loop,
    )
    result.assert_outcomes(passed=7, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_leaves*"])


def test_what_a_test_leaves_behind_is_named(runner: Runner) -> None:
    result = runner.run("""
left = []

async def test_commands(clu_bus, clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_actor(JSONCamera)
    await clu_client.send_command("camera", "wait", await_command=False)
    await clu_bus.expect("camera", message_code=">")
    left.append((await clu_actor(LegacyCamera)).invoke_mock_command("wait"))

async def poll():
    await asyncio.sleep(600)

async def test_tasks(clu_client, clu_actor):
    await clu_actor(Camera)
    left.append(asyncio.create_task(poll(), name="poller"))

async def test_connections(clu_bus, clu_actor):
    left.append(await AMQPClient("gui", url=clu_bus.url).start())

async def test_only_a_bus(clu_bus):
    left.append(await AMQPClient("gui", url=clu_bus.url).start())

async def test_queues(clu_bus):
    connection = await clu_bus.connect("other")
    channel = await connection.channel()
    await channel.declare_queue("kept", durable=True)
    await connection.close()

async def test_afterwards(clu_bus, clu_client, clu_actor):
    await clu_actor(Camera)
    assert (await clu_client.send_command("camera", "ping")).status.did_succeed
""")
    result.assert_outcomes(passed=6, errors=5)
    result.stdout.fnmatch_lines_random(
        [
            "*ERROR at teardown of test_commands*",
            "The test has left something behind:",
            "  - the command 'wait' still runs on camera",
            "  - the command 'wait' still runs on legacycamera",
            "*ERROR at teardown of test_tasks*",
            "  - the task 'poller' still runs: poll(), at *test_it.py:*",
            "*ERROR at teardown of test_connections*",
            "  - the connection of gui is open, with the queues gui_replies",
            "*ERROR at teardown of test_only_a_bus*",
            "*ERROR at teardown of test_queues*",
            "  - the queue kept exists",
        ]
    )


def test_a_failure_shows_what_was_said_and_is_the_only_one(runner: Runner) -> None:
    result = runner.run("""
async def test_it(clu_bus, clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_actor(Camera, name="dome")
    await clu_client.send_command("dome", "ask camera")
    await clu_client.send_command("camera", "wait", await_command=False)
    await clu_bus.expect("camera", temperature=lambda it: it < -120, within=0.1)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py:*: in test_it",
            "    await clu_bus.expect(*",
            "E   AssertionError: camera did not reply temperature=<lambda> within 0.1 s.",
            "E   It replied:",
            "E*camera i state='exposing'  <- there is no temperature",
            "E*camera i state='idle'; temperature=-110; *  <- <lambda> is not true for temperature",
            "*- clu log: what was said -*",
            "* test -> dome: ask camera",
            "*   dome >",
            "*   dome -> camera: expose",
            "*     camera i state='exposing'",
            "*     camera i state='idle'; temperature=-110; region=[[]1, 2[]]",
            "*     camera :",
            "*   dome :",
            "* test -> camera: wait",
        ]
    )


def test_a_loop_may_be_that_of_a_module_or_of_the_test_itself(runner: Runner) -> None:
    result = runner.run(
        """
pytestmark = []

@pytest.mark.asyncio(loop_scope="module")
async def test_one(clu_client, clu_actor):
    await clu_actor(Camera)
    assert (await clu_client.send_command("camera", "ping")).status.did_succeed

@pytest.mark.asyncio(loop_scope="module")
async def test_other(clu_client, clu_actor):
    assert len(asyncio.all_tasks()) == 1  # nothing is left of the first one
    await test_one(clu_client, clu_actor)

def test_own(clu_client, clu_actor):
    asyncio.run(test_one(clu_client, clu_actor))

def test_none(clu_actor):
    with pytest.raises(RuntimeError, match="no running event loop of asyncio"):
        clu_actor(Camera).__await__().send(None)
""",
        "strict",
    )
    result.assert_outcomes(passed=4)


def test_trio_is_refused(runner: Runner) -> None:
    result = runner.run(
        """
@pytest.fixture
def anyio_backend():
    return "trio"

async def test_it(clu_bus):
    pass
""",
        "anyio",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["clu runs on asyncio, not on trio: *"])


_IMPORTED = """
import sys
import pytest
assert pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]) in (0, 5)
print("imported:", sorted(name for name in sys.modules if name.partition(".")[0] in NAMES))
"""


def _imported(folder: pathlib.Path, *arguments: str) -> str:
    program = _IMPORTED.replace("NAMES", "('clu', 'pytest_clu', 'aio_pika', 'sdsstools')")
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()[-1]


def test_whoever_does_not_use_it_imports_one_module(tmp_path: pathlib.Path) -> None:
    assert _imported(tmp_path, "--collect-only") == "imported: ['pytest_clu']"
    (tmp_path / "test_other.py").write_text("def test_it(tmp_path):\n    assert tmp_path\n")
    assert _imported(tmp_path) == "imported: ['pytest_clu']"


def test_a_program_may_import_clu_before_it_runs_pytest(tmp_path: pathlib.Path) -> None:
    """What is installed from a wheel would be warned of, as pytest cannot rewrite its asserts."""
    program = "import clu, pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "-q", "-Werror", "-p", "no:asyncio", "-p", "no:anyio"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (5, "")  # there are no tests


def test_it_adds_three_fixtures_and_no_option(pytester: pytest.Pytester) -> None:
    fixtures = pytester.runpytest_subprocess("--fixtures").stdout.str()
    assert re.findall(r"^(clu\S*)", fixtures, re.MULTILINE) == [
        "clu_bus",
        "clu_client",
        "clu_actor",
    ]
    options = pytester.runpytest_subprocess("--help").stdout.str()
    assert re.findall(r"\bclu.*", options) == []
