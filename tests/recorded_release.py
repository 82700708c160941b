"""sdss-clu 2.6.1 from PyPI, to be run beside this clu: `python -m tests.recorded_release` makes it.

It has a virtual environment of its own. click comes from folders of their own, one a version, which
go before everything else on the path of either clu: so both have the same click.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = "2.6.1"
HOME = ROOT / ".venv-recorded"
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
#: The oldest click that clu takes, and the one that its users get today.
OLDEST_CLICK = "8.1.8"


def newest_click() -> str:
    return version("click")


def click_folder(click: str) -> Path:
    return HOME / f"click-{click}"


def environment(**more: str) -> dict[str, str]:
    """Return the environment without what would change Python or clu."""
    dropped = ("PYTHON", "CLU_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | more


def is_ready() -> bool:
    if not PYTHON.exists():
        return False
    script = (
        "import platform, websockets; from importlib.metadata import version; "
        "print(platform.python_version(), version('sdss-clu'))"
    )
    answer = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, cwd=HOME)
    return answer.stdout.split() == [platform.python_version(), RELEASE]


def make() -> Path:
    """Make what is not there yet, with this interpreter; return the interpreter of the release."""
    if not is_ready():
        print(f"making {HOME}", file=sys.stderr)
        venv.create(HOME, clear=True, with_pip=True)
        _pip("install", "-qq", f"sdss-clu=={RELEASE}", "websockets")
    return PYTHON


def make_clicks() -> None:
    for click in (OLDEST_CLICK, newest_click()):
        if not (click_folder(click) / "click").is_dir():
            target = str(click_folder(click))
            _pip("install", "-qq", "--no-deps", "--target", target, f"click=={click}")


def _pip(*arguments: str) -> None:
    subprocess.run([PYTHON, "-m", "pip", *arguments], check=True, cwd=HOME, env=environment())


if __name__ == "__main__":
    make()
    make_clicks()
