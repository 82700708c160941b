import clu
from clu import JSONActor, command_parser

SCHEMA = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number", "description": "Of the detector, in Celsius"},
        "filter": {"type": "string", "enum": ["red", "green", "blue"]},
        "offset": {
            "type": "array",
            "items": [{"type": "number", "title": "ra"}, {"type": "number", "title": "dec"}],
            "additionalItems": False,
        },
        "lamp": {"type": "object", "properties": {"on": {"type": "boolean"}}},
    },
}


@command_parser.command()
def status(command):
    """Tells everything."""
    command.info(temperature=-20.5, filter="red")
    command.info(offset=[0.1, -0.2], lamp={"on": True})
    command.info(filter="purple")
    command.finish()


@command_parser.command()
def last(command):
    """Reports the latest temperature, and how often it was output."""
    actor = command.actor
    value = actor.model["temperature"].value
    command.finish(text=f"{value}, output {len(actor.store['temperature'])} times")


async def main():
    camera = JSONActor("camera", port=9999, schema=SCHEMA, store=["temperature"])
    await camera.start()
    await camera.run_forever()


clu.run(main())
