"""Reading lines from a terminal, with history, while other output comes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["history_path", "make_session", "restored_on_signals"]


def make_session(message: Any, history: str, **options: Any) -> PromptSession[str]:
    """Return a prompt.

    Parameters
    ----------
    message
        What is before the line, as prompt_toolkit takes it.
    history
        The name of the file with the lines of earlier sessions.
    options
        Further arguments of prompt_toolkit's session.
    """
    session: PromptSession[str] = PromptSession(message, history=_history(history), **options)
    # Otherwise prompt_toolkit enables echo to write above the prompt, and characters typed in
    # the meantime would appear in the middle of the output.
    session.app.input.cooked_mode = contextlib.nullcontext  # type: ignore[method-assign]
    return session


@contextlib.contextmanager
def restored_on_signals(session: PromptSession[str]) -> Iterator[None]:
    """Restore the terminal, also when the process is terminated by a signal."""
    if sys.platform == "win32":
        yield
        return

    def leave() -> None:
        if session.app.is_running:
            session.app.exit(exception=EOFError)

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, leave)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def history_path(name: str) -> Path:
    """Return the path of a file with the history of lines."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "clu" / name


def _history(name: str) -> History:
    """Return the history in a file that only the user can read, or in memory."""
    path = history_path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
