"""The design of a human study: `annotate.toml` in the study's folder, validated, and the file `init` writes."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.human_study.protocols import PROTOCOLS, Protocol
from genspace.human_study.texts import SHIPPED, shipped_text

__all__ = ["DESIGN_FILE", "Design", "Exclusion", "load_design", "write_design"]

DESIGN_FILE = "annotate.toml"
DATABASE_VARIABLE = "GENSPACE_ANNOTATE_DATABASE"

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Question(_Table):
    """One question about an item; several make a per-constraint study."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """What the answers' `question` column says."""
    text: str = Field(min_length=1, max_length=500)
    """What the rater reads; `{column}` stands for a column of the items."""


class Pairs(_Table):
    """Which two items a pairwise study compares."""

    per_prompt: Count | None = None
    """Pairs drawn at random within a prompt; None: every pair."""
    file: str | None = None
    """Table with `item_id, item_id_b` instead."""


class Gold(_Table):
    """Items with a known answer, mixed in unseen, to see who reads carefully."""

    file: str | None = None
    """Table with `item_id, [item_id_b], [question], value, [use = gold | training], [explanation]`."""
    every: Count = 10
    """One gold item in so many pictures."""


class Repeats(_Table):
    """Items shown to the same rater twice, to see how far people agree with themselves."""

    every: Annotated[int, Field(ge=0)] = 20
    """One repeat in so many pictures; 0: none."""
    gap: Count = 10
    """Pictures at least between an item and its repeat."""


class Stop(_Table):
    """When enough is enough."""

    answers: Count | None = None
    """Stop after so many pictures answered by all raters together."""
    agreement_width: Annotated[float, Field(gt=0, le=2)] | None = None
    """Stop when the 95 % interval of the raters' agreement is narrower than this."""
    item_width: Annotated[float, Field(gt=0)] | None = None
    """Ask extra raters while the 95 % interval of an item's mean is wider than this (on the answers' scale)."""
    max_raters_per_item: Count = 10
    """Most raters an item gets through `item_width`."""


class Exclusion(_Table):
    """Rules, written before the data, for leaving a rater out; both results are always shown."""

    min_gold_accuracy: Share | None = 0.7
    min_gold: Count = 4
    """Gold answers before the rule applies."""
    min_repeat_agreement: Share | None = None
    min_repeats: Count = 5
    """Repeats before the rule applies."""
    fast_seconds: Annotated[float, Field(ge=0)] = 1.0
    """An answer given sooner counts as too fast."""
    max_fast_share: Share | None = 0.2
    max_identical_share: Share | None = None
    """Largest share of one and the same answer."""
    max_identical_run: Count | None = 30
    """Longest run of one and the same answer (straight-lining)."""
    min_answers: Count = 10
    """Answers before the rules on speed and straight-lining apply."""


class Consent(_Table):
    """What the consent page says about this study."""

    contact: str = ""
    """Who answers questions and deletes data on request: a name and an address."""
    purpose: str = ""
    """One or two sentences; empty: the text of the language file."""
    minutes: Count | None = None
    """How long it takes."""
    payment: str = ""
    """What the rater is paid, in words."""
    ethics: str = ""
    """Approval of an ethics board, where there is one."""


class Crowd(_Table):
    """A platform that sends raters with an identifier in the link (Prolific, and others alike)."""

    parameter: str | None = None
    """Name of the identifier in the link: PROLIFIC_PID."""
    completion_code: str | None = None
    """Shown at the end, and part of `completion_url`."""
    completion_url: str | None = None
    """Where the rater is sent at the end; `{code}` stands for the code."""


class Limits(_Table):
    """Bounds that keep the server calm."""

    body_bytes: Annotated[int, Field(ge=1024)] = 65_536
    requests_per_minute: Count = 240
    """Per rater."""
    joins_per_minute: Count = 60
    """New sessions per network address (kept in memory only)."""


