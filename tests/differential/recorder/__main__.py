"""Run scenarios, each in a process of its own: `python -m recorder OUTPUT < names`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import pathlib
import signal
import sys
import time
from typing import Any

from . import registry
from .transcript import Transcript, run

#: The seconds that a scenario may take.
LIMIT = 25.0
#: What imports most of what there is.
WARMING = ("write.json.message_string", "amqp.ping", "tcp.json.ping")
#: Packages of which nothing remembers anything.
WARM_PACKAGES = (
    *("aio_pika", "aiormq", "pamqp", "yarl", "multidict", "propcache", "pydantic", "pydantic_core"),
    *("sdsstools", "yaml", "jsonschema", "jsonschema_specifications", "referencing", "rpds"),
    *("rich", "pygments", "click", "click_aliases", "click_default_group", "unclick", "attr"),
    *("orjson", "fastjsonschema", "typing_extensions", "json", "urllib", "ssl", "websockets"),
    *("importlib", "unittest", "markdown_it", "mdurl", "exceptiongroup", "idna", "attrs"),
)
WORKERS = int(os.environ.get("RECORDER_WORKERS", "2"))


def play(name: str) -> dict[str, Any]:
    """Run a scenario here."""
    transcript = Transcript()
    transcript.listen()
    asyncio.run(run(registry.SCENARIOS[name], transcript))
    return transcript.result()


def warm_up(folder: pathlib.Path) -> None:
    """Import what scenarios import on their way, so that not each process has to."""
    names = [name for name in WARMING if name in registry.SCENARIOS]
    for number, name in enumerate(names):
        path = folder / f"warm-{number}"
        output = os.open(path, os.O_CREAT | os.O_WRONLY)
        pid = os.fork()
        if pid == 0:
            child(name, output, only_modules=True)
        os.close(output)
        os.waitpid(pid, 0)
        for module in json.loads(path.read_text()):
            with contextlib.suppress(Exception):
                importlib.import_module(module)


def child(name: str, output: int, only_modules: bool = False) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1) if os.environ.get("RECORDER_SHOW") else (0, 1, 2):
        os.dup2(null, number)
    before = set(sys.modules)
    try:
        answer = json.dumps(play(name))
        if only_modules:
            new = [module for module in sys.modules if module not in before]
            answer = json.dumps([m for m in new if m.partition(".")[0] in WARM_PACKAGES])
    except BaseException as error:
        answer = json.dumps({"events": [["<the process>", f"{type(error).__name__}: {error}"]]})
    with os.fdopen(output, "w") as stream:
        stream.write(answer)
    os._exit(0)


def start(name: str, folder: pathlib.Path) -> tuple[int, pathlib.Path, float]:
    path = folder / f"{len(os.listdir(folder))}.json"
    output = os.open(path, os.O_CREAT | os.O_WRONLY)
    pid = os.fork()
    if pid == 0:
        child(name, output)
    os.close(output)
    return pid, path, time.monotonic() + LIMIT


def main() -> None:
    output = pathlib.Path(sys.argv[1])
    folder = output.with_suffix(".parts")
    folder.mkdir()
    registry.load()
    names = json.load(sys.stdin)
    warm_up(folder)
    gc.freeze()
    transcripts: dict[str, Any] = {}
    running: dict[str, tuple[int, pathlib.Path, float]] = {}
    waiting = list(reversed(names))
    while waiting or running:
        while waiting and len(running) < WORKERS:
            name = waiting.pop()
            running[name] = start(name, folder)
        for name, (pid, path, end) in list(running.items()):
            ended, _ = os.waitpid(pid, os.WNOHANG)
            if not ended and time.monotonic() > end:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            elif not ended:
                continue
            del running[name]
            text = path.read_text()
            transcripts[name] = json.loads(text) if text else {"events": [["<hangs>", True]]}
        time.sleep(0.004)
    import clu

    about = {"version": clu.__version__, "file": clu.__file__, "click": _click_version()}
    output.write_text(json.dumps({"about": about, "transcripts": transcripts}))


def _click_version() -> str:
    from importlib.metadata import version

    return version("click")


if __name__ == "__main__":
    main()
