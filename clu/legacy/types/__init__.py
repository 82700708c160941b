"""The opscore types: keywords and their dictionaries, messages and their parsers."""

__all__ = ["keys", "messages", "parser", "pvt", "types"]
