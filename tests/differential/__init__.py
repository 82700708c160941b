"""The same small programs on this clu and on the recorded release, and what differs."""
