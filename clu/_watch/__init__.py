"""Subscriptions to keywords: when an update is given, to whom, and what it is.

It imports `clu._core` and `clu.exceptions`. It must not know where updates come from: transports
hand them to a `Watchers`.
"""
