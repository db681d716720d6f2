"""Drawings: scenes on their images, from above, in 3D; and what predicates mean."""
