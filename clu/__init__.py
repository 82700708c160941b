"""Actors that accept commands, stream keyword replies and follow each other's keywords.

An independent implementation of the documented API of the package of this name.

PYTEST_DONT_REWRITE: programs may import it before they run pytest.
"""

from typing import TYPE_CHECKING

from clu._core.levels import register_reply_level
from clu._core.names import lazy_names
from clu._version import __version__

if TYPE_CHECKING:
    from clu._core.levels import REPLY
    from clu._core.run import run
    from clu.actor import AMQPActor, AMQPBaseActor, JSONActor, TCPBaseActor
    from clu.base import BaseActor, BaseClient, MessageCode, Reply
    from clu.client import AMQPClient, AMQPReply
    from clu.command import (
        BaseCommand,
        Command,
        FakeCommand,
        TimedCommand,
        TimedCommandList,
        parse_legacy_command,
    )
    from clu.device import Device
    from clu.exceptions import (
        CluDeprecationWarning,
        CluError,
        CluNotImplemented,
        CluWarning,
        CommandError,
        CommandParserError,
    )
    from clu.legacy.actor import LegacyActor
    from clu.parsers import ClickParser, CluCommand, JSONParser, command_parser
    from clu.tools import (
        ActorHandler,
        CommandStatus,
        as_complete_failer,
        escape,
        format_value,
    )

register_reply_level()

NAME = "sdss-clu"

__all__ = [
    "NAME",
    "REPLY",
    "AMQPActor",
    "AMQPBaseActor",
    "AMQPClient",
    "AMQPReply",
    "ActorHandler",
    "BaseActor",
    "BaseClient",
    "BaseCommand",
    "ClickParser",
    "CluCommand",
    "CluDeprecationWarning",
    "CluError",
    "CluNotImplemented",
    "CluWarning",
    "Command",
    "CommandError",
    "CommandParserError",
    "CommandStatus",
    "Device",
    "FakeCommand",
    "JSONActor",
    "JSONParser",
    "LegacyActor",
    "MessageCode",
    "Reply",
    "TCPBaseActor",
    "TimedCommand",
    "TimedCommandList",
    "__version__",
    "as_complete_failer",
    "command_parser",
    "escape",
    "format_value",
    "parse_legacy_command",
    "run",
]

if not TYPE_CHECKING:
    # What a program does not use is not imported: the command line starts in half of the time.
    _find, __dir__ = lazy_names(
        __name__,
        AMQPActor="clu.actor:AMQPActor",
        AMQPBaseActor="clu.actor:AMQPBaseActor",
        AMQPClient="clu.client:AMQPClient",
        AMQPReply="clu.client:AMQPReply",
        ActorHandler="clu.tools:ActorHandler",
        BaseActor="clu.base:BaseActor",
        BaseClient="clu.base:BaseClient",
        BaseCommand="clu.command:BaseCommand",
        ClickParser="clu.parsers:ClickParser",
        CluCommand="clu.parsers:CluCommand",
        CluDeprecationWarning="clu.exceptions:CluDeprecationWarning",
        CluError="clu.exceptions:CluError",
        CluNotImplemented="clu.exceptions:CluNotImplemented",
        CluWarning="clu.exceptions:CluWarning",
        Command="clu.command:Command",
        CommandError="clu.exceptions:CommandError",
        CommandParserError="clu.exceptions:CommandParserError",
        CommandStatus="clu.tools:CommandStatus",
        Device="clu.device:Device",
        FakeCommand="clu.command:FakeCommand",
        JSONActor="clu.actor:JSONActor",
        JSONParser="clu.parsers:JSONParser",
        LegacyActor="clu.legacy.actor:LegacyActor",
        MessageCode="clu.base:MessageCode",
        REPLY="clu._core.levels:REPLY",
        Reply="clu.base:Reply",
        TCPBaseActor="clu.actor:TCPBaseActor",
        TimedCommand="clu.command:TimedCommand",
        TimedCommandList="clu.command:TimedCommandList",
        actor="clu.actor",
        as_complete_failer="clu.tools:as_complete_failer",
        base="clu.base",
        click="click",
        client="clu.client",
        command="clu.command",
        command_parser="clu.parsers:command_parser",
        device="clu.device",
        escape="clu.tools:escape",
        exceptions="clu.exceptions",
        format_value="clu.tools:format_value",
        get_package_version="sdsstools:get_package_version",
        json="clu.parsers.json",
        legacy="clu.legacy",
        model="clu.model",
        parse_legacy_command="clu.command:parse_legacy_command",
        parsers="clu.parsers",
        protocol="clu.protocol",
        run="clu._core.run:run",
        store="clu.store",
        tools="clu.tools",
    )

    def __getattr__(name):
        found = globals()[name] = _find(name)
        return found
