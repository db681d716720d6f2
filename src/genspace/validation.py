"""From a file of scores and a study to a validation: the new metric joins those that the study already has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genspace.comparison import gather_tables
from genspace.errors import InputError, InvalidFilesError, did_you_mean
from genspace.study import Study, open_study, read_score_table
from genspace.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

    from genspace.analysis import CompareOptions
    from genspace.analysis.validation import Validation

__all__ = ["validate"]


def validate(
    scores: Path | str,
    study: Study | Path | str,
    *,
    metric: str | None = None,
    margin: float | None = None,
    options: CompareOptions | None = None,
) -> Validation:
    """Validate one new metric against a study's people and every metric already there.

    Args:
        scores: A table of scores (`item_id, score[, metric, passed, confidence, reason]`, or a column per metric),
            or the name of a metric that the study has.
        study: A study, or the path of one.
        metric: Which metric of the table; needed when it holds several.
        margin: Largest loss of agreement that still counts as not worse; by default 0.02.
        options: Draws, seed, primary figure, breakdowns.

    Errors: `InputError` for an unknown metric; `InvalidFilesError` listing every problem of the files.
    """
    from genspace.analysis.validation import MARGIN, validate_metric

    opened = study if isinstance(study, Study) else open_study(study)
    verdicts = opened.verdicts
    if isinstance(scores, str) and not Path(scores).is_file() and scores in set(verdicts["judge"]):
        new = scores
    else:
        new, verdicts = _joined(Path(scores), opened, verdicts, metric)
    annotations, kinds, settings = gather_tables(opened, verdicts)
    return validate_metric(
        annotations,
        kinds,
        opened.items,
        new=new,
        settings=settings,
        options=options,
        margin=MARGIN if margin is None else margin,
    )


def _joined(path: Path, study: Study, verdicts: pd.DataFrame, metric: str | None) -> tuple[str, pd.DataFrame]:
    """Return the new metric's name and all verdicts with its own; a metric of the same name is kept beside it."""
    import pandas as pd

    if not path.is_file():
        known = did_you_mean(str(path), set(verdicts["judge"]))
        raise InputError(f"{path} is neither a file of scores nor a metric of the study{known}")
    read = read_score_table(read_table(path), study.items["item_id"], default_metric=path.stem)
    if read.problems:
        raise InvalidFilesError(read.problems)
    there = sorted(set(read.frame["judge"]))
    if metric is None and len(there) != 1:
        raise InputError(f"{path} holds {len(there)} metrics ({', '.join(there)}): name one with --metric")
    chosen = metric or there[0]
    if chosen not in there:
        raise InputError(f"{path} holds no metric {chosen!r}{did_you_mean(chosen, there)}")
    own = read.frame[read.frame["judge"] == chosen]
    name = f"{chosen} (new)" if chosen in set(verdicts["judge"]) else chosen
    return name, pd.concat([verdicts, own.assign(judge=name)], ignore_index=True)
