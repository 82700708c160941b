import clu
from clu import AMQPClient


def anything(values, changed):
    print("model:", changed.name, "=", changed.value)


def position(prop):
    print("property:", prop.name, "=", prop.value)


def replies(reply):
    print("reply:", reply.sender, reply.message_code, reply.body)


async def main():
    guider = AMQPClient("guider", url="amqp://guest:guest@localhost:5672/", models=["stage"])
    async with guider:
        stage = guider.models["stage"]
        stage.register_callback(anything)
        stage["position"].register_callback(position)
        guider.add_reply_callback(replies)

        command = await guider.send_command("stage", "move 20")
        print(command.status.did_succeed, stage["position"].value)

        command = await guider.send_command("stage", "move 200")
        print(command.status.did_fail, command.replies.get("error"))


clu.run(main())
