"""Answers out: CSV, JSON Lines, Label Studio's JSON, the list for payment, Hugging Face datasets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, did_you_mean
from genspace.human_study.material import Material
from genspace.human_study.reading import Recorded
from genspace.human_study.store import AnswerStore
from genspace.tables import csv_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EXPORTS", "HUGGINGFACE_ANSWERS", "Export", "export_text", "write_huggingface"]

HUGGINGFACE_ANSWERS = "answers.parquet"
"""The file of a Hugging Face dataset that holds the answers."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file that answers can be written to."""

    about: str
    media_type: str
    text: Callable[[AnswerStore, Material], str]


def answers_frame(store: AnswerStore, material: Material) -> pd.DataFrame:
    """Return one row per answered question, with time, comment and the rules its rater breaks."""
    import pandas as pd

    recorded = _recorded(store, material)
    excluded = {r.rater_id: "; ".join(r.excluded) for r in recorded.raters()}
    choice = material.design.answers.choice
    return pd.DataFrame(
        [
            {
                "item_id": s.unit[0],
                "item_id_b": s.unit[1],
                "question": q,
                "rater_id": s.rater_id,
                "repeat": s.repeat,
                "role": s.role,
                "value": v,
                "choice": choice(v),
                "seconds": s.seconds,
                "comment": s.comment,
                "received_at": _iso(s.received_at),
                "excluded": excluded[s.rater_id],
            }
            for s in recorded.screens
            for q, v in s.answers.items()
        ],
        columns=[
            "item_id", "item_id_b", "question", "rater_id", "repeat", "role", "value", "choice", "seconds", "comment",
            "received_at", "excluded",
        ],
    )  # fmt: skip


def _recorded(store: AnswerStore, material: Material) -> Recorded:
    registered = store.registered_design() or material.design.registered()
    return Recorded(store.snapshot().screens, registered)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _answers_csv(store: AnswerStore, material: Material) -> str:
    frame = answers_frame(store, material)
    return csv_text(frame if material.design.answers.pairwise else frame.drop(columns="item_id_b"))


def _answers_jsonl(store: AnswerStore, material: Material) -> str:
    text: str = answers_frame(store, material).to_json(orient="records", lines=True, force_ascii=False)
    return text


def _raters_csv(store: AnswerStore, material: Material) -> str:
    """Who did how much, for payment; the only export that holds the platform's identifiers."""
    import pandas as pd

    recorded = _recorded(store, material)
    seconds: dict[str, float] = {}
    for screen in recorded.screens:
        seconds[screen.rater_id] = seconds.get(screen.rater_id, 0.0) + (screen.seconds or 0.0)
    figures = {r.rater_id: r for r in recorded.raters()}
    code = material.design.crowd.completion_code or ""
    rows = []
    for rater in store.snapshot().raters:
        found = figures.get(rater["rater_id"])
        rows.append(
            {
                "rater_id": rater["rater_id"],
                "external_id": rater["external_id"] or "",
                "source": rater["source"],
                "answered": found.answered if found else 0,
                "minutes": round(seconds.get(rater["rater_id"], 0.0) / 60, 1),
                "finished": rater["finished_at"] is not None,
                "completion_code": code if rater["finished_at"] is not None else "",
                "platform_status": rater["platform_status"] or "",
                "breaks_rules": "; ".join(found.excluded) if found else "",
            }
        )
    columns = [
        "rater_id", "external_id", "source", "answered", "minutes", "finished", "completion_code", "platform_status",
        "breaks_rules",
    ]  # fmt: skip
    return csv_text(pd.DataFrame(rows, columns=columns))


def _label_studio(store: AnswerStore, material: Material) -> str:
    """Return Label Studio's JSON: a task per item (or pair), an annotation per rater."""
    choice = material.design.answers.choice
    tasks: dict[tuple[str, str], dict[str, Any]] = {}
    for screen in _recorded(store, material).screens:
        if screen.repeat:
            continue
        item = material.items.get(screen.unit[0])
        data = {"item_id": screen.unit[0], "item_id_b": screen.unit[1] or None}
        data |= {} if item is None else {"prompt": item.prompt, "image": item.image}
        task = tasks.setdefault(screen.unit, {"data": data, "annotations": []})
        task["annotations"].append(
            {
                "completed_by": {"email": screen.rater_id},
                "lead_time": screen.seconds,
                "result": [
                    {
                        "from_name": q or "answer",
                        "to_name": "image",
                        "type": "choices",
                        "value": {"choices": [choice(v)]},
                        **({"meta": {"role": "extra"}} if screen.role == "extra" else {}),
                    }
                    for q, v in screen.answers.items()
                ],
            }
        )
    return json.dumps(list(tasks.values()), ensure_ascii=False, indent=1)


EXPORTS: Mapping[str, Export] = {
    "answers.csv": Export("Answers", "text/csv; charset=utf-8", _answers_csv),
    "answers.jsonl": Export("Answers, JSON Lines", "application/jsonl; charset=utf-8", _answers_jsonl),
    "label-studio.json": Export("Label Studio", "application/json", _label_studio),
    "raters.csv": Export("Raters, for payment", "text/csv; charset=utf-8", _raters_csv),
}
"""File name to what it holds and how it is made."""


def export_text(store: AnswerStore, material: Material, name: str) -> str:
    """Return an export as text.

    Errors: `InputError` for an unknown name.
    """
    if name not in EXPORTS:
        raise InputError(f"unknown export {name!r}{did_you_mean(name, EXPORTS)}")
    return EXPORTS[name].text(store, material)


_CARD = """\
---
configs:
- config_name: answers
  default: true
  data_files: answers.parquet
- config_name: items
  data_files: items.parquet
---
# {title}

Answers of people, collected with genspace. Protocol: {protocol}; {raters} raters, {answers} answers.
One row of `answers` per answered question: `item_id`, `item_id_b` (pairs), `question`, `rater_id` (a pseudonym),
`repeat`, `role` (main, gold, training, extra), `value` (null: can't tell), `choice`, `seconds`, and `excluded`
(the rules, written before the data, that the rater breaks). Comments and platform identifiers are left out.
"""


def write_huggingface(store: AnswerStore, material: Material, folder: Path) -> None:
    """Write a folder that `datasets.load_dataset(folder)` reads: Parquet files and a dataset card.

    Errors: `InputError` when the folder holds something else.
    """
    import pandas as pd

    if folder.exists() and (
        not folder.is_dir() or not {p.name for p in folder.iterdir()} <= _HUGGINGFACE_FILES
    ):
        raise InputError(f"{folder} holds other files; name an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    answers = answers_frame(store, material).drop(columns=["comment", "received_at"])
    answers.to_parquet(folder / HUGGINGFACE_ANSWERS, index=False)
    shown = {key for u in material.units for key in u.key if key}
    items = [
        {"item_id": i.item_id, "prompt": i.prompt, "prompt_id": i.prompt_id, "generator": i.generator,
         "predicate": i.predicate, "image": i.image, "image_before": i.image_before}
        for i in material.items.values()
        if i.item_id in shown
    ]  # fmt: skip
    pd.DataFrame(items).to_parquet(folder / "items.parquet", index=False)
    card = _CARD.format(
        title=material.design.title,
        protocol=material.design.protocol,
        raters=answers["rater_id"].nunique(),
        answers=len(answers),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


_HUGGINGFACE_FILES = {HUGGINGFACE_ANSWERS, "items.parquet", "README.md"}
