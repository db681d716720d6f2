"""The benchmark: prompts whose pictures can be measured, with the predicate that measures each."""

from genspace.geometry.benchmark._categories import ObjectClass, Range, categories
from genspace.geometry.benchmark._feasibility import LATEST
from genspace.geometry.benchmark._prompts import (
    PARAPHRASES,
    PER_VARIANT,
    Prompt,
    instruction,
    own_prompt,
    prompts,
)
from genspace.geometry.benchmark._released import released_variants

__all__ = [
    "LATEST",
    "PARAPHRASES",
    "PER_VARIANT",
    "ObjectClass",
    "Prompt",
    "Range",
    "categories",
    "instruction",
    "own_prompt",
    "prompts",
    "released_variants",
]