class Design(_Table):
    """A human study: what is asked, of whom, how often, and under which rules."""

    title: str = Field(default="Pictures and words", max_length=200)
    protocol: Literal["binary", "likert", "pairwise"] = "binary"
    cannot_tell: bool = True
    """Whether "can't tell" is offered."""
    question: str | None = Field(default=None, max_length=500)
    """One question for every item; None: from the item's predicate, else the standard question."""
    questions: tuple[Question, ...] = ()
    """Several questions about each item, asked one after the other."""
    questions_file: str | None = None
    """Table with `item_id` or `prompt_id`, `question`, `text`: questions that differ from item to item."""
    raters_per_item: Count = 3
    items_per_rater: Count | None = None
    """Pictures one rater sees at most, gold items and repeats included; None: as many as there are."""
    block: Count = 25
    """A short break is offered after so many pictures."""
    lease_minutes: Annotated[float, Field(gt=0, le=1440)] = 20
    """A picture not answered for so long goes back into the pool."""
    seed: int = 0
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Za-z]{2,4})?$")], ...] = ("en",)
    """First one is the default; the browser's preference is followed where it is listed."""
    texts: dict[str, str] = Field(default_factory=dict)
    """Own language files: language = file in the study."""
    drawings: bool = True
    """Whether a small drawing explains whose point of view is meant."""
    database: str | None = None
    """None: answers.sqlite in the study; else a PostgreSQL URL."""
    pairs: Pairs = Pairs()
    gold: Gold = Gold()
    repeats: Repeats = Repeats()
    stop: Stop = Stop()
    exclusion: Exclusion = Exclusion()
    consent: Consent = Consent()
    crowd: Crowd = Crowd()
    limits: Limits = Limits()
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
        return self

    @property
    def answers(self) -> Protocol:
        """The protocol's answers as this study offers them."""
        protocol = PROTOCOLS[self.protocol]
        return protocol if self.cannot_tell else protocol.without_cannot_tell()

    def registered(self) -> dict[str, Any]:
        """What is fixed when the first answer arrives: everything that changes what the data mean."""
        kept = {
            "protocol", "cannot_tell", "question", "questions", "questions_file", "raters_per_item", "pairs",
            "gold", "repeats", "stop", "exclusion",
        }  # fmt: skip
        return json.loads(self.model_dump_json(include=kept))  # type: ignore[no-any-return]  # JSON object


def load_design(study_root: Path) -> Design:
    """Read `annotate.toml` of a study; the environment variable GENSPACE_ANNOTATE_DATABASE overrides `database`.

    Errors: `InputError` when there is none; `InvalidFilesError` naming every wrong key at once.
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


def parse_design(document: dict[str, Any], label: str = DESIGN_FILE) -> Design:
    """Validate a design; `label` names the file in messages.

    Errors: `InvalidFilesError` naming every wrong key at once.
    """
    try:
        return Design.model_validate(document)
    except ValidationError as error:
        problems = [
            Problem(
                label,
                e["msg"].removeprefix("Value error, "),
                field=".".join(str(p) for p in e["loc"]) or None,
                value=None if isinstance(e["input"], dict) else e["input"],
            )
            for e in error.errors()
        ]
        raise InvalidFilesError(problems) from None


TEMPLATE = """\
# A human study for `genspace annotate`. Every line that starts with "#" shows a default: remove the "#" to change it.
# Everything down to [exclusion] is fixed with the first answer: afterwards `serve` asks for --amend "reason".

title = {title}
protocol = {protocol}          # binary (yes / no), likert (1 to 5), pairwise (which of two is better)
# cannot_tell = true            # offer "can't tell"
raters_per_item = {raters}
# items_per_rater = 60          # pictures one rater sees at most; without it as many as there are
# question = "Does the picture show what the text asks for?"   # without it: in plain words from the predicate
# questions_file = "questions.csv"    # item_id or prompt_id, question, text: several questions for each item
# block = 25                    # a short break is offered after so many pictures
# lease_minutes = 20            # a picture not answered for so long goes back into the pool
{languages}    # the default first; "en" and "de" come with genspace
{texts}    # own language files; what they lack stands in English
# drawings = true               # a small drawing explains whose point of view is meant
# retention_days = 365          # `genspace annotate purge` drops identifiers, sessions and comments after it
# database = "postgresql://user@host/name"    # for many raters at once; without it answers.sqlite
# seed = 0

