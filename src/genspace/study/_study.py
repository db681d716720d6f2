"""Opening and checking a study."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.display import Displayed
from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.evidence import ANSWER_COLUMNS, VERDICT_COLUMNS, typed
from genspace.records import ITEM_COLUMNS, Item, StudySettings
from genspace.store import JudgeStore, judge_folders
from genspace.study._files import StudyFiles, leaves_study
from genspace.study._items import ItemsTable, load_items
from genspace.study._readers import Read, read_annotations, read_items, read_scores
from genspace.study._settings import StudyFile, read_settings
from genspace.study._wide import is_wide_table, split_wide_table
from genspace.tables import SUFFIXES, Table, find_table, read_table, table_stem

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CheckReport", "Study", "check_study", "open_study"]

log = logging.getLogger(__name__)

SCORE_STEMS = ("metric_scores", "metric_verdicts")
"""Tables of scores that may stand at the top of a study, beside the folder scores/."""


@dataclass(frozen=True, repr=False)
class Study(Displayed):
    """A study's files: its items checked, its tables and verdict files ready to be read. Make one with `open_study`.

    What people and judges said is taken from `genspace.gather.evidence_of(study)`.

    >>> import tempfile
    >>> import pandas as pd
    >>> folder = Path(tempfile.mkdtemp())
    >>> items = pd.DataFrame({"item_id": ["7", "8"], "generator": ["sdxl", "flux"]})
    >>> items.to_csv(folder / "items.csv", index=False)
    >>> study = open_study(folder)
    >>> [(item.item_id, item.generator) for item in study.iter_items()]
    [('7', 'sdxl'), ('8', 'flux')]
    """

    root: Path
    """The study's folder; for a wide table, the folder it stands in."""
    settings: StudySettings
    items_table: ItemsTable
    files: StudyFiles
    declared: StudyFile
    """What study.toml says."""
    read_annotations: Callable[[], Read]
    """Reads the answers that stand in tables (`genspace.evidence.ANSWER_COLUMNS`), with all problems."""
    read_verdicts: Callable[[], Read]
    """Reads scores and verdicts (`genspace.evidence.VERDICT_COLUMNS`), with all problems."""

    @property
    def items(self) -> pd.DataFrame:
        """`item_id, generator, prompt_id, prompt, image, image_before, predicate` and every breakdown column."""
        return self.items_table.frame

    def iter_items(self) -> Iterator[Item]:
        """Yield the items as records, read as they are asked for; one without an image gets `images/ITEM_ID.png`."""
        for part in self.items_table.parts():
            columns = list(part.columns)
            for row in part.itertuples(index=False, name=None):
                cells = {name: cell for name, cell in zip(columns, row, strict=True) if isinstance(cell, str)}
                known = {name: cells.pop(name, None) for name in ITEM_COLUMNS}
                item_id = str(known.pop("item_id"))
                known["image"] = known["image"] or self.files.image_of(item_id)
                yield Item(item_id=item_id, extra=cells, **known)

    def iter_item_ids(self) -> Iterator[str]:
        """Yield the items' ids, in order."""
        for part in self.items_table.parts():
            yield from part["item_id"]


@dataclass(frozen=True, repr=False)
class CheckReport(Displayed):
    """What `genspace check` found: problems stand in the way, notes do not."""

    problems: Sequence[Problem]
    notes: Sequence[Problem]
    counts: Mapping[str, int] = field(default_factory=dict)
    """Items, prompts, generators, raters, answers, judges and verdicts, where they could be read."""


def open_study(path: Path | str, *, human: Sequence[str] = (), metrics: Sequence[str] = ()) -> Study:
    """Open a study: a folder with an items table, or one wide table.

    Args:
        path: the study's folder, or a table with one row per item.
        human: for a wide table, the columns with people's ratings, one per rater.
        metrics: for a wide table, the columns with scores; empty: every other column of numbers.

    Errors: `InputError` when there is no study at `path`; `InvalidFilesError` listing every problem of study.toml
    and the items table. Problems of the other tables are raised when those are first read.

    >>> import tempfile
    >>> import pandas as pd
    >>> table = Path(tempfile.mkdtemp()) / "results.csv"
    >>> pd.DataFrame({"item_id": ["a", "b"], "ann": [5, 2], "clip": [0.9, 0.4]}).to_csv(table, index=False)
    >>> len(open_study(table, human=["ann"], metrics=["clip"]).items)
    2
    """
    study, problems, notes = _load(Path(path), human, metrics)
    if study is None or problems:
        raise InvalidFilesError(problems)
    if human:  # how a wide table was read is the user's first question
        for note in notes:
            log.info("%s", note)
    return study


