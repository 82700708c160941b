"""What importing clu does, and what it does not."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pathlib
import pkgutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

import clu
from clu._speedups import KERNELS, backend

from .tree import needs_sources

ROOT = pathlib.Path(clu.__file__).parent.parent

#: What only one corner of clu needs.
LATER = [
    "aio_pika",
    "fastjsonschema",
    "jsonschema",
    "numpy",
    "prompt_toolkit",
    "pydantic",
    "rich",
    "sdsstools",
    "unclick",
    "uvloop",
    "websockets",
    "yaml",
]


def run(code: str, **environment: str) -> str:
    """Run Python code in a new process."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_clu_imports_no_more_than_it_needs() -> None:
    loaded = json.loads(run("import clu, json, sys; print(json.dumps(sorted(sys.modules)))"))
    assert "clu" in loaded
    assert [name for name in LATER if name in loaded] == []


def test_importing_clu_needs_no_more() -> None:
    run(f"import sys; sys.modules.update(dict.fromkeys({LATER!r})); import clu")


def test_importing_clu_changes_nothing_but_the_reply_level() -> None:
    code = """
import asyncio, logging, sys, warnings
def state():
    return (
        asyncio.events._event_loop_policy, logging.root.handlers, logging.root.level,
        logging.getLoggerClass(), sys.excepthook, warnings.showwarning, sys.getrecursionlimit(),
    )
before = state()
import clu
assert state() == before, (before, state())
assert logging.getLevelName(5) == "REPLY"
logging.getLogger("x").REPLY("hello")
"""
    run(code)


def test_all_names_are_there() -> None:
    assert len(set(clu.__all__)) == len(clu.__all__)
    for name in clu.__all__:
        assert getattr(clu, name) is not None, name
    assert clu.NAME == "sdss-clu"
    assert clu.__version__


PUBLIC = [
    name
    for _, name, _ in pkgutil.walk_packages(clu.__path__, "clu.")
    if not any(part.startswith("_") for part in name.split(".")) and not name.startswith("clu.cli.")
]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_modules_say_what_is_public(name: str) -> None:
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__) > 0
    for public in module.__all__:
        assert hasattr(module, public), public


def test_the_package_says_that_it_has_types() -> None:
    assert (pathlib.Path(clu.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize(
    "name",
    [
        *("AMQPActor", "AMQPBaseActor", "JSONActor", "TCPBaseActor", "LegacyActor"),
        *("BaseActor", "BaseClient", "MessageCode", "Reply", "AMQPClient", "AMQPReply"),
        *("BaseCommand", "Command", "FakeCommand", "TimedCommand", "TimedCommandList"),
        *("parse_legacy_command", "Device", "CluError", "CluWarning", "CluNotImplemented"),
        *("CluDeprecationWarning", "CommandError", "CommandParserError", "ClickParser"),
        *("CluCommand", "JSONParser", "command_parser", "REPLY", "ActorHandler"),
        *("CommandStatus", "as_complete_failer", "escape", "format_value"),
    ],
)
def test_the_documented_names_are_at_the_top(name: str) -> None:
    assert name in clu.__all__


@needs_sources
def test_the_kernels_that_are_built_are_those_that_are_selected() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text())
    built = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
    }
    assert built == {"KERNELS": list(KERNELS)}
    for name in KERNELS:
        for suffixes in ((".py",), ("_py.py",), ("_c.pxd", "_c.pyx")):
            paths = [ROOT / "clu" / "_speedups" / (name + suffix) for suffix in suffixes]
            assert any(path.is_file() for path in paths), paths
    assert set(backend()) == set(KERNELS)


SWITCHED_OFF = dict.fromkeys(KERNELS, "interpreted")
PRINT_BUILDS = """
import json, sys, clu
from clu._speedups import backend
from clu._speedups.reply import encode_json
assert encode_json({"a": 1}) == b'{"a":1}'
loaded = [name for name in sys.modules if name.startswith("clu._speedups.")]
print(json.dumps([backend(), [name for name in loaded if name.endswith("_c")]]))
"""


def test_the_compiled_builds_can_be_switched_off() -> None:
    builds, compiled = json.loads(run(PRINT_BUILDS, CLU_NO_EXTENSIONS="1"))
    assert builds == SWITCHED_OFF
    assert compiled == []


def is_compiled(name: str) -> bool:
    files = ROOT / "clu" / "_speedups"
    return any((files / f"{name}_c{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


@pytest.mark.parametrize("value", ["", "0"])
def test_they_are_used_otherwise_where_there_are_any(value: str) -> None:
    builds, compiled = json.loads(run(PRINT_BUILDS, CLU_NO_EXTENSIONS=value))
    there = {
        name: "compiled" if is_compiled(name) else build for name, build in SWITCHED_OFF.items()
    }
    assert builds == there
    assert all(builds[name.rpartition(".")[2][:-2]] == "compiled" for name in compiled)


def test_without_a_compiled_build_the_interpreted_one_is_used() -> None:
    names = [f"clu._speedups.{name}_c" for name in SWITCHED_OFF]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({names!r}))
{PRINT_BUILDS}
"""
    builds, _ = json.loads(run(code, CLU_NO_EXTENSIONS="0"))
    assert builds == SWITCHED_OFF
