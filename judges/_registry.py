"""Which judges there are: built-ins, and plugins of the entry-point group `genspace.judges`.

A factory is called as `factory(spec: JudgeSpec, context: JudgeContext) -> Judge`.
"""

from __future__ import annotations

from collections.abc import Mapping

from genspace.judges._protocol import Judge, JudgeContext, JudgeSpec
from genspace.plugins import Registry

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

PURPOSES: Mapping[str, str] = {
    "box2d": "boxes in the picture, no depth: the simplest answer that a rule can give",
    "cascade": "a cheap judge first, a dear one where it is unsure",
    "clip": "how well picture and prompt fit, by a CLIP model",
    "ensemble": "several judges, one answer",
    "geometry": "a picture to 3D by perception models, then rules",
    "hf": "asks a vision-language model on this machine",
    "planted": "answers of known quality, to try out a study",
    "scene": "the rules on scene files, without perception",
    "siglip": "how well picture and prompt fit, by a SigLIP model",
    "table": "scores that were made elsewhere",
    "vlm": "asks a vision-language model behind an endpoint",
}
"""What each built-in judge is for."""


def make_judge(spec: JudgeSpec, context: JudgeContext) -> Judge:
    """Make the judge that the specification names.

    Errors: `InputError` for an unknown kind or a wrong option, `MissingExtraError` for a missing package.

    >>> judge = make_judge(JudgeSpec(name="boxes", kind="box2d"), JudgeContext())
    >>> len(judge.fingerprint)
    16
    """
    judge: Judge = REGISTRY.load(spec.kind)(spec, context)
    return judge
