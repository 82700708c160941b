"""The prompt of the shell, with history and completion."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from clu.cli.shell.completion import ShellCompleter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from clu.cli.common.command_models import CommandModels
    from clu.cli.common.suggestions import Suggestion

__all__ = ["Prompt", "history_path"]

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
        self._session: PromptSession[str] = PromptSession(
            "> ",
            completer=ShellCompleter(models, names),
            complete_while_typing=False,
            history=_history(),
            reserve_space_for_menu=_MENU_LINES,
        )
        # Otherwise prompt_toolkit enables echo to write above the prompt, and characters typed in
        # the meantime would appear in the middle of the replies.
        self._session.app.input.cooked_mode = contextlib.nullcontext  # type: ignore[method-assign]

    async def read(self) -> str | None:
        """Return the next line that is not empty, or None when the user leaves."""
        while True:
            try:
                with self._ended_by_signals():
                    line = await self._session.prompt_async(set_exception_handler=False)
            except EOFError:
                return None
            except KeyboardInterrupt:
                if not self._session.default_buffer.text:
                    return None
                continue
            if line := line.strip():
                return line

    @contextlib.contextmanager
    def _ended_by_signals(self) -> Iterator[None]:
        """Restore the terminal, also when the process is terminated by a signal."""
        if sys.platform == "win32":
            yield
            return

        def leave() -> None:
            if self._session.app.is_running:
                self._session.app.exit(exception=EOFError)

        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, leave)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def history_path() -> Path:
    """Return the path of the history file."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "clu" / "history"


def _history() -> History:
    """Return the history in a file that only the user can read, or in memory."""
    path = history_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
