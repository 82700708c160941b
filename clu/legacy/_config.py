"""The section of a configuration about the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ARGUMENTS = {"host": "tron_host", "port": "tron_port", "models": "models"}


def with_tron_section(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Merge the section ``tron`` of a configuration into the arguments of the actor.

    The actor's own section takes precedence.
    """
    section = config.get("actor") or config.get("client") or config
    tron = section.get("tron", config.get("tron"))
    if not isinstance(tron, Mapping):
        return config
    arguments = {key: value for key, value in section.items() if key != "tron"}
    for key, name in _ARGUMENTS.items():
        if key in tron:
            arguments.setdefault(name, tron[key])
    return {"actor": {"config": config, **arguments}}
