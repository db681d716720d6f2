"""Which judges there are: built-ins, and plugins of the entry-point group `genspace.judges`.

A factory is called as `factory(spec: JudgeSpec, context: JudgeContext) -> Judge`.
"""

from __future__ import annotations

from genspace.judges._protocol import Judge, JudgeContext, JudgeSpec
from genspace.plugins import Registry

__all__ = ["REGISTRY", "make_judge"]

REGISTRY = Registry(
    what="judge",
    group="genspace.judges",
    builtin={
        "box2d": "genspace.judges.box2d:make",
        "cascade": "genspace.judges.cascade:make",
        "clip": "genspace.judges.clip:make",
        "ensemble": "genspace.judges.ensemble:make",
        "geometry": "genspace.judges.geometry:make",
        "hf": "genspace.judges.hf:make",
        "planted": "genspace.judges.planted:make",
        "scene": "genspace.judges.scene:make",
        "siglip": "genspace.judges.clip:make",
        "table": "genspace.judges.table:make",
        "vlm": "genspace.judges.vlm:make",
    },
)


def make_judge(spec: JudgeSpec, context: JudgeContext) -> Judge:
    """Return the judge that the specification names.

    Errors: `InputError` for an unknown kind or a wrong option, `MissingExtraError` for a missing package.

    >>> judge = make_judge(JudgeSpec(name="boxes", kind="box2d"), JudgeContext())
    >>> len(judge.fingerprint)
    16
    """
    judge: Judge = REGISTRY.load(spec.kind)(spec, context)
    return judge
