"""Subscriptions to keywords, as ``watch`` of clients and actors returns them."""

from __future__ import annotations

from clu._watch.sampling import STRATEGIES
from clu._watch.subscription import Subscription
from clu._watch.update import Update

__all__ = ["STRATEGIES", "Subscription", "Update"]
