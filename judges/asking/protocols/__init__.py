"""The protocols: which questions to ask about a request, and what the answers mean.

A protocol is a module of this package and a template of the same name (`judges/prompts/NAME.j2`; `yes_no.py` is the
protocol `yes-no`). The module's `PROTOCOL` is all that anybody else knows of it: adding one is adding the two files.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from genspace.judges.asking.protocols._base import Protocol, Steps

__all__ = ["Protocol", "Steps", "protocol", "protocol_names"]


@cache
def protocol_names() -> tuple[str, ...]:
    """Return the names of all protocols, sorted.

    >>> protocol_names()
    ('choice', 'contrast', 'pairwise', 'questions', 'rating', 'reason', 'vqascore', 'yes-no')
    """
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules if not name.startswith("_")))


def protocol(name: str) -> Protocol:
    """Return the protocol of that name, one of `protocol_names`."""
    found: Protocol = import_module(f"{__name__}.{name.replace('-', '_')}").PROTOCOL
    return found
