"""The tables of `annotate.toml`, each validated; `genspace.human_study.design.Design` holds them all."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Za-z]{2,4})?$")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Address = Annotated[str, Field(pattern=r"^https?://\S+$")]
Wording = Text | dict[Language, Text]
"""One text for every language, or one for each."""


def worded(wording: Wording, language: str) -> str:
    """Return a text in a language; without that language the first one there is.

    >>> worded({"en": "Cow", "de": "Kuh"}, "de"), worded({"en": "Cow"}, "fr"), worded("Cow", "de")
    ('Kuh', 'Cow', 'Cow')
    """
    if isinstance(wording, str):
        return wording
    return wording.get(language) or next(iter(wording.values()))


class DesignTable(BaseModel):
    """A table of a TOML file: unknown keys are mistakes, values are fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class QuestionTable(DesignTable):
    """One question about an item; several make a per-constraint study."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """What the answers' `question` column says."""
    text: Wording
    """What the rater reads; `{column}` stands for a column of the items."""
    kind: Literal["binary", "likert", "slider"] | None = None
    """How it is answered; None: as the study's protocol says."""


class WhyNot(DesignTable):
    """What is asked after a no: which of these reasons, or another in words."""

    options: tuple[Wording, ...] = ()
    """Reasons to choose from."""
    required: bool = True
    """Whether the rater must give one."""

    def worded(self, reason: str, language: str) -> str:
        """Return a reason in a language: an option as it is worded there, own words as they are.

        >>> WhyNot(options=({"en": "no cow", "de": "keine Kuh"},)).worded("keine Kuh", "en")
        'no cow'
        """
        known = (o for o in self.options if not isinstance(o, str) and reason in o.values())
        return next((worded(option, language) for option in known), reason)


class PairsTable(DesignTable):
    """Which two items a pairwise study compares."""

    per_prompt: Count | None = None
    """Pairs drawn at random within a prompt; None: every pair."""
    file: str | None = None
    """Table with `item_id, item_id_b` instead."""
    across_prompts: bool = False
    """Whether pairs of the file may have different prompts; each is then shown over its own picture."""


class Groups(DesignTable):
    """How many items of a prompt are shown at once, for best–worst and ranking."""

    size: Annotated[int, Field(ge=3, le=6)] = 4
    """Items on one screen."""
    per_item: Count = 4
    """Groups that each item stands in, where its prompt has more items than one screen shows."""


class Gold(DesignTable):
    """Items with a known answer, mixed in unseen, to see who reads carefully."""

    file: str | None = None
    """Table with `item_id, [item_id_b], [question], value, [use = gold | training], [explanation]`."""
    every: Count = 10
    """One gold item in so many pictures."""


class Repeats(DesignTable):
    """Items shown to the same rater twice, to see how far people agree with themselves."""

    every: Annotated[int, Field(ge=0)] = 20
    """One repeat in so many pictures; 0: none."""
    gap: Count = 10
    """Pictures at least between an item and its repeat."""


class Training(DesignTable):
    """The practice round: examples whose truth is known, with feedback."""

    examples: bool = False
    """Whether rendered scenes that come with genspace stand before the study's own practice items."""
    pass_mark: Share | None = None
    """Share of first answers that must be right to go on; None: nobody is turned away."""
    attempts: Count = 2
    """Rounds a rater may take to reach the pass mark."""


class Checks(DesignTable):
    """What happens while a rater gives wrong answers to gold items."""

    warn_after: Count | None = None
    """Wrong answers after which the rater is told to look closely; None: never."""
    stop_after: Count | None = None
    """Wrong answers after which the rater is thanked and sent away; None: never."""

    @model_validator(mode="after")
    def _warning_first(self) -> Checks:
        if self.warn_after is not None and self.stop_after is not None and self.warn_after >= self.stop_after:
            raise ValueError("warn_after must be below stop_after: a warning comes before the stop")
        return self


class Stop(DesignTable):
    """When enough is enough."""

    answers: Count | None = None
    """Stop after so many pictures answered by all raters together."""
    agreement_width: Annotated[float, Field(gt=0, le=2)] | None = None
    """Stop when the 95 % interval of the raters' agreement is narrower than this."""
    item_width: Annotated[float, Field(gt=0)] | None = None
    """Ask extra raters while the 95 % interval of an item's mean is wider than this (on the answers' scale)."""
    max_raters_per_item: Count = 10
    """Most raters an item gets through `item_width`."""


