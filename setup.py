"""List the packages: the spine and the rooms in the root (pyproject.toml maps the names to folders)."""

from setuptools import find_packages, setup

ROOMS = ("judges", "geometry", "human_study", "analysis")
spine = [p for p in find_packages("src") if not p.startswith(tuple(f"genspace.{room}" for room in ROOMS))]
rooms = [f"genspace.{p}" for room in ROOMS for p in [room, *(f"{room}.{s}" for s in find_packages(room))]]
setup(packages=spine + rooms)
