"""The commented `annotate.toml` that `genspace annotate init` writes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

from genspace.errors import InputError
from genspace.human_study.design._design import Design, parse_design
from genspace.human_study.texts import SHIPPED, shipped_text

__all__ = ["write_design"]

TEMPLATE = """\
# A human study for `genspace annotate`. Lines that start with "#" show defaults or examples: remove the "#".
# What raters see and what the rules use is fixed with the first answer: afterwards `serve` asks for --amend "reason".

title = {title}
protocol = {protocol}          # binary (yes / no), likert (1 to 5), slider (0 to 100), pairwise (which of two is
                                # better), best_worst (best and worst of a group), ranking (a group in order)
# cannot_tell = true            # offer "can't tell"
# ties = "one"                  # pairwise: one answer for both alike; "good_bad": both equally good, both equally bad
# confidence = false            # ask after each answer how sure the rater is
# why_not = {{ options = ["an object is missing", "the place is wrong"] }}    # asked after a no
raters_per_item = {raters}
# items_per_rater = 60          # pictures one rater sees at most; without it as many as there are
# complete_from = 40            # pictures from which a visit is complete when others have answered the rest
# time_limit_minutes = 90       # a visit not finished so long after consent has timed out
# question = "Does the picture show what the text asks for?"   # without it: in plain words from the predicate
# questions_file = "questions.csv"    # item_id or prompt_id, question, text, kind: several questions for each item
# block = 25                    # a short break is offered after so many pictures
# lease_minutes = 20            # a picture not answered for so long goes back into the pool
{languages}    # the default first; "en", "de" come with genspace, "ar" to try right-to-left pages
{texts}    # own language files; what they lack stands in English
# drawings = true               # a small drawing explains whose point of view is meant
# retention_days = 365          # `genspace annotate purge` drops identifiers, sessions and comments after it
# database = "postgresql://user@host/name"    # for many raters at once; without it answers.sqlite
# seed = 0

# Several questions for every item, asked one after the other; {{column}} stands for a column of the items. A question
# may have a kind of its own (binary, likert, slider); its text may be a table with a wording for each language.
# [[questions]]
# name = "objects"
# text = "Are all objects of the text there: {{prompt}}"

[pairs]                         # for protocol = "pairwise"
# per_prompt = 3                # pairs drawn within each prompt; without it every pair
# file = "pairs.csv"            # item_id, item_id_b
# across_prompts = false        # whether pairs of the file may have different prompts; each is shown over its picture

[groups]                        # for protocol = "best_worst" and "ranking"
# size = 4                      # items on one screen, all of one prompt
# per_item = 4                  # groups each item stands in, where a prompt has more items than that

[gold]                          # items with a known answer, mixed in to see who reads carefully
{gold}
# every = 10                    # one in so many pictures

[repeats]                       # the same picture again, to see how far people agree with themselves
every = {repeats}                      # one in so many pictures; 0: none
# gap = 10                      # pictures at least in between

[training]                      # the practice round, with feedback
examples = {examples}                 # rendered scenes whose truth is known: an animal, "its left", "your left"
# pass_mark = 0.75              # share of first answers that must be right to go on
# attempts = 2                  # rounds to reach it

[checks]                        # while the study runs: wrong answers to gold items
# warn_after = 2                # the rater is told to look closely
# stop_after = 4                # the rater is thanked and sent away

[stop]
# answers = 3000                # budget: stop after so many pictures answered by all raters together
# agreement_width = 0.1         # stop when the 95 % interval of the raters' agreement is narrower than this
# item_width = 0.6              # ask extra raters while an item's 95 % interval is wider than this; such answers
# max_raters_per_item = 10      # carry role "extra": they serve labels, never reliability

[exclusion]                     # rules written before the data; results are shown with and without them
# min_gold_accuracy = 0.7
# min_gold = 4                  # gold answers before that rule applies
# min_repeat_agreement = 0.6
# min_repeats = 5
# fast_seconds = 1.0
# max_fast_share = 0.2          # share of answers faster than fast_seconds
# max_identical_run = 30        # longest run of one and the same answer
# max_identical_share = 0.95
# min_answers = 10              # answers before the rules on speed and identical answers apply
# returned = true               # leave out who handed the work back

[consent]
contact = {contact}
# purpose = "We want to know how well ..."
# minutes = 20
# payment = "You are paid 4.00 GBP."
# ethics = "Approved by ..."
# form = "consent.md"           # your own form instead, in Markdown; lines "- [ ] …" are required ticks
# version = "1"                 # of the form

[surveys]                       # questions to the rater: TOML files of [[questions]] with name, text, kind
# before = "before.toml"
# after = "after.toml"

[crowd]                         # a platform that sends raters: prolific, mturk, or other
# platform = "prolific"         # for another, parameter names the identifier in its links
# currency = "GBP"

# What each way of ending a visit earns: code, pay, pay_per_picture, url. A code with {{personal}} is the rater's alone.
[outcomes.complete]
# code = "C1A2B3"
# pay = 4.0
[outcomes.screened_out]         # consent refused, training or checks failed (each may have a table of its own)
[outcomes.nothing_left]         # others answered the rest
# pay_per_picture = 0.05
[outcomes.timed_out]
[outcomes.returned]

[limits]
# requests_per_minute = 240     # per rater
# joins_per_minute = 600        # new sessions per network address
# guesses_per_minute = 60       # wrong links per network address
# body_bytes = 65536
# request_seconds = 20          # a connection without a whole request by then is closed
# connections = 2000            # open at once
"""


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
    """
    own = {code: f"texts.{code}.toml" for code in languages if code not in SHIPPED}
    texts = ", ".join(f"{json.dumps(code)} = {json.dumps(name)}" for code, name in own.items())
    text = TEMPLATE.format(
        title=json.dumps(title, ensure_ascii=False),
        protocol=json.dumps(protocol),
        raters=raters_per_item,
        gold=f"file = {json.dumps(gold_file)}" if gold_file else '# file = "gold.csv"',
        repeats=repeats_every,
        examples="true" if protocol in {"binary", "likert", "pairwise"} else "false",
        contact=json.dumps(contact, ensure_ascii=False),
        languages=f"{'' if tuple(languages) != ('en',) else '# '}languages = {json.dumps(list(languages))}",
        texts="texts = { " + texts + " }" if own else '# texts = { fr = "texts.fr.toml" }',
    )
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
