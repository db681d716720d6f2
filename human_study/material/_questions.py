"""What is asked about each unit: the study's own questions, or the item's predicate in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from genspace.errors import Problem, did_you_mean, refuse
from genspace.human_study._study_files import study_table, unknown_items
from genspace.human_study.design import Design, Wording, worded
from genspace.human_study.design.protocols import RaterProtocol
from genspace.human_study.questions import PlainQuestion, plain_question
from genspace.human_study.texts import Texts
from genspace.records import Item
from genspace.sides import FRAME_QUESTION, FRAMES, says_no_frame

Kind = Literal["binary", "likert", "slider"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question about a unit, as a rater meets it."""

    name: str
    """What the answers' `question` column says; "" for the single main question."""
    text: str
    """What the rater reads."""
    answers: RaterProtocol
    """The answers offered."""
    note: str = ""
    """What the question's words mean exactly; shown below it."""


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """A question that stands in `questions` or `questions_file`."""

    name: str
    text: Wording
    kind: Kind | None = None


def words_its_own(design: Design) -> bool:
    """Whether a study words its questions itself, so that no predicate does."""
    return bool(design.question or design.questions or design.questions_file)


def asked_about(
    item: Item, design: Design, texts: Texts, own: Mapping[str, tuple[OwnQuestion, ...]]
) -> tuple[Asked, ...]:
    """Return the questions about an item (of a pair or group: its first), in order and in a language."""
    asked = _worded(item, design, texts, own)
    silent = [says_no_side(item, one) for one in asked]
    if design.frame is None or not any(silent):
        return asked
    if design.frame == "ask":
        further = Asked(FRAME_QUESTION, texts["work.frame_asked"], design.offered("binary"))
        return (*asked, further)
    frames = FRAMES if design.frame == "both" else (design.frame,)
    return tuple(
        replace(
            one,
            name=frame if design.frame == "both" else one.name,
            note=f"{one.note} {texts[f'work.frame_{frame}']}".strip() if unsaid else one.note,
        )
        for frame in frames
        for one, unsaid in zip(asked, silent, strict=True)
    )


def says_no_side(item: Item, asked: Asked) -> bool:
    """Whether a question, or the prompt it is about, speaks of left or right without saying whose."""
    return says_no_frame(asked.text) or (item.predicate is None and says_no_frame(item.prompt or ""))


def _worded(
    item: Item, design: Design, texts: Texts, own: Mapping[str, tuple[OwnQuestion, ...]]
) -> tuple[Asked, ...]:
    if item.item_id in own:
        return tuple(
            Asked(q.name, worded(q.text, texts.code), design.offered(q.kind)) for q in own[item.item_id]
        )
    if design.questions:
        cells = _Cells(item)
        return tuple(
            Asked(q.name, worded(q.text, texts.code).format_map(cells), design.offered(q.kind))
            for q in design.questions
        )
    plain = (
        PlainQuestion(worded(design.question, texts.code))
        if design.question
        else plain_question(item, texts, protocol=design.protocol)
    )
    return (Asked("", plain.text, design.answers, plain.note),)


class _Cells(dict[str, str]):
    """An item's columns for `{column}` in a question's wording; an empty cell leaves nothing."""

    def __init__(self, item: Item) -> None:
        known = {name: getattr(item, name) for name in ("item_id", "prompt", "prompt_id", "predicate")}
        super().__init__({k: "" if v is None else str(v) for k, v in {**item.extra, **known}.items()})


def questions_by_item(
    root: Path, design: Design, items: Mapping[str, Item]
) -> dict[str, tuple[OwnQuestion, ...]]:
    """Return each item's questions from `questions_file`; empty without such a file.

    Errors: `InvalidFilesError` for a table that does not fit the items.
    """
    if design.questions_file is None:
        return {}
    table = study_table(root, design.questions_file, ("question", "text"))
    by = "item_id" if "item_id" in table.frame.columns else "prompt_id"
    if by not in table.frame.columns:
        study_table(root, design.questions_file, ("item_id",))
    given: dict[str, list[OwnQuestion]] = {}
    problems = unknown_items(table, items, ("item_id",)) if by == "item_id" else []
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(k): str(v) for k, v in cells.items()}
        theirs = given.setdefault(row[by], [])
        kind = row.get("kind", "")
        if not row["text"].strip():
            problems.append(table.problem("the question's wording is empty", i, "text"))
        if row["question"] in {q.name for q in theirs}:
            problems.append(table.problem(f"{row[by]} has two questions of this name", i, "question"))
        if kind and (kind not in {"binary", "likert", "slider"} or design.answers.shape != "item"):
            problems.append(
                table.problem("is not a kind of question about one item: binary, likert, slider", i, "kind")
            )
        theirs.append(OwnQuestion(row["question"], row["text"], cast("Kind", kind) if kind else None))
    asked = {i.item_id: tuple(given.get(str(getattr(i, by)), ())) for i in items.values()}
    without = [item_id for item_id, questions in asked.items() if not questions]
    if without:
        more = "" if len(without) == 1 else f" and {len(without) - 1} more"
        problems.append(Problem(design.questions_file, f"has no question for item {without[0]!r}{more}"))
    refuse(problems)
    return asked


def check_wording(design: Design, items: Mapping[str, Item]) -> None:
    """Every `{column}` of a question is a column of the items. Errors: `InvalidFilesError`."""
    cells = _Cells(next(iter(items.values())))
    problems = []
    for question in design.questions:
        wordings = [question.text] if isinstance(question.text, str) else list(question.text.values())
        for wording in wordings:
            try:
                wording.format_map(cells)
            except (KeyError, ValueError, IndexError, AttributeError) as error:
                word = str(error).strip("'")
                message = f"{{{word}}} is not a column of the items{did_you_mean(word, cells)}"
                problems.append(Problem("annotate.toml", message, field=f"questions.{question.name}"))
    refuse(problems)
