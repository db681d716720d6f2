"""Opening and checking a study.

Longer than 400 lines: opening and checking a study must read the same files in the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.columns import ANSWER_COLUMNS, VERDICT_COLUMNS, among, typed
from genspace.display import Displayed
from genspace.errors import InputError, InvalidFilesError, Problem, did_you_mean
from genspace.readings import Reading
from genspace.records import ITEM_COLUMNS, Declared, Item, StudySettings
from genspace.store import JudgeStore, judge_folders
from genspace.study._files import FilesOfStudy, StudyFiles, leaves_study
from genspace.study._items import ItemsTable, load_items
from genspace.study._readers import (
    Read,
    log_readings,
    read_annotations,
    read_items,
)
from genspace.study._score_readers import read_metric_columns, read_scores
from genspace.study._settings import StudyFile, read_settings
from genspace.study._suspicions import suspicions
from genspace.study._unused import is_prose, unused_files
from genspace.study._wide import is_wide_table, split_wide_table
from genspace.study.exports import answers_table
from genspace.summary import counted_things, summary
from genspace.tables import SUFFIXES, Table, find_table, match_columns, read_table, table_stem

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

SCORE_STEMS = ("metric_scores", "metric_verdicts")
"""Tables of scores that may stand at the top of a study, beside the folder scores/."""


@dataclass(frozen=True, repr=False)
class Study(Displayed):
    """An opened study: checked items, and tables and verdict files that are read on demand. Make one with `open_study`.

    Answers and verdicts come from `genspace.gather.evidence_of(study)`.

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
    files: FilesOfStudy
    declared: StudyFile
    """What study.toml says."""
    read_annotations: Callable[[], Read]
    """Reads the answers that stand in tables (`genspace.columns.ANSWER_COLUMNS`), with all problems."""
    read_verdicts: Callable[[], Read]
    """Reads scores and verdicts (`genspace.columns.VERDICT_COLUMNS`), with all problems."""
    apart: Path | None = None
    """Folder under which verdicts are kept, where that is not the study's own."""
    readings: tuple[Reading, ...] = ()
    """What was inferred about study.toml and the items (see `genspace.evidence.Evidence.readings` for everything)."""

    @property
    def kept_in(self) -> Path:
        """Folder whose `verdicts/` holds the verdict files."""
        return self.root if self.apart is None else self.apart

    @property
    def items(self) -> pd.DataFrame:
        """`item_id, generator, prompt_id, prompt, image, image_before, predicate` and every breakdown column."""
        return self.items_table.frame

    def iter_items(self) -> Iterator[Item]:
        """Yield the items as records, read as they are asked for; one without an image gets `images/ITEM_ID.png`."""
        for part in self.items_table.parts():
            columns = list(part.columns)
            for row in _rows(part, columns):
                cells = {name: cell for name, cell in zip(columns, row, strict=True) if isinstance(cell, str)}
                known = {name: cells.pop(name, None) for name in ITEM_COLUMNS}
                item_id = str(known.pop("item_id"))
                known["image"] = known["image"] or self.files.image_of(item_id)
                yield Item(item_id=item_id, extra=cells, **known)

    def iter_item_ids(self) -> Iterator[str]:
        """Yield the items' ids, in order."""
        for part in self.items_table.parts():
            yield from (item_id for (item_id,) in _rows(part, ["item_id"]))

    def kept_apart(self, folder: Path) -> Study:
        """Return the same study, metrics included, with verdicts of its own, under a folder that need not be there."""

        def verdicts() -> Read:
            import pandas as pd

            metrics = self.read_verdicts()
            metrics = replace(metrics, frame=metrics.frame[metrics.frame["origin"] == "table"])
            if not folder.is_dir():
                return metrics
            own = _read_verdict_files(folder, self.items["item_id"], drafts=True)
            return replace(own, frame=pd.concat([metrics.frame, own.frame], ignore_index=True))

        return replace(self, apart=folder, read_verdicts=verdicts)

    def with_items(self, items: pd.DataFrame, files: FilesOfStudy) -> Study:
        """Return a study with the same declarations and other items, about which nobody has said anything.

        Args:
            items: with the columns of `items`.
            files: where the names in `items` are read from.
        """
        return replace(
            self,
            items_table=replace(self.items_table, whole=items, digests=None),
            files=files,
            read_annotations=lambda: Read(typed({}, ANSWER_COLUMNS)),
            read_verdicts=lambda: Read(typed({}, VERDICT_COLUMNS)),
            readings=(),
        )


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield rows of plain cells; pandas itself would take text out of its columns cell by cell."""
    return zip(*(frame[column].to_numpy(dtype=object) for column in columns), strict=True)


@dataclass(frozen=True, repr=False)
class CheckReport(Displayed):
    """What was read of a study, what was inferred, and the problems that prevent its use.

    >>> report = CheckReport([Problem("items.csv", "has no rows")], [], {"items": 0})
    >>> len(report.problems), report.warnings
    (1, [])
    """

    problems: Sequence[Problem]
    readings: Sequence[Reading]
    """Everything that was inferred, in the order of reading (see `genspace.readings.grouped`)."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Items, prompts, generators, raters, answers, judges and verdicts, where they could be read."""

    @property
    def counted(self) -> tuple[str, ...]:
        """The counts in words."""
        return counted_things(self.counts)

    @property
    def warnings(self) -> list[Reading]:
        """Readings that are likely wrong, with the way to settle them."""
        return [reading for reading in self.readings if reading.level == "warning"]


