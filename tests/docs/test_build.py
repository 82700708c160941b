"""The documentation is built without a warning, and without the network."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import click
import pytest

from clu.cli import main

from .pages import DOCS

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("furo")
pytest.importorskip("sphinx_click")

#: The classes, functions, methods and attributes of the documented API, and classes that are ours.
NAMES = pathlib.Path(__file__).with_name("documented.txt")


def options_of_the_command() -> list[str]:
    """Return the options of ``clu``, as the reference names them: ``clu-send-timeout``."""
    context = click.Context(main)
    found = []
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        found += [
            f"clu-{name}-{max(option.opts, key=len).lstrip('-')}"
            for option in command.params
            if isinstance(option, click.Option)
        ]
    assert "clu-send-timeout" in found
    return found


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    os.environ.get("CLU_NO_EXTENSIONS", "0") not in ("", "0"),
    reason="the pages are the same without the compiled kernels",
)
def test_the_documentation_is_built_without_a_warning(tmp_path: pathlib.Path) -> None:
    html = tmp_path / "html"
    options = ["-q", "-W", "--keep-going", "-n", "-b", "html", "-d", str(tmp_path / "doctrees")]
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(html)],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert (built.returncode, built.stderr) == (0, "")
    reference = "".join(page.read_text() for page in (html / "reference").glob("*.html"))
    for name in NAMES.read_text().split():
        assert f'id="{name}"' in reference, f"{name} is not in the reference"
    for option in options_of_the_command():
        assert f'id="cmdoption-{option}"' in reference, f"{option} is not in the reference"
