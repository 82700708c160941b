"""What an actor tells about its keywords and commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from clu.cli.common.command_models import CommandModels
from clu.cli.common.commands import CommandHelp, commands_of
from clu.cli.common.connection import CannotConnect, Outcome
from clu.cli.common.keywords import Keyword, decoded_schema, keywords_of
from clu.cli.common.rendering import printable

if TYPE_CHECKING:
    from clu.cli.common.connection import Connection, Result

__all__ = ["Answers", "Description", "ask", "describe"]


@dataclass
class Description:
    """The keywords and the commands of an actor.

    Attributes
    ----------
    actor
        Its name.
    keywords
        Its keywords, or None if it does not tell.
    commands
        Its commands, or None if it does not tell.
    problems
        Why it does not tell.
    """

    actor: str
    keywords: list[Keyword] | None = None
    commands: list[CommandHelp] | None = None
    problems: list[str] = field(default_factory=list)

    def shown_keywords(self, everything: bool) -> list[Keyword]:
        """Return the keywords, with or without those that every actor has."""
        return [item for item in self.keywords or () if everything or not item.usual]

    def shown_commands(self, everything: bool) -> list[CommandHelp]:
        """Return the commands, with or without those that are hidden or that every actor has."""
        return [
            item for item in self.commands or () if everything or not (item.usual or item.hidden)
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what a script gets."""
        keywords, commands = self.keywords, self.commands
        return {
            "actor": self.actor,
            "keywords": None if keywords is None else [item._asdict() for item in keywords],
            "commands": None
            if commands is None
            else [
                {**item._asdict(), "parameters": [found._asdict() for found in item.parameters]}
                for item in commands
            ],
            "problems": self.problems,
        }


class Answers(NamedTuple):
    """What an actor answers when it is asked to describe itself.

    Attributes
    ----------
    actor
        Its name.
    schema
        The schema of its keywords, or None if it does not tell.
    model
        Its command model, or None if it does not tell.
    problems
        Why it does not tell.
    """

    actor: str
    schema: dict[str, Any] | None
    model: dict[str, Any] | None
    problems: list[str]


async def describe(connection: Connection, name: str, timeout: float) -> Description:
    """Ask an actor to describe itself, with the arguments of `ask`, and return what it tells."""
    answers = await ask(connection, name, timeout)
    return Description(
        answers.actor,
        None if answers.schema is None else keywords_of(answers.schema),
        None if answers.model is None else commands_of(answers.model),
        answers.problems,
    )


async def ask(connection: Connection, name: str, timeout: float) -> Answers:
    """Ask an actor to describe itself.

    Parameters
    ----------
    connection
        The connection to the actor.
    name
        Its name, or its address.
    timeout
        For how many seconds to wait for each answer.

    Raises
    ------
    CannotConnect
        If it cannot be reached.
    """

    async def send(actor: str, text: str, limit: float) -> Result:
        result = await connection.run(actor, text, quiet=True, timeout=limit)
        if result.outcome is Outcome.UNREACHABLE:
            raise CannotConnect(result.reason)
        return result

    result = await send(name, "get_schema", timeout)
    actor = result.replies[-1].actor if result.replies else name
    problems = []
    schema = decoded_schema(result.keyword("schema"))
    if keywords_of(schema) is None:
        schema = None
        problems.append(f"{actor} does not tell its keywords: {_why(result)}")
    models = CommandModels(lambda actor, text, _: send(actor, text, timeout))
    answer = await _request(models, name)
    if (model := await models.get(name)) is None:
        problems.append(f"{actor} does not tell its commands: {_why(answer)}")
    return Answers(actor, schema, model, problems)


async def _request(models: CommandModels, name: str) -> Result:
    request = models.request(name)
    assert request is not None
    return await request


def _why(result: Result) -> str:
    error = result.keyword("error")
    if result.outcome is Outcome.FAILED and error:
        return printable(str(error)).split("\n")[0]
    return result.reason or "the answer makes no sense."
