"""Judge `cascade`: the second judge is asked only where the first abstains or is not confident enough.

    [judges.frugal]
    kind = "cascade"
    first = "geometry"
    second = "vlm:gpt-4.1"

Unless it is given, the threshold on the first judge's confidence is fitted on people's answers to the other prompts.
Among the thresholds whose verdicts come closest to the people's, it is the one that asks the second judge least.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from genspace.errors import InputError
from genspace.judges._members import Members, added, failures
from genspace.judges._protocol import Judge, JudgeContext, JudgeSpec, Need, parse_options
from genspace.records import Request, Verdict, fingerprint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CascadeJudge", "CascadeOptions", "best_threshold", "make"]

FOLDS = 5


class CascadeOptions(BaseModel):
    """Options of `[judges.NAME] kind = "cascade"`.

    >>> CascadeOptions(first="clip:openai/clip-vit-base-patch32", second="vlm:gpt-4.1", max_share=0.3).threshold is None
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    first: str
    """The judge that is always asked: as on the command line, or the name of a [judges.NAME] table."""
    second: str
    """The judge that is asked in doubt."""
    threshold: float | None = Field(None, ge=0, le=1)
    """Confidence from which the first judge's verdict stands; None: fitted."""
    max_share: float = Field(1.0, ge=0, le=1)
    """Largest share of the items that a fitted threshold may send to the second judge; abstentions always go."""


