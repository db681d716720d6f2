"""GenEval's human annotations: caption fit, object attributes, and whether the image is correct, derived from them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

GENERATORS = {"clip": "clip-retrieval", "sdv2": "sdv2", "if-xl": "if-xl"}
"""Part of the file's name to the generator."""
ATTRIBUTES = {
    "count_0": "Answer.task-count-0", "count_1": "Answer.task-count-1",
    "color_0": "Answer.task-color-0", "color_1": "Answer.task-color-1",
    "realism_0": "Answer.task-real-0", "realism_1": "Answer.task-real-1",
    "position_x": "Answer.task-position-x", "position_y": "Answer.task-position-y",
}  # fmt: skip
WHOLE_NUMBERS = ("count_0", "count_1", "realism_0", "realism_1")
POSITIONS = {
    "left of": ("position_x", "left"), "right of": ("position_x", "right"),
    "above": ("position_y", "above"), "below": ("position_y", "below"),
}  # fmt: skip


def tables(raw: Path) -> dict[str, pd.DataFrame]:
    """Return items, the two questions' annotations, attributes, requirements and summaries of the ratings.

    The five raters of an image are anonymous places in its list. The second question, `correct`, is derived:
    counting wants the exact number; otherwise every object is there at least once, with the wanted colour among
    the marked ones and the wanted relation.
    """
    import pandas as pd

    lines = (raw / "evaluation_metadata.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = [json.loads(line) for line in lines]
    items, fits, corrects, attributes = {}, [], [], []
    for part, generator in GENERATORS.items():
        slots: dict[str, int] = {}
        for row in _read_joined(raw / f"annotations_{part}.csv"):
            prompt_id, image_id = int(row["Input.prompt_id"]), row["Input.image_id"]
            item_id = f"{generator}_{prompt_id:05d}_{image_id}"
            prompt = prompts[prompt_id]
            items[item_id] = (item_id, prompt["prompt"], generator, prompt["tag"], prompt_id, int(image_id))
            slots[item_id] = slots.get(item_id, 0) + 1
            rater = f"slot{slots[item_id]}"
            marked = {name: _cell(name, row[column]) for name, column in ATTRIBUTES.items()}
            fits.append((item_id, rater, int(row["Answer.task-quality"])))
            corrects.append((item_id, rater, int(_is_correct(prompt, marked))))
            attributes.append((item_id, rater, *marked.values()))
    columns = ["item_id", "rater_id", "value"]
    fit, correct = pd.DataFrame(fits, columns=columns), pd.DataFrame(corrects, columns=columns)
    names = ["item_id", "prompt", "generator", "category", "prompt_id", "image_id"]
    used = sorted({row[4] for row in items.values()})
    return {
        "items": pd.DataFrame(list(items.values()), columns=names).sort_values("item_id", ignore_index=True),
        "annotations": fit.sort_values(columns[:2], ignore_index=True),
        "annotations_correct": correct.sort_values(columns[:2], ignore_index=True),
        "annotations_attributes": pd.DataFrame(
            attributes, columns=["item_id", "rater_id", *ATTRIBUTES]
        ).sort_values(columns[:2], ignore_index=True),
        "prompt_requirements": _requirements(prompts, used),
        "metric_scores": _summaries(fit, correct),
    }


def _read_joined(path: Path) -> list[dict[str, str]]:
    """Read a file whose free text holds unquoted line breaks: a short row is joined with the next one."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    header, joined = rows[0], []
    waiting: list[str] = []
    for row in rows[1:]:
        cells = [*waiting[:-1], waiting[-1] + "\n" + row[0], *row[1:]] if waiting else row
        if len(cells) < len(header):
            waiting = cells
            continue
        joined.append(dict(zip(header, cells, strict=True)))
        waiting = []
    return joined


def _cell(name: str, text: str) -> str:
    return str(int(float(text))) if text and name in WHOLE_NUMBERS else text


def _is_correct(prompt: Mapping[str, Any], marked: Mapping[str, str]) -> bool:
    counts = [int(marked[f"count_{n}"] or 0) for n in (0, 1)]
    if prompt["tag"] == "counting":
        return counts[0] == int(prompt["include"][0]["count"])
    for number, wanted in enumerate(prompt["include"]):
        if counts[number] < 1:
            return False
        if "color" in wanted and wanted["color"] not in marked[f"color_{number}"].split("|"):
            return False
        if "position" in wanted:
            column, word = POSITIONS[wanted["position"][0]]
            if marked[column] != word:
                return False
    return True


def _requirements(prompts: Sequence[Mapping[str, Any]], used: Sequence[int]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (
            prompt_id, prompts[prompt_id]["tag"], number, wanted["class"], wanted["count"],
            wanted.get("color", ""), wanted["position"][0] if "position" in wanted else "",
        )
        for prompt_id in used
        for number, wanted in enumerate(prompts[prompt_id]["include"])
    ]  # fmt: skip
    columns = [
        "prompt_id",
        "category",
        "object_index",
        "object",
        "count",
        "color",
        "position_relative_to_object_0",
    ]
    return pd.DataFrame(rows, columns=columns)


def _summaries(fit: pd.DataFrame, correct: pd.DataFrame) -> pd.DataFrame:
    """Return summaries of the ratings themselves; they are not independent metrics."""
    import pandas as pd

    share = correct.groupby("item_id")["value"].mean()
    summaries = {
        "human_mean_caption_fit": fit.groupby("item_id")["value"].mean(),
        "human_fraction_correct": share,
        "human_majority_correct": (share > 0.5).astype(float),
    }
    parts = [
        pd.DataFrame({"item_id": s.index, "metric": name, "score": s.to_numpy()})
        for name, s in summaries.items()
    ]
    return pd.concat(parts, ignore_index=True)
