"""The section of a configuration about the hub."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from clu._core.config import actor_section

_ARGUMENTS = {"host": "tron_host", "port": "tron_port", "models": "models"}


def with_tron_section(config: Mapping[str, Any], cls: type, base: Any) -> Mapping[str, Any]:
    """Merge the section ``tron`` of a configuration into the arguments of an actor.

    Only a section inside that of the actor is for clu, and only if no class has an argument
    ``tron`` of its own. The other arguments of the actor take precedence.

    Parameters
    ----------
    config
        The configuration.
    cls
        The class of the actor.
    base
        The ``__init__`` that takes the arguments of the hub.
    """
    section = actor_section(config)
    tron = section.get("tron") if isinstance(section, Mapping) else None
    if not isinstance(tron, Mapping) or not _passes_on(cls, base):
        return config
    arguments = {key: value for key, value in section.items() if key != "tron"}
    for key, name in _ARGUMENTS.items():
        if key in tron:
            arguments.setdefault(name, tron[key])
    return {"actor": {"config": config, **arguments}}


def _passes_on(cls: type, base: Any) -> bool:
    """Whether an argument ``tron`` would reach a base class, which does not have it."""
    for each in cls.__mro__:
        if (init := each.__dict__.get("__init__")) is None:
            continue
        if init is base:
            return True
        parameters = inspect.signature(init).parameters.values()
        if any(p.name == "tron" for p in parameters):
            return False
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return False
    return False
