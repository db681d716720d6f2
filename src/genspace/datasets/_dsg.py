"""DSG's ratings of the TIFA160 images, and its nine metrics from the released answers of three VQA models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

GENERATORS = {
    "mini-dalle": "mini_dalle",
    "sd1dot1": "stable_diffusion_v1_1",
    "sd1dot5": "stable_diffusion_v1_5",
    "sd2dot1": "stable_diffusion_v2_1",
    "vq-diffusion": "vq_diffusion",
}
"""DSG's generator names to those of TIFA160; the two generators without ratings are left out."""
VQA_MODELS = {"mplug": "mplug-large", "instructblip": "instruct-blip", "pali17b": "pali-17b"}
QUESTION_SETS = ("dsg", "vq2a")
WELL_FORMED = re.compile(r"\d+( *, *\d+)*")


def tables(raw: Path) -> dict[str, pd.DataFrame]:
    """Return items, annotations, metric_scores, questions and question_answers.

    An item's score is the share of answers that are exactly "yes"; with dependencies a question also counts as
    "no" when a direct parent's own answer is not yes. A prompt with a malformed dependency is scored without
    dependencies, and a prompt without any answers scores 0, as the published figures require.
    """
    import pandas as pd

    ratings = _read(raw / "tifa160-likert-anns.csv")
    ratings["generator"] = ratings["t2i_model"].map(GENERATORS)
    ratings["new_id"] = ratings["source_id"] + "_" + ratings["generator"]
    propositions = _read(raw / "dsg-1k-anns.csv")
    propositions = propositions[propositions["item_id"].str.startswith("tifa160_")]
    prompts = propositions.drop_duplicates("item_id").set_index("item_id")["text"]
    items = ratings.drop_duplicates("new_id").sort_values("new_id", kind="stable")
    items = pd.DataFrame(
        {
            "item_id": items["new_id"],
            "prompt": items["item_id"].map(prompts),
            "generator": items["generator"],
            "category": items["source_id"].str.partition("_")[0],
            "prompt_id": items["source_id"],
            "dsg_prompt_id": items["item_id"],
        }
    ).reset_index(drop=True)
    workers = {w: f"w{n}" for n, w in enumerate(sorted(ratings["worker_id"].unique(), key=int), start=1)}
    annotations = pd.DataFrame(
        {
            "item_id": ratings["new_id"],
            "rater_id": ratings["worker_id"].map(workers),
            "value": ratings["answer"].astype(int),
        }
    ).sort_values(["item_id", "rater_id"], ignore_index=True)
    answers = pd.concat(
        [_answers(raw, vqa, question_set, items) for vqa in VQA_MODELS for question_set in QUESTION_SETS],
        ignore_index=True,
    )
    questions = pd.concat([_dsg_questions(propositions), _vq2a_questions(raw)], ignore_index=True)
    return {
        "items": items,
        "annotations": annotations,
        "metric_scores": _metric_scores(answers, questions, items),
        "questions": questions,
        "question_answers": answers,
    }


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _dsg_questions(propositions: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    malformed = propositions.loc[~propositions["dependency"].map(_well_formed), "item_id"]
    parents = propositions["dependency"].str.replace(" ", "").str.replace(",", ";")
    return pd.DataFrame(
        {
            "dsg_prompt_id": propositions["item_id"],
            "question_id": propositions["proposition_id"],
            "parents": parents.mask(propositions["item_id"].isin(malformed), ""),
            "category": propositions["category_broad"],
            "question": propositions["question_natural_language"],
            "question_set": "dsg",
        }
    )


def _well_formed(dependency: str) -> bool:
    return WELL_FORMED.fullmatch(dependency) is not None


def _vq2a_questions(raw: Path) -> pd.DataFrame:
    """Questions of VQ2A have no ids of their own: they are numbered within their prompt, and depend on none."""
    import pandas as pd

    table = _read(raw / "vqa_mplug_vq2a.csv")
    table = table[table["t2i_model"] == "mini-dalle"]
    return pd.DataFrame(
        {
            "dsg_prompt_id": table["item_id"],
            "question_id": (table.groupby("item_id").cumcount() + 1).astype(str),
            "parents": "0",
            "category": "",
            "question": table["question"],
            "question_set": "vq2a",
        }
    )


def _answers(raw: Path, vqa: str, question_set: str, items: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    table = _read(raw / f"vqa_{vqa}_{question_set}.csv")
    table = table[(table["dsg_prompt_split"] == "tifa160") & table["t2i_model"].isin(GENERATORS)].copy()
    if question_set == "vq2a":
        table["question_id"] = (table.groupby(["t2i_model", "item_id"]).cumcount() + 1).astype(str)
    sources = items.drop_duplicates("dsg_prompt_id").set_index("dsg_prompt_id")["prompt_id"]
    return pd.DataFrame(
        {
            "item_id": table["item_id"].map(sources) + "_" + table["t2i_model"].map(GENERATORS),
            "vqa_model": VQA_MODELS[vqa],
            "question_set": question_set,
            "question_id": table["question_id"],
            "answer": table["answer"].map(lambda a: a if a in {"yes", "no"} else "other" if a else "empty"),
        }
    )


def _metric_scores(answers: pd.DataFrame, questions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    merged = answers.merge(items[["item_id", "dsg_prompt_id"]], on="item_id").merge(
        questions[["dsg_prompt_id", "question_set", "question_id", "parents"]],
        on=["dsg_prompt_id", "question_set", "question_id"],
        how="left",
    )
    merged["own"] = merged["answer"] == "yes"
    key = ["item_id", "vqa_model", "question_set", "question_id"]
    yes = set(merged.loc[merged["own"], key].itertuples(index=False, name=None))
    merged["with_parents"] = [
        own and all((item, model, kind, parent) in yes for parent in parents.split(";") if parent not in {"", "0"})
        for own, item, model, kind, parents in zip(
            merged["own"], merged["item_id"], merged["vqa_model"], merged["question_set"],
            merged["parents"].fillna(""), strict=True,
        )
    ]  # fmt: skip
    forms = [
        ("dsg", "with_parents", "dsg"),
        ("dsg", "own", "dsg_without_dependency"),
        ("vq2a", "own", "vq2a"),
    ]
    parts = []
    for model in VQA_MODELS.values():
        for kind, column, suffix in forms:
            chosen = merged[(merged["vqa_model"] == model) & (merged["question_set"] == kind)]
            share = chosen.groupby("item_id")[column].mean().astype(float)
            score = items["item_id"].map(share).fillna(0.0)
            parts.append(
                pd.DataFrame({"item_id": items["item_id"], "metric": f"{model}__{suffix}", "score": score})
            )
    return pd.concat(parts, ignore_index=True)
