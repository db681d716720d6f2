"""From a study to a comparison: gather people's answers and verdicts, and hand the tables to the analysis."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.records import StudySettings
from genspace.study import Study, open_study

if TYPE_CHECKING:
    import pandas as pd

    from genspace.analysis import CompareOptions, Comparison
    from genspace.analysis.prepare import Prepared

__all__ = ["compare", "derived_metrics", "gather_annotations", "gather_tables", "prepare_study"]

LEAST_ITEMS_TO_CALL_DERIVED = 10


def compare(study: Study | Path | str, options: CompareOptions | None = None) -> Comparison:
    """Compare every judge and metric of a study with its people.

    Args:
        study: a study, or the path of one.
        options: draws, seed, primary figure, breakdowns; by default those that the study declares.

    Errors: `InvalidFilesError` listing every problem of the study's files; `InputError` for an unknown figure or
    breakdown column.
    """
    from genspace.analysis import Comparison
    from genspace.analysis import compare as compare_tables
    from genspace.analysis.repeats import combine_repeats, repeat_agreement

    opened = study if isinstance(study, Study) else open_study(study)
    annotations, verdicts, settings = gather_tables(opened, combine_repeats(opened.verdicts))
    result = compare_tables(annotations, verdicts, opened.items, settings=settings, options=options)
    found = [*_still_asking(opened), *result.document["notes"]]
    return Comparison({**result.document, "notes": found, "repeats": repeat_agreement(opened.verdicts)})


def _still_asking(study: Study) -> list[dict[str, str]]:
    """Return a warning while people are being asked: who stops when the figures please gets figures that please."""
    from genspace.human_study import read_recorded

    missing = read_recorded(study.root).missing
    if not missing:
        return []
    text = (
        f"The human study is open and lacks {missing} answers. Do not stop it because of these figures; when enough "
        f"is enough, end it with: genspace annotate close {study.root}"
    )
    return [{"level": "warning", "code": "study_open", "text": text}]


def prepare_study(study: Study, question: str = "") -> Prepared:
    """Return one question of a study as aligned arrays, just as `compare` sees it."""
    from genspace.analysis.prepare import main_kind, prepare_kinds
    from genspace.analysis.repeats import combine_repeats

    annotations, verdicts, settings = gather_tables(study, combine_repeats(study.verdicts))
    return main_kind(*prepare_kinds(annotations, verdicts, study.items, settings=settings, question=question))


def gather_tables(study: Study, verdicts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, StudySettings]:
    """Return a study's answers, the verdicts with their kinds, and settings that name the derived metrics."""
    from genspace.human_study import read_recorded

    annotations = gather_annotations(study)
    settings = (
        study.settings if len(study.annotations) else read_recorded(study.root).settings(study.settings)
    )
    kinds = verdicts.assign(kind=verdicts["origin"].map({"table": "metric", "judge": "judge"}))
    derived = (*study.settings.derived, *derived_metrics(annotations, verdicts))
    return annotations, kinds, replace(settings, derived=tuple(dict.fromkeys(derived)))


def gather_annotations(study: Study) -> pd.DataFrame:
    """Return the answers of the study's tables together with those that `genspace annotate` collected.

    The latter have a column `excluded`: the rules, written before the data, that their rater breaks.
    """
    import pandas as pd

    from genspace.human_study import answers

    collected = answers(study.root, study.settings)
    if not len(collected):
        return study.annotations
    known = collected[collected["item_id"].isin(study.items["item_id"])]
    columns = [*study.annotations.columns, "excluded"]
    return pd.concat([study.annotations, known[columns]], ignore_index=True)


def derived_metrics(annotations: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """Return metrics that merely restate the ratings: equal, item by item, to a question's mean or majority.

    Such a metric agrees with people by construction, so it is shown but never ranked.
    """
    found = []
    single = annotations[(annotations["role"] == "main") & (annotations["item_id_b"] == "")]
    summaries = []
    for _, answers in single.groupby("question"):
        mean = answers.groupby("item_id")["value"].mean().dropna()
        summaries += [mean, (mean > 0.5).astype(float)] if mean.between(0, 1).all() else [mean]
    scores = verdicts[(verdicts["origin"] == "table") & verdicts["score"].notna()]
    for metric, rows in scores.groupby("judge"):
        score = rows.drop_duplicates("item_id").set_index("item_id")["score"]
        for summary in summaries:
            common = score.index.intersection(summary.index)
            enough = (
                len(common) >= LEAST_ITEMS_TO_CALL_DERIVED
                and summary.loc[common].max() > summary.loc[common].min()
            )
            if enough and (score.loc[common] - summary.loc[common]).abs().max() < 1e-9:
                found.append(str(metric))
                break
    return found
