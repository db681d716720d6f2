"""Options of the judges that ask a vision-language model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AskOptions", "ProtocolName", "VlmOptions"]

ProtocolName = Literal["yes-no", "rating", "questions", "pairwise", "vqascore"]


class AskOptions(BaseModel):
    """What is asked and how an answer is read: the same for an endpoint and for a local model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: ProtocolName = "yes-no"
    """yes-no and vqascore: P(yes); rating: 0 to 100; questions: one per constraint; pairwise: which of two."""
    template: str | None = None
    """File with the user's own wording of the protocol's question (Jinja), inside the study or the
    working directory."""
    without_prompt: bool = False
    """Hide what the generator was asked for; the predicate alone is asked about."""
    combine: Literal["all", "mean"] = "all"
    """How `questions` become one score: the product of P(yes), or the mean with unasked ones as 0 (DSG)."""
    pass_above: float = Field(0.5, ge=0, le=1)
    """A score above it passes, one below fails, one equal to it is undecided."""
    image_size: int = Field(1024, ge=32, le=8192)
    """Longest side sent, in pixels; larger images are scaled down."""
    max_tokens: int = Field(1024, ge=1)
    """Longest answer; models that think before they answer need room."""


class VlmOptions(AskOptions):
    """Options of `vlm:MODEL`, as they stand in study.toml or after `-o NAME.`."""

    base_url: str | None = None
    """Root of an OpenAI-compatible API, such as http://localhost:8000/v1. Default: OPENAI_BASE_URL, else OpenAI."""
    api_key_env: str | None = None
    """Environment variable that holds the key (a name that ends in _API_KEY). Known providers have theirs."""
    probabilities: Literal["auto", "logprobs", "samples"] = "auto"
    """Where P(yes) comes from; auto: log-probabilities if the server gives them, else repeated sampling."""
    samples: int = Field(5, ge=1, le=200)
    """Answers drawn per question where P(yes) is sampled."""
    structured: Literal["auto", "off"] = "auto"
    """auto: ask for JSON by schema and do without where the server refuses it; off: never ask for it."""
    temperature: float | None = Field(None, ge=0, le=2)
    """Default: 1 where P(yes) is wanted (so that samples differ), 0 for ratings."""
    image_detail: Literal["low", "high", "auto"] | None = None
    """OpenAI's `detail` of an image; None: not sent."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Anything else that the server takes, such as { reasoning_effort = "low" }."""
    concurrency: int = Field(16, ge=1, le=1024)
    """Calls in flight at a time."""
    request_timeout_s: float = Field(120, gt=0)
    """Longest wait for one answer, its body included."""
    total_timeout_s: float = Field(900, gt=0)
    """Longest time for one call with all its retries."""
    tries: int = Field(6, ge=1, le=100)
    """Most attempts at one call."""
    cache: bool = True
    """Keep answers on disk, so that a repeated run asks nothing twice."""
    price_input_usd: float | None = Field(None, ge=0)
    """USD per million input tokens; overrides the price table."""
    price_output_usd: float | None = Field(None, ge=0)
    """USD per million output tokens; overrides the price table."""
