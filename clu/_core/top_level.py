"""Errors that end a program, in one line instead of a traceback."""

from __future__ import annotations

import functools
import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["describe", "is_debugging", "show_briefly"]

_MARK = "_clu_is_brief"


def is_debugging() -> bool:
    """Whether the environment asks for tracebacks, with ``CLU_DEBUG=1``."""
    return os.environ.get("CLU_DEBUG", "0") not in ("", "0")


def describe(error: BaseException) -> str:
    """Return an error in one line: the reason, and where in the code of the user it came up.

    A program that a user wrote is what is neither clu nor a library.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {text}"
    if not isinstance(error, CluError):
        text = f"{type(error).__name__}: {text}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]
    if not own:
        return text
    return f"{text.rstrip('.')} ({os.path.relpath(own[-1].filename)}, line {own[-1].lineno})."


def _is_own(filename: str) -> bool:
    if "site-packages" in filename or not (filename.endswith(".py") and os.path.exists(filename)):
        return False
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    roots = (package, os.path.dirname(os.__file__))
    return not os.path.abspath(filename).startswith(tuple(root + os.sep for root in roots))


def show_briefly(error: BaseException) -> None:
    """If this error ends the program, show one line: nothing for Ctrl-C.

    Who catches the error gets it as it is. A program with an excepthook of its own keeps that;
    those of the interpreter and of a logger of sdsstools, which logs a traceback, are replaced.
    """
    hook = sys.excepthook
    is_logger = isinstance(getattr(hook, "__self__", None), logging.Logger)
    if hook is sys.__excepthook__ or is_logger:
        sys.excepthook = functools.partial(_excepthook, hook)
    setattr(error, _MARK, True)


def _excepthook(
    previous: Callable[..., Any],
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    if not hasattr(error, _MARK):
        previous(kind, error, trace)
    elif not isinstance(error, KeyboardInterrupt):
        print(f"Error: {describe(error)} CLU_DEBUG=1 shows the traceback.", file=sys.stderr)
