"""Programs with an actor in an interpreter of their own, and how they end."""

from __future__ import annotations

import subprocess
import sys

#: Puts ``run`` of an event loop before a program, and takes the name of the loop away from it.
_LOOP = """
import asyncio, sys, clu

if sys.argv.pop(1) == "uvloop":
    from uvloop import run
else:
    from asyncio import run
"""

#: The commands of an actor that are interrupted.
_INTERRUPTED = """
import click
from clu.parsers.click import CluGroup

@click.group(cls=CluGroup)
def parser(*args): ...

@parser.command()
def sync(command):
    raise KeyboardInterrupt

@parser.command(name="async")
async def async_(command):
    await asyncio.sleep(0)
    raise KeyboardInterrupt

{main}

try:
    run(main())
except KeyboardInterrupt:
    print("interrupted")
"""

_ENDING = """
{main}

try:
    run(main())
except asyncio.CancelledError:
    pass
"""


def check_interrupt(main: str, loop: str, *arguments: str) -> None:
    """Check that ``KeyboardInterrupt`` in a command ends a program.

    Parameters
    ----------
    main
        The source of ``main``, which has an actor of ``parser`` run ``sync`` or ``async``, and
        prints something if it continues after that.
    loop
        The name of the event loop.
    arguments
        ``sys.argv[1:]``.
    """
    result = _run(_INTERRUPTED.format(main=main), loop, *arguments)
    assert result.stdout == "interrupted\n", result.stderr


def check_end(main: str, loop: str, *arguments: str) -> None:
    """Check that an interpreter ends without a warning about what a program has left.

    Parameters
    ----------
    main
        The source of ``main``, which may be cancelled.
    loop
        The name of the event loop.
    arguments
        ``sys.argv[1:]``.
    """
    result = _run(_ENDING.format(main=main), loop, *arguments)
    complaints = [line for line in result.stderr.splitlines() if "sdsstools" not in line]
    assert "Traceback" not in result.stderr, result.stderr
    assert not [line for line in complaints if "never" in line or "destroyed" in line], complaints
    assert result.returncode == 0, result.stderr


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", _LOOP + program, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
