"""``clu run`` without arguments, in the folders of a project and elsewhere."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.broker import free_port

from .test_command import ACTOR, end, run, started

if TYPE_CHECKING:
    import pathlib

NAMED = 'actor = "camera.actor:Camera"'


@pytest.fixture
def project(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A project whose actor listens on a port of its own."""
    (tmp_path / "camera").mkdir()
    (tmp_path / "camera" / "__init__.py").touch()
    (tmp_path / "camera" / "actor.py").write_text(ACTOR)
    (tmp_path / "camera" / "config.yaml").write_text(
        f"actor: {{name: camera, host: localhost, port: {free_port()}}}\n"
    )
    declare(tmp_path, NAMED, 'config = "camera/config.yaml"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLU_DEBUG", raising=False)
    return tmp_path


def declare(project: pathlib.Path, *lines: str) -> None:
    text = '[project]\nname = "camera"\n[tool.clu]\n'
    (project / "pyproject.toml").write_text(text + "\n".join(lines))


@pytest.mark.parametrize("below", [".", "camera", "docs/plans"])
def test_the_actor_of_the_project_runs_from_each_of_its_folders(
    project: pathlib.Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    (project / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(project / below)
    with started() as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("camera runs on localhost:")
        assert end(process, signal.SIGTERM) == (0, "stopped\n", "")


def test_the_command_line_changes_what_the_project_says(project: pathlib.Path) -> None:
    with started("--set", "name=other") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("other runs on")
    port = free_port()
    (project / "other.yaml").write_text(f"actor: {{name: third, host: localhost, port: {port}}}\n")
    with started("--config", "other.yaml") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"third runs on localhost:{port}.")


def test_it_may_be_a_file_and_have_no_configuration(project: pathlib.Path) -> None:
    (project / "camera" / "alone.py").write_text(
        f"{ACTOR}\ncamera = Camera('alone', port={free_port()})\n"
    )
    declare(project, 'actor = "camera/alone.py:camera"')
    with started() as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("alone runs on")


def test_a_change_of_a_file_of_the_project_starts_it_again(
    project: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("watchfiles")
    (project / "docs").mkdir()
    monkeypatch.chdir(project / "docs")
    with started("--reload") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("camera runs on")
        time.sleep(1)  # until the folder is watched
        actor = project / "camera" / "actor.py"
        actor.write_text(f"{ACTOR}\n# changed\n")
        assert process.stdout.readline() == "stopped\n"
        assert process.stdout.readline().startswith("camera runs on")
        end(process, signal.SIGTERM)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "Name an actor, such as clu run camera.py, or write it into {path}: [tool.clu] with "),
        (["actor = 5"], "{path}: actor in [tool.clu] is 5. Write it like this: actor = "),
        ([NAMED, "conf = 1"], "{path}: [tool.clu] has no key 'conf', only actor and config."),
        (["actor = "], "Cannot read {path}: Invalid value (at "),
        (['actor = "nocam.actor"'], "There is no module 'nocam.actor' here, nor is one installed."),
        (['actor = "camera.actor:Camra"'], "camera.actor has no 'Camra'. Did you mean 'Camera'?"),
        ([NAMED, 'config = "no.yaml"'], "configuration path does not exist. There is no file "),
    ],
)
def test_what_is_wrong_with_the_project_is_said_in_one_line(
    project: pathlib.Path, lines: list[str], reason: str
) -> None:
    declare(project, *lines)
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Error: {reason.format(path=project / 'pyproject.toml')}")


def test_elsewhere_it_says_what_to_do(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if any((folder / "pyproject.toml").exists() for folder in tmp_path.parents):
        pytest.skip("the folder for temporary files is in a project")
    done = run()
    assert done.returncode == 2
    assert done.stderr == (
        "Error: Name an actor, such as clu run camera.py: there is no project (pyproject.toml) "
        "here or in a folder above. clu new makes one.\n"
    )