# Several questions for every item, asked one after the other; {{column}} stands for a column of the items.
# [[questions]]
# name = "objects"
# text = "Are all objects of the text there: {{prompt}}"

[pairs]                         # for protocol = "pairwise"
# per_prompt = 3                # pairs drawn within each prompt; without it every pair
# file = "pairs.csv"            # item_id, item_id_b

[gold]                          # items with a known answer, mixed in to see who reads carefully
{gold}
# every = 10                    # one in so many pictures

[repeats]                       # the same picture again, to see how far people agree with themselves
every = {repeats}                      # one in so many pictures; 0: none
# gap = 10                      # pictures at least in between

[stop]
# answers = 3000                # budget: stop after so many pictures answered by all raters together
# agreement_width = 0.1         # stop when the 95 % interval of the raters' agreement is narrower than this
# item_width = 0.6              # ask extra raters while an item's 95 % interval is wider than this; such answers
# max_raters_per_item = 10      # carry role "extra": they serve labels, never reliability

[exclusion]                     # rules written before the data; results are shown with and without them
# min_gold_accuracy = 0.7
# min_gold = 4                  # gold answers before that rule applies
# min_repeat_agreement = 0.6
# min_repeats = 5
# fast_seconds = 1.0
# max_fast_share = 0.2          # share of answers faster than fast_seconds
# max_identical_run = 30        # longest run of one and the same answer
# max_identical_share = 0.95
# min_answers = 10              # answers before the rules on speed and identical answers apply

[consent]
contact = {contact}
# purpose = "We want to know how well ..."
# minutes = 20
# payment = "You are paid 4.00 GBP."
# ethics = "Approved by ..."

[crowd]                         # platforms that put an identifier into the link, such as Prolific
# parameter = "PROLIFIC_PID"
# completion_code = "C1A2B3"
# completion_url = "https://app.prolific.com/submissions/complete?cc={{code}}"

[limits]
# requests_per_minute = 240     # per rater
# joins_per_minute = 60         # new sessions per network address
# body_bytes = 65536
"""


def write_design(
    path: Path,
    *,
    title: str,
    protocol: str = "binary",
    raters_per_item: int = 3,
    gold_file: str | None = None,
    repeats_every: int = 20,
    contact: str = "",
    languages: Sequence[str] = ("en",),
) -> Design:
    """Write a commented `annotate.toml` and return the design it holds.

    For a language that does not come with genspace the English texts are written beside it, to be translated.

    Errors: `InputError` when the file exists; `InvalidFilesError` for values that make no design.
    """
    own = {code: f"texts.{code}.toml" for code in languages if code not in SHIPPED}
    texts = ", ".join(f"{json.dumps(code)} = {json.dumps(name)}" for code, name in own.items())
    text = TEMPLATE.format(
        title=json.dumps(title, ensure_ascii=False),
        protocol=json.dumps(protocol),
        raters=raters_per_item,
        gold=f"file = {json.dumps(gold_file)}" if gold_file else '# file = "gold.csv"',
        repeats=repeats_every,
        contact=json.dumps(contact, ensure_ascii=False),
        languages=f"{'' if tuple(languages) != ('en',) else '# '}languages = {json.dumps(list(languages))}",
        texts="texts = { " + texts + " }" if own else '# texts = { fr = "texts.fr.toml" }',
    )
    design = parse_design(tomllib.loads(text), str(path))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists; edit it, or remove it first") from None
    for name in own.values():
        if not (path.parent / name).exists():
            (path.parent / name).write_text(shipped_text("en"), encoding="utf-8")
    return design
