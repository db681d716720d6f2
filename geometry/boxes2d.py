"""Decide left of, right of, above and below from 2D boxes alone, or leave it open where boxes cannot show it.

A rule compares one box with another. A scorer looks at every pair of instances and weighs the rule's answer by how sure
the detector was. There are four rules: the default, with a margin and a zone of doubt, and those of three published
metrics, so that they can be compared on the same boxes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from genspace.display import Displayed

__all__ = [
    "MARGIN",
    "RELATIONS",
    "RULES",
    "SHARE",
    "Detection",
    "Opinion",
    "decide",
    "distinct",
    "offset",
    "relate",
]

Box = tuple[float, float, float, float]

RELATIONS: Mapping[str, tuple[int, int]] = {
    "left_of": (0, -1),
    "right_of": (0, 1),
    "above": (1, -1),
    "below": (1, 1),
}
"""Relation of a to b as the viewer sees it: the image axis (0 right, 1 down), and the sign of a - b on it."""

MARGIN = 0.05
"""Offset of the centres, in mean sizes of the two boxes, from which a side is certain."""
SHARE = 0.7
"""Weighted share of the pairs of instances that must agree for a decision.

`MARGIN` and `SHARE` were tuned without people's verdicts; `tests/verify/verify_box2d.py` does it again.
"""


@dataclass(frozen=True, slots=True)
class Detection:
    """One box that a detector found."""

    box: Box
    """Left, top, right, bottom in pixels."""
    score: float = 1.0
    """The detector's confidence."""

    @property
    def centre(self) -> tuple[float, float]:
        """Centre in pixels."""
        return ((self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        return (self.box[2] - self.box[0], self.box[3] - self.box[1])


@dataclass(frozen=True, slots=True)
class Opinion(Displayed):
    """What the boxes say about a relation."""

    score: float
    """Weighted share of the pairs of instances for which it holds, in [0, 1]."""
    offset: float
    """Offset of the centres of the surest pair along the relation, in the mean size of its boxes."""
    pairs: int
    """How many pairs of instances there are; more than one is ambiguous."""
    certainty: float
    """Geometric mean of the surest pair's detection scores."""


def offset(a: Detection, b: Detection, relation: str) -> float:
    """Return how far a's centre lies from b's in the relation's direction, over the mean size of the boxes.

    1 or more: the boxes do not overlap along that axis; below 0: a lies on the other side.

    >>> offset(Detection((0, 0, 2, 2)), Detection((3, 0, 5, 2)), "left_of")
    1.5
    """
    axis, sign = RELATIONS[relation]
    size = (a.size[axis] + b.size[axis]) / 2
    return sign * (a.centre[axis] - b.centre[axis]) / size if size else 0.0


def overlap(a: Box, b: Box) -> tuple[float, float]:
    """Return the intersection of two boxes over their union, and over the smaller of them.

    >>> overlap((0, 0, 2, 2), (1, 0, 2, 2))
    (0.5, 1.0)
    """
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    shared = width * height
    areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    union = sum(areas) - shared
    return (shared / union if union else 0.0, shared / min(areas) if min(areas) else 0.0)


def distinct(detections: Iterable[Detection], *, iou: float = 0.5, inside: float = 0.8) -> list[Detection]:
    """Return the surest detection of each thing, surest first.

    Boxes of one class are one thing when they overlap by `iou`, or when `inside` of the smaller lies in the larger:
    detectors box a bunch of bananas as a whole and one by one.
    """
    kept: list[Detection] = []
    for found in sorted(detections, key=lambda d: -d.score):
        shared = [overlap(found.box, other.box) for other in kept]
        if all(union < iou and part < inside for union, part in shared):
            kept.append(found)
    return kept


def _margin(a: Detection, b: Detection, relation: str, margin: float) -> float:
    """Certain beyond the margin, in proportion within it."""
    return min(1.0, max(0.0, (offset(a, b, relation) + margin) / (2 * margin)))


def _visor(a: Detection, b: Detection, relation: str) -> float:
    """The sign of the offset of the centres (Gokhale et al. 2022, arXiv 2212.10015, section 3)."""
    return float(offset(a, b, relation) > 0)


def _geneval(a: Detection, b: Detection, relation: str) -> float:
    """Offset less a tenth of both sizes, and within 60° of the axis (Ghosh et al. 2023, arXiv 2310.11513, B)."""
    axis, sign = RELATIONS[relation]
    shift = [a.centre[i] - b.centre[i] for i in (0, 1)]
    left = [
        max(abs(d) - 0.1 * (a.size[i] + b.size[i]), 0.0) * math.copysign(1, d) for i, d in enumerate(shift)
    ]
    length = math.hypot(*left)
    return float(length > 0 and sign * left[axis] / length > 0.5)


def _t2i_compbench(a: Detection, b: Detection, relation: str) -> float:
    """The axis of the larger offset decides; overlap is penalised (Huang et al. 2023, arXiv 2307.06350, UniDet)."""
    axis, sign = RELATIONS[relation]
    shift = [a.centre[i] - b.centre[i] for i in (0, 1)]
    if sign * shift[axis] <= abs(shift[1 - axis]):
        return 0.0
    iou = overlap(a.box, b.box)[0]
    return 1.0 if iou < 0.1 else 0.1 / iou


PUBLISHED: Mapping[str, Callable[[Detection, Detection, str], float]] = {
    "visor": _visor,
    "geneval": _geneval,
    "t2i-compbench": _t2i_compbench,
}
RULES = ("margin", *PUBLISHED)
"""Rules by name; the published ones look at the surest pair only."""


def relate(
    a: Sequence[Detection],
    b: Sequence[Detection],
    relation: str,
    *,
    rule: str = "margin",
    margin: float = MARGIN,
) -> Opinion | None:
    """Return what the boxes of two classes say about a relation, None where either has no box.

    Every pair of instances counts in proportion to the product of its detection scores. The published rules look at
    the surest box of either class only.

    >>> left, right = Detection((0, 0, 2, 2)), Detection((6, 0, 8, 2))
    >>> relate([left], [right], "left_of").score
    1.0
    >>> relate([left], [right, Detection((-6, 0, -4, 2))], "left_of").score
    0.5
    """
    pairs = list(product(distinct(a), distinct(b)))
    if not pairs:
        return None
    heard = pairs[:1] if rule in PUBLISHED else pairs
    weights = [p.score * q.score for p, q in heard]
    total = sum(weights)
    if not total:
        return None
    if rule in PUBLISHED:
        said = [PUBLISHED[rule](p, q, relation) for p, q in heard]
    else:
        said = [_margin(p, q, relation, margin) for p, q in heard]
    first, second = pairs[0]
    return Opinion(
        score=sum(w * s for w, s in zip(weights, said, strict=True)) / total,
        offset=offset(first, second, relation),
        pairs=len(pairs),
        certainty=math.sqrt(first.score * second.score),
    )


def decide(score: float, *, rule: str = "margin", share: float = SHARE) -> bool | None:
    """Return whether the relation holds at this score; None in the default rule's zone of doubt.

    >>> decide(0.9), decide(0.5), decide(0.5, rule="visor")
    (True, None, True)
    """
    if rule in PUBLISHED:
        return score >= 0.5
    return True if score >= share else False if score <= 1 - share else None
