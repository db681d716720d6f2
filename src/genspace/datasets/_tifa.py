"""TIFA160 from `human_annotations_with_scores.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

METRICS = (
    "meteor", "bleu", "rouge", "spice", "clipscore_vitb32", "tifa_vilt", "tifa_git-large", "tifa_ofa-large",
    "tifa_blip2-flant5xl", "tifa_mplug-large",
)  # fmt: skip


def tables(raw: Path) -> dict[str, pd.DataFrame]:
    """Return items, annotations and metric_scores.

    A rater is the place in an item's list of ratings, not a person. The generator is what an item's id holds
    after its prompt's id.
    """
    import pandas as pd

    document = json.loads((raw / "human_annotations_with_scores.json").read_text(encoding="utf-8"))
    items = [
        (i, d["text"], i.removeprefix(d["text_id"] + "_"), d["text_id"].partition("_")[0], d["text_id"])
        for i, d in document.items()
    ]
    ratings = [
        (i, f"slot{place}", score)
        for i, d in document.items()
        for place, score in enumerate(d["human_scores"], start=1)
    ]
    scores = [(i, metric, d[metric]) for metric in METRICS for i, d in document.items()]
    return {
        "items": pd.DataFrame(items, columns=["item_id", "prompt", "generator", "category", "prompt_id"]),
        "annotations": pd.DataFrame(ratings, columns=["item_id", "rater_id", "value"]),
        "metric_scores": pd.DataFrame(scores, columns=["item_id", "metric", "score"]),
    }
