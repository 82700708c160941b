"""``clu new``: what it makes can be tested, checked, run and commanded at once."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from clu.cli.new.name import ProjectName
from clu.cli.new.project import contents
from clu.cli.new.transport import TRANSPORTS
from tests.broker import free_port
from tests.terminal import CLU

from .project import LIMIT, SOURCES, assert_clean, assert_formatted, new, run

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from tests.broker import Broker

MOVED = ": position=5.0\n"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a project for each transport, under its name."""
    folder = tmp_path_factory.mktemp("projects")
    for transport in TRANSPORTS:
        done = new(f"my-{transport}", "--transport", transport, folder=folder)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


@contextlib.contextmanager
def running(folder: pathlib.Path, *settings: str) -> Iterator[str]:
    """Run the actor as the project says, and stop it."""
    words = [word for setting in settings for word in ("--set", setting)]
    process = subprocess.Popen(
        [*CLU, "run", *words],
        cwd=folder,
        env={**os.environ, **SOURCES},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_it_says_what_to_do_next(tmp_path: pathlib.Path) -> None:
    done = new("filter-wheel", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "filter-wheel is made: an actor 'filter_wheel' that speaks JSON over TCP. Next:\n\n"
        "  cd filter-wheel && python -m pytest\n"
        "  clu run\n"
        "  clu send tcp://localhost:9999 move 5    (in another terminal)\n"
    )
    files = contents(ProjectName("filter-wheel"), TRANSPORTS["tcp"])
    made = tmp_path / "filter-wheel"
    assert {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()} == set(files)
    assert list(tmp_path.iterdir()) == [made]  # nothing is left of the making
    assert (tmp_path / "filter-wheel").stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(("transport", "passed"), [("tcp", 5), ("amqp", 5), ("legacy", 6)])
def test_the_tests_of_a_new_project_pass(
    projects: pathlib.Path, transport: str, passed: int
) -> None:
    # sdsstools leaves the file of a configuration open.
    options = ["-q", "-p", "no:cacheprovider", "-W", "error", "-W", "ignore::ResourceWarning"]
    done = run(sys.executable, "-m", "pytest", *options, folder=projects / f"my-{transport}")
    assert f"{passed} passed" in done.stdout, done.stdout + done.stderr
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_tests_of_a_new_project_find_mistakes(
    projects: pathlib.Path, tmp_path: pathlib.Path, transport: str
) -> None:
    project = tmp_path / "copy"
    shutil.copytree(projects / f"my-{transport}", project)
    actor = project / f"my_{transport}" / "actor.py"
    text = actor.read_text().replace("FloatRange(0, 100)", "FloatRange(0, 200)")
    actor.write_text(text.replace("command.actor.position = position\n", "pass\n"))
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=project)
    assert "2 failed" in done.stdout


@pytest.mark.timeout(180)  # the first run of mypy reads all of clu and what it imports
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_code_of_a_new_project_is_clean(projects: pathlib.Path, transport: str) -> None:
    folder = projects / f"my-{transport}"
    assert_clean(folder, projects / "mypy")
    assert_formatted(folder)


def test_an_actor_over_tcp_runs_and_is_commanded(projects: pathlib.Path) -> None:
    port = free_port()
    with running(projects / "my-tcp", f"actor.port={port}") as line:
        address = f"tcp://localhost:{port}"
        assert line == f"my_tcp runs on localhost:{port}. Try: clu send {address} help\n"
        moved = run(*CLU, "send", address, "move", "5", folder=projects)
        assert (moved.returncode, moved.stdout, moved.stderr) == (0, MOVED, "")
        status = run(*CLU, "send", address, "status", folder=projects)
        assert status.stdout == MOVED
        version = run(*CLU, "send", address, "version", folder=projects)
        assert version.stdout == ": version=0.1.0\n"
        described = run(*CLU, "describe", address, folder=projects, COLUMNS="80").stdout
    assert [line.split() for line in described.splitlines() if line.startswith("position")] == [
        ["position", "number", "mm", "0", "to", "100", "Where", "it", "is"]
    ]


