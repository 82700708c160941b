"""The pages of the documentation, as far as they can be run.

The convention, in the order of a page:

- A ``literalinclude`` with a caption is a file that the reader saves under that name.
- A fenced block ``console`` is a session: lines that begin with ``$ `` are commands, the lines
  after one are its output. After ``clu talk`` those that are not replies are what the reader types.
- A comment ``<!-- test: ... -->`` before a block says how to run it: ``background until COMMAND``
  for a program that the reader leaves running, which is ready when the command succeeds, or
  ``background until port N`` when it takes connections, and
  ``background alone until ...`` for one before which the reader stops the others;
  ``after stopping COMMAND`` for what is typed after the reader has stopped such a program;
  ``replies PATTERN`` for what the replies begin with where ``clu talk`` does not talk to an actor;
  ``skip, REASON`` for what cannot be run here.
- ``cd FOLDER`` alone counts for the rest of the page, as it does in a terminal.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"(?:^<!-- test: (?P<mark>.*?) -->\n\n?)?"
    r"^(?P<fence>```+)(?P<language>\S+)(?P<argument>[^\n]*)\n(?P<text>.*?)^(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)
_CAPTION = re.compile(r"^:caption: (.*)$", re.MULTILINE)


@dataclasses.dataclass
class Block:
    """A fenced block of a page, with the line where it begins."""

    language: str
    argument: str
    text: str
    mark: str
    line: int


def blocks(page: pathlib.Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            found["language"],
            found["argument"].strip(),
            found["text"],
            found["mark"] or "",
            text.count("\n", 0, found.start("fence")) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def included(page: pathlib.Path, block: Block) -> pathlib.Path | None:
    """Return the file that a block includes, or None."""
    if block.language != "{literalinclude}":
        return None
    return (page.parent / block.argument).resolve()


def caption(block: Block) -> str | None:
    found = _CAPTION.search(block.text)
    return found[1] if found else None


def pages() -> list[pathlib.Path]:
    return [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]


def name(page: pathlib.Path) -> str:
    return str(page.relative_to(ROOT))


@dataclasses.dataclass
class Command:
    """A command of a session, and what the page says that it prints."""

    command: str
    output: list[str]


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], []))
        elif found and found[-1].command.endswith("\\"):
            found[-1].command += f"\n{line}"
        elif found:
            found[-1].output.append(line)
        else:
            raise ValueError(f"line {block.line}: a session begins with a command ('$ ')")
    return found
