"""What completion knows of actors: a file for each broker, in the cache of the user."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

__all__ = ["CompletionCache"]

#: After how many seconds what is known is asked again, in the background.
FRESH = 60.0
#: After how many seconds an actor that has not been seen is forgotten.
_KEPT = 30 * 24 * 3600.0


class CompletionCache:
    """The actors of a broker, or a TCP actor, and their command models.

    Parameters
    ----------
    address
        The address, without a password.
    """

    def __init__(self, address: str) -> None:
        # Not a hash: its import takes longer than all else here.
        name = "".join(char if char.isalnum() or char in ".-" else "_" for char in address)
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.path = Path(home) / "clu" / "completion" / f"{name[:200]}.json"
        self._content = self._read()

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_bytes())
            if isinstance(content["actors"], dict) and isinstance(content["asked"], dict):
                actors = content["actors"].items()
                entries = {name: entry for name, entry in actors if isinstance(entry, dict)}
                return {"actors": entries, "asked": content["asked"]}
        except (OSError, ValueError, LookupError, TypeError):
            pass
        return {"actors": {}, "asked": {}}

    @property
    def names(self) -> list[str]:
        """The names of the actors that are known."""
        return sorted(self._content["actors"])

    def model(self, actor: str) -> dict[str, Any] | None:
        """Return the command model of an actor, or None if it is not known."""
        model = self._content["actors"].get(actor, {}).get("model")
        return model if isinstance(model, dict) else None

    def age(self, topic: str) -> float | None:
        """Return how many seconds ago something was asked, or None if it never was."""
        asked = self._content["asked"].get(topic)
        return time.time() - asked if isinstance(asked, int | float) else None

    def add(self, topic: str, names: list[str], model: dict[str, Any] | None = None) -> None:
        """Add the answer to a question: the names of actors, and the model of the only one."""
        now = time.time()
        self._content = self._read()  # others may have written it in the meantime
        self._content["asked"][topic] = now
        for name in names:
            entry = self._content["actors"].setdefault(name, {})
            entry["seen"] = now
            if model is not None:
                entry["model"] = model
        self._content["actors"] = {
            name: entry
            for name, entry in self._content["actors"].items()
            if now - entry.get("seen", 0) < _KEPT
        }
        self._write()

    def _write(self) -> None:
        """Replace the file at once, as others may read it. Without a cache, all is asked again."""
        import tempfile  # reading the cache, which must be quick, need not import it

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(
                "w", dir=self.path.parent, suffix=".tmp", delete=False
            ) as file:
                json.dump(self._content, file)
            os.replace(file.name, self.path)
        except OSError:
            return
