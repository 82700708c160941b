"""What runs under both interpreters: scenarios that use the documented API, and their transcripts.

Nothing here imports from the tests or needs a package that clu does not need. `python -m recorder`
runs scenarios, each in a process of its own, and writes their transcripts as JSON.
"""
