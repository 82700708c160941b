"""``clu stubs``: the types of an actor, which mypy reads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from unclick import command_to_json

from clu import AMQPActor, JSONActor
from clu.cli.stubs.module import module_of
from tests.broker import free_port
from tests.remote import actors
from tests.terminal import CLU
from tests.typing.test_typing import cache, check  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Observatory

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        **actors.SCHEMA["properties"],
        "position": {
            "type": "object",
            "unit": "mm",
            "description": "Of the \n stage",
            "properties": {"x": {"type": "number"}, "on-target": {"type": "boolean"}},
        },
        "filters": {"type": "array", "items": {"type": "string"}},
        "mixed": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]},
        "maybe": {"type": ["number", "null"]},
        "version_number": {"const": 3},
        "anything": True,
    },
}

USE = """
from typing import TYPE_CHECKING, cast

from clu import AMQPClient
from clu.base import Reply
from clu.remote import CommandResult, Retries

if TYPE_CHECKING:
    from camera import Camera, Keywords


def show(reply: Reply) -> None: ...


async def good(client: AMQPClient) -> float:
    camera = cast("Camera", await client.actor("camera"))
    result: CommandResult = await camera.expose(900, flavour="dark", note=["a"], timeout=3)
    await camera.expose(1.5, window=(0, 0, 1, 1), lambda_=400, timeout_=2.0, read=False)
    await camera.expose(stop=True)
    await camera.power.on("a", "b", port=3, retries=Retries(3), on_reply=show)
    await camera.power.cycle_all(port=1, power_port=2)
    await camera.class_("word", command=None)
    await camera("ping", timeout=3)
    await camera["get-schema"]()
    async with camera.count.started(3, timeout=2) as run:
        async for reply in run:
            print(reply.body)
        await run.result()
    keywords = cast("Keywords", result.flatten())
    position = keywords["position"]
    names: list[str] = keywords["filters"]
    mixed: list[int | str] = keywords["mixed"]
    on_target: bool = position["on-target"]
    state = keywords["state"]
    if state == "idle":
        print(names, mixed, on_target, keywords["anything"])
    return position["x"] + (keywords["maybe"] or 0) + keywords["temperature"]


async def bad(camera: "Camera", keywords: "Keywords") -> None:
    await camera.expose()  # type: ignore[call-overload]
    await camera.expose("900")  # type: ignore[call-overload]
    await camera.expose(900, flavour="drak")  # type: ignore[call-overload]
    await camera.power.on(3)  # type: ignore[arg-type]
    await camera.power.on(fast=True)  # type: ignore[call-arg]
    await camera.expos(3)  # type: ignore[attr-defined]
    await camera.secret()  # type: ignore[attr-defined]
    camera.count.started(1, retries=2)  # type: ignore[call-arg]
    print(keywords["nothing"])  # type: ignore[typeddict-item]
    if keywords["state"] == "reading":  # type: ignore[comparison-overlap]
        pass
"""


def model_of(group: click.Group) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(command_to_json(group))
    return model


@pytest.mark.timeout(180)
def test_mypy_accepts_what_is_right_and_finds_what_is_wrong(tmp_path: Path, cache: Path) -> None:  # noqa: F811
    stub, use = tmp_path / "camera.pyi", tmp_path / "use.py"
    stub.write_text(module_of("camera", model_of(actors.parser), SCHEMA))
    use.write_text(USE)
    assert check([use, stub], cache) == (0, "")


def test_docstrings_are_those_of_the_help() -> None:
    module = ast.parse(module_of("camera", model_of(actors.parser), SCHEMA))
    classes = {item.name: item for item in module.body if isinstance(item, ast.ClassDef)}
    doc = ast.get_docstring(classes["_Expose"].body[0])  # type: ignore[arg-type]
    assert doc is not None
    assert doc.startswith("Expose the camera.\n\nThe time is in\nseconds.\n\nParameters\n")
    assert "What to expose." in doc
    assert ast.get_docstring(classes["Camera"]) == "The actor camera."


def test_whatever_an_actor_has_the_module_can_be_read(tmp_path: Path) -> None:
    @click.group()
    def odd() -> None:
        pass

    @odd.command(name="get-it", help='Quotes """ and \\ and a quote"')
    @click.argument("self")
    @click.option("--class", "class_", type=click.Choice(['a"b', "c\\d", "é\u202e"]))
    @click.option("--when", type=click.DateTime())
    @click.option("--where", type=click.Path())
    @click.option("--which", type=click.UUID)
    @click.option("--pair", type=(str, float), multiple=True)
    def get_it() -> None:
        pass

    for name in ("get_it", "Any", "Keywords", "2mass", "started"):
        odd.add_command(get_it, name)
    schema = {"properties": {"a-b": {"description": "x\u2028y"}, "class": {"enum": [1.5, None]}}}
    text = module_of('odd"\\', model_of(odd), schema)
    module = ast.parse(text)
    names = [item.name for item in module.body if isinstance(item, ast.ClassDef)]
    assert len(set(names)) == len(names)
    (tmp_path / "odd.py").write_text(text)  # it runs as well, but for what names later classes
    program = "import odd; print(odd.Keywords.__annotations__.keys())"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (shown.stdout, shown.stderr) == ("dict_keys(['a-b', 'class'])\n", "")
    assert "Keywords" in module_of("plain", {}, None)


@pytest.fixture(params=["amqp", "tcp"])
def target(request: pytest.FixtureRequest, observatory: Observatory) -> Iterator[list[str]]:
    """The options for an actor: one on the broker, and one by its address."""
    url = observatory.broker.url

    class AMQPCamera(AMQPActor):
        parser = actors.parser

    class TCPCamera(JSONActor):
        parser = actors.parser

    port = free_port()
    actor: Any = (
        AMQPCamera("gauge", url=url, schema=SCHEMA)
        if request.param == "amqp"
        else TCPCamera("gauge", port=port, schema=SCHEMA)
    )
    observatory.call(actor.start())
    amqp = [*observatory.options, "gauge"]
    yield amqp if request.param == "amqp" else [f"tcp://localhost:{port}"]
    observatory.call(actor.stop())


def stubs(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, "stubs", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_an_actor_is_asked(target: list[str]) -> None:
    result = stubs(*target)
    assert (result.returncode, result.stderr) == (0, "")
    assert "class Gauge:\n" in result.stdout
    assert "class _PositionKeyword" not in result.stdout  # it is no class, for its names
    assert "flavour: Literal['bias', 'dark', 'object'] = ..." in result.stdout


def test_who_is_not_there_is_an_error(observatory: Observatory) -> None:
    result = stubs(*observatory.options, "nobody")
    assert result.returncode == 3
    assert result.stdout == ""
    assert "nobody" in result.stderr
