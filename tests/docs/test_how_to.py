"""What the how-to pages show, but a session cannot: a unit of systemd, a hub, a browser."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from clu import AMQPClient
from clu.testing import Hub
from clu.websocket import WebsocketServer
from tests.broker import free_port
from tests.chromium import Chromium

from .pages import DOCS
from .test_wire import SCHEMA, AMQPStage, started

if TYPE_CHECKING:
    import pathlib

    from tests.broker import Broker

EXAMPLES = DOCS / "examples" / "how-to"
_LIMIT = 20.0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_the_unit_is_valid(tmp_path: pathlib.Path) -> None:
    text = (EXAMPLES / "stage.service").read_text()
    unit = tmp_path / "stage.service"
    unit.write_text(text.replace("/opt/stage/venv/bin/clu", os.path.realpath(sys.executable)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


async def test_the_service_runs_and_stops_in_order(broker: Broker, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "logs"
    service = subprocess.Popen(
        [sys.executable, "-m", "clu", "run", f"{EXAMPLES / 'service.py'}:make_stage"],
        env={**os.environ, "CLU_URL": broker.url, "LOGS_DIRECTORY": str(log)},
        stderr=subprocess.PIPE,
    )
    try:
        async with AMQPClient("test_of_the_service", url=broker.url) as client:
            end = time.monotonic() + _LIMIT
            while (await client.send_command("stage", "ping")).status.did_fail:
                assert time.monotonic() < end
                await asyncio.sleep(0.1)
        service.send_signal(signal.SIGTERM)
        errors = await asyncio.to_thread(service.communicate, timeout=_LIMIT)
    finally:
        service.kill()
    assert service.returncode == 0, errors
    assert (log / "stage.log").exists()


async def test_an_actor_behind_a_hub_commands_others(tmp_path: pathlib.Path) -> None:
    port = free_port()
    async with Hub() as hub:
        hub.add_actor("stage", port)
        text = (EXAMPLES / "hub_actor.py").read_text()
        script = tmp_path / "hub_actor.py"
        script.write_text(text.replace("9999", str(port)).replace("6093", str(hub.port)))
        actor = subprocess.Popen([sys.executable, str(script)])
        try:
            await _until(lambda: hub.commands("hub") == ["hub startNubs stage"])
            reader, writer = await _connect(port)
            writer.write(b"1 observe\n")
            await _until(lambda: hub.commands("camera") == ["camera expose 5"])
            seen = b""
            while b" 1 f " not in seen:
                seen = await asyncio.wait_for(reader.readline(), _LIMIT)
            writer.close()
        finally:
            actor.kill()
            actor.wait()
    assert seen.endswith(b'1 f error="The camera did not expose."\n')


async def test_the_page_follows_the_stage(broker: Broker, tmp_path: pathlib.Path) -> None:
    stage = AMQPStage("stage", url=broker.url, schema=SCHEMA)
    bridge = WebsocketServer(wport=0, url=broker.url, allowed_origins=["null"])
    browser = Chromium(tmp_path)
    page = tmp_path / "page.html"
    async with started(stage), started(bridge):
        await asyncio.to_thread(browser.start)
        try:
            text = (EXAMPLES / "page.html").read_text()
            page.write_text(text.replace("localhost:9876", f"localhost:{bridge.wport}"))
            position = await browser.run(page.as_uri(), _CLICK)
        finally:
            browser.stop()
    assert position == "5"


#: Waits for the answer to the ping of the page, clicks, and waits for the stage to be there.
_CLICK = """(async () => {
  const shows = (id, text) => document.getElementById(id)?.textContent.includes(text);
  const until = async (holds) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await until(() => document.readyState === "complete" && shows("log", "Pong."));
  document.querySelector("button").click();
  await until(() => shows("log", "The stage is there."));
  return document.getElementById("position").textContent;
})()"""


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("localhost", port)


async def _until(holds: object) -> None:
    end = time.monotonic() + _LIMIT
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
