"""What combinations of judges share: the members' verdicts, as the study has them, and what people said."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, MissingExtraError
from genspace.judges._protocol import Fitted, Judge, JudgeContext, JudgeSpec, Need
from genspace.judges._registry import REGISTRY
from genspace.records import Request, Status, Verdict, fingerprint
from genspace.store import JudgeStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from genspace.analysis.question import Units


class Members:
    """The members of a combination in one study.

    A member is any judge that can be named on the command line, or a metric whose scores stand in the study. Of a judge
    the verdicts count that it would give today, under its present fingerprint.
    """

    def __init__(self, names: Sequence[str], spec: JudgeSpec, context: JudgeContext) -> None:
        self._where = f"{spec.source}: judge {spec.name!r}"
        if context.study is None or context.evidence is None:
            raise InputError(f"{self._where}: {spec.kind} needs a study with people's answers")
        if spec.name in names:
            raise InputError(f"{self._where}: a judge cannot be a member of itself")
        self.names = tuple(names)
        self._study, self._evidence = context.study, context.evidence
        self.judges: dict[str, Judge] = {}
        """The members that can be asked."""
        for name in names:
            self._find(name, context)
        self._read: dict[str, dict[str, Verdict]] = {}

    def need(self, name: str, item_ids: Collection[str], perhaps: Collection[str] = ()) -> Iterator[Need]:
        """Yield what is needed of a member, unless it is a metric; its verdicts are read anew afterwards."""
        if name in self.judges and (item_ids or perhaps):
            certain = frozenset(item_ids)
            yield Need(
                name=name, judge=self.judges[name], item_ids=certain, perhaps=frozenset(perhaps) - certain
            )
            self._read.pop(name, None)

    def known(self, name: str) -> Mapping[str, Verdict]:
        """Return the member's verdicts that the study has, by item."""
        if name not in self._read:
            if name in self.judges:
                store = JudgeStore(self._study.kept_in, name)
                self._read[name] = store.of_items(self.judges[name].fingerprint)
            else:
                self._read[name] = self._metrics[name]
        return self._read[name]

    def without(self, item_ids: Collection[str]) -> Members:
        """Return the same members as if people had not answered about some items."""
        hidden = frozenset(item_ids)
        found = copy(self)
        found.labels = {i: label for i, label in self.labels.items() if i not in hidden}
        read = found._read = dict(self._read)  # noqa: SLF001  the same class
        for name, judge in self.judges.items():
            if isinstance(judge, Fitted):
                known = self.known(name)
                asked = (
                    Request(item=i, files=self._study.files)
                    for i in self._study.iter_items()
                    if i.item_id in known
                )
                read[name] = {v.item_id: v for v in judge.without(hidden).judge(asked)}
        return found

    def verdict(self, name: str, item_id: str) -> Verdict:
        """Return a member's verdict on an item; where the study has none, a metric abstains and a judge fails."""
        found = self.known(name).get(item_id)
        status: Status = "failed" if name in self.judges else "abstained"
        return found or Verdict(item_id=item_id, status=status, reason=f"{name} has no verdict on this item")

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

        values = self._people.people.labels
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

    def parts(self, column: str | None) -> NDArray[Any] | None:
        """(n,) sub-domain of each item, by a column of the items table or "predicate", the predicate's name.

        Errors: `InputError` for a column that is not there.
        """
        if column is None:
            return None
        values = self._people.column(column)
        if column != "predicate":
            return values
        import numpy as np

        return np.array([str(call).partition("(")[0] for call in values], dtype=object)

    def digest(self, *, fitted: bool) -> str:
        """Return a digest of everything outside the combination's options that can change a verdict.

        That is each member, and where something is `fitted` people's answers and the verdicts that it is fitted on.
        """

        def marks(name: str) -> list[Any]:
            judge = self.judges.get(name)
            on = {i: v for i, v in self.known(name).items() if judge is None or (fitted and i in self.labels)}
            kept = [(i, v.status, v.score, v.passed, v.confidence) for i, v in sorted(on.items())]
            return [judge.fingerprint if judge else None, kept]

        labels = self.labels if fitted else None
        return fingerprint({"labels": labels, "members": {name: marks(name) for name in self.names}})

    def check(self, request: Request) -> None:
        """Refuse pairs. Errors: `InputError`."""
        if request.other is not None:
            raise InputError(f"{self._where}: combinations judge single items, not pairs")

    @cached_property
    def _people(self) -> Units:
        from genspace.analysis.question import Question

        return Question.of(self._evidence).singles

    @cached_property
    def _metrics(self) -> Mapping[str, dict[str, Verdict]]:
        """The members' verdicts as the study's tables hold them, by name and item."""
        frame = self._evidence.verdicts
        chosen = frame[
            frame["judge"].isin(self.names) & (frame["item_id_b"] == "") & (frame["question"] == "")
        ]
        chosen = chosen.astype(object).where(chosen.notna(), None)
        found: dict[str, dict[str, Verdict]] = {name: {} for name in self.names}
        fields = ("status", "score", "passed", "confidence", "seconds", "cost_usd")
        for row in chosen.to_dict("records"):
            verdict = Verdict(
                item_id=str(row["item_id"]),
                judge=str(row["judge"]),
                reason=str(row["reason"] or "") or None,
                tokens=None if row["tokens"] is None else int(row["tokens"]),
                **{name: row[name] for name in fields},
            )
            found[str(row["judge"])][verdict.item_id] = verdict
        return found

    def _find(self, name: str, context: JudgeContext) -> None:
        """Make a member, unless it is a metric, or a judge that is not to be had here but has verdicts.

        Errors: `InputError` for anything else that is neither, and for a judge's wrong options.
        """
        frame = self._evidence.verdicts
        origins = set(frame.loc[frame["judge"] == name, "origin"])
        if "table" in origins:
            return
        if context.make is None:
            raise InputError(f"{self._where}: member {name!r} is neither a judge nor a metric of this study")
        kind = re.split(r"[:\[]", name)[0]
        known = name in self._study.declared.judges or kind in {
            *REGISTRY.names(),
            *self._study.declared.judges,
        }
        try:
            self.judges[name] = context.make(name)
        except InputError as error:
            if not origins or (known and not isinstance(error, MissingExtraError)):
                raise


def failures(verdicts: Mapping[str, Verdict]) -> str:
    """Return which members failed, and why: "" where none did. A combination without them would be another one."""
    return "; ".join(f"{name} failed: {v.reason}" for name, v in verdicts.items() if v.status == "failed")


def added(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return what several verdicts cost together; None where nothing is known of any."""

    def total(name: str) -> Any:
        known = [value for v in verdicts if (value := getattr(v, name)) is not None]
        return sum(known) if known else None

    return {name: total(name) for name in ("seconds", "tokens", "cost_usd")}
