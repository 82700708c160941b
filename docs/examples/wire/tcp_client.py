"""Moves the stage, without clu: a client of a TCP JSON actor in a few lines."""

import json
import socket

with socket.create_connection(("localhost", 9999)) as connection:
    stream = connection.makefile("rw", encoding="utf-8", newline="\n")
    stream.write("1 move 5\n")
    stream.flush()
    for line in stream:
        reply = json.loads(line)
        header, data = reply["header"], reply["data"]
        if header["command_id"] != 1:
            continue  # a reply to everybody, or to another command of ours
        print(header["message_code"], data)
        if header["message_code"] in (":", "f"):
            break