class ExclusionTable(DesignTable):
    """Rules, written before the data, for leaving a rater out; both results are always shown."""

    min_gold_accuracy: Share | None = 0.7
    """Smallest share of known answers that are right."""
    min_gold: Count = 4
    """Known answers before that rule applies."""
    min_repeat_agreement: Share | None = None
    """Smallest share of repeats answered alike."""
    min_repeats: Count = 5
    """Repeats before that rule applies."""
    fast_seconds: Annotated[float, Field(ge=0)] = 1.0
    """An answer given sooner counts as too fast."""
    max_fast_share: Share | None = 0.2
    """Largest share of answers faster than `fast_seconds`."""
    max_identical_share: Share | None = None
    """Largest share of one and the same answer."""
    max_identical_run: Count | None = 30
    """Longest run of one and the same answer (straight-lining)."""
    min_answers: Count = 10
    """Answers before the rules on speed and straight-lining apply."""
    returned: bool = True
    """Whether raters who handed their work back, here or on the platform, are left out."""


class Consent(DesignTable):
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
    form: str | dict[Language, str] | None = None
    """A Markdown file of the study instead (or one for each language); `- [ ]` lines are required ticks."""
    version: str = Field(default="1", max_length=40)
    """Which version of the form this is; raters who agreed to another wording are asked again."""


class Surveys(DesignTable):
    """Questions to the rater, before and after the pictures."""

    before: str | None = None
    """TOML file in the study with `[[questions]]`."""
    after: str | None = None
    """The same, asked after them."""


class Crowd(DesignTable):
    """A platform that sends raters with identifiers in the link."""

    platform: Literal["prolific", "mturk", "other"] | None = None
    """Whose identifiers and lists are meant; "other" needs `parameter`."""
    parameter: str | None = None
    """Name of the participant's identifier in the link, where the platform is another."""
    currency: str = Field(default="", max_length=3)
    """Of the amounts in `[outcomes]`: "GBP"."""
    completion_code: str | None = Field(default=None, min_length=1, max_length=64)
    """The code of the outcome `complete` (also `[outcomes.complete] code`)."""
    completion_url: Address | None = None
    """Where the rater is sent at the end; `{code}` stands for the code. Prolific's is known."""

    @model_validator(mode="after")
    def _named(self) -> Crowd:
        if self.platform == "other" and not self.parameter:
            raise ValueError('platform "other" needs the name of the identifier in the link: parameter')
        if self.platform in {"prolific", "mturk"} and self.parameter:
            raise ValueError(f"the identifiers of {self.platform} are known; leave parameter out")
        return self


Outcome = Literal[
    "complete", "consent_refused", "training_failed", "checks_failed", "nothing_left", "timed_out", "returned"
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""Every way a visit can end."""


class OutcomeSpec(DesignTable):
    """What one way of ending a visit earns."""

    code: str | None = Field(default=None, min_length=1, max_length=64)
    """Shown at the end; `{personal}` stands for a code that only this rater has."""
    url: Address | None = None
    """Where the rater is sent; `{code}` stands for the code; None: `crowd.completion_url`, where there is a code."""
    pay: Annotated[float, Field(ge=0)] | None = None
    """Amount for the visit, in `crowd.currency`."""
    pay_per_picture: Annotated[float, Field(ge=0)] | None = None
    """Amount for each picture answered, practice left out."""


class Outcomes(DesignTable):
    """What each way of ending a visit earns; without a table of its own nothing."""

    complete: OutcomeSpec | None = None
    """Everything that was asked for was answered."""
    screened_out: OutcomeSpec | None = None
    """Stands for the next three where they have no table of their own."""
    consent_refused: OutcomeSpec | None = None
    """The rater said no to the form."""
    training_failed: OutcomeSpec | None = None
    """The pass mark was not reached."""
    checks_failed: OutcomeSpec | None = None
    """Too many known answers were wrong."""
    nothing_left: OutcomeSpec | None = None
    """Others had answered the rest; a visit without any picture is never paid by the picture."""
    timed_out: OutcomeSpec | None = None
    """`time_limit_minutes` were over, or the platform's own limit."""
    returned: OutcomeSpec | None = None
    """The rater handed the work back."""


class LimitsTable(DesignTable):
    """Bounds that keep the server calm."""

    body_bytes: Annotated[int, Field(ge=1024)] = 65_536
    """Largest request."""
    requests_per_minute: Count = 240
    """Requests of one rater."""
    joins_per_minute: Count = 600
    """New sessions per network address (kept in memory only); a classroom joins at once from one."""
    guesses_per_minute: Count = 60
    """Wrong links per network address."""
    request_seconds: Annotated[float, Field(gt=0, le=300)] = 20
    """A connection that has not sent a whole request by then is closed."""
    connections: Count = 2000
    """Open connections; beyond, the one that has waited longest for a request is closed."""
