"""Actors that accept commands, stream keyword replies and follow each other's keywords.

An independent implementation of the documented API of the package of this name.
"""

from typing import TYPE_CHECKING

from clu._core.logging import REPLY, register_reply_level
from clu._core.names import lazy_names
from clu._core.run import run
from clu._version import __version__
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
    __getattr__, __dir__ = lazy_names(
        __name__,
        click="click",
        get_package_version="sdsstools:get_package_version",
        json="clu.parsers.json",
        protocol="clu.protocol",
        store="clu.store",
    )
