"""Parsers, which turn the string of a command into a call of a callback."""

from clu.parsers.click import ClickParser, CluCommand, command_parser
from clu.parsers.json import JSONParser

__all__ = ["ClickParser", "CluCommand", "JSONParser", "command_parser"]
