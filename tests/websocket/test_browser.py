"""Pages in a real browser that talk to the websocket bridge."""

from __future__ import annotations

import asyncio
import functools
import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect

from clu.websocket import WebsocketServer
from tests.chromium import Chromium

from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.amqp.actors import Camera
    from tests.broker import Broker

PAGE = """<!doctype html>
<title>Camera</title>
<p id="state">connecting</p>
<p id="origin"></p>
<p id="reply"></p>
<p id="number"></p>
<p id="error"></p>
<script>
const show = (name, text) => document.getElementById(name).textContent = text;
const parameters = new URLSearchParams(location.search);
const socket = new WebSocket(parameters.get("bridge"));
show("origin", location.origin);
socket.onopen = () => {
  show("state", "open");
  socket.send(JSON.stringify(
    {consumer: "camera", command_string: "ping", command_id: "from the page"}));
  socket.send("garbage");
};
socket.onclose = (event) => show("state", `closed with ${event.code} ${event.reason}`);
socket.onmessage = (event) => {
  const message = JSON.parse(event.data);
  if (message.error) show("error", message.error);
  else if ("number" in message.body) show("number", `number: ${message.body.number}`);
  else if (message.headers.command_id === "from the page" && message.headers.message_code === ":")
    show("reply", `${message.headers.sender}: ${message.body.text}`);
};
</script>
"""

#: Waits for the texts of the page to say something, and returns them.
LOOK = """(async () => {
  const texts = () => Object.fromEntries(
    [...document.querySelectorAll("p")].map((element) => [element.id, element.textContent]));
  const isThere = () => { const t = texts(); return t.state && (%s); };
  while (document.readyState !== "complete" || !isThere())
    await new Promise((resolve) => setTimeout(resolve, 20));
  return texts();
})()"""


class PageHandler(http.server.BaseHTTPRequestHandler):
    """Serves the page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """A server of the page, and its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), PageHandler) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    browser.start()
    yield browser
    browser.stop()


async def test_page_sends_a_command_and_shows_the_reply(
    broker: Broker, camera: Camera, chromium: Chromium, pages: int
) -> None:
    async with WebsocketServer(wport=0, url=broker.url, token="s3cret+1") as bridge:
        address = f"{bridge.address}/?token=s3cret%252B1"
        page = f"http://localhost:{pages}/?bridge={address}"
        texts = await chromium.run(page, LOOK % "t.reply && t.error")
    assert texts["state"] == "open"
    assert texts["origin"] == f"http://localhost:{pages}"
    assert texts["reply"] == "camera: Pong."
    assert texts["error"].startswith("The message is not JSON")


async def test_page_can_parse_a_reply_with_nan(
    broker: Broker, camera: Camera, chromium: Chromium, pages: int
) -> None:
    async with WebsocketServer(wport=0, url=broker.url) as bridge:
        page = f"http://localhost:{pages}/?bridge={bridge.address}"
        watching = asyncio.ensure_future(chromium.run(page, LOOK % "t.number"))
        await until(lambda: bridge.wclients, 20)
        camera.write("i", number=float("nan"), validate=False)
        assert (await watching)["number"] == "number: null"


async def test_page_is_informed_when_the_bridge_stops(
    broker: Broker, chromium: Chromium, pages: int
) -> None:
    async with WebsocketServer(wport=0, url=broker.url) as bridge:
        page = f"http://localhost:{pages}/?bridge={bridge.address}"
        script = LOOK % "t.state.startsWith('closed')"
        watching = asyncio.ensure_future(chromium.run(page, script))
        await until(lambda: bridge.wclients, 20)
    assert (await watching)["state"] == "closed with 1001 "


async def test_page_over_the_limit_is_closed(
    broker: Broker, chromium: Chromium, pages: int
) -> None:
    async with (
        WebsocketServer(wport=0, url=broker.url, max_connections=1) as bridge,
        connect(bridge.address),
    ):
        page = f"http://localhost:{pages}/?bridge={bridge.address}"
        texts = await chromium.run(page, LOOK % "t.state.startsWith('closed')")
    reason = "The limit of 1 clients has been reached."
    assert texts["state"] == f"closed with 1013 {reason}"
    assert texts["error"] == reason


async def test_page_of_somebody_else_is_kept_out(
    broker: Broker, chromium: Chromium, pages: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with WebsocketServer(wport=0, url=broker.url) as bridge:
        for host in ("localhost", "evil.example"):  # the second points here, as ours does
            address = f"ws://{host}:{bridge.wport}"
            page = f"http://evil.example:{pages}/?bridge={address}"
            texts = await chromium.run(page, LOOK % "t.state !== 'connecting'")
            assert texts["state"] == "closed with 1006 "
    assert f"Pages from 'http://evil.example:{pages}' may not connect here." in caplog.text


async def test_allowed_page_of_somebody_else_is_let_in(
    broker: Broker, camera: Camera, chromium: Chromium, pages: int
) -> None:
    origin = f"http://evil.example:{pages}"
    async with WebsocketServer(wport=0, url=broker.url, allowed_origins=[origin]) as bridge:
        page = f"{origin}/?bridge={bridge.address}"
        texts = await chromium.run(page, LOOK % "t.reply")
    assert (texts["origin"], texts["reply"]) == (origin, "camera: Pong.")
