"""Where the configuration is, and the site that ``clu site use`` has chosen."""

from __future__ import annotations

import os
from pathlib import Path

import click

__all__ = ["chosen_path", "chosen_site", "config_path"]


def config_path() -> Path:
    """Return the path of the configuration file."""
    return _directory() / "config.toml"


def chosen_path() -> Path:
    """Return the path of the file with the site that ``clu site use`` has chosen."""
    return _directory() / "site"


def _directory() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return Path(home, "clu") if home else Path(click.get_app_dir("clu"))


def chosen_site() -> str | None:
    """Return the name of the site that ``clu site use`` has chosen, or None."""
    try:
        return chosen_path().read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