class CascadeJudge:
    """A cheap judge first, an expensive one in doubt.

    >>> members = {"first": "box2d", "second": "scene"}
    >>> CascadeJudge(JudgeSpec(name="both", kind="cascade", options=members), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: the command line: judge 'both': cascade needs a study with people's answers
    """

    def __init__(self, spec: JudgeSpec, context: JudgeContext) -> None:
        self._options = parse_options(CascadeOptions, spec)
        self._first, self._second = self._options.first, self._options.second
        self._members = Members((self._first, self._second), spec, context)
        self._seed = context.seed

    @property
    def members(self) -> Mapping[str, Judge]:
        """The members that can be asked, by name."""
        return self._members.judges

    @property
    def fingerprint(self) -> str:
        """Digest of options and members; where the threshold is fitted, also of what it is fitted on."""
        options = self._options.model_dump()
        on = self._members.digest(fitted=self._fitted)
        return fingerprint({"kind": "cascade", "version": 2, "seed": self._seed, **options, "on": on})

    def needs(self, item_ids: Collection[str]) -> Iterator[Need]:
        """Yield the first judge with all items, and the second with what the first leaves open.

        To fit the threshold, both are needed on the items that people labelled.
        """
        labelled = self._members.labels if self._fitted else {}
        yield from self._members.need(self._first, {*item_ids, *labelled})
        yield from self._members.need(self._second, labelled)
        further = [i for i in item_ids if i not in labelled]
        first = self._members.known(self._first)
        if labelled.keys() <= first.keys():
            thresholds = self._thresholds()
            open_items = [i for i in further if i in first and self._is_open(first[i], thresholds[i])]
            unknown = [i for i in further if i not in first]
        else:
            open_items, unknown = [], further
        yield from self._members.need(self._second, open_items, unknown)

    def without(self, item_ids: Collection[str]) -> CascadeJudge:
        """Return the same judge, fitted as if people had not answered about some items."""
        found = copy(self)
        found._members = self._members.without(item_ids)  # noqa: SLF001  the same class
        return found

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield verdicts, from the verdicts of the members that the study has."""
        asked = list(requests)
        for request in asked:
            self._members.check(request)
        thresholds = self._thresholds()
        for request in asked:
            item_id = request.item.item_id
            first = self._members.verdict(self._first, item_id)
            second = (
                self._members.verdict(self._second, item_id)
                if self._is_open(first, thresholds[item_id])
                else None
            )
            yield self._verdict(request, first, second, thresholds[item_id])

    @property
    def _fitted(self) -> bool:
        return self._options.threshold is None

    def _is_open(self, first: Verdict, threshold: float) -> bool:
        """Whether the second judge is asked; not if the first failed, because it may succeed when asked again."""
        return first.status != "failed" and _confidence(first) < threshold

    def _thresholds(self) -> dict[str, float]:
        """Return the threshold that holds for each item."""
        ids = self._members.item_ids
        if self._options.threshold is not None:
            return dict.fromkeys(ids, self._options.threshold)
        import numpy as np

        from genspace.analysis.folds import prompt_folds

        labels = self._members.labels
        first, second = (
            {i: self._members.verdict(name, i) for i in labels} for name in (self._first, self._second)
        )
        rows = [i for i, item_id in enumerate(ids) if item_id in labels]
        labelled = [ids[i] for i in rows]
        confidence = np.array([_confidence(first[i]) for i in labelled])
        truth = np.array([labels[i] for i in labelled])
        hard = bool(np.isin(truth, (0, 1)).all())
        errors = [
            np.abs(np.array([_answer(by[i], hard=hard) for i in labelled]) - truth) for by in (first, second)
        ]
        fitted = np.full(len(ids), np.nan)
        for training, held in prompt_folds(self._members.prompts, folds=FOLDS, seed=self._seed):
            chosen = training[rows]
            fitted[held] = best_threshold(
                confidence[chosen], errors[0][chosen], errors[1][chosen], max_share=self._options.max_share
            )
        # Where there are no labelled items of other prompts, only the first judge's abstentions go on.
        return dict(zip(ids, np.nan_to_num(fitted, nan=0.0).tolist(), strict=True))

    def _verdict(self, request: Request, first: Verdict, second: Verdict | None, threshold: float) -> Verdict:
        said = {self._first: first} | ({} if second is None else {self._second: second})
        cost = added(list(said.values()))
        if failed := failures(said):
            return Verdict.failed(request, failed, **cost)
        used, name = (
            (second, self._second) if second is not None and _decided(second) else (first, self._first)
        )
        assert used is not None
        details = {"decided_by": name, "threshold": threshold, "second_asked": second is not None}
        if _decided(used):
            explanation, score, passed = used.explanation, used.score, used.passed
            return Verdict.decided(
                request, score=score, passed=passed, confidence=used.confidence, explanation=explanation,
                measurements=used.measurements, details=details, **cost,
            )  # fmt: skip
        reason = "; ".join(f"{name}: {v.reason}" for name, v in said.items())
        return Verdict.abstained(request, reason, details=details, **cost)


def best_threshold(
    confidence: NDArray[np.float64],
    first_error: NDArray[np.float64],
    second_error: NDArray[np.float64],
    *,
    max_share: float = 1.0,
) -> float:
    """Return the confidence from which the first judge's verdicts should stand; NaN without items.

    Args:
        confidence: (n,) of the first judge; -1 = it gives no verdict.
        first_error: (n,) distance of its verdict from the people; NaN = no verdict.
        second_error: (n,) of the second judge; NaN = no verdict, so the first one's stands.
        max_share: Largest share of the items below the threshold, of those on which the first gives a verdict.

    Of equally good thresholds the lowest, which asks the second judge least; each lies at a confidence that
    occurs, or at 0 (always the first).

    >>> import numpy as np
    >>> best_threshold(np.array([0.6, 0.7, 0.9]), np.array([1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    0.9
    """
    import numpy as np

    answered = confidence >= 0
    if not answered.any():
        return float("nan")
    order = np.argsort(confidence[answered], kind="stable")
    sure = confidence[answered][order]
    own = first_error[answered][order]
    other = np.where(np.isnan(second_error[answered]), first_error[answered], second_error[answered])[order]
    # Error when the k least confident go to the second judge, k = 0 … n.
    error = np.concatenate([[0.0], np.cumsum(other)]) + np.concatenate([np.cumsum(own[::-1])[::-1], [0.0]])
    share = np.arange(len(sure) + 1) / len(sure)
    starts = np.concatenate([[True], sure[1:] > sure[:-1], [True]])  # ties in confidence stay together
    allowed = starts & (share <= max_share)
    best = int(np.flatnonzero(allowed & (error <= error[allowed].min() + 1e-9))[0])
    if best == 0:
        return 0.0
    return float(sure[best]) if best < len(sure) else float(np.nextafter(sure[-1], np.inf))


def _decided(verdict: Verdict) -> bool:
    return verdict.status == "decided"


def _confidence(verdict: Verdict) -> float:
    """Return the judge's confidence; without one, how far its score lies from the middle; -1: no verdict."""
    if not _decided(verdict):
        return -1.0
    if verdict.confidence is not None:
        return verdict.confidence
    score = _answer(verdict, hard=False)
    return max(score, 1 - score)


def _answer(verdict: Verdict, *, hard: bool) -> float:
    """Return what the verdict says on the people's scale from 0 to 1, `hard` as a decision; NaN: no verdict.

    Errors: `InputError` for a score that is on another scale.
    """
    if not _decided(verdict):
        return float("nan")
    if verdict.score is None or (hard and verdict.passed is not None):
        return float(bool(verdict.passed))
    if not 0 <= verdict.score <= 1:
        raise InputError(
            f"a cascade needs scores from 0 to 1, and {verdict.judge or 'a member'} scores {verdict.score:g}; "
            "put it into an ensemble of one member, which calibrates it, and name that"
        )
    return float(verdict.score > 0.5) if hard and verdict.score != 0.5 else verdict.score


def make(spec: JudgeSpec, context: JudgeContext) -> CascadeJudge:
    """Return a cascade of two of the study's judges.

    >>> members = {"first": "box2d", "second": "scene"}
    >>> make(JudgeSpec(name="both", kind="cascade", options=members), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: the command line: judge 'both': cascade needs a study with people's answers
    """
    return CascadeJudge(spec, context)
