"""The scenarios, by the part of the API that they use."""
