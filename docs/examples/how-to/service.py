import os

from clu import AMQPActor


class Stage(AMQPActor):
    schema = {"type": "object", "properties": {"position": {"type": "number"}}}


def make_stage():
    url = os.environ.get("CLU_URL", "amqp://guest:guest@localhost:5672/")
    return Stage("stage", url=url, version="1.0.0", log_dir=os.environ.get("LOGS_DIRECTORY"))
