"""Start an example, and print what to type next.

Run it as ``python examples/start.py camera``, or with ``device``, ``legacy`` or ``web_page``
instead of ``camera``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

import clu

FOLDER = Path(__file__).parent
PYTHON = os.path.relpath(sys.executable)
BROKER = "amqp://guest:guest@localhost:5672/"
AMQP_PORT = 5672


@dataclass
class Example:
    """The commands that an example consists of, the port that it uses, and what to try."""

    commands: list[str]
    try_next: str
    port: int = 0
    needs_broker: bool = False


EXAMPLES = {
    "camera": Example(
        ["camera.py", "shutter.py"],
        "In another terminal, take an exposure of 3 s:\n"
        "    {send} camera expose 3\n"
        "And while it runs, cut off its light in a third:\n"
        "    {send} shutter stop",
        needs_broker=True,
    ),
    "device": Example(
        ["simulated_oven.py {second}", "oven.py {port} {second}"],
        "In another terminal, say\n"
        "    {talk} localhost:{port}\n"
        "and type\n"
        "    1 heat 60\n"
        "    2 help",
        port=9999,
    ),
    "legacy": Example(
        ["hub.py {port} guider={second}", "guider.py {second} {port}"],
        "In another terminal, follow the keywords of the guider while it guides:\n"
        "    {python} {folder}/observe.py {port} 5\n"
        "or say\n"
        "    {talk} localhost:{port}\n"
        "and type\n"
        "    me.me 1 guider guide 3",
        port=6093,
    ),
    "web_page": Example(
        [
            "weather.py",
            "-m clu websocket --port {second} --url {url}",
            "-m http.server {port} --bind localhost",
        ],
        "Open this page in a browser, and close the dome:\n"
        "    http://localhost:{port}/?bridge=ws://localhost:{second}",
        port=8000,
        needs_broker=True,
    ),
}


@click.command()
@click.argument("name", type=click.Choice(list(EXAMPLES)))
@click.option("--port", type=int, help="The first of the two ports that the example uses.")
@click.option(
    "--url",
    default=BROKER,
    envvar="CLU_URL",
    show_default=True,
    help="The address of RabbitMQ.",
)
def start(name: str, port: int | None, url: str) -> None:
    """Start an example, and print what to type next. Ctrl-C stops it."""
    clu.run(run(name, EXAMPLES[name], port, url))


async def run(name: str, example: Example, port: int | None, url: str) -> None:
    """Start the commands of an example one after the other, until one ends or all are stopped."""
    if example.needs_broker:
        await check_broker(url)
    port = port or example.port
    names = {
        "port": port,
        "second": port + 1,
        "url": url,
        "python": PYTHON,
        "talk": f"{PYTHON} -m clu talk",
        "send": f"{PYTHON} -m clu send" + ("" if url == BROKER else f" --url {url}"),
        "folder": os.path.relpath(FOLDER / name),  # noqa: ASYNC240
    }
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows ends the program by itself
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    processes: list[asyncio.subprocess.Process] = []
    try:
        for command in example.commands:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-u",
                *shlex.split(command.format(**names)),
                cwd=FOLDER / name,
                env={**os.environ, "CLU_URL": url},
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for this program, which stops them
            )
            processes.append(process)
            await show_line(process)
        print(f"\n{example.try_next.format(**names)}\n\nCtrl-C stops it.", flush=True)
        await asyncio.gather(*map(show_lines, processes))
    except asyncio.CancelledError:
        pass
    finally:
        for process in reversed(processes):
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def show_line(process: asyncio.subprocess.Process) -> None:
    """Print the line with which a process reports that it is ready."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise click.ClickException("A process of the example has ended: see above.")
    print(line.decode(), end="", flush=True)


async def show_lines(process: asyncio.subprocess.Process) -> None:
    """Print the output of a process."""
    while True:
        await show_line(process)


async def check_broker(url: str) -> None:
    """Stop with an explanation when there is no broker."""
    address = urlsplit(url)
    host, port = address.hostname or "localhost", address.port or AMQP_PORT
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        raise click.ClickException(
            f"There is no RabbitMQ at {host}:{port}. Install it (Debian: sudo apt-get install "
            "rabbitmq-server), or say where it is with --url. The example camera needs none: "
            "clu run --memory examples/camera/camera.py examples/camera/shutter.py"
        ) from None
    writer.close()


if __name__ == "__main__":
    start()