def check_study(
    path: Path | str,
    *,
    human: Sequence[str] = (),
    metrics: Sequence[str] = (),
    answers: Callable[[Study], Read] = lambda study: study.read_annotations(),
    further: Callable[[Study], Iterable[Problem]] | None = None,
) -> CheckReport:
    """Read every file of a study and return all problems at once.

    `answers` reads people's answers; `further` adds what only rooms above this one can tell, such as whether a
    predicate can be read.
    Errors: `InputError` when there is no study at `path`.
    """
    study, problems, notes = _load(Path(path), human, metrics)
    if study is None:
        return CheckReport(problems, notes)
    counts = {"items": len(study.items)}
    for name in ("prompt_id", "generator"):
        counts[f"{name.removesuffix('_id')}s"] = int(study.items[name].nunique())
    for read, count in ((answers(study), _count_people), (study.read_verdicts(), _count_judges)):
        problems += read.problems
        notes += read.notes
        counts |= count(read.frame)
    if further is not None:
        problems += further(study)
    notes += _missing_images(study)
    return CheckReport(problems, notes, counts)


def _load(
    path: Path, human: Sequence[str], metrics: Sequence[str]
) -> tuple[Study | None, list[Problem], list[Problem]]:
    if is_wide_table(path):
        return _load_wide(path, human, metrics)
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder or table ({', '.join(SUFFIXES)})")
    if human or metrics:
        raise InputError(
            "--human and --metrics name columns of one wide table; a study folder declares its own"
        )
    problems: list[Problem] = []
    declared = StudyFile(settings=StudySettings(name=path.resolve().name))
    try:
        declared = read_settings(path / "study.toml", default_name=path.resolve().name)
    except InvalidFilesError as error:
        problems += error.problems
    found = find_table(path, "items")
    if found is None:
        raise InputError(
            f"{path}: there is no items table; a study needs items.csv (or .jsonl, .parquet) with a column "
            "item_id. For one wide table name the file itself, with --human and --metrics"
        )
    items, wrong, notes = load_items(found)
    problems += wrong
    if items is None:
        return None, problems, notes
    study = Study(
        root=path,
        settings=declared.settings,
        items_table=items,
        files=StudyFiles((declared.images or str(path / "images"), str(path))),
        declared=declared,
        read_annotations=lambda: _read_annotation_files(path, items.frame["item_id"], declared.settings),
        read_verdicts=lambda: _read_verdict_files(path, items.frame["item_id"]),
    )
    unknown = [c for c in declared.settings.breakdowns if c not in items.columns]
    problems += [
        Problem("study.toml", "is no column of the items table", field="breakdowns", value=c) for c in unknown
    ]
    return study, problems, notes


def _load_wide(
    path: Path, human: Sequence[str], metrics: Sequence[str]
) -> tuple[Study | None, list[Problem], list[Problem]]:
    table = read_table(path)
    parts = split_wide_table(table, human, metrics)
    items = read_items(parts.items)
    item_ids = items.frame["item_id"]
    settings = StudySettings(name=table_stem(path) or path.name, raters="slot" if len(human) > 1 else None)
    study = Study(
        root=path.parent,
        settings=settings,
        items_table=ItemsTable(path, items.frame, None),
        files=StudyFiles((str(path.parent / "images"), str(path.parent))),
        declared=StudyFile(settings=settings),
        read_annotations=lambda: Read(parts.annotations),
        read_verdicts=lambda: read_scores([parts.scores], item_ids, default_metric={}),
    )
    return study, parts.problems + items.problems, parts.notes + items.notes


