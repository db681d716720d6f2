"""Geometry: from pixels or a scene file to measured predicates."""
