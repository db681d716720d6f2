"""Turn what the rules say into the verdict that every judge gives."""

from __future__ import annotations

from genspace.geometry.evaluate import Evaluation, in_words
from genspace.geometry.predicates import Bound
from genspace.geometry.profiles import Profile
from genspace.geometry.scene import Pair, Scene
from genspace.records import Request, Verdict

__all__ = ["explanation", "verdict"]


def explanation(evaluation: Evaluation) -> str | None:
    """Return the constraints in words, one a line; None when nothing was measured."""
    return "\n".join(map(in_words, evaluation.measurements)) or None


def verdict(
    request: Request, scene: Scene | Pair, bound: Bound, evaluation: Evaluation, profile: Profile
) -> Verdict:
    """Return the verdict on a request. Its confidence is that of the least sure detection involved."""
    after = scene.after if isinstance(scene, Pair) else scene
    found = [item.detection_confidence for name in bound.ids if (item := after.object(name))]
    known = [confidence for confidence in found if confidence is not None]
    details = {"predicate": str(bound), "profile": profile.name}
    if evaluation.score is None:
        return Verdict.abstained(
            request,
            evaluation.reason or "not measurable",
            measurements=evaluation.measurements,
            explanation=explanation(evaluation),
            details=details,
        )
    return Verdict.decided(
        request,
        score=evaluation.score,
        passed=evaluation.passed,
        confidence=min(known, default=None),
        measurements=evaluation.measurements,
        explanation=explanation(evaluation),
        details=details,
    )
