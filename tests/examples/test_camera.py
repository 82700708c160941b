"""The camera and the shutter, which command each other over a real broker."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.broker import free_port

from .running import ROOT, finish, running, start_command

if TYPE_CHECKING:
    from tests.broker import Broker


def test_an_exposure_opens_and_closes_the_shutter_and_stop_aborts_it(broker: Broker) -> None:
    with running("camera", "--url", broker.url) as example:
        expose, stop = example.suggestions
        assert expose.endswith("camera expose 3")
        short, long = (expose.removesuffix("3") + seconds for seconds in ("0.2", "40"))
        replies = ["i state=exposing", "i state=idle", ": image=image-0001.fits"]
        assert finish(start_command(short)) == (0, replies)
        with start_command(long) as exposure:
            assert exposure.stdout is not None
            assert exposure.stdout.readline() == "i state=exposing\n"
            assert finish(start_command(stop)) == (0, ["i shutter=closed", ":"])
            status, lines = finish(exposure)
        assert status == 1
        assert lines == ["i state=idle", 'f error="This command has been cancelled."']
        status, lines = finish(start_command(short))
        assert (status, lines[-1]) == (0, ": image=image-0002.fits")


def test_without_a_broker_it_says_so() -> None:
    url = f"amqp://guest:guest@localhost:{free_port()}/"
    result = subprocess.run(
        [sys.executable, "examples/start.py", "camera", "--url", url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: There is no RabbitMQ at localhost:")
    assert "Traceback" not in result.stderr
