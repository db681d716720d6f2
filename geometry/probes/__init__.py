"""Probes: rendered scenes whose truth is known, and what they tell about a judge."""
