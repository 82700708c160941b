import asyncio

import clu
from clu import AMQPClient


async def show(client):
    async for update in client.watch("stage.position"):
        print("position is", update.value)


async def main():
    async with AMQPClient("night_log", url="amqp://guest:guest@localhost:5672/") as client:
        stage = await client.actor("stage")
        showing = asyncio.create_task(show(client))
        result = await stage.move(10)
        print("The command is", result.status.name)
        showing.cancel()


clu.run(main())
