"""A thermometer that answers each line with a temperature."""

import asyncio


async def serve(reader, writer):
    while await reader.readline():
        writer.write(b"T=21.5 C\r\n")
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "localhost", 9998)
    await server.serve_forever()


asyncio.run(main())
