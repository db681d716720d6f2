"""What tokens cost, and how many a request will take."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Price", "find_price", "image_tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens, and where the figure comes from."""

    input_usd: float
    output_usd: float
    source: str

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """Return the price of a call.

        >>> Price(input_usd=2, output_usd=8, source="").cost_usd(1_000_000, 500_000)
        6.0
        """
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1e6


def find_price(
    model: str, *, is_local: bool, input_usd: float | None = None, output_usd: float | None = None
) -> Price | None:
    """Return the price of a model: the user's, else the table's, else nothing for a local server.

    None means that it is unknown.

    >>> find_price("openai/gpt-4.1-2025-04-14", is_local=False).output_usd
    8.0
    >>> find_price("some-model", is_local=False) is None
    True
    """
    if input_usd is not None and output_usd is not None:
        return Price(input_usd=input_usd, output_usd=output_usd, source="given by the user")
    if is_local:
        return Price(input_usd=0, output_usd=0, source="local server")
    row = _row(model)
    if row is None:
        return None
    return Price(
        input_usd=row["input"] if input_usd is None else input_usd,
        output_usd=row["output"] if output_usd is None else output_usd,
        source=f"price table of {_table()['as_of']}",
    )


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
