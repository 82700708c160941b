"""The click commands and groups of an actor, and decorators for their callbacks.

It is over 400 lines: commands and groups run their callbacks in the same way.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from click_aliases import ClickAliasedGroup

from clu._core.status import CommandStatus
from clu.parsers._context import Entered, is_current, is_plain
from clu.parsers._lazy import PROTECTED_ARGS, LazyContext
from clu.parsers._options import IS_KNOWN, OptionParser
from clu.parsers._plans import SETTINGS, Plan
from clu.parsers._tasks import cancel_command, command_name, get_running_tasks, register_task
from clu.parsers._words import WordQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping

    from clu.command import Command

    Handler = Callable[["Command[Any]", BaseException], None]
    AnyContext = click.Context | LazyContext

#: The number of words from which it pays to use a `WordQueue`.
_MANY_WORDS = 1000

#: The methods that an object cannot replace without being left to click.
_METHODS = frozenset(
    (
        "context_class",
        "get_command",
        "get_params",
        "invoke",
        "make_context",
        "make_parser",
        "parse_args",
        "resolve_command",
    )
)

#: What adds the usual parameters to the parser of a command, where it is the same for all lines.
_ADD_TO_PARSER = (click.Option.add_to_parser, click.Argument.add_to_parser)

F = TypeVar("F", bound="Callable[..., Any]")


class NoSubcommand(click.Abort):
    """A group without a subcommand, which is answered with its help."""

    def __init__(self, ctx: click.Context) -> None:
        super().__init__()
        self.ctx = ctx


def exception_handler(ctx: AnyContext) -> Handler:
    """Return what handles errors of the callbacks of a command, which may have no actor itself."""
    handler: Handler = ctx.meta["clu.exception_handler"]
    return handler


def callback_returned(ctx: AnyContext, *, may_fail: bool = True) -> None:
    """Tell the parser that the callback of a command has returned."""
    arguments = ctx.obj["parser_args"]
    if arguments[0].status.is_done:
        return
    is_one_of_several = ctx.parent is not None and getattr(ctx.parent.command, "chain", False)
    report = ctx.meta.get("clu.callback_returned")
    if report is not None and not is_one_of_several:
        report(arguments, ctx.command.callback, may_fail=may_fail)


def call_within(ctx: AnyContext, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a callback as ``ctx.invoke`` does, within a context that is the current one."""
    try:
        return callback(*args, **kwargs)
    except click.UsageError as error:
        if error.ctx is None:
            error.ctx = ctx.make() if isinstance(ctx, LazyContext) else ctx
        raise


