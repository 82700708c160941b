"""Actors elsewhere as objects: their commands are called like functions.

It makes a call into a command string, checks it against the command model of the actor, and waits
for the result. It knows nothing of sockets or protocols: clients give it a way to begin a command.
"""
