"""Options of the judge that asks a vision-language model behind an API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from genspace.judges.asking import AskOptions


class VlmOptions(AskOptions):
    """Options of `vlm:MODEL`, as they stand in study.toml or after `-o NAME.`."""

    base_url: str | None = None
    """Root of an OpenAI-compatible API, such as http://localhost:8000/v1. Default: OPENAI_BASE_URL, else OpenAI."""
    api_key_env: str | None = None
    """Environment variable that holds the key (a name that ends in _API_KEY). Known providers have theirs."""
    provider: Literal["openai", "azure"] = "openai"
    """Whose form of the API it is; azure: base_url = "https://RESOURCE.openai.azure.com"."""
    deployment: str | None = None
    """Azure's name of the model; default: the model itself."""
    api_version: str | None = None
    """Version of Azure's API; default: a recent one."""
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
    extra_query: dict[str, str] = Field(default_factory=dict)
    """Further fields of the address, after the "?"."""
    extra_headers: dict[str, str] = Field(default_factory=dict)
    """Further headers of each request."""
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
