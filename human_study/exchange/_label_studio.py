"""Label Studio's JSON: a task for each unit, an annotation for each screen, the rest in the results' `meta`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from genspace.human_study.exchange._tables import OwnRow
from genspace.human_study.material import Material

_MARK = "genspace"
"""Key in a result's `meta` under which the whole row stands."""


def label_studio_of(
    material: Material, rows: Sequence[Mapping[str, Any]], units: Sequence[tuple[str, ...]]
) -> str:
    """Return Label Studio's JSON.

    Args:
        material: The study.
        rows: Answers as cells by column.
        units: The unit of each row.
    """
    tasks: dict[tuple[str, ...], dict[str, Any]] = {}
    made: dict[tuple[object, ...], dict[str, Any]] = {}
    for row, unit in zip(rows, units, strict=True):
        task = tasks.setdefault(unit, {"data": _data(material, unit), "annotations": []})
        key = (unit, row["rater_id"], row["repeat"])
        if key not in made:
            made[key] = {
                "completed_by": {"email": row["rater_id"]},
                "lead_time": row["seconds"],
                "created_at": row["received_at"],
                "result": [],
            }
            task["annotations"].append(made[key])
        made[key]["result"].append(
            {
                "from_name": row["question"] or "answer",
                "to_name": "image",
                "type": "choices",
                "value": {"choices": [row["choice"]]},
                "meta": {_MARK: row},
            }
        )
    return json.dumps(list(tasks.values()), ensure_ascii=False, indent=1, allow_nan=False)


def _data(material: Material, unit: tuple[str, ...]) -> dict[str, Any]:
    item = material.items.get(unit[0])
    return {
        "item_id": unit[0],
        "item_id_b": unit[1] if len(unit) == 2 else None,
        **({"items": list(unit)} if len(unit) > 2 else {}),
        **({} if item is None else {"prompt": item.prompt, "image": item.image}),
    }


def own_rows(tasks: Sequence[Any]) -> list[OwnRow] | None:
    """Return the rows that `label_studio_of` put into a document, each with its task's number, or None without any.

    A document that holds results of both kinds, ours and others, is read as one made elsewhere.
    """
    rows: list[OwnRow] = []
    for number, task in enumerate(tasks, start=1):
        annotations = task.get("annotations") if isinstance(task, dict) else None
        for annotation in annotations if isinstance(annotations, list) else []:
            results = annotation.get("result") if isinstance(annotation, dict) else None
            for result in results if isinstance(results, list) else []:
                meta = result.get("meta") if isinstance(result, dict) else None
                row = meta.get(_MARK) if isinstance(meta, dict) else None
                if not isinstance(row, dict):
                    return None
                rows.append(OwnRow(number, row))
    return rows or None
