"""The web page in a real browser, on the websocket bridge and a real broker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("websockets")

from tests.chromium import Chromium

from .running import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.broker import Broker

#: Waits for the station's first report, closes the dome with the page's button, and looks.
CLOSE_THE_DOME = """(async () => {
  const text = (id) => document.getElementById(id)?.textContent;
  const until = async (done) => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await until(() => text("dome") === "open");
  [...document.querySelectorAll("button")].find((b) => b.dataset.command === "dome closed").click();
  await until(() => text("dome") === "closed");
  return Object.fromEntries(["connection", "temperature", "wind", "dome", "error"].map(
    (id) => [id, text(id)]));
})()"""

#: Sends a command that the station does not have.
SEND_NONSENSE = """(async () => {
  const text = (id) => document.getElementById(id)?.textContent;
  const until = async (done) => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await until(() => text("connection") === "connected");
  const button = document.querySelector("button");
  button.dataset.command = "<b>nonsense</b>";
  button.click();
  await until(() => text("error"));
  return text("error");
})()"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    browser.start()
    yield browser
    browser.stop()


async def test_the_page_shows_the_weather_and_closes_the_dome(
    broker: Broker, chromium: Chromium
) -> None:
    with running("web_page", "--url", broker.url) as example:
        (page,) = example.suggestions
        shown = await chromium.run(page, CLOSE_THE_DOME)
        error = await chromium.run(page, SEND_NONSENSE)
    assert (shown["connection"], shown["dome"], shown["error"]) == ("connected", "closed", "")
    assert re.fullmatch(r"-?\d+(\.\d)?", shown["temperature"])
    assert re.fullmatch(r"-?\d+(\.\d)?", shown["wind"])
    assert error == "Command '<b>nonsense</b>' does not exist or cannot be parsed."
