"""What the README and the tutorial say works for a new user, on a machine without more."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.broker import free_port
from tests.tree import ROOT

from .pages import DOCS, blocks

if sys.platform != "linux":
    pytest.skip("the machine is a Debian or Ubuntu", allow_module_level=True)
if not (ROOT / ".git").exists():
    pytest.skip("it needs a clone of the repository", allow_module_level=True)

from .walk.machine import machine
from .walk.walker import Walker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.broker import Broker

    from .walk.machine import Machine

README = ROOT / "README.md"
#: Installing clu compiles the kernels.
INSTALLATION = 600.0

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def made(broker: Broker) -> Iterator[Machine]:
    """A machine on which nothing has been done yet."""
    with machine(CLU_PORT=str(broker.port)) as made:
        yield made


@pytest.fixture(scope="module")
def demo(made: Machine) -> str:
    """What is on the screen after the first command of the README, which also installs clu."""
    command, *_ = blocks(README)[0].text.splitlines()
    assert command == "make demo"
    with made.shell() as shell:
        return shell.run(command, INSTALLATION)


def test_the_demo_installs_clu_and_shows_it(demo: str) -> None:
    assert re.search(r"telemetry +\d+ replies sent, \d+ received, none lost", demo)
    assert re.search(r"kernels +compiled: .*status", demo)
    assert "WARNING" not in demo


def test_what_the_demo_suggests_works(made: Machine, demo: str) -> None:
    found = re.search(r"Talk to it: run  (.*)  in one terminal, and in another\n(.*)", demo, re.S)
    assert found is not None, demo
    port = str(free_port())
    send, describe, watch = (line.strip().replace("19990", port) for line in found[2].splitlines())
    with made.shell() as shell, made.shell() as other:
        shell.start(f"{found[1]} --port {port}")
        shell.wait_for(f"host at localhost:{port}")
        assert re.search(r"^: .*samples=\d+", other.run(send), re.MULTILINE)
        assert "measure SECONDS" in other.run(describe)
        other.start(watch)
        other.wait_for(r"memory_used +\d+\.\d+")
        other.interrupt()
        assert "Traceback" not in shell.interrupt()


def test_the_actor_of_the_readme(made: Machine, demo: str) -> None:
    port = str(free_port())
    activate, stage, run, typed = (
        block.text.replace("9999", port).rstrip("\n") for block in blocks(README)[1:5]
    )
    again, send, describe, watch = typed.splitlines()
    assert activate == again
    with made.shell() as shell, made.shell() as other, made.shell() as third:
        shell.run(activate)
        made.save(made.clone / "stage.py", stage)
        shell.start(run)
        place = f"localhost:{port}"
        shell.wait_for(f"^stage runs on {place}. Try: clu send tcp://{place} help$")
        other.run(activate)
        assert other.run(send) == 'i position=2.5\ni position=5.0\n: text="The stage is there."'
        described = other.run(describe)
        assert re.search(r"^KEYWORD +TYPE$", described, re.MULTILINE)
        assert re.search(r"^position +number$", described, re.MULTILINE)
        assert re.search(r"^move POSITION +Moves the stage\.$", described, re.MULTILINE)
        other.start(watch)
        other.wait_for(r"position +5\.0 ")
        third.run(activate)
        third.run(send.replace("move 5", "move 8"))
        other.wait_for(r"position +8\.0 ")
        other.interrupt()
        assert "Traceback" not in shell.interrupt()


def test_the_tutorial(made: Machine, demo: str, broker: Broker) -> None:
    page = DOCS / "tutorial.md"
    walker = Walker(page, made, broker)
    try:
        for block in blocks(page):
            walker.take(block)
    finally:
        walker.close()


def test_a_new_project(made: Machine, demo: str) -> None:
    with made.shell() as shell:
        shell.run(". .venv/bin/activate")
        assert shell.run("clu new filterwheel").endswith("move 5    (in another terminal)")
        shell.run("cd filterwheel")
        port = free_port()
        shell.start(f"clu run --set port={port}")
        shell.wait_for(f"^filterwheel runs on localhost:{port}.")
        shell.interrupt()


#: Like the python3 of Debian without its package python3-venv.
WITHOUT_VENV = """\
case "$*" in
    "-m venv "*) python3 -m venv --without-pip "$3"; echo "Install python3-venv."; exit 1;;
    *) exec python3 "$@"
esac
"""


def test_what_a_python_without_venv_has_begun_is_not_in_the_way(made: Machine) -> None:
    made.save(made.clone / "bare", WITHOUT_VENV)
    with made.shell() as shell:
        for _ in range(2):
            printed = shell.run("make demo PYTHON='sh bare' VENV=other", may_fail=True)
            assert "Install python3-venv." in printed
            assert "No module named pip" not in printed
        shell.run("! test -e other")


def test_a_command_that_is_missing_fails(made: Machine) -> None:
    with made.shell() as shell, pytest.raises(AssertionError, match="command not found"):
        shell.run("nc localhost 9999")
    with made.shell() as shell, pytest.raises(AssertionError, match="command not found"):
        shell.run("clu --help", may_fail=True)  # nothing is activated here
