"""Options among the words of a command, parsed as in click, but fast if there are many."""

from __future__ import annotations

from typing import Any

import click.parser

# Its name had no underscore before click 8.2.
_NAME = "_OptionParser" if hasattr(click.parser, "_OptionParser") else "OptionParser"
_Parser: Any = getattr(click.parser, _NAME, object)

#: Whether the parser of click has the private methods that `OptionParser` extends.
IS_KNOWN = hasattr(_Parser, "_process_opts") and hasattr(_Parser, "_match_short_opt")


class OptionParser(_Parser):  # type: ignore[misc]  # its base is Any
    """Parses words as click does, without creating errors that are then discarded.

    For each word that starts like an option and is not a long option, click creates an error, with
    suggestions and in the user's language, which takes 40 µs; then it looks for short options in
    the word, or ignores it. If unknown options are ignored, the error is never used.
    """

    def copy_for(self, ctx: Any) -> OptionParser:
        """Return a parser of the same parameters for another context."""
        parser = OptionParser.__new__(OptionParser)
        parser.__dict__.update(self.__dict__)
        parser.ctx = ctx
        parser.allow_interspersed_args = ctx.allow_interspersed_args
        parser.ignore_unknown_options = ctx.ignore_unknown_options
        return parser

    def _process_opts(self, arg: str, state: Any) -> None:
        name = arg.partition("=")[0]
        if (
            name in self._long_opt
            or not self.ignore_unknown_options
            or self.ctx.token_normalize_func is not None
        ):
            super()._process_opts(arg, state)
        elif arg[:2] in self._opt_prefixes:
            state.largs.append(arg)
        else:
            self._match_short_opt(arg, state)
