"""The documentation is built without a warning, and without the network."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from .pages import DOCS

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("furo")

#: The classes and functions of the documented API, and those that are ours.
NAMES = pathlib.Path(__file__).with_name("documented.txt")


@pytest.mark.timeout(180)
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
        timeout=170,
    )
    assert (built.returncode, built.stderr) == (0, "")
    reference = "".join(page.read_text() for page in (html / "reference").glob("*.html"))
    for name in NAMES.read_text().split():
        assert f'id="{name}"' in reference, f"{name} is not in the reference"
