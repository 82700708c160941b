"""TCP actors that require a token, from the command line."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from clu.__main__ import main
from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Lamp, Observatory

NEEDED = "needs a token: give it as --token, or better in CLU_TOKEN."
WRONG = "refuses the token: it is not that of the actor."


@pytest.fixture
def address(vault: Lamp) -> str:
    return f"tcp://127.0.0.1:{vault.port}"


def clu(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def test_it_is_an_option_or_in_the_environment(address: str) -> None:
    for run in (
        clu("send", "--token", "s3cret", address, "ping"),
        clu("send", address, "ping", CLU_TOKEN="s3cret"),
    ):
        assert (run.returncode, run.stdout, run.stderr) == (0, ": text=Pong.\n", "")
    run = clu("watch", "--seconds", "1.5", address, "state", CLU_TOKEN="s3cret")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("vault state=idle\n")


@pytest.mark.parametrize("command", ["ping", "describe"])
def test_it_is_also_for_commands_that_ask_an_actor_about_itself(address: str, command: str) -> None:
    run = clu(command, address, CLU_TOKEN="s3cret")
    assert (run.returncode, run.stderr) == (0, "")
    assert clu(command, address).returncode == 3


@pytest.mark.parametrize("command", [["send", "ping"], ["watch", "state"]])
@pytest.mark.parametrize(("variables", "reason"), [({}, NEEDED), ({"CLU_TOKEN": "guess"}, WRONG)])
def test_the_reason_is_told(
    address: str, command: list[str], variables: dict[str, str], reason: str
) -> None:
    run = clu(command[0], address, command[1], **variables)
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr == f"Error: {address} {reason}\n"


def test_it_is_sent_again_when_the_connection_is_restored(
    observatory: Observatory, vault: Lamp, address: str
) -> None:
    with subprocess.Popen(
        [*CLU, "watch", "--no-status", "--token", "s3cret", address, "number"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        try:
            _wait_for_listener(observatory, vault)
            for transport in list(vault.transports.values()):
                observatory.call(_close(transport))
            assert process.stderr.readline().startswith("Lost the connection to tcp://")
            assert process.stderr.readline().startswith("Reconnected to tcp://")
            _wait_for_listener(observatory, vault)
            observatory.broadcast(vault, number=5)
            assert process.stdout.readline().endswith("vault number=5\n")
        finally:
            process.kill()


def _wait_for_listener(observatory: Observatory, vault: Lamp) -> None:
    async def wait() -> None:
        import asyncio

        while not vault._listeners._clients or not vault.transports:
            await asyncio.sleep(0.02)

    observatory.call(wait())


async def _close(transport: Any) -> None:
    transport.close()


def test_an_actor_without_a_token_takes_commands_of_those_who_have_one(
    observatory: Observatory,
) -> None:
    run = clu("send", "--token", "s3cret", observatory.lamp_address, "ping")
    assert (run.returncode, run.stdout, run.stderr) == (0, ": text=Pong.\n", "")


def test_the_shell_sends_it_and_tells_the_reason(address: str) -> None:
    with Terminal("--token", "s3cret", address) as terminal:
        terminal.wait_for("is vault")
        terminal.press("vault ping", "Enter")
        terminal.wait_for("Pong")
    with Terminal(address) as terminal:
        terminal.wait_for("needs a token: give it as --token")


@pytest.mark.parametrize("token", ["", "two words"])
def test_a_token_is_a_single_word(token: str) -> None:
    result = CliRunner().invoke(main, ["send", "--token", token, "tcp://localhost:9", "ping"])
    assert result.exit_code == 2
    assert "--token: it must be a single word." in result.output


def test_the_shell_shows_replies_to_others_over_tcp_with_all(observatory: Observatory) -> None:
    with Terminal("--all", observatory.lamp_address) as terminal:
        terminal.wait_for("is lamp")
        assert clu("send", observatory.lamp_address, "echo", "hello").returncode == 0
        terminal.wait_for("hello")
