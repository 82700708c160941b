"""The stack of click contexts, in a process that runs commands for the first time."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, threading
import click
from clu import JSONActor, Command
from clu.parsers.click import command_parser

seen = []

@command_parser.command()
async def look(command):
    seen.append(click.get_current_context().info_name)
    command.finish()

async def use_actor():
    actor = JSONActor("camera", port=0)
    await Command("look", actor=actor).parse()
    seen.append(click.get_current_context().info_name)

@click.group()
def cli():
    pass

@cli.command()
@click.pass_context
def main(ctx):
    asyncio.run(use_actor())
    assert click.get_current_context() is ctx
    thread = threading.Thread(target=lambda: seen.append(click.get_current_context(silent=True)))
    thread.start()
    thread.join()
    asyncio.run(use_actor())

cli(["main"], standalone_mode=False)
assert click.get_current_context(silent=True) is None
print(seen)
"""


def test_a_click_program_may_run_actors() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=50, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "['look', 'main', None, 'look', 'main']"