def open_study(
    path: Path | str,
    *,
    human: Sequence[str] = (),
    metrics: Sequence[str] = (),
    declared: Declared | None = None,
    whole: bool = False,
) -> Study:
    """Open a study: a folder with an items table, or one wide table.

    Args:
        path: The study's folder, or a table with one row per item (or per answer).
        human: For a wide table, the columns with people's ratings, one per rater.
        metrics: For a wide table, the columns with scores; empty: every numeric column without another use.
        declared: Settings of ratings and scores; they override study.toml.
        whole: Keep a long items table in memory instead of reading it on demand.

    Errors: `InputError` when there is no study at `path`; `InvalidFilesError` listing every problem of study.toml
    and the items table. Problems of other tables are raised when they are first read.

    >>> import tempfile
    >>> import pandas as pd
    >>> table = Path(tempfile.mkdtemp()) / "results.csv"
    >>> pd.DataFrame({"item_id": ["a", "b"], "ann": [5, 2], "clip": [0.9, 0.4]}).to_csv(table, index=False)
    >>> len(open_study(table, human=["ann"], metrics=["clip"]).items)
    2
    """
    study, problems, readings = _load(Path(path), human, metrics, declared or Declared(), whole=whole)
    if study is None or problems:
        raise InvalidFilesError(problems)
    if human:  # how a wide table was read is the user's first question
        log_readings(readings)
    return study


def check_study(
    path: Path | str,
    *,
    human: Sequence[str] = (),
    metrics: Sequence[str] = (),
    declared: Declared | None = None,
    answers: Callable[[Study], Read] = lambda study: study.read_annotations(),
    further: Callable[[Study], Iterable[Problem | Reading]] | None = None,
) -> CheckReport:
    r"""Read every file of a study; return all problems and everything that was inferred.

    Args:
        path: As for `open_study`.
        human: As for `open_study`.
        metrics: As for `open_study`.
        declared: As for `open_study`.
        answers: Reads people's answers.
        further: Checks that this package cannot do itself, such as parsing predicates.

    Errors: `InputError` when there is no study at `path`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "items.csv").write_text("item_id,prompt\na,a cow\na,a cat\n")
    >>> print(check_study(folder).problems[0])
    items.csv, line 3: item_id = 'a': occurs twice; item ids are unique
    """
    study, problems, readings = _load(Path(path), human, metrics, declared or Declared(), whole=True)
    if study is None:
        return CheckReport(problems, readings)
    said, judged = answers(study), study.read_verdicts()
    told = summary(study.items, said.frame, judged.frame, study.settings)
    readings = [*told.readings, *study.readings, *judged.readings, *said.readings, *_missing_images(study)]
    problems += [*said.problems, *judged.problems]
    for found in further(study) if further is not None else ():
        if isinstance(found, Reading):
            readings.append(found)
        else:
            problems.append(found)
    return CheckReport(problems, list(dict.fromkeys(readings)), told.counts)


