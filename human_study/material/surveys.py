"""Questions to the rater before and after the pictures: age band, language, colour vision, free text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.human_study._study_files import study_toml
from genspace.human_study.design import Design, DesignTable, Wording, parse_table, worded

__all__ = ["MOMENTS", "Moment", "Survey", "SurveyQuestion", "load_surveys"]

Moment = Literal["before", "after"]
MOMENTS: tuple[Moment, ...] = ("before", "after")


class SurveyQuestion(DesignTable):
    """One question to the rater."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """What `survey.csv` calls it."""
    kind: Literal["choice", "number", "text", "scale"]
    text: Wording
    """What the rater reads."""
    required: bool = True
    options: tuple[Wording, ...] = ()
    """For a choice: what to choose from; in exports by its wording in the study's first language."""
    several: bool = False
    """For a choice: whether more than one may be chosen."""
    low: float = 1.0
    """For a number or a scale: the smallest answer."""
    high: float = 5.0
    """For a number or a scale: the largest answer."""
    low_label: Wording | None = None
    """For a scale: what its ends mean."""
    high_label: Wording | None = None
    longest: Annotated[int, Field(ge=1, le=10_000)] = 2000
    """For a text: most characters."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> SurveyQuestion:
        if (self.kind == "choice") != bool(self.options):
            raise ValueError("options belong to a choice, and a choice needs them")
        if self.several and self.kind != "choice":
            raise ValueError("several belongs to a choice")
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if self.kind == "scale" and not (
            self.low.is_integer() and self.high.is_integer() and self.high - self.low <= 10
        ):
            raise ValueError("a scale goes from one whole number to another, in at most eleven steps")
        return self

    @property
    def steps(self) -> list[int]:
        """The answers of a scale."""
        return list(range(int(self.low), int(self.high) + 1))

    def names(self, language: str) -> list[str]:
        """Return the names of a choice's options in exports: their wording in the study's first language."""
        return [worded(option, language) for option in self.options]

    def read(self, given: list[str], language: str) -> str:
        """Return an answer of a form as it is stored; several choices with " | " between them.

        Args:
            given: What the form sent, places of options for a choice.
            language: The study's first language.

        Errors: `InputError` for an answer that the question does not allow.
        """
        answers = [g.strip() for g in given if g.strip()]
        if not answers:
            if self.required:
                raise InputError(f"{self.name} needs an answer")
            return ""
        if len(answers) > 1 and not self.several:
            raise InputError(f"{self.name} takes one answer")
        if self.kind == "choice":
            names = self.names(language)
            if not all(a.isdecimal() and int(a) < len(names) for a in answers):
                raise InputError(f"{self.name}: no such option")
            return " | ".join(names[int(a)] for a in answers)
        text = answers[0].replace("\0", "")
        if self.kind == "text":
            if len(text) > self.longest:
                raise InputError(f"{self.name}: {len(text)} characters, at most {self.longest}")
            return text
        try:
            number = float(text)
        except ValueError:
            raise InputError(f"{self.name}: {text!r} is not a number") from None
        if not self.low <= number <= self.high or (self.kind == "scale" and not number.is_integer()):
            raise InputError(f"{self.name}: {text} is not from {self.low:g} to {self.high:g}")
        return f"{number:g}"


class Survey(DesignTable):
    """A page of questions to the rater."""

    heading: Wording | None = None
    """Above the questions; None: the text of the language file."""
    intro: Wording | None = None
    questions: tuple[SurveyQuestion, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> Survey:
        names = [q.name for q in self.questions]
        if len(set(names)) < len(names):
            raise ValueError("every question needs a name of its own")
        return self


def load_surveys(root: Path, design: Design) -> dict[Moment, Survey]:
    """Read the study's surveys.

    Errors: `InvalidFilesError` for a file that is absent, outside the study, or wrong, naming every wrong key.
    """
    named: Mapping[Moment, str | None] = {"before": design.surveys.before, "after": design.surveys.after}
    found: dict[Moment, Survey] = {
        moment: _read(root, name) for moment, name in named.items() if name is not None
    }
    both = [q.name for survey in found.values() for q in survey.questions]
    twice = next((name for name in both if both.count(name) > 1), None)
    if twice is not None:
        message = f"a question of the other survey is called {twice!r} too; give each its own name"
        raise InvalidFilesError([Problem(design.surveys.after or "", message)])
    return found


def _read(root: Path, name: str) -> Survey:
    return parse_table(Survey, study_toml(root, name), name)
