"""The design of a human study, read from `annotate.toml` and validated."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from genspace.documents import mistakes
from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.human_study.design._tables import (
    Checks,
    Consent,
    Count,
    Crowd,
    DesignTable,
    ExclusionTable,
    Gold,
    Groups,
    Language,
    LimitsTable,
    Outcomes,
    PairsTable,
    QuestionTable,
    Repeats,
    Stop,
    Surveys,
    Training,
    WhyNot,
    Wording,
)
from genspace.human_study.design.protocols import PROTOCOLS, RaterProtocol, offered
from genspace.records import DESIGN_FILE
from genspace.sides import FRAME_QUESTION, Frame

DATABASE_VARIABLE = "GENSPACE_ANNOTATE_DATABASE"
T = TypeVar("T", bound=DesignTable)


class Design(DesignTable):
    """A human study: the question, the raters, the number of ratings, and the rules.

    >>> design = Design(protocol="likert", raters_per_item=5)
    >>> design.protocol, design.answers.scale
    ('likert', (1.0, 5.0))
    """

    title: str = Field(default="Pictures and words", min_length=1, max_length=200)
    """What raters read at the top of every page."""
    protocol: Literal["binary", "likert", "slider", "pairwise", "best_worst", "ranking"] = "binary"
    """How raters answer: binary (yes / no), likert (1 to 5), slider (0 to 100), pairwise (which of two), or with groups
    best_worst or ranking."""
    cannot_tell: bool = True
    """Whether "can't tell" is offered."""
    ties: Literal["one", "good_bad"] = "one"
    """Of two pictures: "both alike", or "both equally good" and "both equally bad"."""
    confidence: bool = False
    """Whether each answer is followed by how sure the rater is."""
    why_not: WhyNot | None = None
    """What is asked after a no (on the 1 to 5 scale: after 1 and 2)."""
    question: Wording | None = None
    """One question for every item; None: from the item's predicate, else the standard question."""
    questions: tuple[QuestionTable, ...] = ()
    """Several questions about each item, asked one after the other."""
    questions_file: str | None = None
    """Table with `item_id` or `prompt_id`, `question`, `text`, `[kind]`: questions that differ from item to item."""
    frame: Frame | Literal["ask", "both"] | None = None
    """Whose left is meant where neither predicate nor words say it: raters are told that it is the camera's or the
    object's, are asked afterwards which they took, or are asked in both frames."""
    raters_per_item: Count = 3
    """Raters that each item gets."""
    items_per_rater: Count | None = None
    """Pictures one rater sees at most, gold items and repeats included; None: as many as there are."""
    complete_from: Count | None = None
    """Pictures from which a visit is complete although nothing is left; None: only with all that were asked for."""
    time_limit_minutes: Annotated[float, Field(gt=0)] | None = None
    """A visit not finished so long after consent has timed out; None: raters may come back as late as they like."""
    block: Count = 25
    """A short break is offered after so many pictures."""
    lease_minutes: Annotated[float, Field(gt=0, le=1440)] = 20
    """A picture not answered for so long goes back into the pool."""
    seed: int = 0
    """Same seed, same pairs, groups and order of pictures."""
    languages: tuple[Language, ...] = ("en",)
    """The default first; the browser's preference is followed where it is listed. English and German come with
    genspace, and Arabic to try right-to-left pages."""
    texts: dict[str, str] = Field(default_factory=dict)
    """Own language files: language = file in the study."""
    drawings: bool = True
    """Whether a small drawing explains whose point of view is meant."""
    database: str | None = None
    """A PostgreSQL URL, for many raters at once; None: answers.sqlite in the study."""
    pairs: PairsTable = PairsTable()
    groups: Groups = Groups()
    gold: Gold = Gold()
    repeats: Repeats = Repeats()
    training: Training = Training()
    checks: Checks = Checks()
    stop: Stop = Stop()
    exclusion: ExclusionTable = ExclusionTable()
    consent: Consent = Consent()
    surveys: Surveys = Surveys()
    crowd: Crowd = Crowd()
    outcomes: Outcomes = Outcomes()
    limits: LimitsTable = LimitsTable()
    retention_days: Count = 365
    """`genspace annotate purge` drops platform identifiers, sessions and comments after so many days."""

    @model_validator(mode="after")
    def _consistent(self) -> Design:
        if self.question and (self.questions or self.questions_file):
            raise ValueError("give either question or questions / questions_file, not both")
        if self.questions and self.questions_file:
            raise ValueError("give either questions or questions_file, not both")
        names = [q.name for q in self.questions]
        if len(names) != len(set(names)):
            raise ValueError("every one of the questions needs a name of its own")
        if self.stop.item_width is not None and self.stop.max_raters_per_item < self.raters_per_item:
            raise ValueError("stop.max_raters_per_item is below raters_per_item")
        if not self.languages:
            raise ValueError("languages needs at least one language")
        if self.ties != "one" and self.protocol != "pairwise":
            raise ValueError('ties = "good_bad" is for protocol = "pairwise"')
        shape = PROTOCOLS[self.protocol].shape
        if self.frame in {"ask", "both"} and shape != "item":
            raise ValueError(
                f'frame = "{self.frame}" is for questions about one item, not for {self.protocol!r}'
            )
        if self.frame == "both" and (self.questions or self.questions_file):
            raise ValueError('frame = "both" asks the one question twice; leave out questions')
        if self.frame == "ask" and FRAME_QUESTION in names:
            raise ValueError(f'frame = "ask" has a question named {FRAME_QUESTION!r}; name yours otherwise')
        if shape != "item" and any(q.kind for q in self.questions):
            raise ValueError(
                f"protocol {self.protocol!r} has one kind of answer; leave kind out of questions"
            )
        if shape == "group":
            self._check_groups()
        if self.crowd.completion_code and self.outcomes.complete and self.outcomes.complete.code:
            raise ValueError("crowd.completion_code and outcomes.complete.code say the same; keep the latter")
        return self

    def _check_groups(self) -> None:
        """Errors: `ValueError` for what groups of items have no meaning for yet."""
        taken = {
            "questions": self.questions, "questions_file": self.questions_file, "gold.file": self.gold.file,
            "stop.item_width": self.stop.item_width, "why_not": self.why_not,
            "training.examples": self.training.examples, "confidence": self.confidence,
        }  # fmt: skip
        wrong = [name for name, value in taken.items() if value]
        if wrong:
            raise ValueError(f"protocol {self.protocol!r} goes without {', '.join(wrong)}")

    @property
    def answers(self) -> RaterProtocol:
        """The protocol's answers as this study offers them."""
        return self.offered(None)

    def offered(self, kind: str | None) -> RaterProtocol:
        """Return the answers of a question of this kind as the study offers them; None: the study's protocol."""
        return offered(kind or self.protocol, cannot_tell=self.cannot_tell, ties=self.ties)

    def registered(self) -> dict[str, Any]:
        """What is fixed when the first answer arrives: everything that changes what the data mean."""
        kept = {
            "protocol", "cannot_tell", "ties", "confidence", "why_not", "question", "questions", "questions_file",
            "frame", "raters_per_item", "pairs", "groups", "gold", "repeats", "training", "checks", "stop", "exclusion",
        }  # fmt: skip
        return json.loads(self.model_dump_json(include=kept))  # type: ignore[no-any-return]  # JSON object


