"""Options that endpoints and local models share."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from genspace.errors import did_you_mean
from genspace.judges.asking._aids import AIDS
from genspace.judges.asking.protocols import protocol_names


class AskOptions(BaseModel):
    """What is asked and how an answer is read: the same for an endpoint and for a local model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: str = "yes-no"
    """yes-no and vqascore: P(yes); reason: P(yes) after saying what is seen; rating: 0 to 100; questions: one per
    constraint; contrast: beside what cannot hold at the same time; choice: which of several; pairwise: which of two."""
    template: str | None = None
    """File with the user's own wording of the protocol's question: it ends in .j2 and lies inside the study."""
    without_prompt: bool = False
    """Hide what the generator was asked for; the predicate alone is asked about."""
    combine: Literal["all", "geometric", "minimum", "mean"] = "all"
    """How `questions` become one score: the product of P(yes), its root (Soft-TIFA), the least, or the mean (DSG); what
    is not asked counts as 0."""
    aids: tuple[str, ...] = ()
    """What the model is helped with, as "marks+crops": marks, front, crops, depth, measurements, tolerance; drawn from
    a scene, and an item of which nothing is known is an abstention."""
    aids_from: str = "scene"
    """The judge whose scenes these are: scene (a file beside each picture), geometry, or a table of one of these."""
    shots: int = Field(0, ge=0, le=32)
    """Solved examples shown before the question: rated items of other prompts, of the same predicate first."""
    pass_above: float = Field(0.5, ge=0, le=1)
    """A score above it passes, one below fails, one equal to it is undecided."""
    image_size: int = Field(1024, ge=32, le=8192)
    """Longest side sent, in pixels; larger images are scaled down."""
    max_tokens: int = Field(1024, ge=1)
    """Longest answer; models that think before they answer need room."""

    @field_validator("aids", mode="before")
    @classmethod
    def _several(cls, names: object) -> object:
        return (
            [name for name in names.split("+") if name not in {"", "none"}]
            if isinstance(names, str)
            else names
        )

    @field_validator("aids")
    @classmethod
    def _aids(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in AIDS:
                raise ValueError(f"unknown aid {name!r}{did_you_mean(name, AIDS)}")
        return tuple(name for name in AIDS if name in names)

    @field_validator("protocol")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in protocol_names():
            raise ValueError(f"unknown protocol{did_you_mean(name, protocol_names())}")
        return name
