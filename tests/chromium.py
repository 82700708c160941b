"""A headless Chromium for tests, driven through its DevTools, in a directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect

if TYPE_CHECKING:
    import pathlib

_START_LIMIT = 40.0
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--remote-debugging-port=0",
    # A name of somebody else that points here, as in DNS rebinding.
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
)


class Chromium:
    """A browser.

    Parameters
    ----------
    directory
        The directory of its profile.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def start(self) -> None:
        """Start the browser and wait until it listens."""
        names = ("chromium", "chromium-browser", "google-chrome")
        command = next(filter(None, map(shutil.which, names)), None)
        if command is None:
            raise RuntimeError("There is no Chromium: run tests/get_chromium.sh.")
        with (self.directory / "browser.out").open("wb") as output:
            self._process = subprocess.Popen(
                [command, *_OPTIONS, f"--user-data-dir={self.directory}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        told = self.directory / "DevToolsActivePort"
        end = time.monotonic() + _START_LIMIT
        while time.monotonic() < end and self._process.poll() is None:
            if told.exists() and (lines := told.read_text().splitlines()):
                self._port = int(lines[0])
                return
            time.sleep(0.1)
        self.stop()
        log = (self.directory / "browser.out").read_text(errors="replace")
        raise RuntimeError(f"Chromium did not start:\n{log}")

    def stop(self) -> None:
        """Stop the browser and all its child processes."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    async def run(self, url: str, script: str, seconds: float = 20) -> Any:
        """Open a page, and return the value of a script that may await something."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/json/new?{url}", method="PUT"
        )

        def open_page() -> dict[str, Any]:
            with urllib.request.urlopen(request, timeout=seconds) as response:
                page: dict[str, Any] = json.load(response)
                return page

        page = await asyncio.to_thread(open_page)
        return await asyncio.wait_for(self._evaluate(page, script), seconds)

    async def _evaluate(self, page: dict[str, Any], script: str) -> Any:
        async with connect(page["webSocketDebuggerUrl"], max_size=None) as tools:
            evaluate = {"expression": script, "awaitPromise": True, "returnByValue": True}
            answer = await _ask(tools, "Runtime.evaluate", evaluate)
            while "error" in answer:  # the page was not there yet, and now it is
                answer = await _ask(tools, "Runtime.evaluate", evaluate)
            result = answer["result"]
            assert "exceptionDetails" not in result, result
            await _ask(tools, "Page.close", {})
            return result["result"].get("value")


async def _ask(tools: ClientConnection, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
    await tools.send(json.dumps({"id": 1, "method": method, "params": parameters}))
    while True:
        answer: dict[str, Any] = json.loads(await tools.recv())
        if answer.get("id") == 1:
            return answer
