"""Whose left? Which frame of reference each rater and each judge answers in, and what follows for the truth.

"Left of the cow" can be meant from the camera or from the cow. People differ in which they take, so a majority of
their votes may be no truth at all. Each rater is taken to answer in one frame, each item to have an answer in either,
and every answer to be a slip with a small rate of the rater's own. Frames, answers and rates are found together, from
items whose answers in both frames are known: expectation maximisation in the manner of Dawid and Skene (1979, "Maximum
likelihood estimation of observer error-rates using the EM algorithm"), with the frame as a second latent variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from genspace.analysis._arrays import Bools, Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import Support, from_replicates, wilson
from genspace.analysis.inference.replicates import Replicates, StandardError
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import ratio
from genspace.display import Displayed
from genspace.sides import Frame

__all__ = ["FramedItem", "FramedRater", "Frames", "find_frames", "share_of_answers"]


ROUNDS, CHANGE = 500, 1e-9
SLIPS = (1.0, 9.0)
"""Beta prior of a rater's rate of slips, worth ten answers: one in ten."""
CERTAIN = 0.999
"""Probability from which a rater counts as whole."""
SURE = 0.95
"""Probability from which a frame or an answer is called known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramedRater:
    """One rater's, or one judge's, frame.

    >>> FramedRater(rater="ann", answers=20, telling=8, object_frame=0.99, slips=0.05).frame
    'object'
    """

    rater: str
    answers: int
    telling: int
    """Answers about items whose answers in the two frames differ, as far as that is known."""
    object_frame: float | None
    """Probability that it answers from the object; None: no item tells."""
    slips: float
    """Rate at which it answers otherwise than its frame says."""
    stated: bool = False
    """Whether the rater said so, or was asked so: nothing is inferred."""

    @property
    def frame(self) -> Frame | None:
        """The frame that is known with probability `SURE`; None: neither."""
        if self.object_frame is None or 1 - SURE < self.object_frame < SURE:
            return None
        return "object" if self.object_frame >= SURE else "camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class FramedItem:
    """One item's answers in both frames.

    >>> FramedItem(item_id="a", camera=1.0, object=0.0, majority=0.5).ambiguous
    True
    """

    item_id: str
    camera: float
    """Probability that the answer from the camera is yes."""
    object: float
    """Probability that the answer from the object is yes."""
    majority: float | None
    """Share of yes among the raters; None: nobody answered."""

    @property
    def ambiguous(self) -> bool:
        """Whether the two frames surely give different answers, so that the words alone decide nothing."""
        differ = self.camera * (1 - self.object) + self.object * (1 - self.camera)
        return differ >= SURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames(Displayed):
    """Which frames people answer in."""

    object_share: Estimate
    """Share of the raters who answer from the object, among raters like these; of those who did not state it."""
    raters: tuple[FramedRater, ...]
    items: tuple[FramedItem, ...]
    within: Estimate
    """Share of pairs of answers to one item that agree, of raters with the same frame, over items that differ."""
    across: Estimate
    """The same of raters with different frames."""


def find_frames(
    answers: Floats,
    camera: Floats,
    object_: Floats,
    *,
    raters: list[str],
    items: list[str],
    stated: Floats | None = None,
    confidence: float = 0.95,
) -> Frames:
    """Find the frame of each rater and both answers of each item.

    Args:
        answers: (n, m) 0 or 1, one column a rater; NaN where there is none.
        camera: (n,) the known answer from the camera, 0 or 1; NaN where it is unknown.
        object_: (n,) the known answer from the object; NaN where it is unknown.
        raters: (m,) names.
        items: (n,) ids.
        stated: (m,) 1 for who is known to answer from the object, 0 from the camera, NaN for who is not; None: nobody.
        confidence: level of the intervals.

    Errors: `ValueError` where no item is known to have different answers in the two frames: nothing could tell them
    apart.

    >>> camera, own = np.array([1.0, 1, 0, 0, 1, 0]), np.array([0.0, 0, 1, 1, 0, 1])
    >>> said = np.stack([camera, own, own], axis=1)
    >>> found = find_frames(said, camera, own, raters=["a", "b", "c"], items=list("uvwxyz"))
    >>> [rater.frame for rater in found.raters]
    ['camera', 'object', 'object']
    """
    known = np.isfinite(camera) & np.isfinite(object_)
    fixed = np.full(len(raters), np.nan) if stated is None else stated
    if not (known & (camera != object_)).any() and not np.isfinite(fixed).any():
        raise ValueError("no item is known to have different answers from the camera and from the object")
    model = _FramePosteriors.of(answers, camera, object_, fixed).fitted()
    telling = known & (camera != object_)
    seen = np.isfinite(answers)
    told = (seen & telling[:, None]).sum(axis=0)
    given = seen.sum(axis=0)
    found = tuple(
        FramedRater(
            rater=name,
            answers=int(given[j]),
            telling=int(told[j]),
            object_frame=float(model.frame[j]) if given[j] else None,
            slips=float(model.slips[j]),
            stated=bool(np.isfinite(fixed[j])),
        )
        for j, name in enumerate(raters)
    )
    camera_yes, own_yes = model.camera_yes, model.own_yes
    majority = ratio(np.nansum(answers, axis=1), seen.sum(axis=1).astype(float))
    both = tuple(
        FramedItem(
            item_id=name,
            camera=float(camera_yes[i]),
            object=float(own_yes[i]),
            majority=float(majority[i]) if seen[i].any() else None,
        )
        for i, name in enumerate(items)
    )
    asked = [j for j in range(len(raters)) if told[j] and not np.isfinite(fixed[j])]
    within, across = _pairs(answers, found, both, confidence)
    return Frames(
        object_share=_share(model.frame[asked], confidence),
        raters=found,
        items=both,
        within=within,
        across=across,
    )


@dataclass
class _FramePosteriors:
    """Mean-field posteriors of the raters' frames and of the items' two answers, and the rates between them."""

    answers: Floats
    allowed: Bools
    """(n, 4) which pairs of answers (camera, object) in 00, 01, 10, 11 an item may have."""
    cells: Floats
    """(n, 4) probabilities of them."""
    frame: Floats
    """(m,) probability of the object's frame."""
    slips: Floats
    """(m,) rates."""
    prior: Floats
    """(4,) of the cells of items that are not known."""
    fixed: Floats
    """(m,) 1 or 0 for who stated the frame; NaN for who did not."""
    share: float = 0.5

    @classmethod
    def of(cls, answers: Floats, camera: Floats, object_: Floats, fixed: Floats) -> _FramePosteriors:
        """Begin with the known items alone; an unknown one begins with its majority in both frames."""
        n, m = answers.shape
        allowed = np.ones((n, 4), dtype=bool)
        for column, bits in ((camera, (0, 0, 1, 1)), (object_, (0, 1, 0, 1))):
            for cell, bit in enumerate(bits):
                allowed[np.isfinite(column) & (column != bit), cell] = False
        yes = ratio(np.nansum(answers, axis=1), np.isfinite(answers).sum(axis=1).astype(float))
        yes = np.clip(np.where(np.isfinite(yes), yes, 0.5), 0.02, 0.98)
        start = np.stack([1 - yes, np.minimum(yes, 1 - yes), np.minimum(yes, 1 - yes), yes], axis=1)
        model = cls(
            answers,
            allowed,
            _normalised(start * allowed),
            np.full(m, 0.5),
            np.full(m, 0.1),
            np.full(4, 0.25),
            fixed,
        )
        telling = allowed.sum(axis=1) == 1
        model.frame = model._frames(telling)
        return model

    def fitted(self) -> _FramePosteriors:
        """Repeat both steps until nothing changes."""
        unknown = self.allowed.sum(axis=1) > 1
        for _ in range(ROUNDS):
            before = np.concatenate([self.frame, self.cells.ravel(), self.slips])
            self.cells = self._items()
            self.frame = self._frames(np.ones(len(self.cells), dtype=bool))
            self._rates(unknown)
            if np.abs(np.concatenate([self.frame, self.cells.ravel(), self.slips]) - before).max() < CHANGE:
                break
        return self

    @property
    def camera_yes(self) -> Floats:
        """(n,) probability that the answer from the camera is yes."""
        return np.asarray(self.cells[:, 2] + self.cells[:, 3])

    @property
    def own_yes(self) -> Floats:
        """(n,) probability that the answer from the object is yes."""
        return np.asarray(self.cells[:, 1] + self.cells[:, 3])

    def _chances(self) -> tuple[Floats, Floats]:
        """(n, m) log probability of each answer where the answer of the rater's frame is no, and where it is yes."""
        right, wrong = np.log1p(-self.slips), np.log(self.slips)
        yes = self.answers == 1
        seen = np.isfinite(self.answers)
        return np.where(seen, np.where(yes, wrong, right), 0.0), np.where(
            seen, np.where(yes, right, wrong), 0.0
        )

    def _items(self) -> Floats:
        no, yes = self._chances()
        camera = [side @ (1 - self.frame) for side in (no, yes)]
        own = [side @ self.frame for side in (no, yes)]
        logs = np.stack([camera[c] + own[o] for c in (0, 1) for o in (0, 1)], axis=1)
        logs += np.log(np.where(self.allowed.sum(axis=1, keepdims=True) > 1, self.prior, 0.25))
        return _normalised(np.where(self.allowed, np.exp(logs - logs.max(axis=1, keepdims=True)), 0.0))

    def _frames(self, rows: Bools) -> Floats:
        no, yes = self._chances()
        gain = np.zeros(self.answers.shape[1])
        for probability, sign in ((self.own_yes, 1.0), (self.camera_yes, -1.0)):
            p = probability[rows, None]
            gain += sign * (p * yes[rows] + (1 - p) * no[rows]).sum(axis=0)
        logit = gain + np.log(self.share) - np.log1p(-self.share)
        found = 1 / (1 + np.exp(-np.clip(logit, -500, 500)))
        return np.where(np.isfinite(self.fixed), self.fixed, found)

    def _rates(self, unknown: Bools) -> None:
        right = (1 - self.frame) * self.camera_yes[:, None] + self.frame * self.own_yes[:, None]
        seen = np.isfinite(self.answers)
        wrong = np.where(seen, np.where(self.answers == 1, 1 - right, right), 0.0).sum(axis=0)
        a, b = SLIPS
        self.slips = np.clip((wrong + a) / (seen.sum(axis=0) + a + b), 1e-6, 0.5 - 1e-6)
        m = len(self.frame)
        self.share = float((self.frame.sum() + 1) / (m + 2))
        if unknown.any():
            self.prior = (self.cells[unknown].sum(axis=0) + 1) / (unknown.sum() + 4)


