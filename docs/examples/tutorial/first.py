import clu
from clu import JSONActor


async def main():
    stage = await JSONActor("stage", port=9999, version="0.1.0").start()
    await stage.run_forever()


clu.run(main())
