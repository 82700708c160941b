"""Check the contents of wheels and sdists: check_distributions.py PATH..."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPEEDUPS = "clu/_speedups"
TEMPLATES = "clu/cli/new/templates"
#: The plugin of pytest, which is outside of the package, so that pytest need not import that.
PLUGIN = "pytest_clu.py"

#: What a build leaves behind, and what belongs to somebody's machine.
LEFTOVERS = re.compile(
    r"\.(c|cpp|o|py[co]|orig|rej)$|^clu/.*\.html$|(^|/)(__pycache__|build|dist|\.\w+_cache|\.venv[^/]*|\.git)/"
)
SOURCES = re.compile(r"\.(pyx|pxd)$")
COMPILED = re.compile(r"\.(so|pyd)$")
#: What tests, builds and contributors need of an sdist.
IN_SDIST = ["setup.py", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile"]


def kernels() -> set[str]:
    """Return the names of the extension modules that a compiled wheel has."""
    sources = [*(ROOT / SPEEDUPS).glob("*_c.pxd"), *(ROOT / SPEEDUPS).glob("*_c.pyx")]
    return {path.stem for path in sources}


def templates() -> list[str]:
    """Return the paths of the files from which ``clu new`` makes a project."""
    return [f"{TEMPLATES}/{path.name}" for path in (ROOT / TEMPLATES).iterdir()]


def wheel_problems(path: Path) -> list[str]:
    """Return what is wrong with the contents of a wheel."""
    names = zipfile.ZipFile(path).namelist()
    problems = [f"{name} is a leftover of a build" for name in names if LEFTOVERS.search(name)]
    problems += [f"{name} is a source of a kernel" for name in names if SOURCES.search(name)]
    about = f"{'-'.join(path.name.split('-')[:2])}.dist-info"
    strays = [name for name in names if not name.startswith(("clu/", f"{about}/", PLUGIN))]
    problems += [f"{name} is not of the package" for name in strays]
    compiled = {Path(name).name.split(".")[0] for name in names if COMPILED.search(name)}
    expected = set() if path.name.endswith("-py3-none-any.whl") else kernels()
    problems += [f"{name} is not compiled" for name in sorted(expected - compiled)]
    problems += [f"{name} is compiled" for name in sorted(compiled - expected)]
    wanted = [PLUGIN, "clu/py.typed", f"{about}/licenses/LICENSE", *templates()]
    return problems + [f"{name} is missing" for name in wanted if name not in names]


def sdist_problems(path: Path) -> list[str]:
    """Return what is wrong with the contents of an sdist."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if "/" in name}
    problems = [f"{name} is a leftover of a build" for name in names if LEFTOVERS.search(name)]
    problems += [f"{name} is compiled" for name in names if COMPILED.search(name)]
    wanted = [
        *IN_SDIST,
        PLUGIN,
        "tests/broker.py",
        "examples/start.py",
        "clu/py.typed",
        *templates(),
    ]
    wanted += [
        f"{SPEEDUPS}/{source.name}"
        for source in (ROOT / SPEEDUPS).iterdir()
        if source.suffix in (".py", ".pxd", ".pyx")
    ]
    return problems + [f"{name} is missing" for name in wanted if name not in names]


def main(paths: list[str]) -> int:
    """Print the problems of all files, and return the exit status."""
    status = 0
    files = chain.from_iterable(
        sorted(path.iterdir()) if path.is_dir() else [path] for path in map(Path, paths)
    )
    for path in files:
        problems = wheel_problems(path) if path.suffix == ".whl" else sdist_problems(path)
        print(f"{path.name}: {'; '.join(sorted(problems)) or 'as it should be'}")
        status |= bool(problems)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
