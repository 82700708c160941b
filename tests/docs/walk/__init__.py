"""A walk as a new user: a bare machine, as far as it can be had, and what is typed on it.

The README is pasted line by line, and then the tutorial, into shells in real terminals. Nothing of
the environment of the tests is used: neither Python packages, nor variables, nor the user.
"""
