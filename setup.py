"""The list of compiled kernels; everything else about the package is in pyproject.toml."""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

SPEEDUPS = Path("clu/_speedups")
KERNELS = ["status", "line", "reply", "model", "schema", "opscore", "amqp", "call", "received"]


def switched_on(variable: str) -> bool:
    return os.environ.get(variable, "0") not in ("", "0")


def source_of(kernel: str) -> Path:
    by_hand = SPEEDUPS / f"{kernel}_c.pyx"
    return by_hand if by_hand.exists() else SPEEDUPS / f"{kernel}_py.py"


def extensions() -> list[Extension]:
    """Compile each kernel ``x`` as ``x_c``.

    Its source is ``x_c.pyx``, written by hand, if there is one, else ``x_py.py``, which is compiled
    a second time with the C types of ``x_c.pxd``.
    """
    if switched_on("CLU_NO_EXTENSIONS"):
        return []
    from Cython.Build import cythonize

    build_dir = Path("build/cython")
    generated = [build_dir / source_of(name).with_suffix(".c") for name in KERNELS]
    sources = [*SPEEDUPS.glob("*.pxd"), Path("setup.py")]
    # Cython tracks x_py.pxd, not x_c.pxd: a change of the latter alone would go unnoticed.
    stale = any(
        not c.exists() or any(s.stat().st_mtime > c.stat().st_mtime for s in sources)
        for c in generated
    )
    kernels = cythonize(
        [Extension(f"clu._speedups.{name}_c", [str(source_of(name))]) for name in KERNELS],
        build_dir=str(build_dir),
        force=stale,
        compiler_directives={
            "language_level": "3",
            "auto_pickle": False,  # its __setstate__ reads foreign memory, given another type
            "annotation_typing": False,  # annotations are for people, C types are in the .pxd
            "binding": False,  # or methods would not check the type of self
            "nonecheck": True,  # None passes for any C class: its attributes are foreign memory
        },
    )
    for kernel in kernels:  # Cython does not pass it on
        kernel.optional = not switched_on("CLU_REQUIRE_EXTENSIONS")
        if sys.platform != "win32":  # no debugging information, which is most of a wheel
            kernel.extra_compile_args = ["-g0"]
    return kernels


setup(ext_modules=extensions())
