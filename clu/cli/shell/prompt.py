"""The prompt of the shell, with history and completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu.cli.common.line_input import make_session, restored_on_signals
from clu.cli.shell.completion import ShellCompleter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clu.cli.common.command_models import CommandModels
    from clu.cli.common.suggestions import Suggestion

__all__ = ["Prompt"]

_MENU_LINES = 6


class Prompt:
    """The prompt of the shell.

    Parameters
    ----------
    models
        The command models of the actors.
    names
        A function that returns the possible first words of a line.
    """

    def __init__(self, models: CommandModels, names: Callable[[], Iterable[Suggestion]]) -> None:
        self._session = make_session(
            "> ",
            "history",
            completer=ShellCompleter(models, names),
            complete_while_typing=False,
            reserve_space_for_menu=_MENU_LINES,
        )

    async def read(self) -> str | None:
        """Return the next line that is not empty, or None when the user leaves."""
        while True:
            try:
                with restored_on_signals(self._session):
                    line = await self._session.prompt_async(set_exception_handler=False)
            except EOFError:
                return None
            except KeyboardInterrupt:
                if not self._session.default_buffer.text:
                    return None
                continue
            if line := line.strip():
                return line
