"""What clu needs of a broker, and what users of aio-pika see of it: the same on both brokers.

Each test runs on RabbitMQ, of the release that `CLU_TEST_RABBITMQ` names, and on the broker in
memory. A difference is a defect of the latter.
"""
