"""Predicates: what must hold in a picture, written as a call: `object_distance(cat, chair, value_m=0.8)`.

Each stands in a module of its own, with its rules, its drawing and its probes, and a TOML beside it with its words.
"""

from genspace.geometry.predicates._bound import Bound, bind, bind_known
from genspace.geometry.predicates._calls import Call, parse_call
from genspace.geometry.predicates._names import indefinite, noun_of
from genspace.geometry.predicates._predicate import SIDES, Limit, Predicate, Task, Variant
from genspace.geometry.predicates._registry import (
    REGISTRY,
    benchmark_variants,
    built_in,
    calls_of,
    every_predicate,
    plugin_versions,
    predicate_named,
)
from genspace.geometry.predicates._rule import BEARING, RELATIVE, Case, Change, Rule, constraint, relative
from genspace.geometry.predicates._words import (
    BY_ID,
    LANGUAGES,
    Text,
    Untold,
    Voice,
    common_words,
    people,
    sentence,
    table_at,
    to_translate,
    words_of,
)

__all__ = [
    "BEARING",
    "BY_ID",
    "LANGUAGES",
    "REGISTRY",
    "RELATIVE",
    "SIDES",
    "Bound",
    "Call",
    "Case",
    "Change",
    "Limit",
    "Predicate",
    "Rule",
    "Task",
    "Text",
    "Untold",
    "Variant",
    "Voice",
    "benchmark_variants",
    "bind",
    "bind_known",
    "built_in",
    "calls_of",
    "common_words",
    "constraint",
    "every_predicate",
    "indefinite",
    "noun_of",
    "parse_call",
    "people",
    "plugin_versions",
    "predicate_named",
    "relative",
    "sentence",
    "table_at",
    "to_translate",
    "words_of",
]
