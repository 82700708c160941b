"""What differs between actors that speak different protocols."""

from __future__ import annotations

import dataclasses

__all__ = ["TRANSPORTS", "Transport"]

_PORT = 9999
_LISTENS = f"host: localhost  # '' is all addresses\n  port: {_PORT}"


@dataclasses.dataclass(frozen=True)
class Transport:
    """A protocol of actors.

    Parameters
    ----------
    title
        Its name for people.
    base
        The class of actors in the package clu.
    settings
        The lines of the configuration that tell where the actor is reached.
    hint
        How to send a first command to the actor ``{actor}``.
    session
        A session in a terminal with two commands.
    run_command
        How a test runs the command ``text``.
    after
        The other service that the actor needs.
    extra
        The further files: their paths, and the names of their templates.
    """

    title: str
    base: str
    settings: str
    hint: str
    session: str
    run_command: str = "await actor.invoke_mock_command(text)"
    after: str = ""
    extra: tuple[tuple[str, str], ...] = ()


TRANSPORTS = {
    "tcp": Transport(
        title="JSON over TCP",
        base="JSONActor",
        settings=_LISTENS,
        hint=f"clu send tcp://localhost:{_PORT} move 5    (in another terminal)",
        session=f"$ clu send tcp://localhost:{_PORT} move 5\n"
        f"$ clu send tcp://localhost:{_PORT} status",
    ),
    "amqp": Transport(
        title="AMQP over RabbitMQ",
        base="AMQPActor",
        settings="url: amqp://guest:guest@localhost:5672/",
        hint="clu send {actor} move 5    (in another terminal)",
        session="$ clu send {actor} move 5\n$ clu send {actor} status",
        run_command="await (await actor.invoke_mock_command(text))",
        after=" rabbitmq-server.service",
    ),
    "legacy": Transport(
        title="the legacy protocol over TCP",
        base="LegacyActor",
        settings=f"{_LISTENS}\n  # tron: {{host: hub.example, port: 6093}}  # the hub",
        hint=f"clu talk localhost:{_PORT}    (in another terminal; then type: 1 move 5)",
        session=f"$ clu talk localhost:{_PORT}\n1 move 5\n2 status",
        extra=(
            ("actorkeys/__init__.py", "actorkeys_init.py"),
            ("actorkeys/$package.py", "actorkeys.py"),
            ("tests/test_actorkeys.py", "test_actorkeys.py"),
        ),
    ),
}
