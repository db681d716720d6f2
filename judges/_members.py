"""What combinations of judges share: the members' verdicts, kept or asked for, and what people said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError
from genspace.judges._protocol import Judge, JudgeContext, JudgeSpec
from genspace.records import Request, Verdict, fingerprint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from genspace.analysis.question import Units

__all__ = ["Members", "added"]


class Members:
    """The members of a combination in one study.

    A member is any judge that can be named on the command line, or a metric whose scores stand in the study. A
    verdict that the study has is used; one that is missing is asked for, and kept with the combination's own.
    """

    def __init__(self, names: Sequence[str], spec: JudgeSpec, context: JudgeContext) -> None:
        self._where = f"{spec.source}: judge {spec.name!r}"
        if context.study is None or context.evidence is None:
            raise InputError(f"{self._where}: {spec.kind} needs a study with people's answers")
        if spec.name in names:
            raise InputError(f"{self._where}: a judge cannot be a member of itself")
        self.names = tuple(names)
        self._study, self._evidence = context.study, context.evidence
        self._make = context.make
        self._asked: dict[str, dict[str, Verdict]] = {name: {} for name in names}
        self._judges: dict[str, Judge] = {}
        for name in names:
            self._check(name)

    def verdicts(self, name: str, item_ids: Iterable[str]) -> dict[str, Verdict]:
        """Return a member's verdict on each item; where there is none and none can be had, an abstention."""
        wanted = set(item_ids)
        found = {i: v for i, v in self._stored[name].items() if i in wanted} | self._asked[name]
        missing = wanted - found.keys()
        if missing:
            requests = [
                Request(item=item, files=self._study.files)
                for item in self._study.iter_items()
                if item.item_id in missing
            ]
            judge = self._judge(name)
            if judge is None:
                given = [Verdict.abstained(r, f"{name} has no verdict on this item") for r in requests]
            else:
                given = list(judge.judge(requests))
            self._asked[name] |= {v.item_id: v for v in given}
        return {i: v for i, v in (found | self._asked[name]).items() if i in wanted}

    def oriented(self, name: str, verdict: Verdict) -> float:
        """Return a verdict's score, higher being better; NaN where it gives none."""
        score = verdict.score if verdict.score is not None else verdict.passed
        if score is None:
            return float("nan")
        return -float(score) if name in self._evidence.settings.lower_is_better else float(score)

    @cached_property
    def labels(self) -> dict[str, float]:
        """What people decided, 1 or 0, by item; without a rule for decisions their mean on a scale from 0 to 1.

        Errors: `InputError` when nobody has answered.
        """
        import numpy as np

        people = self._people.people
        values = people.decision if people.decides else people.on_unit_scale
        ids = self._people.units["item_id"]
        labels = {str(i): float(v) for i, v in zip(ids, values, strict=True) if np.isfinite(v)}
        if not labels:
            raise InputError(f"{self._where}: nobody has answered yet, so there is nothing to fit it on")
        return labels

    @property
    def item_ids(self) -> list[str]:
        """All items of the study, in its order."""
        return [str(i) for i in self._people.units["item_id"]]

    @property
    def prompts(self) -> NDArray[np.int64]:
        """(n,) prompt codes of the items, in the same order."""
        return self._people.prompt

    @cached_property
    def digest(self) -> str:
        """Digest of everything outside the combination's options: people's answers, members, their verdicts."""
        members: dict[str, Any] = {}
        for name in self.names:
            judge = self._judge(name)
            kept = [(i, v.score, v.passed, v.confidence) for i, v in sorted(self._stored[name].items())]
            members[name] = [judge.fingerprint if judge else None, kept]
        return fingerprint({"labels": self.labels, "members": members})

    def check(self, request: Request) -> None:
        """Refuse pairs. Errors: `InputError`."""
        if request.other is not None:
            raise InputError(f"{self._where}: combinations judge single items, not pairs")

    @cached_property
    def _people(self) -> Units:
        from genspace.analysis.question import Question

        return Question.of(self._evidence).singles

    @cached_property
    def _stored(self) -> Mapping[str, dict[str, Verdict]]:
        frame = self._evidence.verdicts
        chosen = frame[
            frame["judge"].isin(self.names) & (frame["item_id_b"] == "") & (frame["question"] == "")
        ]
        chosen = chosen.astype(object).where(chosen.notna(), None)
        stored: dict[str, dict[str, Verdict]] = {name: {} for name in self.names}
        fields = ("status", "score", "passed", "confidence", "seconds", "cost_usd")
        for row in chosen.to_dict("records"):
            verdict = Verdict(
                item_id=str(row["item_id"]),
                judge=str(row["judge"]),
                reason=str(row["reason"] or "") or None,
                tokens=None if row["tokens"] is None else int(row["tokens"]),
                **{name: row[name] for name in fields},
            )
            stored[str(row["judge"])][verdict.item_id] = verdict
        return stored

    def _check(self, name: str) -> None:
        if not self._stored[name] and self._judge(name) is None:
            raise InputError(f"{self._where}: member {name!r} is neither a judge nor a metric of this study")

    def _judge(self, name: str) -> Judge | None:
        """Return a member that can be asked; None for a metric whose scores merely stand in the study."""
        if name not in self._judges and self._make is not None:
            try:
                self._judges[name] = self._make(name)
            except InputError:
                if not self._stored[name]:
                    raise
        return self._judges.get(name)


def added(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return what several verdicts cost together; None where nothing is known of any."""

    def total(name: str) -> Any:
        known = [value for v in verdicts if (value := getattr(v, name)) is not None]
        return sum(known) if known else None

    return {name: total(name) for name in ("seconds", "tokens", "cost_usd")}
