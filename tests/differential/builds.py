"""Run scenarios under both interpreters, with each click."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import clu
from tests import recorded_release
from tests.broker import Broker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    #: By side and click, then by scenario.
    Transcripts = dict[tuple[str, str], dict[str, Any]]

HERE = Path(__file__).resolve().parent
RECORDED, OURS = "recorded", "ours"
#: The seconds that all scenarios may take under one interpreter.
LIMIT = 540


@dataclasses.dataclass(frozen=True)
class Build:
    """A clu and a click."""

    side: str
    click: str

    @property
    def python(self) -> str:
        return str(recorded_release.PYTHON) if self.side == RECORDED else sys.executable

    def environment(self, url: str) -> dict[str, str]:
        path = [str(recorded_release.click_folder(self.click)), str(HERE)]
        more = {"RECORDER_BROKER": url, "PYTHONHASHSEED": "0", "COLUMNS": "80"}
        if self.side == OURS and "CLU_NO_EXTENSIONS" in os.environ:
            more["CLU_NO_EXTENSIONS"] = os.environ["CLU_NO_EXTENSIONS"]
        return recorded_release.environment(PYTHONPATH=os.pathsep.join(path), **more)

    def start(self, names: Sequence[str], folder: Path, url: str) -> subprocess.Popen[str]:
        output = folder / f"{self.side}-{self.click}.json"
        with output.with_suffix(".names").open("w+") as stream:
            json.dump(list(names), stream)
            stream.seek(0)
            return subprocess.Popen(
                [self.python, "-m", "recorder", str(output)],
                stdin=stream,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=folder,
                env=self.environment(url),
            )

    def transcripts(self, process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
        output, _ = process.communicate(timeout=LIMIT)
        if process.returncode:
            raise RuntimeError(f"the recorder ended with {process.returncode}:\n{output}")
        text = (folder / f"{self.side}-{self.click}.json").read_text()
        recording: dict[str, Any] = json.loads(text)
        self.check(recording["about"])
        transcripts: dict[str, Any] = recording["transcripts"]
        return transcripts

    def check(self, about: dict[str, str]) -> None:
        """Make sure that it is the clu and the click that it is called."""
        is_recorded = about["version"] == recorded_release.RELEASE
        if is_recorded != (self.side == RECORDED) or about["click"] != self.click:
            raise RuntimeError(f"{self} turns out to be {about}")
        if self.side == OURS and about["file"] != clu.__file__:
            raise RuntimeError(f"the tests use {clu.__file__}, the scenarios {about['file']}")


@contextlib.contextmanager
def broker() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="clu-broker-") as folder:
        server = Broker(Path(folder))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


def record(scenarios: dict[str, Sequence[str]]) -> Transcripts:
    """Run scenarios, given by click; return the transcripts by side and click."""
    builds = [Build(side, click) for click in scenarios for side in (RECORDED, OURS)]
    needs_broker = any(name.startswith("amqp") for names in scenarios.values() for name in names)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(broker()) if needs_broker else ""
        processes = {}
        for build in builds:
            processes[build] = process = build.start(scenarios[build.click], folder, url)
            stack.callback(process.wait)
            stack.callback(process.kill)
        return {
            (build.side, build.click): build.transcripts(process, folder)
            for build, process in processes.items()
        }
