"""All predicates, the example plugin's included: it is put on the path and registered as an installed one would be."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from genspace.geometry.predicates import REGISTRY, bind

PLUGIN = Path(__file__).resolve().parents[3] / "examples" / "plugin-predicate"


@pytest.fixture(scope="module", autouse=True)
def between_is_installed():
    """The template of the how-to, as if it were installed."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(PLUGIN)
    entry = EntryPoint("between", "genspace_between:BETWEEN", REGISTRY.group)
    patch.setitem(REGISTRY.__dict__, "plugins", {"between": entry})
    yield
    patch.undo()
    bind.cache_clear()
    sys.modules.pop("genspace_between", None)
