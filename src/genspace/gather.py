"""Read a study's files into evidence: tables, answers collected by `genspace annotate`, verdict files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.columns import ANSWER_COLUMNS, typed
from genspace.errors import InputError, Problem
from genspace.evidence import Answers, Evidence
from genspace.pairs import canonical
from genspace.readings import Reading
from genspace.records import ANSWERS_FILE, DESIGN_FILE, Declared, JudgeMark, StudySettings
from genspace.store import JudgeStore, judge_folders
from genspace.study import check_study, verdict_frame

if TYPE_CHECKING:
    from genspace.human_study.reading import Recorded
    from genspace.records import JudgeVariant
    from genspace.study import CheckReport, Read, Study

__all__ = ["check", "evidence_of"]


def evidence_of(study: Study) -> Evidence:
    """Return the evidence of a study; each file is read once, when first needed.

    Errors: `InvalidFilesError`, on reading, listing every problem of the tables read.

    >>> import tempfile
    >>> import pandas as pd
    >>> from genspace import open_study
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"item_id": ["a", "b"]}).to_csv(folder / "items.csv", index=False)
    >>> said = pd.DataFrame({"item_id": ["a", "b"], "rater_id": ["ann", "ann"], "value": [1, 0]})
    >>> said.to_csv(folder / "annotations.csv", index=False)
    >>> evidence_of(open_study(folder)).answers["value"].tolist()
    [1.0, 0.0]
    """
    verdicts = cache(study.read_verdicts)
    return Evidence(
        read_items=lambda: study.items,
        read_answers=partial(_answers, study),
        read_verdicts=lambda: verdicts().checked(),
        read_variants=partial(_variants, study),
        read_marks=partial(_marks, study),
        read_readings=lambda: [*study.readings, *verdicts().readings],
    )


def verdicts_at(path: Path) -> Evidence:
    """Return the verdicts of a folder `verdicts` or `verdicts/JUDGE` by themselves, with the items they are about.

    `verdicts/JUDGE@FINGERPRINT` names those that the judge gave under an earlier fingerprint; its first characters are
    enough.

    Errors: `InputError` for a folder that holds no verdicts.
    """
    import pandas as pd

    folder, mark = path, None
    if not path.exists() and "@" in path.name:
        name, _, mark = path.name.rpartition("@")
        folder = path.with_name(name)
    root, every = (folder.parent, True) if folder.name == "verdicts" else (folder.parent.parent, False)
    found = [judge for judge, at in judge_folders(root) if every or at == root / "verdicts" / folder.name]
    if not found:
        raise InputError(
            f"{path}: is neither a study, nor a comparison.json, nor a folder of verdicts (verdicts/JUDGE)"
        )
    frame = pd.concat([verdict_frame(root, judge, mark) for judge in found], ignore_index=True)
    stores = {judge: JudgeStore(root, judge) for judge in found}
    marks = {judge: JudgeMark(store.newest(mark or "")) for judge, store in stores.items()}
    ids = pd.concat([frame["item_id"], frame.loc[frame["item_id_b"] != "", "item_id_b"]]).unique()
    items = pd.DataFrame({"item_id": ids}, dtype="str")
    nothing = Answers(typed({}, ANSWER_COLUMNS), StudySettings(name=str(path)))
    return Evidence(
        read_items=lambda: items,
        read_answers=lambda: nothing,
        read_verdicts=lambda: frame,
        read_marks=lambda: marks,
    )


def pairs_of(study: Study) -> list[tuple[str, str]]:
    """Return the pairs of items that people compared, each once and in canonical order.

    Errors: as for `evidence_of`.
    """
    said = _answers(study).frame
    compared = said.loc[said["item_id_b"] != "", ["item_id", "item_id_b"]].itertuples(index=False, name=None)
    return list(dict.fromkeys(canonical(*pair) for pair in compared))


def check(
    path: Path | str,
    *,
    human: Sequence[str] = (),
    metrics: Sequence[str] = (),
    declared: Declared | None = None,
    further: Callable[[Study], Iterable[Problem | Reading]] | None = None,
) -> CheckReport:
    """Read everything that a study holds and return all problems at once; see `genspace.study.check_study`.

    >>> import tempfile
    >>> import pandas as pd
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"item_id": ["a", "a"]}).to_csv(folder / "items.csv", index=False)
    >>> len(check(folder).problems)  # two items of one id
    1
    """

    def answers(study: Study) -> Read:
        return _joined(study, study.read_annotations(), _recorded(study))

    return check_study(
        path, human=human, metrics=metrics, declared=declared, answers=answers, further=further
    )


def _variants(study: Study) -> dict[str, JudgeVariant]:
    found = {name: JudgeStore(study.kept_in, name).variant() for name, _ in judge_folders(study.kept_in)}
    return {name: variant for name, variant in found.items() if variant is not None}


def _marks(study: Study) -> dict[str, JudgeMark]:
    """Return each judge's fingerprint, and what study.toml says of it."""
    found = {
        name: JudgeMark(JudgeStore(study.kept_in, name).newest()) for name, _ in judge_folders(study.kept_in)
    }
    for name, table in study.declared.judges.items():
        said = {"kind": table.kind, "model": table.model, **table.options}
        settings = {key: str(value) for key, value in said.items() if value is not None}
        found[name] = replace(found.get(name, JudgeMark()), settings=settings)
    return found


def _answers(study: Study) -> Answers:
    tables, recorded = study.read_annotations(), _recorded(study)
    joined, settings = _joined(study, tables, recorded), study.settings
    if recorded is not None and not len(tables.frame):
        settings = recorded.settings(settings)
    return Answers(joined.checked(), settings, recorded.missing if recorded else 0, tuple(joined.readings))


def _recorded(study: Study) -> Recorded | None:
    """Return what `genspace annotate` collected; None where it never asked anybody."""
    if not any((study.root / name).exists() for name in (DESIGN_FILE, ANSWERS_FILE)):
        return None
    from genspace.human_study import read_recorded

    return read_recorded(study.root)


def _joined(study: Study, tables: Read, recorded: Recorded | None) -> Read:
    """Return the answers of the study's tables together with those that `genspace annotate` collected."""
    import pandas as pd

    if recorded is None:
        return tables

    collected = recorded.frame()[list(ANSWER_COLUMNS)]
    known = study.items_table.known(collected["item_id"])
    readings = list(tables.readings)
    if not known.all():
        readings.append(Reading(code="answers_about_strangers", count=int((~known).sum())))
    if len(recorded.registrations) > 1:
        readings.append(
            Reading(code="registrations", file="answers.sqlite", count=len(recorded.registrations))
        )
    frames = [frame for frame in (tables.frame, collected[known]) if len(frame)]
    return replace(
        tables, frame=pd.concat(frames, ignore_index=True) if frames else tables.frame, readings=readings
    )
