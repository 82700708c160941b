from clu.exceptions import CommandFailed
from clu.sync import connect

with connect("tcp://localhost:9999", timeout=60) as wheel:
    for name in ("g", "r", "i"):
        wheel.send(f"move {name}")
        found = wheel.send("status").get("filter")
        print(f"An exposure with filter {found}")
    try:
        wheel.send("move h-alpha")
    except CommandFailed as error:
        print(error)
