"""The version: the level of the documented API, then our own local label."""

__version__ = "2.6.1+fast.1"
