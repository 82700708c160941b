"""Moves the stage, without clu: a client on the broker, with any AMQP library."""

import asyncio
import json
import uuid

import aio_pika


async def main():
    connection = await aio_pika.connect("amqp://guest:guest@localhost:5672/")
    async with connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("sdss_exchange", "topic", auto_delete=True)
        replies = await channel.declare_queue("probe_replies", exclusive=True)
        await replies.bind(exchange, "reply.probe.#")

        command_id = str(uuid.uuid4())
        message = aio_pika.Message(
            json.dumps({"command_string": "move 5"}).encode(),
            content_type="text/json",
            headers={"command_id": command_id, "commander_id": "probe.stage"},
            correlation_id=command_id,
            reply_to="probe_replies",
        )
        await exchange.publish(message, "command.stage", mandatory=True)

        async with replies.iterator(no_ack=True) as incoming:
            async for reply in incoming:
                if reply.headers["command_id"] != command_id:
                    continue
                code = reply.headers["message_code"]
                print(code, json.loads(reply.body))
                if code in (":", "f"):
                    break


asyncio.run(main())
