"""``clu run``: runs an actor until it is told to stop."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from clu._core.run import run
from clu._core.top_level import describe, is_debugging
from clu.cli.common.connection import Outcome
from clu.cli.run.reload import run_and_reload, watched
from clu.cli.run.serve import serve
from clu.cli.run.settings import make_actor, parse_setting
from clu.cli.run.target import CannotRun, Target
from clu.exceptions import CluConnectionError, CluError, CluValueError, ConfigurationError

if TYPE_CHECKING:
    from clu.base import BaseActor

__all__ = ["command"]

_LEVELS = ("debug", "info", "warning", "error")
_FAILED = 1
_BAD_INPUT = 2


@click.command(name="run")
@click.option(
    "--config",
    type=click.Path(),
    metavar="FILE",
    help="The YAML file of the actor's configuration.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="An argument of the actor, or a value to change in the configuration. Dots separate "
    "nested keys, and the value is YAML. Can be repeated.",
)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    help="The lowest level of the messages that are shown.",
)
@click.option(
    "--log-file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Also log everything to this file.",
)
@click.option(
    "--reload",
    is_flag=True,
    help="Start the actor again whenever its files change, for those who write it.",
)
@click.option(
    "--memory",
    is_flag=True,
    help="Run one or several actors on a broker in memory, with a shell for them: nothing needs to "
    "be installed, and no other program reaches them.",
)
@click.argument("targets", metavar="[ACTOR]...", nargs=-1)
def command(
    config: str | None,
    settings: tuple[str, ...],
    log_level: str | None,
    log_file: str | None,
    reload: bool,
    memory: bool,
    targets: tuple[str, ...],
) -> None:
    """Run an actor until Ctrl-C, or until it is told to stop.

    ACTOR is a class of actors, an actor, or a function that returns one, in a module or a file:
    camera.actor:Camera or camera.py:Camera. Without a name it is the only one in there. Without
    ACTOR it is that of the project in this folder or one above, with its configuration: what
    its pyproject.toml says in [tool.clu] as actor and config.

    \b
    clu run
    clu run camera.py --set name=camera --set port=9999
    clu run camera.actor:Camera --config camera.yaml --set actor.port=9998
    clu run --memory camera.py shutter.py

    Ctrl-C and SIGTERM stop it in order: its running commands are cancelled, and those who wait
    are told. A second Ctrl-C ends it at once. As a service of systemd of the type notify it
    tells when it is ready.

    \b
    The exit status is
      0    it was stopped, or ended by itself
      1    it failed, or could not be started
      2    the arguments or the configuration are not valid
      3    the broker cannot be reached
      130  Ctrl-C ended it while it was stopping
    """  # noqa: D301
    parsed = [parse_setting(text) for text in settings]
    _check_together(targets, memory, reload, bool(config or settings))
    wanted, config = _wanted(targets, config)
    if reload:
        arguments = [word for word in sys.argv[1:] if word != "--reload"]
        raise click.exceptions.Exit(run_and_reload(arguments, watched(wanted[0], config)))

    def make(target: Target) -> BaseActor:
        actor = make_actor(target.find(), config, parsed, target.stem)
        _set_up_log(actor, log_level, log_file)
        return actor

    try:
        if memory:
            from clu.cli.run.memory import serve_in_memory

            run(serve_in_memory(lambda: {make(target): target.module for target in wanted}))
        else:
            run(serve(lambda: make(wanted[0])))
    except KeyboardInterrupt:  # where there are no signal handlers
        return
    except click.ClickException:
        raise
    except Exception as error:
        if is_debugging():
            raise
        click.echo(f"Error: {describe(error)}", err=True)
        if not isinstance(error, CluError):
            click.echo("CLU_DEBUG=1 shows the traceback.", err=True)
        raise click.exceptions.Exit(_status_of(error)) from None


def _check_together(
    targets: tuple[str, ...], memory: bool, reload: bool, is_configured: bool
) -> None:
    if targets[1:] and not memory:
        raise CannotRun("Run each actor with a clu run of its own, or several with --memory.")
    if targets[1:] and is_configured:
        raise CannotRun("--config and --set are for a single actor.")
    if memory and reload:
        raise CannotRun("Use either --memory or --reload, not both.")


def _wanted(targets: tuple[str, ...], config: str | None) -> tuple[list[Target], str | None]:
    """Return the actors to run and the configuration: what is given, or those of the project."""
    if targets:
        return [Target(target) for target in targets], config
    from clu.cli.run.project import find_project

    project = find_project()
    return [Target(project.actor, project.folder)], project.config if config is None else config


def _status_of(error: Exception) -> int:
    if isinstance(error, (ConfigurationError, CluValueError)):
        return _BAD_INPUT
    return int(Outcome.UNREACHABLE) if isinstance(error, CluConnectionError) else _FAILED


def _set_up_log(actor: BaseActor, level: str | None, path: str | None) -> None:
    if level is not None and actor.log.sh is not None:
        actor.log.sh.setLevel(getattr(logging, level.upper()))
    if path is not None:
        from clu._core.logging import log_to_file

        log_to_file(actor.log, path)