def coroutine(fn: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Turn a function into a coroutine function."""
    if inspect.iscoroutinefunction(fn):
        return fn

    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


async def coro_helper(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function or coroutine function, and wait for its result."""
    result = f(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


def timeout(seconds: float) -> Callable[[F], F]:
    """Decorate a callback: its command times out after this number of seconds."""

    def decorator(f: F) -> F:
        f._clu_timeout = seconds  # type: ignore[attr-defined]
        return f

    return decorator


def unique() -> Callable[[F], F]:
    """Decorate a callback: its command fails while another one with this name is running."""

    def decorator(f: F) -> F:
        f._clu_unique = True  # type: ignore[attr-defined]
        return f

    return decorator


def pass_args() -> Callable[[F], F]:
    """Decorate the callback of a group to receive the command and the parser arguments."""

    def decorator(f: F) -> F:
        @functools.wraps(f)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            ctx = click.get_current_context()
            return ctx.invoke(f, *ctx.obj["parser_args"], *args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorator


def _is_parsed_as_usual(parameter: click.Parameter) -> bool:
    return type(parameter).add_to_parser in _ADD_TO_PARSER


def invoke_within(entered: Entered, inner: click.Context) -> Any:
    """Invoke the command of a context whose group has been entered."""
    if not is_plain(inner):
        with inner:
            return inner.command.invoke(inner)
    entered.enter(inner)
    return inner.command.invoke(inner)


class _QuickCommand(click.Command):
    """A command that caches what is the same for all lines."""

    _parameters: tuple[tuple[Any, ...], list[click.Parameter]] | None = None
    _parser: tuple[list[click.Parameter], OptionParser] | None = None
    #: The callback that has looked at its context.
    looked_up_by: Callable[..., Any] | None = None

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Create the context of a line. It becomes the current one only if there are parameters."""
        if self.context_settings:
            extra = {**self.context_settings, **extra}
        ctx = self.context_class(self, info_name=info_name, parent=parent, **extra)
        if self._has_no_parameters(args):
            self._take_words(ctx, args)
        elif is_plain(ctx):
            ctx._depth += 1  # so that leaving it does not close it
            try:
                with Entered() as entered:
                    entered.enter(ctx)
                    self.parse_args(ctx, args)
            finally:
                ctx._depth -= 1
        else:
            with ctx.scope(cleanup=False):
                self.parse_args(ctx, args)
        return ctx

    def make_parser(self, ctx: click.Context) -> Any:
        """Create the parser of the words."""
        if not IS_KNOWN:
            return super().make_parser(ctx)
        parameters = self.get_params(ctx)
        is_usual = ctx.token_normalize_func is None and all(map(_is_parsed_as_usual, parameters))
        if is_usual and self._parser is not None and self._parser[0] == parameters:
            return self._parser[1].copy_for(ctx)
        parser = OptionParser(ctx)
        for parameter in parameters:
            parameter.add_to_parser(parser, ctx)
        if is_usual:
            blank = parser.copy_for(ctx)
            blank.ctx = None  # or it would keep the command of this context
            self._parser = (parameters, blank)
        return parser

    def _may_be_lazy(self) -> bool:
        """Whether a `LazyContext` can stand for the contexts of the command."""
        return (
            (self.callback is None or self.callback is not self.looked_up_by)
            and SETTINGS.issuperset(self.context_settings)
            and vars(self).keys().isdisjoint(_METHODS)
        )

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the help option, which costs nothing if it is not among the words."""
        option = super().get_help_option(ctx)
        if option is not None and "handle_parse_result" not in option.__dict__:
            handle = option.handle_parse_result

            def handle_quickly(
                ctx: click.Context, opts: Mapping[str, Any], args: list[str]
            ) -> tuple[Any, list[str]]:
                is_given = option.name in opts or ctx.auto_envvar_prefix or ctx.default_map
                if is_given or option.envvar:
                    return handle(ctx, opts, args)
                ctx.set_parameter_source(str(option.name), ParameterSource.DEFAULT)
                return False, args

            option.handle_parse_result = handle_quickly  # type: ignore[method-assign]
        return option

    def _has_no_parameters(self, args: list[str]) -> bool:
        """Whether there is nothing for `parse_args` to parse in the words."""
        raise NotImplementedError

    def _take_words(self, ctx: click.Context, args: list[str]) -> None:
        """Do the work of `parse_args` with words in which there is nothing to parse."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, including the help option."""
        key = (*self.params, *ctx.help_option_names, self.add_help_option)
        if self._parameters is None or self._parameters[0] != key:
            self._parameters = (key, super().get_params(ctx))
        return list(self._parameters[1])


class CluCommand(_QuickCommand):
    """A click command whose callback receives the command, then the parser arguments.

    Parameters
    ----------
    args, kwargs
        Arguments of `click.Command`.
    context_settings
        As in click. Unknown options are ignored by default, which allows negative numbers.
    cancellable
        Whether only one can run at a time, and to add an option ``--stop`` that cancels it.
    internal
        Whether the replies are marked as internal.
    """

    #: Whether a subclass runs the callback, or handles the end of its task, in its own way.
    _schedules_itself = _watches_task = False
    #: How to find the values of the parameters without click.
    _plan: Plan | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._schedules_itself = cls._schedule_callback is not CluCommand._schedule_callback
        cls._watches_task = cls.done_callback is not CluCommand.done_callback

    def __init__(
        self,
        *args: Any,
        context_settings: dict[str, Any] | None = None,
        cancellable: bool = False,
        internal: bool = False,
        **kwargs: Any,
    ) -> None:
        self.cancellable = cancellable
        self.internal = internal
        self._group: weakref.ref[CluGroup] | None = None
        settings = {"ignore_unknown_options": True, **(context_settings or {})}
        super().__init__(*args, **{"context_settings": settings, **kwargs})
        if cancellable:
            self.params.append(
                click.Option(
                    ["--stop"],
                    is_flag=True,
                    expose_value=False,
                    help="Stops the execution of the command.",
                )
            )

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Create the context of a line, with the arguments of `click.Command.make_context`."""
        ctx = super().make_context(*args, **kwargs)
        if self._parser is not None and type(self) is CluCommand:
            if self._plan is None or not self._plan.is_valid():
                self._plan = Plan(self, self._parser[1])
            self._plan.learn(ctx)
        return ctx

    def values_of(self, words: list[str]) -> dict[str, Any] | None:
        """Return the values of the parameters, or None if click has to parse the words."""
        if not self._may_be_lazy():
            return None
        if self._has_no_parameters(words):
            return {}
        return None if self._plan is None else self._plan.values_of(words)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. With ``--stop``, no others are required."""
        if self.cancellable and "--stop" in args:
            ctx.meta["clu.stop"] = True
            return []
        if self._has_no_parameters(args):
            return []
        words: Any = WordQueue(args) if len(args) > _MANY_WORDS else args
        return super().parse_args(ctx, words)

    def _has_no_parameters(self, args: list[str]) -> bool:
        if args or self.params or self.no_args_is_help:
            return False
        return type(self).parse_args is CluCommand.parse_args

    def invoke(self, ctx: AnyContext) -> Any:
        """Call the callback; a coroutine is run as a task."""
        # Only the callbacks of groups find these two there.
        ctx.obj.pop("exception_handler", None)
        ctx.obj.pop("log", None)
        command: Command[Any] = ctx.obj["parser_args"][0]
        if isinstance(ctx, LazyContext):
            command._lazy = ctx
        else:
            command.context = ctx
        if self.internal:
            command.internal = True
        if ctx.meta.get("clu.stop"):
            return self._cancel_command(ctx)
        if self.callback is None:
            return None
        if self.cancellable or getattr(self.callback, "_clu_unique", False):
            name = command_name(ctx)
            if get_running_tasks(name):
                named = name if self.cancellable else f"with name {name}"
                return command.fail(error=f"Another command {named} is already running.")
        try:
            if self._schedules_itself:
                seconds = getattr(self.callback, "_clu_timeout", None)
                result: Any = self._schedule_callback(ctx, timeout=seconds)
            else:
                result = self._call(ctx, self.callback)
        except asyncio.TimeoutError:
            return self._time_out(command)
        if result is None or not asyncio.iscoroutine(result):
            callback_returned(ctx, may_fail=result is None or not inspect.isawaitable(result))
            return result
        # Within the context, which then is the current one for the task and those it creates.
        if isinstance(ctx, LazyContext):
            task = asyncio.get_running_loop().create_task(self._run(ctx, command, result))
        else:
            with ctx.scope(cleanup=False):
                task = asyncio.get_running_loop().create_task(self._run(ctx, command, result))
                if self._watches_task:
                    handler = exception_handler(ctx)
                    task.add_done_callback(
                        functools.partial(self.done_callback, exception_handler=handler)
                    )
        register_task(command_name(ctx), task, command, result)
        command._task = task
        return task

    def _call(self, ctx: AnyContext, callback: Callable[..., Any]) -> Any:
        if not (isinstance(ctx, LazyContext) or is_current(ctx)):
            return ctx.invoke(callback, *ctx.obj["parser_args"], **ctx.params)
        return call_within(ctx, callback, *ctx.obj["parser_args"], **ctx.params)

    async def _run(self, ctx: AnyContext, command: Command[Any], callback: Awaitable[Any]) -> None:
        seconds = getattr(self.callback, "_clu_timeout", None)
        timer = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(seconds, self._stop_late, command)
        try:
            await callback
            callback_returned(ctx, may_fail=not self._watches_task)
        except (KeyboardInterrupt, asyncio.CancelledError):
            # The end of the task ends a cancelled command: who cancelled it can give a reason.
            raise
        except asyncio.TimeoutError:
            self._time_out(command)
        except BaseException as error:
            if isinstance(error, Exception) and self._watches_task:
                raise  # it gets the task
            # Nothing else may propagate from the task: SystemExit would stop the event loop.
            exception_handler(ctx)(command, error)
        finally:
            if timer is not None:
                timer.cancel()

    def _time_out(self, command: Command[Any]) -> None:
        if not command.status.is_done:
            seconds = getattr(self.callback, "_clu_timeout", None)
            command.set_status(
                CommandStatus.TIMEDOUT, error=f"Command timed out after {seconds} seconds."
            )

    def _stop_late(self, command: Command[Any]) -> None:
        self._time_out(command)
        if command._task is not None:
            command._task.cancel()

    async def _schedule_callback(self, ctx: AnyContext, timeout: float | None = None) -> Any:
        """Run the callback, and wait for it."""
        ctx = ctx.make() if isinstance(ctx, LazyContext) else ctx
        coro = coro_helper(ctx.invoke, self.callback, *ctx.obj["parser_args"], **ctx.params)
        return await asyncio.wait_for(coro, timeout=timeout)

    def done_callback(
        self, task: asyncio.Task[Any], exception_handler: Handler | None = None
    ) -> bool:
        """Return whether the task of a command succeeded; pass its error to the handler if not."""
        if task.cancelled():
            return False
        error = task.exception()
        if error is None:
            return True
        if exception_handler is None:
            raise error
        exception_handler(click.get_current_context().obj["parser_args"][0], error)
        return False

    @property
    def commands(self) -> MutableMapping[str, click.Command]:
        """The commands of the group to which this one was added."""
        # ``click.pass_context`` used to pass the context of that group.
        group = None if self._group is None else self._group()
        if group is None:
            raise AttributeError(f"the command {self.name!r} has no 'commands'")
        return group.commands

    def _cancel_command(self, ctx: AnyContext) -> Any:
        command: Command[Any] = ctx.obj["parser_args"][0]
        name = command_name(ctx)
        if cancel_command(name):
            return command.finish(text="Command has been scheduled for cancellation.")
        return command.fail(error=f"Cannot find running command {name}.")


class CluGroup(_QuickCommand, ClickAliasedGroup):
    """A click group whose commands are `CluCommand` by default."""

    #: The latest callback, and whether it is a coroutine function.
    _coroutine: tuple[Callable[..., Any], bool] | None = None

    def command(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], CluCommand]:
        """Decorate a callback to add a command, by default a `CluCommand`."""
        kwargs.setdefault("cls", CluCommand)
        return super().command(*args, **kwargs)  # type: ignore[return-value]

    def add_command(self, *args: Any, **kwargs: Any) -> None:
        """Add a command or a group, with the arguments of `click.Group.add_command`."""
        super().add_command(*args, **kwargs)
        command = args[0] if args else kwargs["cmd"]
        if isinstance(command, CluCommand):
            command._group = weakref.ref(self)

    def group(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], CluGroup]:
        """Decorate a callback to add a group, by default a `CluGroup`."""
        kwargs.setdefault("cls", CluGroup)
        return super().group(*args, **kwargs)  # type: ignore[return-value]

    def invoke(self, ctx: click.Context) -> Any:
        """Call the callback of the group, then that of the subcommand."""
        if not self._has_coroutine():
            result = self._invoke_subcommand(ctx)
            if self.callback is not None and ctx.invoked_subcommand is None:
                callback_returned(ctx)
            return result
        command: Command[Any] = ctx.obj["parser_args"][0]
        ctx.invoked_subcommand = self._name_of_subcommand(ctx)
        with ctx.scope(cleanup=False):
            task = asyncio.get_running_loop().create_task(self._run_both(ctx, command))
        register_task(command_name(ctx), task, command)
        command._task = task
        return task

    def _has_coroutine(self) -> bool:
        """Whether the callback of the group is a coroutine function."""
        if self.callback is None:
            return False
        if self._coroutine is None or self._coroutine[0] is not self.callback:
            is_one = inspect.iscoroutinefunction(inspect.unwrap(self.callback))
            self._coroutine = (self.callback, is_one)
        return self._coroutine[1]

    def _invoke_subcommand(self, ctx: click.Context) -> Any:
        """Do what `click.Group.invoke` does, in less time for the usual group."""
        words = [*getattr(ctx, PROTECTED_ARGS), *ctx.args]
        if not words or self.chain or self._result_callback is not None or not is_plain(ctx):
            return super().invoke(ctx)
        ctx.args = []
        setattr(ctx, PROTECTED_ARGS, [])
        with Entered() as entered:
            entered.enter(ctx)
            name, command, words = self.resolve_command(ctx, words)
            assert command is not None
            ctx.invoked_subcommand = name
            if self.callback is not None or self.deprecated:
                click.Command.invoke(self, ctx)
            return invoke_within(entered, command.make_context(name, words, parent=ctx))

    def has_only_subcommand(self, words: list[str]) -> bool:
        """Whether words are only those of a subcommand, before which the callback is called."""
        return (
            self._may_be_lazy()
            and self._has_no_parameters(words)
            and not (self.deprecated or self._result_callback is not None or self._has_coroutine())
        )

    def _name_of_subcommand(self, ctx: click.Context) -> str | None:
        words = [*getattr(ctx, PROTECTED_ARGS), *ctx.args]
        return self.resolve_command(ctx, words)[0] if words else None

    async def _run_both(self, ctx: click.Context, command: Command[Any]) -> None:
        """Await the callback of the group, a coroutine function, and invoke the subcommand."""
        assert self.callback is not None
        silent = copy.copy(self)
        silent.callback = None
        try:
            await coro_helper(ctx.invoke, self.callback, **ctx.params)
            click.Group.invoke(silent, ctx)
            if ctx.invoked_subcommand is None:
                callback_returned(ctx)
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise
        except BaseException as error:
            exception_handler(ctx)(command, error)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options of the group, leaving the words of the subcommand."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            # Of the top group, click 8.1 parses no words after an unknown command like "{".
            raise click.Abort if ctx.parent is None else NoSubcommand(ctx)
        if self._has_no_parameters(args):
            self._take_words(ctx, args)
            return ctx.args
        return super().parse_args(ctx, args)

    def _take_words(self, ctx: click.Context, args: list[str]) -> None:
        # Without options, there is nothing to parse before the name of the subcommand.
        setattr(ctx, PROTECTED_ARGS, args[:1])
        ctx.args = args[1:]

    def _has_no_parameters(self, args: list[str]) -> bool:
        if not args or self.params or self.chain or args[0].startswith("-"):
            return False
        return type(self).parse_args is CluGroup.parse_args
