"""Drawings: scenes on their images (`overlay`), from above (`plan`), in 3D (`view3d`); what predicates mean."""
