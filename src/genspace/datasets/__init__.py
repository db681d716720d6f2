"""Published human studies: fetched as their authors published them, verified, and turned into study folders."""

from genspace.datasets._catalogue import CATALOGUE, Dataset
from genspace.datasets._fetch import fetch, write_study

__all__ = ["CATALOGUE", "Dataset", "fetch", "write_study"]
