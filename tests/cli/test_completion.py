"""Completion in the shells of users: with Tab in a terminal, where these are installed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from clu.__main__ import main
from clu.cli.common.completion_cache import FRESH, CompletionCache
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Observatory

BIN = str(Path(sys.executable).parent)
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    # It needs the terminal to be that of its session.
    "fish": ["setsid", "--ctty", "--wait", "fish", "--no-config", "-i"],
}
SETUP = {
    "bash": 'PS1="ready> "; eval "$(clu completion bash)"',
    "zsh": 'PS1="ready> "; autoload -U compinit; compinit -u -D; eval "$(clu completion zsh)"',
    "fish": 'function fish_prompt; echo "ready> "; end; clu completion fish | source',
}


def complete_soon(words: list[str]) -> list[str]:
    """Return what is offered once the actor has answered: on a busy machine that takes longer."""
    end = time.monotonic() + 60
    while not (found := complete(words)) and time.monotonic() < end:
        pass
    return found


def complete(words: list[str], **environment: str) -> list[str]:
    """Return what click offers to a shell for the last word."""
    run = subprocess.run(
        [f"{BIN}/clu"],  # the name of the program counts
        env={
            **os.environ,
            "_CLU_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["clu", *words]),
            "COMP_CWORD": str(len(words)),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert run.stderr == ""
    return [line.partition(",")[2] for line in run.stdout.splitlines() if line]


@pytest.fixture
def place(observatory: Observatory, monkeypatch: pytest.MonkeyPatch) -> CompletionCache:
    monkeypatch.setenv("CLU_HOST", "127.0.0.1")
    monkeypatch.setenv("CLU_PORT", str(observatory.broker.port))
    return CompletionCache(f"guest@127.0.0.1:{observatory.broker.port}")


@contextlib.contextmanager
def shell(name: str) -> Iterator[Terminal]:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    path = os.pathsep.join([BIN, os.environ["PATH"]])
    with Terminal(*SHELLS[name], command=[], PATH=path) as terminal:
        terminal.press(SETUP[name], "Enter", "echo is; echo set", "Enter")
        terminal.wait_for("^is\nset$")
        yield terminal


@pytest.mark.parametrize("name", SHELLS)
def test_tab_completes_subcommands_actors_commands_and_options(
    place: CompletionCache, name: str
) -> None:
    place.add("who is there", ["camera", "stage"])
    complete_soon(["send", "camera", "ex"])
    with shell(name) as terminal:
        terminal.press("clu sen", "Tab")
        terminal.wait_for("clu send$")
        terminal.press("ca", "Tab")
        terminal.wait_for("clu send camera$")
        terminal.press("ex", "Tab")
        terminal.wait_for("clu send camera expose$")
        terminal.press("--fl", "Tab")
        terminal.wait_for("expose --flavour$")


def test_actors_are_those_that_are_known_on_this_broker(place: CompletionCache) -> None:
    place.add("who is there", ["camera", "stage"])
    assert complete(["send", "ca"]) == ["camera"]
    assert complete(["watch", ""]) == ["camera", "stage"]
    assert complete(["send", "-p", "1", "ca"]) == []


def test_actors_are_asked_who_is_there(place: CompletionCache, observatory: Observatory) -> None:
    assert {"camera", "stage"} <= set(complete_soon(["send", ""]))


def test_commands_are_asked_from_the_actor_and_then_remembered(
    place: CompletionCache, observatory: Observatory
) -> None:
    assert complete_soon(["send", "camera", "ex"]) == ["expose"]
    assert CompletionCache(f"guest@127.0.0.1:{observatory.broker.port}").names == ["camera"]
    # Of what is remembered nothing is asked.
    path = place.path
    text = path.read_text().replace("Exposes the detector", "From the file")
    path.write_text(text.replace('"expose"', '"exposure"'))
    assert complete(["send", "camera", "ex"]) == ["exposure"]


def test_what_is_old_is_asked_again_in_the_background(
    place: CompletionCache, observatory: Observatory
) -> None:
    complete_soon(["send", "camera", "ex"])
    content = json.loads(place.path.read_text().replace('"expose"', '"exposure"'))
    content["asked"]["camera"] = time.time() - FRESH - 1
    place.path.write_text(json.dumps(content))
    assert complete(["send", "camera", "ex"]) == ["exposure"]
    end = time.monotonic() + 30
    while '"exposure"' in place.path.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert complete(["send", "camera", "ex"]) == ["expose"]


def test_values_of_options_and_commands_of_tcp_actors(
    place: CompletionCache, observatory: Observatory
) -> None:
    assert complete_soon(["send", "camera", "expose", "--flavour", ""]) == ["bias", "dark"]
    assert complete_soon(["send", observatory.lamp_address, "br"]) == ["break", "broadcast"]
    assert complete(["send", "--ti"]) == ["--timeout"]


def test_sites_are_completed(tmp_path: Path) -> None:
    (tmp_path / "clu").mkdir()
    (tmp_path / "clu" / "config.toml").write_text(
        '[sites.apo]\nurl="amqp://a/"\n[sites.lco]\nurl="amqp://b/"\n'
    )
    assert complete(["--site", "a"]) == ["apo"]
    assert complete(["--site", "apo", "se"]) == ["send"]
    assert complete(["send", "--site", ""]) == ["apo", "lco"]
    (tmp_path / "clu" / "config.toml").write_text("nonsense")
    assert complete(["send", "--site", ""]) == []


def test_an_actor_that_is_not_there_and_a_broken_cache_give_nothing(
    place: CompletionCache,
) -> None:
    assert complete(["send", "nobody", ""]) == []
    assert complete(["send", "tcp://127.0.0.1:1", ""]) == []
    place.path.parent.mkdir(parents=True, exist_ok=True)
    for text in ("", "[]", '{"actors": 5, "asked": {}}', '{"actors": {"camera": 3}, "asked": {}}'):
        place.path.write_text(text)
        assert isinstance(complete(["send", "ca"]), list)


def test_completion_from_the_cache_imports_little(place: CompletionCache) -> None:
    place.add("who is there", ["camera"])
    place.add("camera", ["camera"], {"commands": {"expose": {"name": "expose"}}})
    code = (
        "import os, sys\n"
        "from clu.__main__ import main\n"
        "os.environ['_CLU_COMPLETE'] = 'bash_complete'\n"
        "os.environ['COMP_WORDS'], os.environ['COMP_CWORD'] = 'clu send camera ex', '3'\n"
        "try: main(prog_name='clu')\n"
        "except SystemExit: pass\n"
        "print([name for name in ('asyncio', 'aio_pika', 'subprocess') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout == "plain,expose\n[]\n"


def test_the_cache_is_only_for_its_user(place: CompletionCache) -> None:
    place.add("who is there", ["camera"])
    assert place.path.stat().st_mode & 0o077 == 0


def test_another_shell_is_refused() -> None:
    result = CliRunner().invoke(main, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.output


def test_the_line_ends_of_talk_are_offered() -> None:
    assert complete(["ta"]) == ["talk"]
    assert complete(["talk", "--end", ""]) == ["lf", "cr", "crlf"]
