from concurrent.futures import ThreadPoolExecutor

from clu.sync import Client

with Client("amqp://guest:guest@localhost:5672/", models=["stage"]) as clu:
    clu.send("stage", "move 20", timeout=30)
    print(clu.client.models["stage"]["position"].value)

    with ThreadPoolExecutor() as threads:
        moved = threads.submit(clu.send, "stage", "move 40")
        print(clu.send("stage", "ping").get("text"))
        print(moved.result().last("position"))
