"""The example of the README runs as it is."""

from __future__ import annotations

import json
import pathlib
import re
import socket
import subprocess
import time

from .broker import free_port
from .terminal import CLU

README = pathlib.Path(__file__).parent.parent / "README.md"


def test_the_actor_of_the_readme_answers(tmp_path: pathlib.Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(example.splitlines()) <= 20
    port = free_port()
    script = tmp_path / "stage.py"
    script.write_text(example.replace("9999", str(port)))
    actor = subprocess.Popen([*CLU, "run", str(script)], stderr=subprocess.PIPE)
    try:
        with _connect(port) as connection, connection.makefile("rwb") as stream:
            stream.write(b"1 move 5\n2 move --help\n")
            stream.flush()
            ends = {}
            while len(ends) < 2:
                reply = json.loads(stream.readline())
                header = reply["header"]
                if header["message_code"] in ":f":
                    ends[header["command_id"]] = reply["data"]
    finally:
        actor.kill()
        actor.communicate()
    assert ends[1] == {"text": "The stage is there."}
    assert ends[2]["help"][0] == "Usage: stage move [OPTIONS] POSITION"


def _connect(port: int) -> socket.socket:
    end = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("localhost", port), timeout=20)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
