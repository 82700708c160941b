"""The list of compiled kernels; everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

from setuptools import Extension, setup

SPEEDUPS = Path("clu/_speedups")
KERNELS = ["status", "reply", "model", "schema", "opscore"]
#: Kernels that are written in Cython by hand: they have no interpreted twin.
HAND_WRITTEN = ["amqp"]


def switched_on(variable: str) -> bool:
    return os.environ.get(variable, "0") not in ("", "0")


def extensions() -> list[Extension]:
    """Compile each ``x_py.py`` a second time as ``x_c`` with the C types of ``x_c.pxd``."""
    if switched_on("CLU_NO_EXTENSIONS"):
        return []
    from Cython.Build import cythonize

    build_dir = Path("build/cython")
    generated = [build_dir / SPEEDUPS / f"{name}_py.c" for name in KERNELS]
    sources = [SPEEDUPS / f"{name}_c.pxd" for name in KERNELS] + [Path("setup.py")]
    # Cython tracks x_py.pxd, not x_c.pxd: a change of the latter alone would go unnoticed.
    stale = any(
        not c.exists() or any(s.stat().st_mtime > c.stat().st_mtime for s in sources)
        for c in generated
    )
    kernels = cythonize(
        [
            Extension(f"clu._speedups.{name}_c", [str(SPEEDUPS / f"{name}_py.py")])
            for name in KERNELS
        ]
        + [
            Extension(f"clu._speedups.{name}_c", [str(SPEEDUPS / f"{name}_c.pyx")])
            for name in HAND_WRITTEN
        ],
        build_dir=str(build_dir),
        force=stale,
        compiler_directives={
            "language_level": "3",
            "freethreading_compatible": True,
            "annotation_typing": False,  # annotations are for people, C types are in the .pxd
        },
    )
    for kernel in kernels:  # Cython does not pass it on
        kernel.optional = not switched_on("CLU_REQUIRE_EXTENSIONS")
    return kernels


setup(ext_modules=extensions())
