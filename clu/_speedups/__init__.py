"""The kernels: the work that every message pays for, without sockets or event loops.

Each kernel has one source, ``<name>_py.py``, which runs as it is and is compiled a second time as
``<name>_c`` with the C types of ``<name>_c.pxd``. The selector ``<name>.py`` is what the rest of
clu imports. ``CLU_NO_EXTENSIONS=1`` selects the interpreted builds.

Two kernels read and write memory, which only pays with a compiler, and have a hand-written
``<name>_c.pyx`` beside a ``<name>_py.py`` with the same results: the bytes of a line (``line``) and
the AMQP codec (``amqp``).
"""

from __future__ import annotations

import importlib
import os

__all__ = ["KERNELS", "NO_EXTENSIONS", "backend"]

KERNELS = ("status", "line", "reply", "model", "schema", "opscore", "amqp", "call", "received")
NO_EXTENSIONS = os.environ.get("CLU_NO_EXTENSIONS", "0") not in ("", "0")


def backend() -> dict[str, str]:
    """Return which build of each kernel is in use in this process.

    Returns
    -------
    dict
        The name of each kernel with ``"compiled"`` or ``"interpreted"``.
    """
    return {name: _build(name) for name in KERNELS}


def _build(name: str) -> str:
    if NO_EXTENSIONS:
        return "interpreted"
    try:
        importlib.import_module(f"{__name__}.{name}_c")
    except ImportError:
        return "interpreted"
    return "compiled"
