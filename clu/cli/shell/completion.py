"""Completion in the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from clu.cli.common.rendering import printable
from clu.cli.common.suggestions import Suggestion, suggest
from clu.parsers._words import split_words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from prompt_toolkit.document import Document

    from clu.cli.common.command_models import CommandModels

__all__ = ["ShellCompleter"]


class ShellCompleter(Completer):
    """Completes the names of actors, and their commands from their command models.

    Parameters
    ----------
    models
        The command models.
    names
        A function that returns the possible first words of a line.
    """

    def __init__(self, models: CommandModels, names: Callable[[], Iterable[Suggestion]]) -> None:
        self._models = models
        self._names = names

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Return nothing: completions are only available asynchronously."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Yield the completions at the cursor, once the actor has answered."""
        line = document.text_before_cursor.lstrip()
        before, current = _split(line)
        try:
            words = split_words(before)
        except ValueError:  # a quotation that is not closed yet
            return
        found = [item for item in self._names() if item.text.startswith(current)]
        if words:
            model = await self._models.get(words[0])
            found = [] if model is None else suggest(model, words[1:], current)
        for text, meaning in found:
            yield Completion(
                printable(text), start_position=-len(current), display_meta=printable(meaning)
            )


def _split(line: str) -> tuple[str, str]:
    """Split a line into its complete words and the start of its last word."""
    start = len(line)
    while start and not line[start - 1].isspace():
        start -= 1
    return line[:start], line[start:]