def _load(
    path: Path, human: Sequence[str], metrics: Sequence[str], declared: Declared, *, whole: bool
) -> tuple[Study | None, list[Problem], list[Reading]]:
    if is_wide_table(path):
        return _load_wide(path, human, metrics, declared)
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder or table ({', '.join(SUFFIXES)})")
    if human or metrics:
        raise InputError(
            "`human` and `metrics` name columns of one wide table; a study folder declares its own"
        )
    problems: list[Problem] = []
    file = StudyFile(settings=StudySettings(name=path.resolve().name))
    try:
        file = read_settings(path / "study.toml", default_name=path.resolve().name)
    except InvalidFilesError as error:
        problems += error.problems
    settings = declared.over(file.settings)
    found = find_table(path, "items")
    if found is None:
        raise InputError(_no_items(path))
    items, wrong, readings = load_items(found, whole=whole)
    problems += wrong
    if items is None:
        return None, problems, readings
    readings = [Reading(code="file_used", file=found.name), *readings]
    study = Study(
        root=path,
        settings=settings,
        items_table=items,
        files=StudyFiles((file.images or str(path / "images"), str(path))),
        declared=file,
        read_annotations=lambda: _read_annotation_files(path, items.frame["item_id"], settings),
        read_verdicts=lambda: _known_metrics(
            _read_verdict_files(path, items.frame["item_id"], drafts=declared.drafts), file, declared
        ),
        readings=tuple(readings),
    )
    unknown = [c for c in settings.breakdowns if c not in items.columns]
    problems += [
        Problem("study.toml", f"is not a column of the items table{did_you_mean(c, items.columns)}", field="breakdowns",
                value=c)
        for c in unknown
    ]  # fmt: skip
    return study, problems, readings


def _no_items(path: Path) -> str:
    near = get_close_matches("items", [table_stem(p) or "" for p in path.iterdir()], n=1, cutoff=0.7)
    hint = f" Is {near[0]!r} it? Rename it." if near else ""
    return (
        f"{path}: there is no items table; a study needs items.csv (or .jsonl, .parquet, .xlsx) with a column item_id."
        f"{hint} For one wide table name the file itself, with `human` and `metrics`"
    )


def _load_wide(
    path: Path, human: Sequence[str], metrics: Sequence[str], declared: Declared
) -> tuple[Study | None, list[Problem], list[Reading]]:
    table = answers_table(path, human)
    file = StudyFile(settings=StudySettings(name=table_stem(path) or path.name))
    parts = split_wide_table(table, human, metrics, declared.over(file.settings))
    items = read_items(parts.items)
    item_ids = items.frame["item_id"]
    many = len(parts.annotations["rater_id"].drop_duplicates()) > 1
    settings = declared.over(replace(file.settings, raters=parts.raters if many else None))
    verdicts = read_metric_columns(parts.scores, item_ids)
    used = Reading(code="file_used", file=table.label)
    readings = [used, *parts.readings, *(r for r in items.readings if r not in parts.readings)]
    answers = Read(parts.annotations, [], list(suspicions(parts.annotations, settings, table.label)))
    study = Study(
        root=path.parent,
        settings=settings,
        items_table=ItemsTable(path, items.frame, None, parts.items),
        files=StudyFiles((str(path.parent / "images"), str(path.parent))),
        declared=file,
        read_annotations=lambda: answers,
        read_verdicts=lambda: _known_metrics(Read(verdicts.frame, [], verdicts.readings), file, declared),
        readings=tuple(readings),
    )
    return study, parts.problems + items.problems + verdicts.problems, readings


def _read_annotation_files(root: Path, item_ids: pd.Series[str], settings: StudySettings) -> Read:
    """Read annotations.csv and every annotations_QUESTION.csv that holds values."""
    tables: dict[str, Table] = {}
    problems: list[Problem] = []
    readings: list[Reading] = []
    for path in _annotation_files(root):
        stem = str(table_stem(path))
        question = stem[len("annotations") :].removeprefix("_")
        try:
            table = read_table(path, path.name)
        except InvalidFilesError as error:
            problems += error.problems
            continue
        if question and "value" not in match_columns(table, ["value"])[0].frame.columns:
            readings.append(table.reading("no_values"))
            continue
        if question in tables:
            problems.append(
                table.problem(f"{tables[question].label} holds the same question; keep one of them")
            )
            continue
        tables[question] = table
        readings.append(Reading(code="file_used", file=path.name))
    if not tables:
        return Read(typed({}, ANSWER_COLUMNS), problems, readings)
    main_scale = {"": settings}
    other_scale = replace(settings, scale_min=None, scale_max=None, value_type=None)
    read = read_annotations(tables, item_ids, lambda q: main_scale.get(q, other_scale))
    return Read(read.frame, problems + read.problems, readings + read.readings)


def _annotation_files(root: Path) -> list[Path]:
    stems = {path: (table_stem(path) or "").lower() for path in sorted(root.iterdir())}
    return [p for p, stem in stems.items() if stem == "annotations" or stem.startswith("annotations_")]


def _score_files(root: Path) -> list[Path]:
    """Return the tables of scores: at the top of the study, and in scores/."""
    paths = [p for p in (find_table(root, stem) for stem in SCORE_STEMS) if p is not None]
    folder = root / "scores"
    if folder.is_dir():
        paths += sorted(p for p in folder.iterdir() if table_stem(p) is not None and not is_prose(p))
    return paths


