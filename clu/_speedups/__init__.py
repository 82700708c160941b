"""The kernels: the work that every message pays for, without sockets or event loops.

Each kernel has one source, ``<name>_py.py``, which runs as it is and is compiled a second time as
``<name>_c`` with the C types of ``<name>_c.pxd``. The selector ``<name>.py`` is what the rest of
clu imports. ``CLU_NO_EXTENSIONS=1`` selects the interpreted builds.

Two write and read memory, which has no use without a compiler, and have a ``<name>_c.pyx`` that is
written by hand: the bytes of a line (``line``), whose interpreted build is a list of texts, and the
AMQP codec (``amqp``). Where the latter is absent aio_pika does the work.
"""

from __future__ import annotations

import importlib
import os

__all__ = ["COMPILED_ONLY", "KERNELS", "NO_EXTENSIONS", "backend"]

KERNELS = ("status", "line", "reply", "model", "schema", "opscore", "amqp")
COMPILED_ONLY = ("amqp",)
NO_EXTENSIONS = os.environ.get("CLU_NO_EXTENSIONS", "0") not in ("", "0")


def backend() -> dict[str, str]:
    """Tell which build of each kernel runs in this process.

    Returns
    -------
    dict
        The kernel's name to ``"compiled"`` or ``"interpreted"``, or ``"absent"`` where there is
        no interpreted build.
    """
    return {name: _build(name) for name in KERNELS}


def _build(name: str) -> str:
    otherwise = "absent" if name in COMPILED_ONLY else "interpreted"
    if NO_EXTENSIONS:
        return otherwise
    try:
        importlib.import_module(f"{__name__}.{name}_c")
    except ImportError:
        return otherwise
    return "compiled"
