"""Running an actor anew whenever its files change, for those who write it."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import threading

import click

from clu.cli.run.target import CannotRun, Target

__all__ = ["run_and_reload", "watched"]

#: The kinds of files that an actor is made of.
_SUFFIXES = (".py", ".yaml", ".yml", ".json")
#: How long the actor may take to stop, in seconds.
_STOP_LIMIT = 15.0


def watched(target: Target, config: str | None) -> list[pathlib.Path]:
    """Return the folders to watch: that of the file or package, and that of the configuration."""
    place = target.place
    path = target.folder / (place if place.endswith(".py") else place.partition(".")[0])
    folders = [path if path.is_dir() else path.parent]
    if config is not None:
        folders.append(pathlib.Path(config).expanduser().parent)
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def run_and_reload(arguments: list[str], folders: list[pathlib.Path]) -> int:
    """Run ``clu`` with these arguments, and again after each change; return the exit status.

    Raises
    ------
    CannotRun
        If watchfiles is not installed.
    """
    try:
        from watchfiles import watch
    except ImportError:
        raise CannotRun(
            "--reload needs watchfiles: pip install watchfiles, or clu with its extra reload."
        ) from None
    stopped = threading.Event()
    # Ctrl-C reaches the actor by itself; it must not end this process before.
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    process = _start(arguments)
    try:
        for changes in watch(
            *folders,
            watch_filter=lambda _, path: path.endswith(_SUFFIXES),
            stop_event=stopped,
            rust_timeout=200,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            if stopped.is_set():
                break
            if changes:
                names = sorted({os.path.relpath(path) for _, path in changes})
                click.echo(f"{', '.join(names)} changed; starting again.", err=True)
                _stop(process)
                process = _start(arguments)
    finally:
        status = _stop(process)
    return max(status, 0)


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "clu", *arguments])


def _stop(process: subprocess.Popen[bytes]) -> int:
    """Stop the actor in order; return its exit status."""
    process.terminate()
    try:
        return process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
