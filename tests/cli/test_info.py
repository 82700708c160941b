"""``clu info``."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import clu
from clu.__main__ import main
from clu._speedups import KERNELS, backend
from clu.cli.info import DEPENDENCIES
from clu.testing import MemoryBroker

if TYPE_CHECKING:
    from tests.broker import Broker


def info_of_process(**environment: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "clu", "info", "--json"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return json.loads(run.stdout)


def test_json_shows_what_runs() -> None:
    found = info_of_process()
    assert found["clu"] == {
        "version": clu.__version__,
        "path": str(Path(clu.__file__).parent),
    }
    assert found["kernels"] == backend()
    assert found["loop"]["name"] in ("uvloop", "asyncio")
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["dependencies"]["click"] == importlib.metadata.version("click")


def test_what_only_other_versions_of_python_need_is_not_called_missing() -> None:
    shown = CliRunner().invoke(main, ["info"]).output
    assert "not installed" not in shown
    if sys.version_info >= (3, 11) and importlib.util.find_spec("tomli") is None:
        assert re.search(r"^  tomli +not needed by this Python$", shown, re.MULTILINE)


def test_switched_off_kernels_are_interpreted() -> None:
    found = info_of_process(CLU_NO_EXTENSIONS="1")
    assert found["CLU_NO_EXTENSIONS"] == "1"
    assert found["kernels"] == dict.fromkeys(KERNELS, "interpreted")


def test_it_says_which_broker_there_is() -> None:
    with MemoryBroker("lab") as bus:
        ran = CliRunner().invoke(main, ["info", "--broker", "--url", bus.url, "--json"])
        assert json.loads(ran.stdout)["broker"] == {
            "address": "memory://lab",
            "product": "clu memory broker",
            "version": clu.__version__,
        }
        ran = CliRunner().invoke(main, ["info", "--broker", "--url", bus.url])
        assert re.search(
            r"broker\n +address +memory://lab\n +product +clu memory broker", ran.stdout
        )


def test_it_says_which_rabbitmq_there_is(broker: Broker) -> None:
    ran = CliRunner().invoke(main, ["info", "--broker", "--url", broker.url, "--json"])
    found = json.loads(ran.stdout)["broker"]
    assert found["product"] == "RabbitMQ"
    assert found["version"][0].isdigit()


def test_a_broker_in_memory_is_in_the_process_that_made_it() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "clu", "info", "--broker", "--url", "memory://lab"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 3
    assert "there is no memory broker 'lab' in this process" in run.stderr


def test_text_has_the_same_facts() -> None:
    output = CliRunner().invoke(main, ["info"]).output
    for expected in (clu.__version__, str(Path(clu.__file__).parent), *KERNELS, *DEPENDENCIES):
        assert expected in output


@pytest.mark.parametrize(
    ("version", "verdict"),
    [(clu.__version__, f"sdss-clu {clu.__version__}\n"), ("2.6.1", "another release")],
)
def test_another_installed_release_is_noticed(
    version: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.metadata.distribution

    def distribution(name: str) -> Any:
        return SimpleNamespace(version=version) if name == "sdss-clu" else find(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    assert verdict in CliRunner().invoke(main, ["info"]).output


def test_missing_dependency_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert "not installed" in CliRunner().invoke(main, ["info"]).output


def test_every_runtime_dependency_of_the_project_is_listed() -> None:
    tomllib = pytest.importorskip("tomllib")
    path = Path(__file__).parents[2] / "pyproject.toml"
    project = tomllib.loads(path.read_text())["project"]
    required = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
    assert required <= set(DEPENDENCIES)
