"""Predicates: what must hold in a picture, written as a call: `object_distance(cat, chair, value_m=0.8)`.

Each stands in a module of its own, with its rules, its drawing and its probes, and a TOML beside it with its words.
"""

from genspace.geometry.predicates._bound import Bound, bind, bind_known
from genspace.geometry.predicates._calls import parse_call
from genspace.geometry.predicates._names import indefinite, instance_of, noun_of
from genspace.geometry.predicates._predicate import Limit, Predicate, Saying, Task, Variant, opposites
from genspace.geometry.predicates._registry import (
    REGISTRY,
    benchmark_variants,
    built_in,
    calls_of,
    every_predicate,
    plugin_versions,
    predicate_named,
)
from genspace.geometry.predicates._restated import (
    contrary,
    exchanged,
    in_a_mirror,
    in_both_frames,
    rivals,
    undone,
)
from genspace.geometry.predicates._rule import (
    BEARING,
    OPPOSITE_SIDES,
    RELATIVE,
    Case,
    Change,
    Measured,
    constraint,
    metric,
)
from genspace.geometry.predicates._words import (
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
from genspace.sides import Frame

__all__ = [
    "BEARING",
    "LANGUAGES",
    "OPPOSITE_SIDES",
    "REGISTRY",
    "RELATIVE",
    "Bound",
    "Case",
    "Change",
    "Frame",
    "Limit",
    "Measured",
    "Predicate",
    "Saying",
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
    "contrary",
    "every_predicate",
    "exchanged",
    "in_a_mirror",
    "in_both_frames",
    "indefinite",
    "instance_of",
    "metric",
    "noun_of",
    "opposites",
    "parse_call",
    "people",
    "plugin_versions",
    "predicate_named",
    "rivals",
    "sentence",
    "table_at",
    "to_translate",
    "undone",
    "words_of",
]
