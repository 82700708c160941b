"""Sites: named brokers in the configuration file of the user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Lamp, Observatory


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the path of the configuration file, whose directory exists."""
    path = tmp_path / "clu" / "config.toml"
    path.parent.mkdir()
    return path


def clu(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLU, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def nowhere() -> str:
    return "amqp://127.0.0.1:1/"


@pytest.fixture
def apo(config: Path, observatory: Observatory) -> Path:
    """Write a site apo, whose password comes from a variable, and one that cannot be reached."""
    config.write_text(
        f"""
        [sites.apo]
        url = "amqp://guest@127.0.0.1:{observatory.broker.port}/"
        password_env = "APO_PASSWORD"

        [sites.lco]
        url = "{nowhere()}"
        """
    )
    return config


def test_a_site_is_named_before_or_after_the_subcommand_or_in_the_environment(apo: Path) -> None:
    ping = ["camera", "ping"]
    for arguments, variables in (
        (["--site", "apo", "send", *ping], {}),
        (["--site=apo", "send", *ping], {}),
        (["send", "--site", "apo", *ping], {}),
        (["--site", "lco", "send", "--site", "apo", *ping], {}),
        (["send", *ping], {"CLU_SITE": "apo"}),
        (["--site", "apo", "send", *ping], {"CLU_URL": nowhere(), "CLU_SITE": "lco"}),
    ):
        run = clu(*arguments, APO_PASSWORD="guest", **variables)
        assert (run.returncode, run.stdout, run.stderr) == (0, ": text=Pong.\n", ""), arguments


def test_options_and_variables_with_an_address_win_over_a_site(
    apo: Path, observatory: Observatory
) -> None:
    ping = ["camera", "ping"]
    for arguments, variables in (
        (["--site", "lco", "send", "--url", observatory.broker.url, *ping], {}),
        (["--site", "lco", "send", *observatory.options, *ping], {}),
        (["send", *ping], {"CLU_SITE": "lco", "CLU_URL": observatory.broker.url}),
    ):
        run = clu(*arguments, **variables)
        assert (run.returncode, run.stdout) == (0, ": text=Pong.\n"), run.stderr


def test_user_and_password_take_the_place_of_those_of_a_site(apo: Path) -> None:
    run = clu("--site", "apo", "send", "--password", "guest", "camera", "ping")
    assert run.returncode == 0, run.stderr
    run = clu("--site", "apo", "send", "-U", "me", "-P", "s3cret", "camera", "ping")
    assert run.returncode == 3
    assert "amqp://me:******@127.0.0.1" in run.stderr
    assert "s3cret" not in run.stderr


def test_a_site_can_be_used_from_now_on(apo: Path) -> None:
    assert clu("site", "use", "apo").stdout == "apo is used from now on.\n"
    assert clu("send", "camera", "ping", APO_PASSWORD="guest").returncode == 0
    listed = clu("site", "list").stdout.splitlines()
    assert [line[0] for line in listed] == ["*", " "]
    assert clu("site", "use", "--none").stdout == "No site is used.\n"
    assert "*" not in "".join(line[0] for line in clu("site", "list").stdout.splitlines())
    assert clu("site", "use").returncode == 2


def test_a_password_comes_from_a_command_which_is_run_only_when_it_is_needed(
    config: Path, observatory: Observatory, tmp_path: Path
) -> None:
    program = tmp_path / "ask.py"
    program.write_text(
        "import pathlib, sys\n"
        "with (pathlib.Path(__file__).parent / 'asked').open('a') as file: file.write('x')\n"
        "print(sys.argv[1])\n"
    )
    config.write_text(
        f"""
        [sites.apo]
        url = "amqp://127.0.0.1:{observatory.broker.port}/"
        user = "guest"
        password_command = ["{sys.executable}", "{program}", "guest"]
        """
    )
    assert clu("--site", "apo", "send", "camera", "ping").returncode == 0
    assert clu("--site", "apo", "send", observatory.lamp_address, "ping").returncode == 0
    assert clu("site", "list").returncode == 0
    assert (tmp_path / "asked").read_text() == "x"


def test_a_site_has_a_token(config: Path, vault: Lamp) -> None:
    config.write_text(f'[sites.apo]\nurl = "{nowhere()}"\ntoken_env = "APO_TOKEN"\n')
    address = f"tcp://127.0.0.1:{vault.port}"
    run = clu("--site", "apo", "send", address, "ping", APO_TOKEN="s3cret", CLU_TOKEN="other")
    assert (run.returncode, run.stdout) == (0, ": text=Pong.\n"), run.stderr
    run = clu("--site", "apo", "send", "--token", "guess", address, "ping", APO_TOKEN="s3cret")
    assert run.returncode == 3


def test_sites_are_listed_without_passwords(config: Path) -> None:
    config.write_text(
        """
        [sites.apo]
        url = "amqp://me:s3cret@mq1,mq2/observatory"
        token_command = "pass show clu"
        [sites.lco-test]
        url = "amqps://mq.lco.example/"
        password_env = "LCO_PASSWORD"
        """
    )
    run = clu("site", "list")
    assert run.stdout == (
        "  apo       amqp://me:******@mq1,mq2/observatory  (password: in the file, token: "
        "command pass)\n"
        "  lco-test  amqps://mq.lco.example/  (password: variable LCO_PASSWORD)\n"
    )
    sites = json.loads(clu("site", "list", "--json").stdout)
    assert [site["name"] for site in sites] == ["apo", "lco-test"]
    assert sites[0]["url"] == "amqp://me:******@mq1,mq2/observatory"
    assert "s3cret" not in str(sites)


def test_sites_are_tested(apo: Path, observatory: Observatory) -> None:
    run = clu("site", "test", "apo", APO_PASSWORD="guest")
    assert run.returncode == 0
    address = f"amqp://guest:******@127.0.0.1:{observatory.broker.port}/"
    assert run.stdout.startswith(f"apo: connected to {address} in ")
    run = clu("site", "test")
    assert run.returncode == 3
    apo_line, lco_line = run.stderr.splitlines()
    assert apo_line == (
        "apo: The password of the site 'apo' is expected in the variable APO_PASSWORD, which is "
        "not set."
    )
    assert lco_line.startswith("lco: Failed connecting")


def test_the_shell_works_with_a_site(apo: Path) -> None:
    with Terminal("--site", "apo", APO_PASSWORD="guest") as terminal:
        terminal.wait_for("^>")
        terminal.press("camera ping", "Enter")
        terminal.wait_for("Pong")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[sites.apo]\nurl = "amqp://h/"\n[sites.lco\n', "is not TOML: "),
        ('[sites.apo]\nurl = "amqp://h/"\n[sites.lco\n', "(at line 3, column "),
        ("sites = 5", "sites must be tables, such as [sites.apo]."),
        ("[sites.apo]\nuser = 'me'", "[sites.apo]: url is missing."),
        ("[sites.apo]\nurl = 5", "[sites.apo]: url must be a string that is not empty."),
        ("[sites.apo]\nulr = ''", "there is no setting 'ulr'. Did you mean url?"),
        (
            "[sites.apo]\nurl='amqp://h/'\npassword='x'\npassword_env='Y'",
            "give one of password and password_env.",
        ),
        ("[sites.apo]\nurl='http://h/'", "url of the site 'apo' must look like amqp://"),
        (
            "[sites.apo]\nurl='amqp://h/'\npassword_command='no-such-program-here x'",
            "no-such-program-here, cannot be run: No such file",
        ),
        (
            "[sites.apo]\nurl='amqp://h/'\npassword_command='false'",
            "The command for the password of the site 'apo', false, failed with status 1.",
        ),
        (
            "[sites.apo]\nurl='amqp://h/'\npassword_command='true'",
            "printed nothing.",
        ),
        ("[sites.apos]\nurl='amqp://h/'", "There is no site 'apo'. Did you mean apos?"),
        ("[sites.other]\nurl='amqp://h/'", "There is no site 'apo'. Those in "),
        ("", "There is no site 'apo'. There are none: add a table to "),
    ],
)
def test_what_is_wrong_is_said_with_the_place(config: Path, text: str, problem: str) -> None:
    config.write_text(text)
    run = clu("--site", "apo", "send", "camera", "ping")
    assert run.returncode == 2
    assert problem in " ".join(run.stderr.split())
    if "is not TOML" in problem:
        assert str(config) in run.stderr
