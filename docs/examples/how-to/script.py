from clu.exceptions import CommandFailed
from clu.sync import connect

with connect("tcp://localhost:9999", timeout=30) as stage:
    result = stage.send("move 5")
    print(result.get("position"), result.last("position"), result.flatten())

    with stage.started("move 10") as running:
        for reply in running:
            print(reply.message_code.value, reply.body)

    try:
        stage.send("move 500")
    except CommandFailed as error:
        print(error)
