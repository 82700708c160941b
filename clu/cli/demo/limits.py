"""The limits of the commands of the demo actor."""

__all__ = ["DURATIONS", "RATES"]

#: The minimum and maximum rate of the telemetry, in Hz.
RATES = (0.1, 200.0)
#: The minimum and maximum length of a measurement, in seconds.
DURATIONS = (0.1, 3600.0)
