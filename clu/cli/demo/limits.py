"""What the actor of the demo accepts."""

__all__ = ["DURATIONS", "RATES"]

#: The lowest and the highest rate of the telemetry, in Hz.
RATES = (0.1, 200.0)
#: The shortest and the longest measurement, in seconds.
DURATIONS = (0.1, 3600.0)
