"""The camera and the shutter, which command each other over a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.broker import free_port

from .running import ROOT, finish, running, start_command

if TYPE_CHECKING:
    from tests.broker import Broker


def test_an_exposure_opens_and_closes_the_shutter_and_stop_aborts_it(broker: Broker) -> None:
    environment = {**os.environ, "CLU_URL": broker.url}
    with running("camera", "--url", broker.url) as example:
        expose, stop = example.suggestions
        assert expose.endswith("camera expose 3")
        short = expose.removesuffix("3") + "0.2"
        assert finish(start_command(short, **environment)) == (
            0,
            ["camera: state = exposing", "camera: state = idle", "camera: image = image-0001.fits"],
        )
        with start_command(expose.removesuffix("3") + "40", **environment) as exposure:
            assert exposure.stdout is not None
            assert exposure.stdout.readline() == "camera: state = exposing\n"
            assert finish(start_command(stop, **environment)) == (0, ["shutter: shutter = closed"])
            status, lines = finish(exposure)
        assert status == 1
        assert lines[0] == "camera: state = idle"
        assert "cancelled" in lines[-1]
        status, lines = finish(start_command(short, **environment))
        assert (status, lines[-1]) == (0, "camera: image = image-0002.fits")


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
