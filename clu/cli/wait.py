"""``clu wait``: waits for a value of a keyword, for scripts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.expression import Expression
    from clu.cli.watch.follow import Change, KeywordFollower

__all__ = ["command"]

_INTERRUPTED = 130


class _CannotEvaluate(click.ClickException):
    """An expression that makes no sense for a value."""

    exit_code = 2


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the actors that are known on the broker, for the first word."""
    if ctx.params.get("words"):
        return []
    return ActorType().shell_complete(ctx, param, incomplete)


@click.command(name="wait")
@broker_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Give up after this number of seconds. By default, wait without end.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the value as a line of JSON.")
@click.option("--no-status", is_flag=True, help="Do not ask for the current value at the start.")
@click.argument(
    "words",
    metavar="ACTOR.KEYWORD [EXPRESSION]",
    nargs=-1,
    required=True,
    shell_complete=_complete,
)
def command(
    broker: BrokerOptions,
    timeout: float | None,
    as_json: bool,
    no_status: bool,
    words: tuple[str, ...],
) -> None:
    """Wait until a keyword of an actor has a value, and print it.

    ACTOR is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. It may
    also be a word of its own: ACTOR KEYWORD. Without an EXPRESSION any value will do.

    \b
    clu wait camera.state 'value == "idle"' --timeout 60
    clu wait camera.temperature 'value < -100 or value is null'
    clu wait tcp://localhost:19990 position 'abs(value - 5) < 0.1'

    An EXPRESSION is true or false about the value: comparisons, and, or, not, in, arithmetic,
    value[0] and value["key"], abs, len, max, min, round and sum. Strings are in quotes.

    The actor is asked for the current value. A connection that is lost later is reopened.

    \b
    The exit status is
      0    the keyword has such a value
      1    it has not got one within --timeout
      2    the arguments are not valid, the actor has no such keyword, or the
           expression cannot be evaluated for its value
      3    the actor is not there, or it or the broker cannot be reached
      130  interrupted with Ctrl-C
    """  # noqa: D301
    from clu._core.run import run  # completion does not need it, and must be quick
    from clu.cli.common.expression import Expression
    from clu.exceptions import CluValueError

    actor, keyword, rest = _split(words)
    try:
        expression = Expression(rest) if rest is not None else None
    except CluValueError as error:
        raise click.UsageError(str(error)) from None

    async def wait() -> Change:
        from clu._watch.sampling import Sampling
        from clu.cli.common.open import make_connection
        from clu.cli.watch.follow import KeywordFollower
        from clu.cli.watch.selection import Target

        follower = KeywordFollower(
            [(make_connection(actor, broker), [Target(*actor, [keyword])])],
            sampling=Sampling("auto"),
            ask_status=not no_status,
            internal=True,
            needs_actors=True,
        )
        return await _wait(follower, f"{actor.name}.{keyword}", expression, timeout)

    try:
        found = run(wait())
    except KeyboardInterrupt:
        raise click.exceptions.Exit(_INTERRUPTED) from None
    from clu.cli.common.rendering import json_line, keyword_line

    if as_json:
        click.echo(json_line(actor=found.actor, keyword=found.keyword, value=found.value))
    else:
        click.echo(keyword_line(found.actor, found.keyword, found.value))


def _split(words: tuple[str, ...]) -> tuple[ActorAddress, str, str | None]:
    """Return the actor, the keyword and the expression."""
    from clu.cli.watch.selection import is_pattern

    name, *rest = words
    if _is_actor(name):
        if not rest:
            raise click.UsageError(f"Which keyword of {name}? Give {name}.KEYWORD.")
        keyword = rest.pop(0)
    else:
        name, _, keyword = name.rpartition(".")
    if not keyword or is_pattern(name) or is_pattern(keyword):
        raise click.UsageError(f"Give the name of one keyword, not {' '.join(words[:2])!r}.")
    if len(rest) > 1:
        raise click.UsageError(
            f"There is more than one expression: {' and '.join(map(repr, rest))}. Quote it."
        )
    actor = ActorType().convert(name, None, None)
    return actor, keyword, rest[0] if rest else None


def _is_actor(word: str) -> bool:
    """Whether a word is an actor without a keyword."""
    from clu._tcp.address import SCHEME, split_url
    from clu.exceptions import CluValueError

    if not word.startswith(SCHEME):
        return "." not in word
    try:
        split_url(word)
    except CluValueError:
        return False
    return True


async def _wait(
    follower: KeywordFollower, name: str, expression: Expression | None, timeout: float | None
) -> Change:
    """Return the first value for which an expression is true."""
    import asyncio

    from clu.cli.common.rendering import printable
    from clu.exceptions import CluValueError, KeywordTimeout

    seen: list[Change] = []
    count = 0

    async def find() -> Change:
        nonlocal count
        while True:
            change = await follower.changes.get()
            if change.notice:
                click.echo(printable(change.notice), err=True)
                continue
            seen[:] = [change]
            count += 1
            if expression is None or expression(change.value):
                return change

    finding = asyncio.ensure_future(find())
    try:
        await follower.open()
        ends: set[asyncio.Future[Any]] = {finding, follower.problem}
        await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if finding.done():
            return finding.result()
    except CluValueError as error:
        raise _CannotEvaluate(str(error)) from None
    finally:
        finding.cancel()
        await asyncio.wait({finding})
        await follower.close()
    if follower.problem.done():
        raise follower.problem.result()
    assert timeout is not None
    age = max(time.time() - seen[0].when, 0.0) if seen else None
    value = seen[0].value if seen else None
    raise click.ClickException(str(KeywordTimeout(name, timeout, value, age, count)))
