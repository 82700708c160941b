import asyncio

import clu
from clu import AMQPClient
from clu.exceptions import KeywordTimeout


async def follow(client):
    async for update in client.watch("stage.position", delta=6):
        print("the stage has moved to", update.value)


async def main():
    async with AMQPClient("watcher", url="amqp://guest:guest@localhost:5672/") as client:
        following = asyncio.create_task(follow(client))

        moving = await client.send_command("stage", "move 20", await_command=False)
        update = await client.wait_for("stage.position", lambda value: value > 15, timeout=30)
        print("it is beyond 15:", update.value, "by the command", update.command_id)
        await moving

        try:
            await client.wait_for("stage.position", lambda value: value > 50, timeout=1)
        except KeywordTimeout as error:
            print(error)

        following.cancel()


clu.run(main())
