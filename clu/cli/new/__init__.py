"""``clu new``: the files of a new actor, ready to run.

The contents of the files are in ``templates``. Nothing else of clu imports it.
"""
