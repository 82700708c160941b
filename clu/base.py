"""The base classes of all clients and actors.

It is over 400 lines, most of them documentation: the parameters of all actors and of
`BaseActor.write` are described here, once.
"""

from __future__ import annotations

import abc
import asyncio
import functools
import logging
import pathlib
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.active_commands import ActiveCommands
from clu._core.callbacks import callback_name, start_user_coroutine
from clu._core.config import make_from_config, parse_config
from clu._core.logging import REPLY, guard_handlers, log_to_file, one_line
from clu._core.loop import cancel_tasks
from clu._core.names import lazy_names
from clu._core.reply import (
    MESSAGE_CODES,
    MOST_REPLIES,
    TERMINAL_CODES,
    MessageCode,
    Reply,
    ReplyList,
    message_code_of,
)
from clu._core.reporting import report_briefly, report_exceptions
from clu._core.schema import EMPTY_SCHEMA
from clu._speedups.reply import prepare_reply
from clu._watch.mixin import WatchMixIn
from clu.exceptions import CluNotImplemented, CluTypeError, EncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from sdsstools.logger import SDSSLogger
    from typing_extensions import Self

    from clu._core.protocols import CommandLike
    from clu._watch.watchers import Watchers
    from clu.model import Model
    from clu.store import KeywordStore

__all__ = ["REPLY", "BaseActor", "BaseClient", "MessageCode", "ProxyClient", "Reply"]

T = TypeVar("T", bound="BaseClient")

#: This module, for names that are slow to import, and that tests of actors replace in it.
_names: Any = sys.modules[__name__]

SchemaType = "Mapping[str, Any] | pathlib.Path | str | type | None"


