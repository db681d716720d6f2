"""VSR, visual spatial reasoning: captions about photographs, each voted true or false by other annotators."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

RELATION_GROUPS: Mapping[str, tuple[str, ...]] = {
    "left and right": ("left of", "right of", "at the left side of", "at the right side of"),
    "front and behind": ("in front of", "behind", "ahead of", "at the back of"),
    "vertical": ("on", "on top of", "above", "over", "below", "beneath", "under"),
    "distance": ("near", "close to", "far from", "far away from", "away from"),
    "orientation": ("facing", "facing away from", "parallel to", "perpendicular to"),
    "contact and containment": ("touching", "in", "inside", "contains"),
}
"""Our groups of the frequent relations, by the geometry that decides them; the rest is "other"."""
GROUP_OF = {relation: group for group, relations in RELATION_GROUPS.items() for relation in relations}
RAW, VALIDATED = "all_vsr_raw_data.jsonl", "all_vsr_validated_data.jsonl"


def tables(raw: Path) -> dict[str, pd.DataFrame]:
    """Return items and annotations: 1 is a vote for "true", 0 one for "false".

    The prompt is the caption; `prompt_id` is the photograph, which captions share. `label` is what the caption's own
    author called it, `validated` whether it passed the authors' validation, `reference_frame` their code for whose
    point of view is meant, where they gave one. A vote that repeats a person's is a repeat.
    """
    import pandas as pd

    kept = {(row["image"], row["caption"]): row["reference_frame"] for row in _lines(raw / VALIDATED)}
    seen: Counter[str] = Counter()
    items, votes = [], []
    for row in _lines(raw / RAW):
        photograph, key = Path(row["image"]).stem, (row["image"], row["caption"])
        seen[photograph] += 1
        item_id = f"{photograph}_{seen[photograph]}"
        frame = kept.get(key)
        items.append(
            (
                item_id, row["image"], row["caption"], photograph, row["relation"],
                GROUP_OF.get(row["relation"], "other"), "" if frame is None else f"{frame:g}",
                row["label"], int(key in kept), f"a{row['annotator_id']}",
            )
        )  # fmt: skip
        asked: Counter[int] = Counter()
        for value in (1, 0):
            for person in row[f"vote_{'true' if value else 'false'}_validator_id"]:
                votes.append((item_id, f"a{person}", asked[person], value))
                asked[person] += 1
    columns = [
        "item_id", "image", "prompt", "prompt_id", "relation", "relation_group", "reference_frame", "label",
        "validated", "author",
    ]  # fmt: skip
    return {
        "items": pd.DataFrame(items, columns=columns),
        "annotations": pd.DataFrame(votes, columns=["item_id", "rater_id", "repeat", "value"]),
    }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