def test_an_actor_on_a_broker_runs_and_is_commanded(projects: pathlib.Path, broker: Broker) -> None:
    with running(projects / "my-amqp", f"actor.url={broker.url}") as line:
        assert line.startswith("my_amqp runs on amqp://guest:******@")
        moved = run(*CLU, "send", "--url", broker.url, "my_amqp", "move", "5", folder=projects)
        assert (moved.returncode, moved.stdout, moved.stderr) == (0, MOVED, "")


def test_a_legacy_actor_runs_and_is_commanded(projects: pathlib.Path) -> None:
    port = free_port()
    with running(projects / "my-legacy", f"actor.port={port}") as line:
        assert (
            line == f"my_legacy runs on localhost:{port}. "
            f"Try: clu talk localhost:{port}, and type 1 help\n"
        )
        with socket.create_connection(("localhost", port), LIMIT) as connection:
            connection.sendall(b"1 move 5\n")
            lines = connection.makefile("r")
            found = next(line for line in lines if " : " in line)
    assert found == "1 1 : position=5.0\n"


def test_a_client_of_a_legacy_actor_reads_its_dictionary(projects: pathlib.Path) -> None:
    program = (
        "from clu.legacy.types.keys import KeysDictionary\n"
        "print(*KeysDictionary.load('my_legacy').keys)\n"
    )
    done = run(sys.executable, "-c", program, folder=projects / "my-legacy")
    assert done.stdout == "position text error version help\n", done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_unit_of_a_new_project_is_valid(
    projects: pathlib.Path, tmp_path: pathlib.Path, transport: str
) -> None:
    name = f"my-{transport}"
    text = (projects / name / f"{name}.service").read_text()
    assert "--config ${CREDENTIALS_DIRECTORY}/config.yaml" in text
    unit = tmp_path / f"{name}.service"
    unit.write_text(text.replace(f"/opt/{name}/venv/bin/clu", os.path.realpath(sys.executable)))
    done = run("systemd-analyze", "verify", str(unit), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("2wheels", "it must begin with a letter, not '2'."),
        ("wheel-", "it must end with a letter or a digit, not '-'."),
        ("filter.wheel", "only letters from a to z, digits, - and _ can be in it, not '.'."),
        ("my wheel!", "only letters from a to z, digits, - and _ can be in it, not ' !'."),
        ("", "it is empty."),
        ("a/wheel", "it is also the name of a package. Change to the folder where it shall be"),
        ("class", "it is a word of Python. Choose another."),
        ("none", "it is a word of Python. Choose another."),
        ("json", "Python has a module json. Choose another."),
        ("tests", "the project has another folder of this name. Choose another."),
        ("click-aliases", "a package click_aliases is installed, which it would hide. Choose"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path: pathlib.Path, name: str, reason: str) -> None:
    done = new(name, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {name!r} cannot be the name of an actor: {reason}")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_what_exists_is_left_alone(tmp_path: pathlib.Path, kind: str) -> None:
    place = tmp_path / "wheels"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to("nowhere")
    done = new("wheels", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: wheels exists already. Choose another name, or remove it.\n"
    assert list(tmp_path.iterdir()) == [place]
    assert not place.is_dir() or list(place.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_and_left_as_it_was(
    tmp_path: pathlib.Path,
) -> None:
    name = "w" * 200  # the folder can have this name, but its unit cannot
    name += "x" * 50
    done = new(name, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: Cannot write {tmp_path / name}: File name too long.\n"
    assert list(tmp_path.iterdir()) == []


def test_names_of_packages_and_classes_come_from_that_of_the_project() -> None:
    project = ProjectName("bossCamera-2_b")
    assert (project.package, project.class_name) == ("bossCamera_2_b", "BossCamera2B")