class BaseClient(WatchMixIn, metaclass=abc.ABCMeta):
    """The base class of clients, which have a name, a logger and a configuration.

    Parameters
    ----------
    name
        The name of the client.
    version
        The version of the client; ``"?"`` by default.
    log_dir
        The directory of the log file; no file is written by default.
    log
        A logger to use instead of a new one.
    verbose
        Whether to log everything to the terminal, or the lowest level to log there.
    validate
        Whether an actor validates its own replies by default; see `BaseActor.write`.
    config
        The configuration, available as the attribute `config`.
    loop
        Ignored; kept for backward compatibility.

    Raises
    ------
    AssertionError
        If the name is empty.
    """

    name: str
    #: The command models of other actors, by the name of the actor.
    command_models: dict[str, Any] = {}

    def __init__(
        self,
        name: str | None,
        version: str | None = None,
        log_dir: pathlib.Path | str | None = None,
        log: SDSSLogger | None = None,
        verbose: bool | int = False,
        validate: bool = True,
        config: dict[str, Any] = {},
        *,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not name:
            raise AssertionError("name cannot be empty.")
        self.name = name
        self.log: SDSSLogger = self.setup_logger(log, log_dir, verbose=verbose)
        self.version = version or "?"
        self.config = config
        self.validate = validate
        self._tasks: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<{self!s} (name={self.name!r})>"

    def __str__(self) -> str:
        return type(self).__name__

    @abc.abstractmethod
    async def start(self: T) -> T:
        """Start the client."""

    async def stop(self) -> None:
        """Cancel the tasks that the client started."""
        self._end_watching()
        if uncancelled := await cancel_tasks(self._tasks):
            self.log.warning(
                "%s: %d tasks are still running after being cancelled.", self.name, uncancelled
            )

    def _create_task(
        self, coroutine: Coroutine[Any, Any, Any], callback: Callable[..., Any] | None = None
    ) -> asyncio.Task[Any]:
        """Run a coroutine, possibly that of a callback, as a task that `stop` cancels."""
        if callback is not None:
            what = f"the callback {callback_name(callback)} raised an error"
            task = start_user_coroutine(coroutine, functools.partial(self._log_failure, what))
        else:
            task = asyncio.get_running_loop().create_task(coroutine)
            task.add_done_callback(self._log_task_error)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _log_task_error(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log_failure("a background task failed", error)

    def _log_failure(self, what: str, error: BaseException) -> None:
        self.log.error("%s: %s.", self.name, what, exc_info=error)

    @staticmethod
    def _parse_config(input: Any, loader: Any = None) -> Any:
        return parse_config(input, loader)

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any] | pathlib.Path | str,
        *args: Any,
        loader: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Create a client from a configuration.

        Parameters
        ----------
        config
            A dictionary or the path of a YAML file. The arguments of the class are read from its
            section ``actor`` or ``client``, or from the top level.
        args, kwargs
            Further arguments of the class, which override the configuration.
        loader
            The YAML loader.

        Raises
        ------
        ConfigurationError
            If the file does not exist, is not valid YAML, or does not fit the class. It is also an
            ``AssertionError``, the error of the YAML library or a ``TypeError``.
        """
        parsed = cls._parse_config(config, loader)
        return make_from_config(cls, config, parsed, args, kwargs)

    def set_loop_exception_handler(self) -> None:
        """Log the errors that reach the exception handler of the running event loop."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._handle_loop_exception)

    def _handle_loop_exception(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        # The logger can handle only an `Exception`. When the loop shuts down, aiormq sets a
        # CancelledError on futures that nobody awaits.
        if not isinstance(context.get("exception"), asyncio.CancelledError):
            self.log.asyncio_exception_handler(loop, context)

    def setup_logger(
        self,
        log: Any,
        log_dir: pathlib.Path | str | None,
        verbose: bool | int = False,
    ) -> SDSSLogger:
        """Set up the logger of the client.

        Parameters
        ----------
        log
            A logger to use; by default a new one is created.
        log_dir
            The directory of the log file ``<name>.log``, which is rolled over.
        verbose
            Whether to log everything to the terminal, or the lowest level to log there.

        Raises
        ------
        AssertionError
            If ``log`` is not a logger of sdsstools.
        """
        if not log:
            log = _names.get_logger(f"clu:{self.name}")
        elif not isinstance(log, _names.SDSSLogger):
            raise AssertionError("Logger must be sdsstools.SDSSLogger")
        guard_handlers(log)
        log.setLevel(REPLY)
        if log_dir:
            log_to_file(log, str(pathlib.Path(log_dir).expanduser() / f"{self.name}.log"))
        if log.sh is not None:
            if verbose is True:
                log.sh.setLevel(logging.DEBUG)
            elif verbose is False or verbose is None:
                log.sh.setLevel(logging.WARNING)
            else:
                log.sh.setLevel(int(verbose))
        log.debug("%s: logging system initiated.", self.name)
        return log

    async def send_command(self, actor: str, *args: Any, **kwargs: Any) -> Any:
        """Send a command to another actor, if this kind of client supports it."""
        raise CluNotImplemented("Sending commands is not implemented for this client.")

    def proxy(self, actor: str) -> ProxyClient:
        """Return a `ProxyClient` that sends commands to an actor."""
        return ProxyClient(self, actor)


class ProxyClient:
    """Sends commands to one actor.

    Parameters
    ----------
    client
        The client that sends them.
    actor
        The name of the actor.
    """

    def __init__(self, client: BaseClient, actor: str) -> None:
        self.client = client
        self.actor = actor

    def send_command(self, *args: Any) -> Any:
        """Send a command. The arguments are joined by spaces."""
        return self.client.send_command(self.actor, " ".join(map(str, args)))


class BaseActor(BaseClient):
    """The base class of actors, which accept commands and write replies.

    Parameters
    ----------
    args, kwargs
        Arguments of `BaseClient`.
    schema
        The schema of the keywords: a dictionary, a JSON string, a path or a pydantic model. By
        default it is the class attribute of this name; None means only the default keywords.
    store
        Whether to store the keywords that the actor outputs. It can also be a list of the
        keywords to store, the number of outputs of each keyword to keep, or a dictionary of
        arguments of `clu.store.KeywordStore`; None stores all. By default nothing is stored.
    additional_properties
        Whether keywords that are not in the schema are allowed.
    error_details
        Whether replies about exceptions include the traceback, the file name and line, and
        paths. The log always includes them.
    strict
        Whether a command fails if its callback returns without ending it. By default such a
        command keeps running, as what the callback has started may end it; there is a warning in
        the log if nothing can.

    Attributes
    ----------
    model
        The model of the actor's own keywords.
    store
        The store of the keywords that the actor has output, or None.
    """

    schema: Any = None
    model: Model | None = None
    _message_processor: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    _report_exceptions: Callable[..., dict[str, Any]]
    error_details: bool = True

    def __init__(
        self,
        *args: Any,
        schema: Any = None,
        store: bool | int | list[str] | dict[str, Any] = False,
        additional_properties: bool = False,
        error_details: bool = True,
        strict: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._is_strict = strict
        self.error_details = error_details
        self._report_exceptions = report_exceptions if error_details else report_briefly
        self.load_schema(
            schema if schema is not None else self.schema,
            additional_properties=additional_properties,
        )
        # Looking it up on the instance is faster than on the class, which may define one.
        self._message_processor = self._message_processor
        self.store: KeywordStore | None = None
        self._active_commands = ActiveCommands()
        if store is not False and store != 0:
            from clu.store import make_store

            self.store = make_store(self, store)

    def load_schema(
        self,
        schema: Any,
        is_file: bool | None = None,
        additional_properties: bool = False,
    ) -> Model | None:
        """Load the schema of the actor's keywords into `model`.

        Parameters
        ----------
        schema
            A dictionary, a JSON string, a path, a pydantic model or None.
        is_file
            Whether a string is a path; detected automatically if None.
        additional_properties
            Whether keywords that are not in the schema are allowed.
        """
        if schema is None:
            schema, is_file = EMPTY_SCHEMA, False
        self.model = _names.Model(
            self.name, schema, is_file=is_file, additional_properties=additional_properties
        )
        if self._watchers is not None:
            self._watchers.restored()
        return self.model

    def _make_watchers(self) -> Watchers:
        from clu._watch.model_source import ModelSource
        from clu._watch.watchers import Watchers

        own = ModelSource(lambda: {self.name: self.model})
        return Watchers(lambda _: own, lambda actor: actor or self.name)

    def set_message_processor(
        self, processor: Callable[[dict[str, Any]], dict[str, Any]] | None
    ) -> None:
        """Set a function that rewrites each message before it is validated and sent."""
        self._message_processor = processor

    @abc.abstractmethod
    def new_command(self, *args: Any, **kwargs: Any) -> Any:
        """Handle a new command received from the transport."""

    def _track_command(self, command: Any) -> None:
        """Keep track of a running command until it ends."""
        self._active_commands.track(command)

    @abc.abstractmethod
    def parse_command(self, command: Any) -> Any:
        """Parse and run a command."""

    def invoke_mock_command(self, command_str: str, command_id: int = 0) -> Any:
        """Send a command to an actor prepared by `clu.testing.setup_test_actor`."""
        raise CluNotImplemented("Prepare the actor with clu.testing.setup_test_actor() first.")

    def write(
        self,
        message_code: MessageCode | str = MessageCode.INFO,
        message: dict[str, Any] | str | None = None,
        command: CommandLike | None = None,
        broadcast: bool = False,
        validate: bool | None = None,
        expand_exceptions: bool = True,
        traceback_frame: int = 0,
        silent: bool = False,
        internal: bool = False,
        emit: bool = True,
        write_to_log: bool = True,
        **kwargs: Any,
    ) -> Reply:
        """Write a reply to the users.

        Parameters
        ----------
        message_code
            The code of the reply.
        message
            The keywords and their values as a dictionary, or a string for the keyword ``text``.
        command
            The command to reply to. Without a command the reply is sent to all users.
        broadcast
            Whether to send the reply to all users.
        validate
            Whether to validate the reply against the model of the actor; by default the
            actor's own ``validate``.
        expand_exceptions
            Whether to replace exceptions among the values with a description that includes the
            traceback, or only with their strings.
        traceback_frame
            The frame of the traceback whose file name and line are reported.
        silent
            Whether to update the model and ``command.replies`` without sending anything.
        internal
            Whether to mark the reply as internal, i.e. not intended for a wider audience.
        emit
            Whether to send the reply.
        write_to_log
            Whether to log the reply.
        kwargs
            Keywords to add to the message.

        Returns
        -------
        reply
            The reply, or the error reply if the model rejected the message or it cannot be sent.

        Raises
        ------
        CluTypeError
            If the message is neither a dictionary nor a string.
        CluValueError
            If the message code is not valid.
        """
        if type(message_code) is MessageCode:
            code = message_code
        else:
            code = MESSAGE_CODES.get(message_code) or message_code_of(message_code)
        process = None if self._message_processor is None else self._process
        use_validation = self.validate if validate is None else validate or False
        reply: Reply | None = prepare_reply(
            Reply,
            code,
            message,
            kwargs,
            process,
            self._report_exceptions,
            expand_exceptions,
            traceback_frame,
            command,
            broadcast,
            use_validation,
            internal,
        )
        if reply is None:
            raise CluTypeError("message must be a string or a dictionary.")
        emit = emit and not silent
        problem = None
        if use_validation and self.model is not None:
            problem = self._validate(reply)
        if problem is None and emit:
            try:
                result = self._write_internal(reply, write_to_log=write_to_log)
            except EncodingError as error:
                problem = str(error)
            else:
                if result is not None and asyncio.iscoroutine(result):
                    self._create_task(result)
        if problem is not None:
            return self._reject(reply, problem, emit, write_to_log)
        if command is not None:
            replies = command.replies
            replies.append(reply)
            if type(replies) is ReplyList and len(replies) > MOST_REPLIES:
                replies.shorten()
        if self.store is not None:
            self.store.add_reply(reply)
        return reply

    async def drain(self, command: CommandLike | None = None) -> None:
        """Wait until those who read what was written have caught up.

        It returns at once, without an event-loop iteration, unless much is waiting. A callback
        that writes many replies awaits it between them, so that they do not pile up in memory.

        Parameters
        ----------
        command
            The command whose replies are waited for. Without one, the replies to all users are.
        """

    def _validate(self, reply: Reply) -> str | None:
        """Validate a reply; return the reason if it is not valid."""
        message = reply.message
        try:
            validated, reason = self.model.validate(message, update_model=True)  # type: ignore[union-attr]
        except Exception as error:
            return f"Failed validating the reply: {error}"
        if not validated:
            if not isinstance(reason, str):
                why = self._report_invalid(message, reason)
                # It begins as that of sdss-clu.
                reason = f"message {message} does not match the schema. {why}"
            return f"Failed validating the reply: {reason}"
        reply.validated = True
        return None

    def _report_invalid(self, message: dict[str, Any], error: Any) -> str:
        """Log why a message does not match the schema, and return it."""
        from clu._core.invalid import why_invalid

        known = [] if self.model is None else list(self.model.schema.get("properties", ()))
        why = one_line(why_invalid(message, error, known))
        self.log.warning("%s: a reply does not match the schema: %s", self.name, why)
        return f"{why[:1].upper()}{why[1:]}" if why.startswith("the keyword") else why

    def _process(self, message: dict[str, Any]) -> dict[str, Any]:
        processor = self._message_processor
        assert processor is not None
        try:
            processed: Any = processor(dict(message))
        except KeyboardInterrupt:
            raise
        except BaseException:
            name = callback_name(processor)
            self.log.exception("The message processor %s raised an error.", name)
            return message
        if isinstance(processed, dict):
            return processed
        name = callback_name(processor)
        self.log.error("The message processor %s returned %r, not a message.", name, processed)
        return message

    def _reject(self, reply: Reply, problem: str, emit: bool, write_to_log: bool) -> Reply:
        """Write an error instead of a reply; a terminal code still ends its command."""
        error = self._replace(reply, MessageCode.ERROR, {"error": problem}, emit, write_to_log)
        if reply.message_code in TERMINAL_CODES:
            self._replace(reply, reply.message_code, {}, emit, write_to_log)
        return error

    def _replace(
        self,
        reply: Reply,
        code: MessageCode,
        message: dict[str, Any],
        emit: bool,
        write_to_log: bool,
    ) -> Reply:
        """Write another message instead of a reply, without validating it."""
        substitute = Reply(
            code,
            message,
            reply.command,
            reply.broadcast,
            reply.use_validation,
            False,
            reply.internal,
        )
        if emit:
            result = self._write_internal(substitute, write_to_log=write_to_log)
            if asyncio.iscoroutine(result):
                self._create_task(result)
        if substitute.command is not None:
            replies = substitute.command.replies
            replies.append(substitute)
            if type(replies) is ReplyList and len(replies) > MOST_REPLIES:
                replies.shorten()
        if self.store is not None:
            self.store.add_reply(substitute)
        return substitute

    @abc.abstractmethod
    def _write_internal(self, reply: Reply, write_to_log: bool = True) -> Any:
        """Send a reply to the users; a function or a coroutine function."""


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        BaseModel="pydantic:BaseModel",
        KeywordStore="clu.store:KeywordStore",
        Model="clu.model:Model",
        SDSSLogger="sdsstools.logger:SDSSLogger",
        get_event_loop="clu.tools:get_event_loop",
        get_logger="sdsstools.logger:get_logger",
        jsonschema="jsonschema",
        read_yaml_file="sdsstools:read_yaml_file",
        yaml="yaml",
    )
