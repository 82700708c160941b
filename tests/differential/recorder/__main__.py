"""Run scenarios, each in a process of its own: `python -m recorder OUTPUT < names`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import itertools
import json
import logging
import os
import pathlib
import signal
import sys
import time
from typing import Any

import click

from . import registry
from .describe import HIDDEN
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
#: What needs a process of its own: it changes modules, ends the process, or uses sockets.
ALONE = (
    *("amqp", "tcp", "tron", "legacy_hub", "server", "device", "patch", "own_log", "uncaught"),
    *(
        "log_dir",
        "keys_dictionary",
        "click.error",
        "reliance",
        "issue",
        "timed",
        "reconn",
        "overridden.",
        "click.builtin_m",
    ),
)
TOGETHER = int(os.environ.get("RECORDER_TOGETHER", "20"))
WORKERS = int(os.environ.get("RECORDER_WORKERS", "3"))


def play(name: str) -> dict[str, Any]:
    """Run a scenario here."""
    before = set(logging.Logger.manager.loggerDict)
    handlers = list(logging.getLogger().handlers)
    HIDDEN.clear()
    transcript = Transcript()
    transcript.listen()
    asyncio.run(run(registry.SCENARIOS[name], transcript))
    gc.collect()  # what was never awaited or looked at is told of now
    while click.get_current_context(silent=True):
        click.globals.pop_context()
    result = transcript.result()
    logging.getLogger().handlers[:] = handlers
    for logger in set(logging.Logger.manager.loggerDict) - before:
        del logging.Logger.manager.loggerDict[logger]
    return result


def warm_up(folder: pathlib.Path) -> None:
    """Import what scenarios import on their way, so that not each process has to."""
    names = [name for name in WARMING if name in registry.SCENARIOS]
    for number, name in enumerate(names):
        path = folder / f"warm-{number}"
        output = os.open(path, os.O_CREAT | os.O_WRONLY)
        pid = os.fork()
        if pid == 0:
            child([name], output, only_modules=True)
        os.close(output)
        os.waitpid(pid, 0)
        for module in json.loads(path.read_text()):
            with contextlib.suppress(Exception):
                importlib.import_module(module)


def child(names: list[str], output: int, only_modules: bool = False) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1) if os.environ.get("RECORDER_SHOW") else (0, 1, 2):
        os.dup2(null, number)
    before = set(sys.modules)
    with os.fdopen(output, "w") as stream:
        for name in names:
            try:
                transcript = play(name)
            except BaseException as error:
                transcript = {"events": [["<the process>", f"{type(error).__name__}: {error}"]]}
            if only_modules:
                new = [module for module in sys.modules if module not in before]
                transcript = [m for m in new if m.partition(".")[0] in WARM_PACKAGES]
            stream.write(json.dumps(transcript) + "\n")
            stream.flush()
    os._exit(0)


class Batch:
    """A process that runs scenarios one after the other."""

    def __init__(self, names: list[str], path: pathlib.Path) -> None:
        self.names, self.path = names, path
        output = os.open(path, os.O_CREAT | os.O_WRONLY)
        self.pid = os.fork()
        if self.pid == 0:
            child(names, output)
        os.close(output)
        self.end = time.monotonic() + LIMIT

    def has_ended(self) -> bool:
        ended, _ = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            return True
        if time.monotonic() < self.end:
            return False
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return True

    def transcripts(self) -> dict[str, Any]:
        """Return those that were completed."""
        lines = self.path.read_text().splitlines()
        return {name: json.loads(line) for name, line in zip(self.names, lines)}  # noqa: B905


def batches(names: list[str]) -> list[list[str]]:
    """Put scenarios that leave nothing behind together, some twenty in a process."""
    groups: dict[str, list[str]] = {}
    for name in names:
        key = name if name.startswith(ALONE) else name.partition(".")[0]
        groups.setdefault(key, []).append(name)
    return [
        group[start : start + TOGETHER]
        for group in groups.values()
        for start in range(0, len(group), TOGETHER)
    ]


def main() -> None:
    output = pathlib.Path(sys.argv[1])
    folder = output.with_suffix(".parts")
    folder.mkdir()
    registry.load()
    names = json.load(sys.stdin)
    warm_up(folder)
    gc.freeze()
    transcripts: dict[str, Any] = {}
    running: list[Batch] = []
    waiting = batches(names)
    numbers = itertools.count()
    while waiting or running:
        while waiting and len(running) < WORKERS:
            running.append(Batch(waiting.pop(0), folder / f"{next(numbers)}"))
        for batch in [batch for batch in running if batch.has_ended()]:
            running.remove(batch)
            transcripts |= batch.transcripts()
            missing = [name for name in batch.names if name not in transcripts]
            if missing and len(batch.names) == 1:
                transcripts[missing[0]] = {"events": [["<hangs or dies>", True]]}
            else:
                waiting.extend([name] for name in missing)
        time.sleep(0.004)
    import clu

    about = {"version": clu.__version__, "file": clu.__file__, "click": _click_version()}
    output.write_text(json.dumps({"about": about, "transcripts": transcripts}))


def _click_version() -> str:
    from importlib.metadata import version

    return version("click")


if __name__ == "__main__":
    main()
