from typing import TYPE_CHECKING, cast

import clu
from clu import AMQPClient

if TYPE_CHECKING:
    from camera_types import Camera, Keywords


async def main() -> None:
    async with AMQPClient(url="amqp://guest:guest@localhost:5672/") as client:
        camera = cast("Camera", await client.actor("camera"))
        result = await camera.expose(0.1, flavour="dark")  # mypy would find "drak"
        keywords = cast("Keywords", result.flatten())
        print(keywords["filename"])


clu.run(main())
