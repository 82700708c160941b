"""What the pages' tests share: commands of users run in processes of their own."""

from tests.brokers import broker_of_programs  # noqa: F401  (a fixture)
