"""A broker in memory: AMQP 0-9-1 as RabbitMQ speaks it, for the clients of one process.

aio-pika's connections talk to it over a byte stream in memory, so that what they do when a
connection is lost is what they do with RabbitMQ. The messages of our data plane are handed over as
objects, past the frames. It imports the codec, the messages and the byte stream of ``_amqp``, and
must not know the data plane, nor clients and actors.
"""
