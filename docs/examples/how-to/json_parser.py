import asyncio

import clu
from clu import JSONParser, TCPBaseActor


async def move(command, payload):
    await asyncio.sleep(0.1)
    command.finish(position=payload["to"])


class Stage(JSONParser, TCPBaseActor):
    callbacks = {"move": move}


async def main():
    stage = await Stage("stage", port=9999, additional_properties=True).start()
    await stage.run_forever()


clu.run(main())
