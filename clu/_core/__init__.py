"""The building blocks of clients and actors: replies, statuses, keywords, logging.

It imports the kernels and ``clu.exceptions``, and nothing else from clu.
It must not know about clients, actors, commands or transports: what it needs from them is declared
as protocols in ``clu._core.protocols``.
"""
