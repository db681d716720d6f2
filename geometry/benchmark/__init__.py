"""The benchmark: prompts whose pictures can be measured, with the predicate that measures each."""

from genspace.geometry.benchmark._categories import Category, Range, categories
from genspace.geometry.benchmark._prompts import PARAPHRASES, PER_VARIANT, Prompt, instruction, prompts

__all__ = [
    "PARAPHRASES",
    "PER_VARIANT",
    "Category",
    "Prompt",
    "Range",
    "categories",
    "instruction",
    "prompts",
]
