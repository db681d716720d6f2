"""The commented `annotate.toml` that `genspace annotate init` writes: every key with its default and what it means.

What a key means is said once, in its docstring in `_design` and `_tables`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import BaseModel

from genspace.documents import toml_value
from genspace.errors import InputError
from genspace.human_study.design._design import Design, parse_design
from genspace.human_study.design._tables import Outcomes, OutcomeSpec
from genspace.human_study.texts import SHIPPED, shipped_text

_HEAD = """\
# A human study for `genspace annotate`. Lines that start with "#" show defaults or examples: remove the "#".
# What raters see and what the rules use is fixed with the first answer: afterwards `serve` asks for --amend "reason".

"""
_QUESTIONS = """\

# Several questions for every item, asked one after the other; {column} stands for a column of the items. A question
# may have a kind of its own (binary, likert, slider); its text may be a table with a wording for each language.
# [[questions]]
# name = "objects"
# text = "Are all objects of the text there: {prompt}"
"""
_EXAMPLES: Mapping[str, Any] = {
    "why_not": {"options": ["an object is missing", "the place is wrong"]}, "items_per_rater": 60, "complete_from": 40,
    "question": "Does the picture show what the text asks for?", "questions_file": "questions.csv", "frame": "ask",
    "time_limit_minutes": 90, "texts": {"fr": "texts.fr.toml"}, "database": "postgresql://user@host/name",
    "pairs.per_prompt": 3, "pairs.file": "pairs.csv", "gold.file": "gold.csv", "training.pass_mark": 0.75,
    "checks.warn_after": 2, "checks.stop_after": 4, "stop.answers": 3000, "stop.agreement_width": 0.1,
    "stop.item_width": 0.6, "exclusion.min_repeat_agreement": 0.6, "exclusion.max_identical_share": 0.95,
    "consent.contact": "Ada Example, ada@example.org", "consent.purpose": "We want to know how well …",
    "consent.minutes": 20, "consent.payment": "You are paid 4.00 GBP.", "consent.ethics": "Approved by …",
    "consent.form": "consent.md", "surveys.before": "before.toml", "surveys.after": "after.toml",
    "crowd.platform": "prolific", "crowd.currency": "GBP", "outcomes.complete.code": "C1A2B3",
    "outcomes.complete.pay": 4.0, "outcomes.nothing_left.pay_per_picture": 0.05,
}  # fmt: skip
"""What is shown of keys without a default; those that are not here are left out."""


def write_design(
    path: Path,
    *,
    title: str,
    protocol: str = "binary",
    raters_per_item: int = 3,
    gold_file: str | None = None,
    repeats_every: int = 20,
    contact: str = "",
    languages: Sequence[str] = ("en",),
) -> Design:
    """Write a commented `annotate.toml` and return the design it holds.

    For a language that does not come with genspace the English texts are written beside it, to be translated.

    Errors: `InputError` when the file exists; `InvalidFilesError` for values that make no design.

    >>> import tempfile
    >>> write_design(Path(tempfile.mkdtemp()) / "annotate.toml", title="Is it left?").protocol
    'binary'
    """
    own = {code: f"texts.{code}.toml" for code in languages if code not in SHIPPED}
    given: dict[str, str | int] = {
        "title": title, "protocol": protocol, "raters_per_item": raters_per_item, "repeats.every": repeats_every,
        "training.examples": protocol in {"binary", "likert", "pairwise"}, "consent.contact": contact,
    }  # fmt: skip
    more = {
        "languages": list(languages) if tuple(languages) != ("en",) else (),
        "gold.file": gold_file,
        "texts": own,
    }
    text = _HEAD + "\n".join(_lines(Design, given | {k: v for k, v in more.items() if v})) + "\n"
    design = parse_design(tomllib.loads(text), str(path))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists; edit it, or remove it first") from None
    for name in own.values():
        if not (path.parent / name).exists():
            (path.parent / name).write_text(shipped_text("en"), encoding="utf-8")
    return design


def _lines(model: type[BaseModel], given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield a line for each key of a table, then its tables."""
    tables = []
    for name, field in model.model_fields.items():
        key, default = f"{prefix}{name}", field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            tables.append((key, type(default)))
            continue
        shown = given.get(key, default if _EXAMPLES.get(key) is None else _EXAMPLES[key])
        if key in given or shown not in (None, "", ()):
            first, *rest = wrap((field.description or "").replace("; None:", "; without it"), 100)
            yield f"{'' if key in given else '# '}{name} = {toml_value(shown)}".ljust(31) + f" # {first}"
            yield from (f"{'':<31} # {line}" for line in rest)
    if not prefix:
        yield _QUESTIONS.rstrip()
    for key, table in tables:
        yield f"\n[{key}]".ljust(32) + f" # {table.__doc__}"
        if table is not Outcomes:
            yield from _lines(table, given, f"{key}.")
            continue
        for outcome, field in Outcomes.model_fields.items():
            lines = list(_lines(OutcomeSpec, given, f"{key}.{outcome}."))
            yield f"{'' if lines else '# '}[{key}.{outcome}]".ljust(31) + f" # {field.description}"
            yield from lines
