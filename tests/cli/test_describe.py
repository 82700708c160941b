"""``clu describe``: the keywords and commands of an actor, on the broker and over TCP."""

from __future__ import annotations

import copy
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from clu import AMQPActor, JSONActor, command_parser
from tests.cli.foreign import foreign
from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Observatory

SCHEMA = {
    "type": "object",
    "properties": {
        "temperature": {
            "type": "number",
            "unit": "K",
            "minimum": 0,
            "maximum": 400,
            "description": "Of the detector | CCD.",
        },
        "position": {"type": "object", "properties": {"x": {"type": "number", "unit": "mm"}}},
    },
}
COMMANDS = """\
COMMAND                               TYPE       HELP
break
broadcast NUMBER
  NUMBER                              integer
echo [WORDS...]                                  Repeats its arguments.
  WORDS                               text
expose SECONDS [--flavour bias|dark]             Exposes the detector.
  SECONDS                             float
  --flavour                           bias|dark  What to expose.
mismatch
status                                           Reports the state.
"""


def describe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, "describe", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(params=["amqp", "tcp"])
def target(request: pytest.FixtureRequest, observatory: Observatory) -> Iterator[list[str]]:
    """The options for an actor: one on the broker, and one by its address."""
    from tests.cli.conftest import make_parser

    url = observatory.broker.url

    class Gauge(AMQPActor):
        parser = make_parser()

    class Scale(JSONActor):
        parser = make_parser()

    actor: AMQPActor | JSONActor = (
        Gauge("gauge", url=url, schema=SCHEMA)
        if request.param == "amqp"
        else Scale("gauge", host="127.0.0.1", port=0, schema=SCHEMA)
    )
    observatory.call(actor.start())
    yield (
        [*observatory.options, "gauge"]
        if isinstance(actor, AMQPActor)
        else [f"tcp://127.0.0.1:{actor.port}"]
    )
    observatory.call(actor.stop())


def test_keywords_and_commands_are_tables(target: list[str]) -> None:
    run = describe(*target)
    assert (run.returncode, run.stderr) == (0, "")
    keywords, commands = run.stdout.split("\n\n")
    assert keywords.splitlines() == [
        "KEYWORD      TYPE    UNIT  RANGE     DESCRIPTION",
        "temperature  number  K     0 to 400  Of the detector | CCD.",
        "position     object",
        "position.x   number  mm",
    ]
    assert commands == COMMANDS


def test_what_every_actor_has_is_left_out_unless_asked_for(target: list[str]) -> None:
    run = describe("--all", *target)
    lines = [line.split("  ")[0] for line in run.stdout.splitlines()]
    assert {"text", "error", "ping", "get_schema", "keyword KEYWORD"} <= set(lines)


def test_scripts_get_everything_as_json(target: list[str]) -> None:
    run = describe("--json", *target)
    found = json.loads(run.stdout)
    assert (found["actor"], found["problems"]) == ("gauge", [])
    assert found["keywords"][0] == {
        "name": "temperature",
        "type": "number",
        "unit": "K",
        "range": "0 to 400",
        "description": "Of the detector | CCD.",
        "usual": False,
    }
    commands = {item["name"]: item for item in found["commands"]}
    assert commands["ping"]["usual"]
    assert commands["expose"]["usage"] == "expose SECONDS [--flavour bias|dark]"
    assert commands["expose"]["parameters"] == [
        {"name": "SECONDS", "type": "float", "required": True, "help": ""},
        {"name": "--flavour", "type": "bias|dark", "required": False, "help": "What to expose."},
    ]


def test_markdown_is_a_page(target: list[str]) -> None:
    text = describe("--markdown", *target).stdout
    assert text.startswith("# gauge\n\n## Keywords\n\n| keyword | type | unit | range | descr")
    assert "\n| `temperature` | number | K | 0 to 400 | Of the detector \\| CCD. |\n" in text
    assert "\n### `expose SECONDS [--flavour bias|dark]`\n\nExposes the detector.\n\n" in text
    assert "\n| `--flavour` | bias\\|dark | What to expose. |\n" in text
    assert "ping" not in text


def test_what_an_actor_does_not_tell_is_said(observatory: Observatory) -> None:
    class Mute(AMQPActor):
        """An actor without a schema, and with no commands but those of all actors."""

        # Others may have added theirs to the parser that all actors of this process share.
        parser = copy.copy(command_parser)
        parser.commands = {
            name: command
            for name, command in command_parser.commands.items()
            if command.callback.__module__ == "clu.parsers._builtin"
        }

    mute = Mute("mute", url=observatory.broker.url)
    mute.model = None
    observatory.call(mute.start())
    run = describe(*observatory.options, "mute")
    observatory.call(mute.stop())
    assert run.returncode == 0
    assert run.stderr == (
        "mute does not tell its keywords: The actor does not know its own schema.\n"
    )
    assert run.stdout == "mute has no commands of its own.\n"


def test_an_actor_that_tells_nothing_is_status_1(observatory: Observatory) -> None:
    with foreign(observatory, "tcc", answers=("f",)):
        run = describe(*observatory.options, "tcc")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        "tcc does not tell its keywords: the answer makes no sense.\n"
        "tcc does not tell its commands: the answer makes no sense.\n"
    )
    with foreign(observatory, "tcc", answers=(">",)):
        run = describe("--timeout", "0.5", *observatory.options, "tcc")
    assert run.returncode == 1
    assert "tcc does not tell its keywords: tcc did not end 'get_schema' within 0.5" in run.stderr


def test_an_actor_that_is_not_there_is_status_3(observatory: Observatory) -> None:
    run = describe(*observatory.options, "nobody")
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr.startswith("Error: There is no actor 'nobody' on amqp://")


def test_it_fits_a_terminal_of_80_columns(target: list[str]) -> None:
    with Terminal("describe", *target) as terminal:
        assert terminal.wait() == 0
        assert terminal.rows[0] == "KEYWORD      TYPE    UNIT  RANGE     DESCRIPTION"
        assert terminal.rows[-1].endswith("Reports the state.")


def test_json_and_markdown_exclude_each_other() -> None:
    run = describe("--json", "--markdown", "camera")
    assert run.returncode == 2
    assert "Use either --json or --markdown." in run.stderr
