import clu
from clu import AMQPClient
from clu.exceptions import ActorNotFound, CommandFailed, CommandsFailed, InvalidCommand


async def main():
    async with AMQPClient(url="amqp://guest:guest@localhost:5672/") as client:
        camera = await client.actor("camera", timeout=5)

        result = await camera.expose(0.1, flavour="dark", count=2)
        print(result.get("filename"), result.last("filename"))

        async with camera.expose.started(0.1, count=2) as run:
            async for reply in run:
                print("as it comes:", reply.body)

        await camera.fan.on(timeout=3, retries=2)
        try:
            await camera.fan.set_speed(-1)
        except CommandFailed as error:
            print("failed:", error)
        try:
            await camera.expose(1, flavour="drak")
        except InvalidCommand as error:
            print(f"not sent, for its {error.parameter}:", error)

        try:
            await client.gather(camera.expose(0.1), camera.fan.set_speed(2))
        except CommandsFailed as error:
            print(error.results[0].get("filename"), "|", error.errors[1])

        try:
            await client.actor("camra", timeout=1)
        except ActorNotFound as error:
            print(error)


clu.run(main())