def _read_verdict_files(root: Path, item_ids: pd.Series[str], *, drafts: bool) -> Read:
    """Read score tables (scores/*, metric_scores, metric_verdicts) and the verdict files of judges."""
    import pandas as pd

    tables: list[Table] = []
    problems: list[Problem] = []
    paths = _score_files(root)
    for path in paths:
        try:
            tables.append(read_table(path, str(path.relative_to(root))))
        except InvalidFilesError as error:
            problems += error.problems
    default_metric = {t.label: str(table_stem(t.path)) for t in tables}
    scores = read_scores(tables, item_ids, default_metric=default_metric)
    readings = [Reading(code="file_used", file=t.label) for t in tables] + scores.readings
    frames, metrics = [scores.frame], set(scores.frame["judge"].unique())
    left_out = [] if drafts else [judge for judge, _ in judge_folders(root) if JudgeStore(root, judge).draft]
    if left_out:
        readings.append(Reading(code="drafts_left_out", words=tuple(left_out)))
    for judge in (judge for judge, _ in judge_folders(root) if judge not in left_out):
        try:
            frames.append(verdict_frame(root, judge))
        except InvalidFilesError as error:
            problems += error.problems
            continue
        readings.append(Reading(code="file_used", file=f"verdicts/{judge}"))
        strangers = ~among(frames[-1]["item_id"], item_ids)
        if strangers.any():
            readings.append(
                Reading(code="verdicts_of_strangers", file=f"verdicts/{judge}", count=int(strangers.sum()))
            )
            frames[-1] = frames[-1][~strangers]
        if judge in metrics:
            problems.append(
                Problem(f"verdicts/{judge}", "a score table holds a metric of the same name; rename one")
            )
    used = {*paths, *_annotation_files(root), find_table(root, "items")}
    readings += unused_files(root, {path for path in used if path is not None})
    frame = pd.concat(frames, ignore_index=True) if frames else typed({}, VERDICT_COLUMNS)
    return Read(frame, problems + scores.problems, readings)


def _known_metrics(read: Read, file: StudyFile, declared: Declared) -> Read:
    """Add the problem of each declaration about a metric that is not there, where any are."""
    known = {*read.frame["judge"].unique(), *file.judges}
    if not len(read.frame) or read.problems:
        return read
    said = {
        ("`lower_is_better`", ""): declared.lower_is_better,
        ("study.toml", "metrics"): file.metrics,
        ("study.toml", "lower_is_better"): [
            n for n in file.settings.lower_is_better if n not in file.metrics
        ],
    }
    for (source, where), names in said.items():
        for name in names:
            if name not in known:
                message = f"is not a metric or judge of this study{did_you_mean(name, known)}"
                read.problems.append(Problem(source, message, field=where or None, value=name))
    return read


def verdict_frame(root: Path, judge: str, fingerprint: str | None = None) -> pd.DataFrame:
    """Return one judge's verdicts (`VERDICT_COLUMNS`); `fingerprint` and errors as for `JudgeStore.frame`.

    >>> import tempfile
    >>> from genspace.records import Verdict
    >>> root = Path(tempfile.mkdtemp())
    >>> with JudgeStore(root, "clip").writer() as writer:
    ...     _ = writer.write(Verdict(item_id="a", score=0.4))
    >>> verdict_frame(root, "clip")[["item_id", "judge", "score", "origin"]].to_dict("records")
    [{'item_id': 'a', 'judge': 'clip', 'score': 0.4, 'origin': 'judge'}]
    """
    frame = JudgeStore(root, judge).frame(fingerprint, tuple(VERDICT_COLUMNS))
    frame["origin"] = "judge"
    texts = [name for name, kind in VERDICT_COLUMNS.items() if kind == "str"]
    frame[texts] = frame[texts].fillna("")
    return frame[list(VERDICT_COLUMNS)].astype(dict(VERDICT_COLUMNS))


def _missing_images(study: Study) -> list[Reading]:
    """Say how many named images are not there: scores can be compared without them, judges need them."""
    named = [
        name
        for item_id, image, before in _rows(study.items, ["item_id", "image", "image_before"])
        for name in (image if isinstance(image, str) else study.files.image_of(item_id), before)
        if isinstance(name, str) and not leaves_study(name)
    ]
    missing = [name for name in named if not study.files.exists(name)]
    if not missing:
        return []
    return [Reading(code="images_missing", words=(missing[0],), count=len(missing), total=len(named))]
