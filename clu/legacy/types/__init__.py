"""The opscore types: keywords and their dictionaries, messages and their parsers."""
