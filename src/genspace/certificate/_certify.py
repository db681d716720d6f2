"""Ask a judge about equivalent versions of a study's items, and count its contradictions.

Longer than 400 lines: asking an item in other ways, and reading what came of it, go together.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from genspace.analysis.consistency import Consistency, Said, consistency
from genspace.certificate._files import RetouchedFiles, retouched_name
from genspace.certificate._ways import ASKED, DEFAULT_WAYS, ORDER, WAYS, AnotherWay, AskedItem, asked_as_it_is
from genspace.display import Result
from genspace.documents import from_dict
from genspace.errors import InputError, did_you_mean, file_errors
from genspace.records import ITEM_COLUMNS, Item, Verdict, scene_names
from genspace.store import JudgeStore, Key

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from genspace.judges import Judge
    from genspace.runner import RunOptions, RunSummary
    from genspace.study import Study

FOLDER = "certify"
"""Folder of a study in which the verdicts on the other versions are kept."""
ORDERED = "the same, in the other order"
THRESHOLD = 0.5
"""Score from which a judge without decisions of its own is taken to say yes."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One item on which a judge contradicts itself."""

    item_id: str
    way: str
    asked: str
    """The question as it is."""
    otherwise: str
    """The question in the other way."""
    first: float | None
    """Score of the first; None: a decision without a score."""
    second: float | None
    passed: bool
    """The decision about the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDocument:
    """Everything that was found about one judge."""

    schema: Literal["genspace-certificate/1"] = "genspace-certificate/1"
    study: str
    fingerprint: str
    """Of the judge."""
    ways: Mapping[str, str]
    """What was done, by the name of the way."""
    not_asked: Mapping[str, Mapping[str, int]]
    """By way, how many items could not be asked so, by the reason."""
    result: Consistency
    contradictions: tuple[Contradiction, ...]


@dataclass(frozen=True, repr=False)
class Certificate(Result):
    """How consistent a judge is with itself on a study's pictures; not how often it is right."""

    document: CertificateDocument
    run: RunSummary | None = None
    """What was asked for it."""

    def __repr__(self) -> str:
        found = self.document.result
        share = found.least_error.value
        told = (
            "nothing was decided twice" if share is None else f"at least {share:.1%} of its answers are wrong"
        )
        return f"<Certificate of {found.judge!r} on {found.answered} items: {told}>"

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Certificate:
        """Read what `to_dict` wrote. Errors: `InputError` for anything else."""
        return cls(from_dict(CertificateDocument, document))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per way: how many were asked and answered, and the share that contradicts itself."""
        import pandas as pd

        rows = [
            (
                row.way,
                row.expects,
                row.asked,
                row.answered,
                row.contradictions.value,
                row.contradictions.low,
                row.contradictions.high,
                row.yes_to_both,
                row.no_to_both,
            )
            for row in self.document.result.ways
        ]
        columns = [
            "way",
            "expects",
            "asked",
            "answered",
            "contradicting",
            "low",
            "high",
            "yes_to_both",
            "no_to_both",
        ]
        return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Varied:
    """A study with the items of another, each unchanged and in every way that applies."""

    study: Study
    origin: Mapping[str, tuple[str, str]]
    """By item id, the id of the item that it comes from and the way."""
    not_asked: Mapping[str, Counter[str]]
    """By way, how many items could not be asked so, by the reason."""
    items: Mapping[str, Item] = field(default_factory=dict)
    """By item id, as it is asked."""


def varied(
    study: Study, ways: Sequence[str] = DEFAULT_WAYS, *, limit: int | None = None, seed: int = 0
) -> Varied:
    """Return a study with every item unchanged and in each way that applies to it. Nothing is written.

    Its root is the folder `certify` of the study, where verdicts are kept; its pictures are made when they are read.

    Args:
        study: whose items are asked about.
        ways: names of `WAYS`.
        limit: so many items, drawn at random.
        seed: of the draw.

    Errors: `InputError` for an unknown way.
    """
    chosen = [_way(name) for name in ways if _way(name).way.name != ORDER]
    not_asked: dict[str, Counter[str]] = {way.way.name: Counter() for way in chosen}
    pictures: dict[str, str] = {}
    items: dict[str, Item] = {}
    origin: dict[str, tuple[str, str]] = {}
    for item in _drawn(study, limit, seed):
        first = asked_as_it_is(item, study.files)
        versions = [(ASKED, first)]
        for way in chosen:
            made = way.of(first)
            if isinstance(made, str):
                not_asked[way.way.name][made] += 1
            else:
                versions.append((way.way.name, made))
        if len(versions) > 1 or not chosen:
            for name, version in versions:
                placed = _placed(version, f"{item.item_id}~{name}", item, pictures)
                items[placed.item_id], origin[placed.item_id] = placed, (item.item_id, name)
    files = RetouchedFiles(study.files, pictures)
    return Varied(
        study.with_items(_frame(items.values()), files).kept_apart(study.root / FOLDER),
        origin,
        not_asked,
        items,
    )


def _way(name: str) -> AnotherWay:
    if name not in WAYS:
        raise InputError(
            f"{name!r} is no way to ask again{did_you_mean(name, WAYS)}; there are {', '.join(WAYS)}"
        )
    return WAYS[name]


def _drawn(study: Study, limit: int | None, seed: int) -> Iterator[Item]:
    if limit is None:
        yield from study.iter_items()
        return
    import numpy as np

    ids = list(study.iter_item_ids())
    chosen = set(np.random.default_rng(seed).permutation(len(ids))[:limit].tolist())
    yield from (item for place, item in enumerate(study.iter_items()) if place in chosen)


def _placed(version: AskedItem, item_id: str, original: Item, pictures: dict[str, str]) -> Item:
    """Return the item with the names of its retouched files."""
    item, folder = version.item, version.folder

    def name(picture: str | None) -> str | None:
        if not picture:
            return None
        new = retouched_name(folder, picture)
        if pictures.setdefault(new, picture) != picture:
            raise InputError(
                f"the pictures {pictures[new]!r} and {picture!r} differ by their ending alone; rename one"
            )
        return new

    extra = dict(item.extra)
    extra.pop("scene", None)
    # an edit has one file for both its pictures, however it is read; another side of a picture has one of its own
    elsewhere = item.image != original.image and not item.image_before
    names = scene_names(replace(item, item_id="", extra={}) if elsewhere else original)
    scene = next((known for known in names if version.files.exists(known)), None)
    if scene is not None:
        extra["scene"] = f"{folder}/{scene}"
    return replace(
        item,
        item_id=item_id,
        image=name(item.image),
        image_before=name(item.image_before),
        prompt_id=original.prompt_id or original.item_id,
        extra=extra,
    )


def _frame(items: Iterable[Item]) -> pd.DataFrame:
    import pandas as pd

    rows = [{**item.extra, **{name: getattr(item, name) for name in ITEM_COLUMNS}} for item in items]
    columns = dict.fromkeys([*ITEM_COLUMNS, *(key for row in rows for key in row)])
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    return frame.where(frame.notna(), None)


def certify(
    study: Study,
    judge: Judge,
    name: str,
    ways: Sequence[str] = DEFAULT_WAYS,
    *,
    limit: int | None = None,
    group: str | None = None,
    seed: int = 0,
    retry: str = "none",
    ask: Callable[[Study, RunOptions], RunSummary] | None = None,
    made: Varied | None = None,
) -> Certificate:
    """Ask a judge about a study's items in other ways, and return how often it contradicts itself.

    What was answered before is not asked again; a run that is stopped goes on where it was.

    Args:
        study: whose items are asked about.
        judge: who is asked.
        name: under which its verdicts are kept, in the folder `certify` of the study.
        ways: names of `WAYS`.
        limit: so many items, drawn at random.
        group: column of the items by which the bound is broken down; None: `sub_domain`, where there is one.
        seed: of the draw.
        retry: what is asked again, a key of `genspace.runner.RETRIES`.
        ask: has the judge asked about a study's items; default: `genspace.runner.run`.
        made: what `varied` gave for these ways, where several judges are asked the same.

    Errors: `InputError` for an unknown way, for a study in which no item can be asked in any of the ways, and as for
    `genspace.runner.run`.
    """
    from genspace.runner import RunOptions, asked_about_pairs, run

    made = versions_for(judge, study, made or varied(study, ways, limit=limit, seed=seed))
    if group is not None and group not in study.items.columns:
        raise InputError(f"the items have no column {group!r}{did_you_mean(group, study.items.columns)}")
    group = group or "sub_domain"
    pairwise = asked_about_pairs(judge)
    if not made.items and not pairwise:
        raise InputError(f"no item can be asked again: {_why(made.not_asked)}")
    options = RunOptions(retry=retry)
    summary = ask(made.study, options) if ask else run(made.study, judge, name, options)
    verdicts = JudgeStore(made.study.kept_in, name).under(judge.fingerprint)
    if pairwise:
        (said, contradictions), ways = _read_pairs(study, verdicts, group), (ORDER,)
    else:
        said, contradictions = _read(made, verdicts, ways, group)
    if not any(ORDER in one.versions for one in said):
        ways = [way for way in ways if way != ORDER]
    if not ways:
        raise InputError(
            f"{name}: it is asked in one order alone (protocols choice and pairwise ask in both)"
        )
    document = CertificateDocument(
        study=study.settings.name,
        fingerprint=judge.fingerprint,
        ways={way: WAYS[way].says for way in ways},
        not_asked={way: dict(counts) for way, counts in made.not_asked.items() if counts},
        result=consistency(name, said, [WAYS[way].way for way in ways]),
        contradictions=contradictions,
    )
    return Certificate(document, summary)


def keep(certificate: Certificate, study: Study) -> Path:
    """Write a certificate into its study's folder `certify`, where comparisons find it; return its path.

    Errors: `InputError` when it cannot be written.
    """
    path = study.root / FOLDER / f"{quote(certificate.document.result.judge, safe='')}.json"
    with file_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(certificate.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    return path


def kept(study: Study) -> list[Certificate]:
    """Return the certificates in a study's folder that belong to the present versions of its judges.

    A certificate of a judge that has since been changed is left out: its newest verdicts have another fingerprint.
    Errors: `InputError` for a file that is no certificate.

    >>> import tempfile
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"item_id": ["a"]}).to_csv(folder / "items.csv", index=False)
    >>> kept(open_study(folder))  # nobody has certified a judge yet
    []
    """
    found = []
    for path in sorted((study.root / FOLDER).glob("*.json")):
        try:
            certificate = Certificate.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, OSError, InputError) as error:
            raise InputError(f"{path}: {error}; remove it, or make it anew: genspace certify") from None
        newest = JudgeStore(study.root, certificate.document.result.judge).newest()
        if newest in (None, certificate.document.fingerprint):
            found.append(certificate)
    return found


def _why(not_asked: Mapping[str, Counter[str]]) -> str:
    told = (f"{way}: {counts.most_common(1)[0][0]}" for way, counts in not_asked.items() if counts)
    return "; ".join(told) or "there are no items"


def versions_for(judge: Judge, study: Study, made: Varied) -> Varied:
    """Return the study that a judge is asked about: a judge of pairs gets the study's pairs in both orders."""
    from genspace.runner import asked_about_pairs

    if not asked_about_pairs(judge):
        return made
    return Varied(study.kept_apart(study.root / FOLDER), {}, {})