def _normalised(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _share(frame: Floats, confidence: float) -> Estimate:
    """Return the share of raters in the object's frame: drawn from raters like these, each known so well."""
    m = len(frame)
    frame = np.where(np.abs(frame - 0.5) > CERTAIN - 0.5, np.round(frame), frame)
    if m < 2:
        return Estimate.undefined(Reason("too_few_raters", n=m, needed=2))
    share = float(frame.mean())
    variance = share * (1 - share) / m + float((frame * (1 - frame)).sum()) / m**2
    error = StandardError(variance**0.5, m - 1)
    low, high = wilson(share, error, Support(most=m, at_ends=m), confidence)
    return Estimate(share, low, high, n=m)


def _pairs(
    answers: Floats, raters: tuple[FramedRater, ...], items: tuple[FramedItem, ...], confidence: float
) -> tuple[Estimate, Estimate]:
    """Return how often two answers to one ambiguous item agree: of raters of one frame, and of different frames."""
    frames = [rater.frame for rater in raters]
    per_item: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for i, item in enumerate(items):
        if not item.ambiguous:
            continue
        given = [
            (frames[j], answers[i, j]) for j in range(len(frames)) if frames[j] and np.isfinite(answers[i, j])
        ]
        for same in (True, False):
            pairs = [x == y for (f, x), (g, y) in combinations(given, 2) if (f == g) is same]
            if pairs:
                per_item[same].append((float(sum(pairs)), float(len(pairs))))
    return share_of_answers(per_item[True], confidence), share_of_answers(per_item[False], confidence)


def share_of_answers(counts: list[tuple[float, float]], confidence: float = 0.95) -> Estimate:
    """Return a share over items, or over raters: of each how many are so, of how many.

    >>> share_of_answers([(1, 2), (2, 2)]).value
    0.75
    """
    if not counts:
        return Estimate.undefined(Reason("no_common_item"))
    agree, of = np.array(counts).T
    clusters = Replicates.of(np.arange(len(of)))
    value = float(agree.sum() / of.sum())
    return from_replicates(
        value,
        clusters.map(lambda w: ratio(agree @ w, of @ w)),
        clusters,
        n=len(of),
        scale="share",
        confidence=confidence,
    )
