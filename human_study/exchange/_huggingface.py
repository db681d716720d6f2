"""A folder that `datasets.load_dataset` reads: Parquet files and a dataset card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genspace.errors import InputError
from genspace.human_study.material import Material

ANSWERS_PARQUET = "answers.parquet"
"""The file that holds the answers."""
_FILES = {ANSWERS_PARQUET, "items.parquet", "README.md"}

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
One row of `answers` per answered question: the items shown, `question`, `rater_id` (a pseudonym), `repeat`, `role`
(main, gold, training, extra), `value` (null: can't tell), `choice`, `position` in the rater's visit, `seconds`,
`received_at`, `known` (the known answer, where there is one), `registration` (the digest of what raters saw and the
rules used), `outcome` (how the rater's visit ended), and `excluded` (the rules, written before the data, that the rater
breaks).
{comments} Identifiers of platforms and answers to surveys are left out.
"""


def write_folder(
    folder: Path,
    material: Material,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    comments: bool,
) -> None:
    """Write the folder.

    Errors: `InputError` when it holds something else.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if folder.exists() and (not folder.is_dir() or not {p.name for p in folder.iterdir()} <= _FILES):
        raise InputError(f"{folder} holds other files; name an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    types = {
        "repeat": pa.int64(), "position": pa.int64(), "reclaimed": pa.int64(), "value": pa.float64(),
        "confidence": pa.float64(), "seconds": pa.float64(), "items": pa.list_(pa.string()),
        "shown": pa.list_(pa.string()),
    }  # fmt: skip
    schema = pa.schema([(name, types.get(name, pa.string())) for name in columns])
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), folder / ANSWERS_PARQUET)
    shown = {item_id for u in material.units for item_id in u.key}
    items = [
        {"item_id": i.item_id, "prompt": i.prompt, "prompt_id": i.prompt_id, "generator": i.generator,
         "predicate": i.predicate, "image": i.image, "image_before": i.image_before}
        for i in material.items.values()
        if i.item_id in shown
    ]  # fmt: skip
    names = ("item_id", "prompt", "prompt_id", "generator", "predicate", "image", "image_before")
    text = pa.schema([(name, pa.string()) for name in names])
    pq.write_table(pa.Table.from_pylist(items, schema=text), folder / "items.parquet")
    card = _CARD.format(
        title=material.design.title,
        protocol=material.design.protocol,
        raters=len({row["rater_id"] for row in rows}),
        answers=len(rows),
        comments="Comments are as the raters wrote them." if comments else "Comments are left out.",
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
