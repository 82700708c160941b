"""``clu info``: versions, kernel builds and dependencies."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import clu
from clu._core.run import default_loop, run
from clu._speedups import backend
from clu.cli.common.options import broker_options
from clu.cli.common.palette import AMBER

if TYPE_CHECKING:
    from clu.cli.common.broker_options import BrokerOptions

__all__ = ["DEPENDENCIES", "command", "information"]

#: The dependencies of clu and of its extras.
DEPENDENCIES = (
    "aio-pika",
    "aiormq",
    "click",
    "click-aliases",
    "click-default-group",
    "fastjsonschema",
    "jsonschema",
    "orjson",
    "prompt_toolkit",
    "pydantic",
    "pygments",
    "PyYAML",
    "rich",
    "sdsstools",
    "tomli",
    "unclick",
    "uvloop",
    "psutil",
    "watchfiles",
    "websockets",
)
#: Those that only other versions of Python need.
_NOT_NEEDED = ("tomli",) if sys.version_info >= (3, 11) else ()


@click.command(name="info")
@broker_options
@click.option("--broker", "asks", is_flag=True, help="Connect to the broker, and show which it is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def command(broker: BrokerOptions, asks: bool, as_json: bool) -> None:
    """Show versions, kernel builds and dependencies.

    With --broker also the address, the product and the version of the broker. The exit status is
    0, or 3 if the broker cannot be reached.
    """
    found = information()
    if asks:
        found["broker"] = run(_broker_at(broker))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    _title("clu", found["clu"]["version"])
    _line("imported from", found["clu"]["path"])
    _line("installed as", _installation(found["distribution"]))
    _line("python", "{implementation} {version}, {executable}".format(**found["python"]))
    _line("platform", found["platform"])
    _line("event loop", " ".join(filter(None, found["loop"].values())))
    switch = found["CLU_NO_EXTENSIONS"]
    _line("CLU_NO_EXTENSIONS", "not set" if switch is None else repr(switch))
    _title("kernels")
    for kernel, build in found["kernels"].items():
        _line(kernel, build, None if build == "compiled" else AMBER)
    _title("dependencies")
    for name, version in found["dependencies"].items():
        is_missing = version is None and name not in _NOT_NEEDED
        usual = "not installed" if is_missing else "not needed by this Python"
        _line(name, version or usual, AMBER if is_missing else None)
    if asks:
        _title("broker")
        for name, value in found["broker"].items():
            _line(name, str(value))


def information() -> dict[str, Any]:
    """Return the information that the command shows."""
    loop = default_loop()
    return {
        "clu": {"version": clu.__version__, "path": str(Path(clu.__file__).parent)},
        "distribution": _distribution(),
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "executable": sys.executable,
        },
        "platform": platform.platform(),
        "loop": {"name": loop, "version": _version(loop)},
        "CLU_NO_EXTENSIONS": os.environ.get("CLU_NO_EXTENSIONS"),
        "kernels": backend(),
        "dependencies": {name: _version(name) for name in DEPENDENCIES},
    }


async def _broker_at(options: BrokerOptions) -> dict[str, Any]:
    """Return which broker there is at an address."""
    from clu.cli.common.broker import BrokerConnection

    connection = BrokerConnection(options)
    await connection.open()
    try:
        return {"address": connection.address, **connection.client.connection.server}
    finally:
        await connection.close()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _distribution() -> dict[str, Any] | None:
    """Return the installed distribution with the name that other packages require."""
    try:
        distribution = importlib.metadata.distribution(clu.NAME)
    except importlib.metadata.PackageNotFoundError:
        return None
    version = distribution.version
    return {"name": clu.NAME, "version": version, "is_this": version == clu.__version__}


def _installation(distribution: dict[str, Any] | None) -> str:
    if distribution is None:
        return f"not installed: there is no distribution {clu.NAME}"
    text = "{name} {version}".format(**distribution)
    if not distribution["is_this"]:
        text += ", which is another release: install this one again to replace it"
    return text


def _title(text: str, version: str = "") -> None:
    click.echo(f"{click.style(text, bold=True)} {version}".rstrip())


def _line(title: str, text: str, color: int | None = None) -> None:
    click.echo(f"  {title:20} {click.style(text, fg=color)}")
