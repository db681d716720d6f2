"""What calls cost: as the server says, by the user's price or by the table (prices.toml); and estimates beforehand."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens, and where the figures come from."""

    input_usd: float
    output_usd: float
    cached_usd: float | None = None
    """Of input tokens that the provider read from its own cache; None: the full price."""
    source: str

    def cost_usd(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        """Return the price of a call; cached tokens are part of the input.

        >>> Price(input_usd=2, output_usd=8, cached_usd=0.5, source="").cost_usd(1_000_000, 500_000, 400_000)
        5.4
        """
        cached_usd = self.input_usd if self.cached_usd is None else self.cached_usd
        fresh = input_tokens - cached_tokens
        return (fresh * self.input_usd + cached_tokens * cached_usd + output_tokens * self.output_usd) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one call took, as far as the server says."""

    input_tokens: int
    output_tokens: int
    """With what the model thought before it answered."""
    cached_tokens: int = 0
    reported_usd: float | None = None
    reported_by: str | None = None
    """Where the server said so: "usage.cost"."""

    def cost(self, price: Price | None) -> tuple[float | None, str | None]:
        """Return USD and where they come from: the server, else the price; (None, None) where neither is known."""
        if self.reported_usd is not None:
            return self.reported_usd, f"{self.reported_by} of the server"
        if price is None:
            return None, None
        return price.cost_usd(self.input_tokens, self.output_tokens, self.cached_tokens), price.source


def find_price(
    model: str, *, input_usd: float | None = None, output_usd: float | None = None
) -> Price | None:
    """Return the price of a model: the user's, else the table's; None where it is unknown.

    A server on this machine is not free for that: it may pass the calls on.

    >>> find_price("openai/gpt-4.1-2025-04-14").output_usd
    8.0
    >>> find_price("some-model") is None
    True
    """
    if input_usd is not None and output_usd is not None:
        return Price(input_usd=input_usd, output_usd=output_usd, source="given by the user")
    row = _row(model)
    if row is None:
        return None
    return Price(
        input_usd=row["input"] if input_usd is None else input_usd,
        output_usd=row["output"] if output_usd is None else output_usd,
        cached_usd=row.get("cached") if input_usd is None else None,
        source=f"price table of {_table()['as_of']}",
    )


def charge_of(
    usage: Any, headers: Mapping[str, str], *, read: Callable[[], int], written: Callable[[], int]
) -> Charge:
    """Return what a call took, from the `usage` of a completion and the headers of the answer.

    `read` and `written` estimate the tokens of question and answer, for what the server does not count.

    >>> usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 50}
    >>> charge_of(usage, {}, read=lambda: 9, written=lambda: 3)
    Charge(input_tokens=10, output_tokens=40, cached_tokens=0, reported_usd=None, reported_by=None)
    """
    usage = usage if isinstance(usage, Mapping) else {}
    total = _count(usage.get("total_tokens"))
    question = _count(usage.get("prompt_tokens")) or _count(usage.get("input_tokens"))
    answer = _count(usage.get("completion_tokens")) or _count(usage.get("output_tokens"))
    question = question or (min(read(), total) if total else read())
    # Some leave what was thought out of the completion, and count it in the sum alone.
    answer = max(answer, total - question) or written()
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else 0
    usd, by = _reported(usage, headers)
    return Charge(
        input_tokens=question,
        output_tokens=answer,
        cached_tokens=min(cached, question),
        reported_usd=usd,
        reported_by=by,
    )


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else 0


def _reported(usage: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[float | None, str | None]:
    for row in _table()["reported"]:
        field: Any = headers.get(row["header"]) if "header" in row else usage
        for part in row.get("usage", "").split(".") if "usage" in row else ():
            field = field.get(part) if isinstance(field, Mapping) else None
        if isinstance(field, bool):
            continue
        try:
            usd = float(field) * row.get("worth", 1.0)
        except (TypeError, ValueError):
            continue
        if math.isfinite(usd) and usd >= 0 and (usd or row.get("zero") != "unknown"):
            return usd, row.get("header") or f"usage.{row['usage']}"
    return None, None


def image_tokens(model: str, width: int, height: int) -> int:
    """Return an estimate of the tokens of an image of that many pixels (rules: prices.toml).

    >>> image_tokens("gpt-4.1", 1024, 1024)  # 768 x 768 after scaling: four tiles
    765
    """
    rule: Mapping[str, float] = (_row(model) or {}).get("image", {"area": 750})
    if "tile" in rule:
        scale = min(1.0, 768 / min(width, height))
        tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
        return int(rule["base"] + rule["tile"] * tiles)
    if "patch" in rule:
        patches = min(math.ceil(width / 32) * math.ceil(height / 32), 1536)
        return math.ceil(rule["patch"] * patches)
    return math.ceil(width * height / rule["area"])


def most_image_tokens(model: str, width: int, height: int) -> int:
    """Return the most tokens that an image of that many pixels may take.

    >>> most_image_tokens("gpt-4.1", 1024, 1024), most_image_tokens("unknown", 1024, 1024)
    (765, 5350)
    """
    row = _row(model)
    if row is None:
        return int(max(math.ceil(width * height / 14**2), _table()["unlisted_most"]))
    tokens = image_tokens(model, width, height)
    return math.ceil(1.2 * tokens) if "area" in row["image"] else tokens


def most_text_tokens(text: str) -> int:
    """Return the most tokens that a text may take: one for every two bytes.

    >>> most_text_tokens("Is there a cow?")
    8
    """
    return math.ceil(len(text.encode()) / 2)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("genspace.judges.vlm").joinpath("prices.toml").read_text(encoding="utf-8"))


def _row(model: str) -> Mapping[str, Any] | None:
    name = model.rpartition("/")[2]
    models: dict[str, Mapping[str, Any]] = _table()["models"]
    for known, row in models.items():
        if re.fullmatch(rf"{re.escape(known)}(-latest|-preview|-\d[\d-]*)*", name):
            return row
    return None
