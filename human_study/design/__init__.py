"""The design of a human study: `annotate.toml` in the study's folder, validated, and the file `init` writes."""

from genspace.human_study.design._design import (
    DATABASE_VARIABLE,
    Design,
    load_design,
    parse_design,
    parse_table,
)
from genspace.human_study.design._tables import (
    OUTCOMES,
    Crowd,
    DesignTable,
    ExclusionTable,
    Outcome,
    Outcomes,
    OutcomeSpec,
    QuestionTable,
    WhyNot,
    Wording,
    worded,
)
from genspace.human_study.design._template import write_design
from genspace.records import DESIGN_FILE

__all__ = [
    "DATABASE_VARIABLE",
    "DESIGN_FILE",
    "OUTCOMES",
    "Crowd",
    "Design",
    "DesignTable",
    "ExclusionTable",
    "Outcome",
    "OutcomeSpec",
    "Outcomes",
    "QuestionTable",
    "WhyNot",
    "Wording",
    "load_design",
    "parse_design",
    "parse_table",
    "worded",
    "write_design",
]  # fmt: skip