def _read_annotation_files(root: Path, item_ids: pd.Series[str], settings: StudySettings) -> Read:
    """Read annotations.csv and every annotations_QUESTION.csv that holds values."""
    tables: dict[str, Table] = {}
    problems: list[Problem] = []
    notes: list[Problem] = []
    for path in sorted(root.iterdir()):
        stem = table_stem(path)
        if stem is None or not (stem == "annotations" or stem.startswith("annotations_")):
            continue
        question = stem.removeprefix("annotations").removeprefix("_")
        try:
            table = read_table(path, path.name)
        except InvalidFilesError as error:
            problems += error.problems
            continue
        if question and "value" not in table.frame.columns:
            notes.append(table.problem("has no column value: not read as answers"))
            continue
        if question in tables:
            problems.append(
                table.problem(f"{tables[question].label} holds the same question; keep one of them")
            )
            continue
        tables[question] = table
    if not tables:
        return Read(typed({}, ANSWER_COLUMNS), problems, notes)
    main_scale = {"": settings}
    other_scale = replace(settings, scale_min=None, scale_max=None)
    read = read_annotations(tables, item_ids, lambda q: main_scale.get(q, other_scale))
    return Read(read.frame, problems + read.problems, notes + read.notes)


def _read_verdict_files(root: Path, item_ids: pd.Series[str]) -> Read:
    """Read score tables (scores/*, metric_scores, metric_verdicts) and the verdict files of judges."""
    import pandas as pd

    tables: list[Table] = []
    problems: list[Problem] = []
    paths = [p for p in (find_table(root, stem) for stem in SCORE_STEMS) if p is not None]
    folder = root / "scores"
    if folder.is_dir():
        paths += sorted(p for p in folder.iterdir() if table_stem(p) is not None)
    for path in paths:
        try:
            tables.append(read_table(path, str(path.relative_to(root))))
        except InvalidFilesError as error:
            problems += error.problems
    default_metric = {t.label: str(table_stem(t.path)) for t in tables}
    scores = read_scores(tables, item_ids, default_metric=default_metric)
    frames, notes = [scores.frame], list(scores.notes)
    for judge, _ in judge_folders(root):
        try:
            frames.append(_verdict_frame(root, judge))
        except InvalidFilesError as error:
            problems += error.problems
            continue
        strangers = ~frames[-1]["item_id"].isin(item_ids)
        if strangers.any():
            notes.append(
                Problem(f"verdicts/{judge}", f"{strangers.sum()} verdicts on items that are gone: left out")
            )
            frames[-1] = frames[-1][~strangers]
        if judge in set(scores.frame["judge"]):
            problems.append(
                Problem(f"verdicts/{judge}", "a score table holds a metric of the same name; rename one")
            )
    frame = pd.concat(frames, ignore_index=True) if frames else typed({}, VERDICT_COLUMNS)
    return Read(frame, problems + scores.problems, notes)


def _verdict_frame(root: Path, judge: str) -> pd.DataFrame:
    frame = JudgeStore(root, judge).frame()
    frame["origin"] = "judge"
    texts = [name for name, kind in VERDICT_COLUMNS.items() if kind == "str"]
    frame[texts] = frame[texts].fillna("")
    return frame[list(VERDICT_COLUMNS)].astype(dict(VERDICT_COLUMNS))


def _count_people(annotations: pd.DataFrame) -> dict[str, int]:
    return {"raters": int(annotations["rater_id"].nunique()), "answers": len(annotations)}


def _count_judges(verdicts: pd.DataFrame) -> dict[str, int]:
    return {"judges and metrics": int(verdicts["judge"].nunique()), "verdicts": len(verdicts)}


def _missing_images(study: Study) -> list[Problem]:
    """Say how many named images are not there: scores can be compared without them, judges need them."""
    named = [
        (item.item_id, name)
        for item in study.iter_items()
        for name in (item.image, item.image_before)
        if name and not leaves_study(name)
    ]
    missing = [(item_id, name) for item_id, name in named if not study.files.exists(name)]
    if not missing:
        return []
    item_id, name = missing[0]
    text = (
        f"{len(missing)} of {len(named)} images are not there, the first for item {item_id}; judges need them"
    )
    return [Problem("items", text, field="image", value=name)]
