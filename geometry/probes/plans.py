"""The table of plans: 36 text-to-image and 40 edit variants, relations in the picture, and those of plugins."""

from __future__ import annotations

from collections.abc import Mapping

from genspace.geometry.predicates import every_predicate
from genspace.geometry.probes.planning import Plan

__all__ = ["PLANS"]

PLANS: Mapping[str, Plan] = {
    plan.name: plan
    for task in ("t2i", "edit", "2d")
    for predicate in every_predicate()
    for plan in predicate.probes
    if plan.task == task
}
"""Plan name to plan."""
