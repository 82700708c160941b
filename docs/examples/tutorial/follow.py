import clu
from clu import AMQPClient


def show(keyword):
    print(keyword.name, "is", keyword.value)


async def main():
    client = AMQPClient("night_log", url="amqp://guest:guest@localhost:5672/", models=["stage"])
    async with client:
        client.models["stage"]["position"].register_callback(show)
        command = await client.send_command("stage", "move 20")
        print("The command is", command.status.name)


clu.run(main())
