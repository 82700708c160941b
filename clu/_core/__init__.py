"""What clients and actors of every transport are made of: replies, statuses, keywords, logging.

It imports the kernels and ``clu.exceptions``, and nothing else of clu.
It must not know clients, actors, commands or transports: what it needs of them, it names as a
protocol in ``clu._core.protocols``.
"""
