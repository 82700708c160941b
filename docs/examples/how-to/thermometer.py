"""A thermometer that answers each line with a temperature."""

import asyncio


async def serve(reader, writer):
    while await reader.readline():
        writer.write(b"T=21.5 C\r\n")
        await writer.drain()
    writer.close()


async def main():
    await asyncio.start_server(serve, "localhost", 9998)
    await asyncio.Event().wait()


asyncio.run(main())