def _read(
    made: Varied, verdicts: Mapping[Key, Verdict], ways: Sequence[str], group: str
) -> tuple[list[Said], tuple[Contradiction, ...]]:
    by_origin: dict[str, dict[str, str]] = {}
    for item_id, (original, way) in made.origin.items():
        by_origin.setdefault(original, {})[way] = item_id
    said, contradictions = [], []
    for original, versions in by_origin.items():
        given = {way: verdicts.get((item_id, None, None, 0)) for way, item_id in versions.items()}
        first = made.items[versions[ASKED]]
        one = _said(original, first, group, given, ways)
        said.append(one)
        for way in ways:
            second = one.versions.get(way)
            if one.asked is None or second is None or not WAYS[way].way.contradicts(one.asked, second):
                continue
            asked, other = verdicts[versions[ASKED], None, None, 0], given.get(way)
            otherwise = ORDERED if other is None else _question(made.items[versions[way]])
            contradictions.append(
                Contradiction(
                    original, way, _question(first), otherwise, asked.score,
                    None if other is None else other.score, one.asked,
                )
            )  # fmt: skip
    return said, tuple(contradictions)


def _read_pairs(
    study: Study, verdicts: Mapping[Key, Verdict], group: str
) -> tuple[list[Said], tuple[Contradiction, ...]]:
    """Read the verdicts on each pair in both orders. Prompt and group are those of the first item."""
    items = {item.item_id: item for item in study.iter_items()}
    said, contradictions = [], []
    for (item_id, other, question, repeat), verdict in verdicts.items():
        if other is None or question or repeat:
            continue
        item = items[item_id]
        one = _said(f"{item_id} / {other}", item, group, {ASKED: verdict}, (ORDER,))
        said.append(one)
        if one.asked is not None and one.versions.get(ORDER, one.asked) != one.asked:
            found = Contradiction(
                one.item_id, ORDER, _question(item), ORDERED, verdict.score, None, one.asked
            )
            contradictions.append(found)
    return said, tuple(contradictions)


def _said(
    item_id: str, item: Item, group: str, given: Mapping[str, Verdict | None], ways: Sequence[str]
) -> Said:
    """Return the decisions about an item and its versions.

    Of who is asked for one of several, the answer is the mean of two orders. Where these disagree, one of them says
    otherwise: that is the answer in the other order.
    """
    decided = {way: _decision(verdict) for way, verdict in given.items()}
    asked, first = decided.pop(ASKED), given[ASKED]
    agree = None if first is None else first.details.get("orders_agree")
    if ORDER in ways and asked is not None and agree is not None:
        decided[ORDER] = asked if agree else not asked
    return Said(
        item_id=item_id,
        prompt=str(item.prompt_id or item.item_id),
        group=item.extra.get(group),
        asked=asked,
        versions=decided,
    )


def _decision(verdict: Verdict | None) -> bool | None:
    if verdict is None or verdict.status != "decided":
        return None
    if verdict.passed is not None:
        return verdict.passed
    return None if verdict.score is None else verdict.score >= THRESHOLD


def _question(item: Item) -> str:
    return item.predicate or item.prompt or ""
