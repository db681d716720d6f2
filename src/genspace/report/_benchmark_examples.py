"""Pictures that passed, missed or could not be measured, for each cell of the GenSpace table."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genspace.gather import evidence_of
from genspace.report._gallery import thumbnail
from genspace.store import JudgeStore

if TYPE_CHECKING:
    import pandas as pd

    from genspace.benchmark import Benchmark
    from genspace.records import Item
    from genspace.study import Study

EACH = 2
"""Pictures of each kind in a cell."""
PIXELS = 150
KINDS = ("passed", "missed", "not measured")


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    item_id: str
    prompt: str
    said: str
    """What the judge measured, or why it could not."""
    pictures: tuple[str, ...]
    """Thumbnails as data URLs: of edits before and after; none where there is no picture."""


@dataclass(frozen=True, slots=True)
class CellExamples:
    """The pictures of one cell."""

    generator: str
    judge: str
    task: str
    sub_domain: str
    shots: Mapping[str, Sequence[Shot]] = field(default_factory=dict)
    """By kind."""

    @property
    def whose(self) -> str:
        """Generator and judge."""
        return f"{self.generator}, {self.judge}"


def examples_of(made: Benchmark, judges: Sequence[str], *, each: int = EACH) -> list[CellExamples]:
    """Return examples of each cell, the same ones whenever the verdicts are the same."""
    study = made.study
    verdicts = evidence_of(study).verdicts
    rows = {item.item_id: item for item in study.iter_items()}
    items = study.items.set_index("item_id")[["generator", "task", "sub_domain"]]
    found = []
    for judge in judges:
        own = verdicts[verdicts["judge"] == judge].set_index("item_id").join(items)
        own = own[own["generator"].isin(made.generators)]
        chosen = list(_chosen(own, each))
        said = _said(made, judge, {i for _, kinds in chosen for ids in kinds.values() for i in ids})
        for key, kinds in chosen:
            shots = {
                kind: [_shot(study, rows[i], said.get(i, "")) for i in ids] for kind, ids in kinds.items()
            }
            found.append(CellExamples(key[0], judge, key[1], key[2], shots))
    return found


def _chosen(own: pd.DataFrame, each: int) -> Iterator[tuple[tuple[str, str, str], dict[str, list[str]]]]:
    for key, rows in own.groupby(["generator", "task", "sub_domain"], sort=False):
        right = rows["passed"].fillna(rows["score"] == 1).astype(bool)
        decided = rows["status"] == "decided"
        kinds = {}
        for kind, mask in zip(KINDS, (decided & right, decided & ~right, ~decided), strict=True):
            ids = sorted((str(i) for i in rows.index[mask]), key=lambda i: zlib.crc32(i.encode()))
            kinds[kind] = ids[:each]
        generator, task, sub_domain = map(str, key)
        yield (generator, task, sub_domain), kinds


def _said(made: Benchmark, judge: str, item_ids: set[str]) -> dict[str, str]:
    """Return what a judge said of these items; of several verdicts the last counts."""
    found = {}
    for line in JudgeStore(made.root, judge).lines():
        if line["item_id"] in item_ids:
            found[line["item_id"]] = str(line.get("explanation") or line.get("reason") or "")
    return found


def _shot(study: Study, item: Item, said: str) -> Shot:
    pictures = [thumbnail(name, study, PIXELS) for name in (item.image_before, item.image)]
    return Shot(item.item_id, item.prompt or "", said, tuple(p for p in pictures if p))
