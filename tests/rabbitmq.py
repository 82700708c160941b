"""The RabbitMQ that the tests run: the one that is installed, or one of another release.

The variable `CLU_TEST_RABBITMQ` names the release, such as 4.3, of those that
`tests/get_rabbitmq_release.sh` has got.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

_PLACES = ("/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/usr/sbin")

#: Runs a command in a folder with another release, with a folder of the machine at the same place.
#: What it mounts is gone when the command has ended.
_ENTER = """
set -e
root=$1 folder=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root$folder"
mount --bind "$folder" "$root$folder"
exec chroot "$root" "$@"
"""


@dataclasses.dataclass(frozen=True)
class RabbitMQ:
    """An installation of RabbitMQ.

    Parameters
    ----------
    root
        The root directory in which it is installed.
    """

    root: Path = Path("/")

    @property
    def version(self) -> str | None:
        """The version, where the installation is a package of Debian."""
        found = sorted((self.root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
        return found[0].name.partition("-")[2] if found else None

    def command(self, folder: Path, name: str, *arguments: str) -> list[str]:
        """Return the command that runs a program of it, which uses a folder."""
        if self.root == Path("/"):
            # Debian's wrappers in /usr/sbin change to another user: prefer the scripts themselves.
            search = os.pathsep.join([_PLACES[0], os.environ.get("PATH", ""), *_PLACES[1:]])
            command = shutil.which(name, path=search)
            if command is None:
                raise RuntimeError(f"There is no {name}: run tests/get_rabbitmq.sh.")
            return [command, *arguments]
        place = "/usr/bin" if name == "epmd" else _PLACES[0]
        return [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh"),
            *(str(self.root), str(folder.resolve()), f"{place}/{name}", *arguments),
        ]


def find(release: str | None = None) -> RabbitMQ:
    """Return the installation of a release, by default of the one that the environment names."""
    release = release or os.environ.get("CLU_TEST_RABBITMQ")
    if not release:
        return RabbitMQ()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for rabbitmq in (RabbitMQ(), RabbitMQ(cache / "clu-test-brokers" / release)):
        if (rabbitmq.version or "").startswith(f"{release}."):
            return rabbitmq
    raise RuntimeError(
        f"There is no RabbitMQ {release}: run tests/get_rabbitmq_release.sh {release}."
    )
