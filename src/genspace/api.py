"""What people call from Python: compare, validate, rank, on a study, a path or data frames.

Longer than 400 lines: most of it is the documentation of what people call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from genspace.errors import InputError, did_you_mean, read_from
from genspace.evidence import Evidence
from genspace.gather import evidence_of, verdicts_at
from genspace.records import StudySettings
from genspace.study import GateTable, Study, open_study, read_score_frame, read_score_table
from genspace.tables import find_table, read_table, table_stem

if TYPE_CHECKING:
    import pandas as pd

    from genspace.analysis import Comparison, Diff, Gate, Ranking, Validation
    from genspace.analysis.alternative_annotator import Annotators
    from genspace.analysis.result import Resampled

__all__ = ["compare", "diff", "gate", "rank", "read_comparison", "validate"]

Source = Study | Evidence | Path | str


def compare(
    study: Source | None = None,
    *,
    items: pd.DataFrame | None = None,
    annotations: pd.DataFrame | None = None,
    scores: pd.DataFrame | None = None,
    settings: StudySettings | None = None,
    primary: str | None = None,
    by: Sequence[str] = (),
    draws: int = 1000,
    permutations: int = 0,
    tests: bool = True,
    seed: int = 0,
    confidence: float = 0.95,
) -> Comparison:
    """Compare every judge and metric with people.

    Args:
        study: A study, its path, or its evidence; None if data frames are given.
        items: `item_id[, prompt_id, prompt, generator, …]`, one row per item.
        annotations: `item_id, value[, item_id_b, question, rater_id, repeat, role]`, one row per answer.
        scores: `item_id, metric (or judge), score[, item_id_b, passed, confidence, reason, …]`, one row per score.
        settings: Settings of the data frames; a study has its own.
        primary: The figure that sorts, groups and is tested; None: as declared, else by the kind of answers.
        by: Item columns to break figures down by; empty: as declared.
        draws: Bootstrap draws for the order of the generators; 0: no intervals.
        permutations: Permutations of each classical test in the appendix, 10,000 for a paper; 0: no appendix.
        tests: Whether to test judges against one another.
        seed: Seed of all random numbers.
        confidence: Level of the intervals.

    Errors: `InputError` naming the argument, or `InvalidFilesError` listing every problem of the study's files.

    >>> import pandas as pd
    >>> result = compare(
    ...     items=pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     annotations=pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
    ...     scores=pd.DataFrame({"item_id": list("abcd"), "metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]}),
    ... )
    >>> result.ranking
    ['clip']
    """
    from genspace.analysis import CompareOptions
    from genspace.analysis import compare as compare_evidence

    evidence = _evidence(study, items, annotations, scores, settings)
    options = CompareOptions(
        primary=primary,
        by=tuple(by),
        draws=draws,
        permutations=permutations,
        tests=tests,
        seed=seed,
        confidence=confidence,
    )
    return compare_evidence(evidence, options)


def read_comparison(path: Path | str) -> Comparison:
    """Read a `comparison.json` of this version or an earlier one.

    Args:
        path: A file that `Comparison.write` or `genspace compare --json` wrote.

    Returns:
        The comparison with all its figures, but without evidence: the file does not contain the data.

    Errors: `InputError` for a file that cannot be read, and for one without a comparison of one study.

    >>> import pandas as pd
    >>> frames = {
    ...     "items": pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     "annotations": pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
    ...     "scores": pd.DataFrame({"item_id": list("abcd"), "metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]}),
    ... }
    >>> import json, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "comparison.json"
    >>> _ = file.write_text(json.dumps(compare(**frames, draws=0, permutations=0).to_dict()))
    >>> read_comparison(file)
    <Comparison of 'study': 4 rated, best first: clip>
    """
    from genspace.analysis import Comparison

    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {error}") from None
    if isinstance(document, dict) and "studies" in document and "schema" not in document:
        raise InputError(f"{path}: holds comparisons of several studies; write each to a file of its own")
    if not isinstance(document, dict) or not str(document.get("schema")).startswith("genspace-comparison/"):
        raise InputError(f"{path}: holds no comparison (genspace compare --json writes one)")
    try:
        return Comparison.from_dict(document)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def diff(
    old: Source | Comparison,
    new: Source | Comparison,
    *,
    primary: str | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> Diff:
    """Compare two runs: each judge's answers and agreement, and the people's answers.

    Args:
        old: The earlier run: a study, its path, its evidence, a folder of verdicts (`verdicts/JUDGE`, or
            `verdicts/JUDGE@FINGERPRINT` for those from before an option changed), or a comparison or its
            `comparison.json`, which has only figures.
        new: The later run, in any of these forms.
        primary: The figure to compare; None: as the new run declares, else by the kind of answers.
        seed: As for `compare`.
        confidence: As for `compare`.

    Errors: `InputError` naming what cannot be read; else as for `compare`.

    >>> import pandas as pd
    >>> frames = {
    ...     "items": pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     "annotations": pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
    ... }
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> evidence = Evidence.from_frames(**frames, scores=scores)
    >>> diff(evidence, evidence)
    <Diff of 'study' beside 'study': clip: identical>
    """
    from genspace.analysis import CompareOptions
    from genspace.analysis import diff as diff_evidence

    options = CompareOptions(primary=primary, seed=seed, confidence=confidence)
    if (
        isinstance(old, Path | str)
        and isinstance(new, Path | str)
        and Path(old).resolve() == Path(new).resolve()
    ):
        raise InputError(f"{old}: the earlier run and the later one are the same; name two")
    sides = [_side(side) for side in (old, new)]
    found = diff_evidence(
        sides[0].evidence,
        sides[1].evidence,
        options,
        names=named_apart(sides[0].name, sides[1].name, old, new),
    )
    study = sides[1].study or sides[0].study
    return replace(found, study=study)


def gate(
    study: Source,
    rules: Sequence[str] = (),
    *,
    against: Source | None = None,
    open_rules: Literal["fails", "passes"] | None = None,
    primary: str | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> Gate:
    """Decide whether judges meet rules, by intervals that are corrected for the number of rules.

    Args:
        study: As for `compare`; the rules of its `[gate]` table are added.
        rules: Such as "scene: cohen_kappa.low >= 0.6", "scene not worse than vlm by 0.05", "coverage >= 0.9",
            "scene not behind before". A final " supposing 0.75" asks how often a judge of that true value passes.
        against: An earlier run, as for `diff`, whose judges are called "before".
        open_rules: Whether an undecided rule "fails" or "passes"; None: as declared, else it fails.
        primary: The figure that compares judges.
        seed: As for `compare`.
        confidence: Over all rules together.

    Errors: `InputError` for an invalid rule and for an unknown judge; else as for `compare`.

    >>> import pandas as pd
    >>> frames = {
    ...     "items": pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     "annotations": pd.DataFrame({"item_id": list("abcd"), "value": [1, 0, 1, 0]}),
    ...     "scores": pd.DataFrame({"item_id": list("abc"), "judge": "clip", "score": [0.8, 0.3, 0.6]}),
    ... }
    >>> found = gate(Evidence.from_frames(**frames), ["coverage >= 0.9"])
    >>> found.passed, found.document.checks[0].found.value
    (False, 0.75)
    """
    from genspace.analysis import CompareOptions
    from genspace.analysis import gate as gate_evidence

    side = _side(study)
    declared = side.study.declared.gate if side.study is not None else GateTable()
    earlier = against
    if earlier is None and declared.against is not None and side.study is not None:
        earlier = side.study.root / declared.against
    before = None if earlier is None else _side(earlier)
    return gate_evidence(
        side.answers(),
        [*declared.rules, *rules],
        CompareOptions(primary=primary, seed=seed, confidence=confidence),
        against=None if before is None else before.answers(),
        open_rules=open_rules or declared.open,
        names=(side.name, None) if before is None else named_apart(side.name, before.name, study, earlier),
    )


@dataclass(frozen=True)
class _ComparedRun:
    """What is compared over time."""

    evidence: Evidence | Comparison
    name: str
    study: Study | None = None

    def answers(self) -> Evidence:
        """Return the evidence. Errors: `InputError` where there are figures alone."""
        if not isinstance(self.evidence, Evidence):
            raise InputError(
                f"{self.name}: a gate needs the answers themselves: name the study, no comparison.json"
            )
        return self.evidence


def _side(source: Source | Comparison) -> _ComparedRun:
    """Open a study, a comparison, a comparison.json or a folder of verdicts.

    Errors: `InputError` for anything else, and naming the file and its study where something is wrong in it.
    """
    if not isinstance(source, Study | Path | str):
        return _opened(source)
    with read_from(source.root if isinstance(source, Study) else source):
        side = _opened(source)
        if isinstance(side.evidence, Evidence):  # read now, while it is known whose files these are
            _ = side.evidence.answers, side.evidence.every_verdict
        return side


def _opened(source: Source | Comparison) -> _ComparedRun:
    from genspace.analysis import Comparison

    if isinstance(source, Comparison):
        return _ComparedRun(source, source.document.study.name)
    if isinstance(source, Evidence):
        return _ComparedRun(source, source.settings.name)
    if isinstance(source, Study):
        return _ComparedRun(evidence_of(source), source.settings.name, source)
    path = Path(source)
    if path.suffix == ".json":
        return _ComparedRun(read_comparison(path), str(path))
    in_study = find_table(path, "items") if path.is_dir() else None
    if in_study is None and (path.is_dir() or "@" in path.name):
        found = verdicts_at(path)
        root = path.parent if path.name == "verdicts" else path.parent.parent
        if find_table(root, "items") is None:
            return _ComparedRun(found, str(path))
        study = open_study(root, whole=True)
        whole = evidence_of(study)
        return _ComparedRun(
            replace(found.held(whole), read_marks=lambda: {**whole.marks, **found.marks}), str(path), study
        )
    study = open_study(path, whole=True)
    return _ComparedRun(evidence_of(study), study.settings.name, study)


def named_apart(old: str, new: str, *sources: object) -> tuple[str, str]:
    """Return two names that differ where the paths do."""
    paths = [Path(s) for s in sources if isinstance(s, Path | str)]
    if old != new or len(paths) < 2:
        return old, new
    names = [path.resolve().name for path in paths]
    return (names[0], names[1]) if names[0] != names[1] else (str(paths[0]), str(paths[1]))


def validate(
    metric: pd.DataFrame | Path | str,
    study: Source | None = None,
    *,
    items: pd.DataFrame | None = None,
    annotations: pd.DataFrame | None = None,
    scores: pd.DataFrame | None = None,
    settings: StudySettings | None = None,
    name: str | None = None,
    margin: float | None = None,
    annotators: Annotators = "crowd",
    primary: str | None = None,
    by: Sequence[str] = (),
    seed: int = 0,
    confidence: float = 0.95,
) -> Validation:
    """Validate one new metric against people and every existing metric.

    Args:
        metric: The new metric's scores, as a frame or a table's path, or the name of an existing metric.
        study: As for `compare`, like `items`, `annotations`, `scores`, `settings`, and the options below.
        items: As for `compare`.
        annotations: As for `compare`.
        scores: The existing metrics.
        settings: As for `compare`.
        name: Which metric of `metric`; needed if it has several.
        margin: Largest loss of agreement that still counts as not worse; by default 0.02.
        annotators: The kind of raters: "crowd", "skilled" or "experts". The alternative annotator test gives the metric
            an advantage of 0.1, 0.15 or 0.2.
        primary: As for `compare`.
        by: As for `compare`.
        seed: As for `compare`.
        confidence: As for `compare`.

    Errors: `InputError` for an unknown metric; else as for `compare`.

    >>> import pandas as pd
    >>> ids = [f"{prompt}-{system}" for prompt in range(8) for system in "xy"]
    >>> items = pd.DataFrame({"item_id": ids, "prompt_id": [i[0] for i in ids], "generator": [i[-1] for i in ids]})
    >>> said = pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": [1, 0] * 6 + [0, 1] * 2})
    >>> old = pd.DataFrame({"item_id": ids, "metric": "clip", "score": [0.1, 0.4, 0.3, 0.2] * 4})
    >>> new = pd.DataFrame({"item_id": ids, "metric": "mine", "score": [0.9, 0.2] * 8})
    >>> result = validate(new, items=items, annotations=said, scores=old)
    >>> result.document.metric, [row.judge for row in result.document.against]
    ('mine', ['clip'])
    """
    from genspace.analysis import CompareOptions
    from genspace.analysis import validate as validate_evidence
    from genspace.analysis.validation import MARGIN

    evidence = _evidence(study, items, annotations, scores, settings)
    if isinstance(metric, str) and not Path(metric).is_file() and metric in evidence.judges:
        new = metric
    else:
        new, evidence = _joined(metric, evidence, name)
    options = CompareOptions(
        primary=primary,
        by=tuple(by),
        seed=seed,
        confidence=confidence,
    )
    margin = MARGIN if margin is None else margin
    return validate_evidence(evidence, new, options, margin=margin, annotators=annotators)


def rank(
    study: Source | None = None,
    *,
    items: pd.DataFrame | None = None,
    annotations: pd.DataFrame | None = None,
    scores: pd.DataFrame | None = None,
    settings: StudySettings | None = None,
    judges: Sequence[str] | None = None,
    over: Resampled = "prompts",
    question: str | None = None,
    by: Sequence[str] = (),
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Ranking:
    """Rank the generators by people and by each judge and metric, with the uncertainty of each order.

    Args:
        study: As for `compare`, like `items`, `annotations`, `scores`, `settings`, and the options below.
        items: As for `compare`.
        annotations: As for `compare`.
        scores: As for `compare`.
        settings: As for `compare`.
        judges: Names of judges and metrics; by default all that are not computed from the ratings.
        over: What to resample: "prompts", "items" (or pairs of items), or "raters", who must be identified persons.
        question: Which question people answered; None: the main one.
        by: Item columns; the generators are also ranked within each of their values.
        draws: As for `compare`.
        seed: As for `compare`.
        confidence: Level of intervals and of sets of ranks.

    Errors: `InputError` for an unknown judge, question or column; else as for `compare`.

    >>> import pandas as pd
    >>> ids = [f"{prompt}-{system}" for prompt in range(8) for system in "xy"]
    >>> items = pd.DataFrame({"item_id": ids, "prompt_id": [i[0] for i in ids], "generator": [i[-1] for i in ids]})
    >>> said = pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": [1, 0] * 6 + [0, 1] * 2})
    >>> scores = pd.DataFrame({"item_id": ids, "judge": "clip", "score": [0.2, 0.4] * 8})
    >>> ranking = rank(items=items, annotations=said, scores=scores, draws=100)
    >>> ranking.order(), ranking.order("clip")
    (['x', 'y'], ['y', 'x'])
    """
    from genspace.analysis import CompareOptions
    from genspace.analysis import rank as rank_evidence

    evidence = _evidence(study, items, annotations, scores, settings)
    options = CompareOptions(by=tuple(by), draws=draws, seed=seed, confidence=confidence)
    return rank_evidence(evidence, options, judges=judges, over=over, question=question)


def _evidence(
    study: Source | None,
    items: pd.DataFrame | None,
    annotations: pd.DataFrame | None,
    scores: pd.DataFrame | None,
    settings: StudySettings | None,
) -> Evidence:
    if items is None:
        if study is None:
            raise InputError("name a study, or give data frames: items, annotations and scores")
        if any(given is not None for given in (annotations, scores, settings)):
            raise InputError("annotations, scores and settings belong to items; a study has its own")
        if isinstance(study, Evidence):
            return study
        return evidence_of(study if isinstance(study, Study) else open_study(study, whole=True))
    if study is not None:
        raise InputError("give either a study or data frames, not both")
    return Evidence.from_frames(items, annotations, scores, settings=settings)


def _joined(
    metric: pd.DataFrame | Path | str, evidence: Evidence, wanted: str | None
) -> tuple[str, Evidence]:
    """Return the new metric's name, and the evidence with its scores; a metric of the same name is kept beside it."""
    if isinstance(metric, Path | str):
        label = str(metric)
        if not Path(metric).is_file():
            known = did_you_mean(label, evidence.judges)
            raise InputError(f"{label} is neither a file of scores nor a metric of the study{known}")
        path = Path(metric)
        table = read_table(path, path.name)
        named = table_stem(path) or path.stem
        given = read_score_table(table, evidence.items["item_id"], default_metric=named).checked()
    else:
        label = "metric"
        given = read_score_frame(metric, evidence.items["item_id"], metric=wanted or "new").checked()
    there = sorted(set(given["judge"]))
    if wanted is None and len(there) != 1:
        raise InputError(f"{label} holds {len(there)} metrics ({', '.join(there)}): say which one")
    chosen = wanted or there[0]
    if chosen not in there:
        raise InputError(f"{label} holds no metric {chosen!r}{did_you_mean(chosen, there)}")
    new = f"{chosen} (new)" if chosen in evidence.judges else chosen
    return new, evidence.with_verdicts(given[given["judge"] == chosen].assign(judge=new))
