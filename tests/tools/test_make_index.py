"""The package index, as pip reads it."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Run

VERSION = "2.6.1+fast.7"
WHEEL = f"sdss_clu-{VERSION}-py3-none-any.whl"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of `tmp_path`."""
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def make_wheel(path: Path) -> str:
    """Write a wheel with nothing in it, and return its checksum."""
    info = f"sdss_clu-{VERSION}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: sdss-clu\nVersion: {VERSION}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_releases(path: Path, address: str, digest: str | None) -> Path:
    asset = {"name": WHEEL, "browser_download_url": f"{address}/files/{WHEEL}", "digest": digest}
    sums = {"name": "SHA256SUMS", "browser_download_url": address, "digest": None}
    draft = {"draft": True, "assets": [{**asset, "name": "sdss_clu-9-py3-none-any.whl"}]}
    path.write_text(json.dumps([[{"draft": False, "assets": [asset, sums]}], [draft]]))
    return path


def pip_download(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    return subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "pip", "download", "--no-deps"),
            *("--no-cache-dir", "--disable-pip-version-check", "-d", str(folder)),
            *("-i", f"{address}/simple/", "sdss-clu"),
        ],
        env={**environment, "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_pip_finds_the_files_of_releases_and_checks_them(
    run_tool: Run, server: str, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    checksum = make_wheel(tmp_path / "files" / WHEEL)
    releases = make_releases(tmp_path / "releases.json", server, f"sha256:{checksum}")
    assert run_tool("make_index.py", releases, tmp_path / "simple").returncode == 0
    result = pip_download(server, tmp_path / "got")
    assert result.returncode == 0, result.stderr
    assert [path.name for path in (tmp_path / "got").iterdir()] == [WHEEL]
    (tmp_path / "files" / WHEEL).write_bytes(b"something else")
    result = pip_download(server, tmp_path / "changed")
    assert result.returncode == 1
    assert "DO NOT MATCH THE HASHES" in result.stderr


def test_a_file_without_a_checksum_is_refused(run_tool: Run, tmp_path: Path) -> None:
    releases = make_releases(tmp_path / "releases.json", "https://example.org", "md5:0")
    result = run_tool("make_index.py", releases, tmp_path / "simple")
    assert result.returncode == 1
    assert f"{WHEEL} has no SHA-256 checksum" in result.stderr