def load_design(study_root: Path) -> Design:
    """Read a study's `annotate.toml`; the environment variable GENSPACE_ANNOTATE_DATABASE overrides `database`.

    Errors: `InputError` if there is none; `InvalidFilesError` naming every wrong key.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "annotate.toml").write_text('protocol = "binary"')
    >>> load_design(folder).raters_per_item
    3
    """
    path = study_root / DESIGN_FILE
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; write one with: genspace annotate init {study_root}"
        )
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFilesError([Problem(str(path), f"is not TOML: {error}")]) from None
    if os.environ.get(DATABASE_VARIABLE):
        document["database"] = os.environ[DATABASE_VARIABLE]
    return parse_design(document, str(path))


def parse_design(document: Mapping[str, Any], label: str = DESIGN_FILE) -> Design:
    """Validate a design; `label` names the file in messages.

    Errors: `InvalidFilesError` naming every wrong key at once.

    >>> parse_design({"title": "Is it left?", "raters_per_item": 5}).raters_per_item
    5
    """
    return parse_table(Design, document, label)


def parse_table(kind: type[T], document: Mapping[str, Any], label: str) -> T:
    """Validate a TOML document as a table; `label` names the file in messages.

    Errors: `InvalidFilesError` naming every wrong key at once.

    >>> parse_table(ExclusionTable, {"min_gold_accuracy": 0.7}, "annotate.toml").min_gold_accuracy
    0.7
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise InvalidFilesError(mistakes(kind, error, label)) from None
