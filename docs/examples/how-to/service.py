import contextlib
import os

import clu
from clu import AMQPActor


class Stage(AMQPActor):
    schema = {"type": "object", "properties": {"position": {"type": "number"}}}


async def main():
    url = os.environ.get("CLU_URL", "amqp://guest:guest@localhost:5672/")
    stage = Stage("stage", url=url, version="1.0.0", log_dir=os.environ.get("LOGS_DIRECTORY"))
    await stage.start()
    try:
        await stage.run_forever()
    finally:
        await stage.stop()


with contextlib.suppress(KeyboardInterrupt):
    clu.run(main())
