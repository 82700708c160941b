"""The kernels: the work that every message pays for, without sockets or event loops.

Each kernel has one source, ``<name>_py.py``, which runs as it is and is compiled a second time as
``<name>_c`` with the C types of ``<name>_c.pxd``. The selector ``<name>.py`` is what the rest of
clu imports. ``CLU_NO_EXTENSIONS=1`` selects the interpreted builds.

The AMQP codec works on bytes in a way that has no use without a compiler: ``amqp_c.pyx`` is written
by hand, and where it is absent aio_pika does the work.
"""

from __future__ import annotations

import importlib
import os

__all__ = ["HAND_WRITTEN", "KERNELS", "NO_EXTENSIONS", "backend"]

KERNELS = ("status", "reply", "model", "schema", "opscore")
HAND_WRITTEN = ("amqp",)
NO_EXTENSIONS = os.environ.get("CLU_NO_EXTENSIONS", "0") not in ("", "0")


def backend() -> dict[str, str]:
    """Tell which build of each kernel runs in this process.

    Returns
    -------
    dict
        The kernel's name to ``"compiled"`` or ``"interpreted"``, or ``"absent"`` where there is
        no interpreted build.
    """
    return {name: _build(name) for name in (*KERNELS, *HAND_WRITTEN)}


def _build(name: str) -> str:
    otherwise = "absent" if name in HAND_WRITTEN else "interpreted"
    if NO_EXTENSIONS:
        return otherwise
    try:
        importlib.import_module(f"{__name__}.{name}_c")
    except ImportError:
        return otherwise
    return "compiled"
