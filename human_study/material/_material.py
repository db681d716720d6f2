"""What raters are asked about: the units (an item, a pair, a group), their questions and their known answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from genspace.errors import InputError
from genspace.human_study.design import Design, load_design
from genspace.human_study.examples import FilesWithExamples, example_items, examples
from genspace.human_study.material._known import Known, known_answers
from genspace.human_study.material._questions import (
    Asked,
    OwnQuestion,
    asked_about,
    check_wording,
    questions_by_item,
    says_no_side,
    words_its_own,
)
from genspace.human_study.material._units import Unit, UnitKey, main_units, mixed_prompts
from genspace.human_study.material.consent import ConsentForm, consent_forms
from genspace.human_study.material.surveys import Moment, Survey, load_surveys
from genspace.human_study.questions import untold
from genspace.human_study.texts import Texts, load_texts
from genspace.records import Files, Item


@dataclass(frozen=True)
class Material:
    """A study as the people's side sees it."""

    root: Path
    design: Design
    items: Mapping[str, Item]
    files: Files
    units: tuple[Unit, ...]
    known: Mapping[UnitKey, Known]
    texts: Mapping[str, Texts]
    """Language to texts, the default first."""
    own_questions: Mapping[str, tuple[OwnQuestion, ...]] = field(default_factory=dict)
    """Item to its own questions, where `questions_file` gives them."""
    forms: Mapping[str, ConsentForm] = field(default_factory=dict)
    """Language to the consent form."""
    surveys: Mapping[Moment, Survey] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What the researcher should know about how the study was read."""

    def questions(self, unit: UnitKey, language: str | None = None) -> tuple[Asked, ...]:
        """Return the questions about a unit, in the study's first language unless another is named."""
        texts = next(iter(self.texts.values())) if language is None else self.texts[language]
        asked = asked_about(self.items[unit[0]], self.design, texts, self.own_questions)
        if self.one_prompt(unit) or words_its_own(self.design):
            return asked
        return tuple(replace(a, text=texts["work.question_across_prompts"], note="") for a in asked)

    def one_prompt(self, unit: UnitKey) -> bool:
        """Whether the items of a unit were made for one and the same prompt."""
        return len({(self.items[i].prompt, self.items[i].predicate) for i in unit}) == 1

    def asked(self) -> dict[UnitKey, dict[str, Asked]]:
        """Return the questions about each unit by name."""
        return {u.key: {a.name: a for a in self.questions(u.key)} for u in self.units}

    def kinds(self) -> dict[str, str]:
        """Return each question's kind of answer, by the question's name."""
        return {name: a.answers.name for asked in self.asked().values() for name, a in asked.items()}


def load_material(study_root: Path, design: Design | None = None) -> Material:
    """Read a study and its annotation design.

    Errors: `InputError` for anything missing or wrong, every problem of a file at once.
    """
    from genspace.study import open_study

    study = open_study(study_root)
    items = {item.item_id: item for item in study.iter_items()}
    return build_material(study_root, design or load_design(study_root), items, study.files)


def build_material(root: Path, design: Design, items: Mapping[str, Item], files: Files) -> Material:
    """Turn items into units after the design; the same seed draws the same pairs and groups.

    Errors: `InvalidFilesError` for tables of the design (pairs, gold, questions) that do not fit the items.
    """
    if not items:
        raise InputError(f"{root}: the study has no items to show")
    check_wording(design, items)
    texts = load_texts(design.languages, design.texts, root)
    own = questions_by_item(root, design, items)
    first = next(iter(texts.values()))
    unclear = _unclear(design, items, first)

    def asked(key: UnitKey) -> tuple[Asked, ...]:
        if reasons := [unclear[item_id] for item_id in key if item_id in unclear]:
            raise InputError(
                f"{root / str(design.gold.file)}: {key[0]!r} cannot be asked about: {reasons[0]}"
            )
        return asked_about(items[key[0]], design, first, own)

    known = known_answers(root, design, items, asked)
    units = [Unit(key, "training" if key in known.training else "gold") for key in known.answers]
    units += [
        Unit(key)
        for key in main_units(root, design, items)
        if not known.answers.keys() & {key, key[::-1]} and not unclear.keys() & {*key}
    ]
    if unclear and not any(u.kind == "main" for u in units):
        raise InputError(f"{root}: no item can be asked about: {next(iter(unclear.values()))}")
    if not any(u.kind == "main" for u in units):
        raise InputError(f"{root}: every item has a known answer, so there is none left to ask about")
    clear = [item for item in items.values() if item.item_id not in unclear]
    silent = [i for i in clear if any(says_no_side(i, a) for a in asked_about(i, design, first, own))]
    notes = (
        *_note_on_codes(design),
        *_note_on_prompts(design, items),
        *_note_on_sides(design, silent),
        *(f"item {i!r} is not asked: {why}" for i, why in unclear.items()),
    )
    forms, surveys = consent_forms(root, design, texts), load_surveys(root, design)
    material = Material(
        root, design, items, files, tuple(units), known.answers, texts, own, forms, surveys, notes
    )
    return _with_examples(material) if design.training.examples else material


def _unclear(design: Design, items: Mapping[str, Item], texts: Texts) -> dict[str, str]:
    """Items whose question cannot say which things it means, with the reason; none where the study words its own."""
    if words_its_own(design):
        return {}
    return {item_id: reason for item_id, item in items.items() if (reason := untold(item, texts))}


def _note_on_sides(design: Design, silent: list[Item]) -> tuple[str, ...]:
    if design.frame is not None or not silent:
        return ()
    first = "item " if len(silent) == 1 else f"{len(silent):,} items, first "
    return (
        (
            f"{first}{silent[0].item_id!r}: left or right without whose, so people answer in two ways; "
            'frame = "camera" or "object" in annotate.toml tells them, "ask" and "both" ask them'
        ),
    )


def _note_on_codes(design: Design) -> tuple[str, ...]:
    crowd, complete = design.crowd, design.outcomes.complete
    paid = crowd.completion_code or crowd.completion_url or (complete and (complete.code or complete.url))
    if paid or not (crowd.platform or crowd.parameter):
        return ()
    return ("who completes the study gets no code to be paid by; give one: code under [outcomes.complete]",)


def _note_on_prompts(design: Design, items: Mapping[str, Item]) -> tuple[str, ...]:
    if design.answers.shape == "item" or design.pairs.file:
        return ()
    mixed = mixed_prompts(items)
    if not mixed:
        return ()
    more = " stands" if len(mixed) == 1 else f" and {len(mixed) - 1} more stand"
    only = "only items of one and the same text are compared with one another"
    return (f"prompt_id {mixed[0]!r}{more} for different texts; {only}",)


def _with_examples(material: Material) -> Material:
    """Put the rendered examples before the study's own practice items.

    Errors: `InputError` for a study whose questions the examples have no known answer to.
    """
    design = material.design
    if words_its_own(design) or design.protocol == "slider":
        raise InputError(
            f"{material.root}: the rendered examples answer the questions from predicates, with yes and no, 1 to 5 or "
            "pairs; write examples = false under [training], and give practice items of your own in the table of "
            "known answers (use = training)"
        )
    low, high = design.answers.scale
    shown = example_items()
    if not any(
        item.predicate for item in material.items.values()
    ):  # then the standard question is asked of all
        shown = {name: replace(item, predicate=None) for name, item in shown.items()}
    found = examples(material.texts, pairs=design.answers.pairwise)
    return replace(
        material,
        items={**material.items, **shown},
        files=FilesWithExamples(material.files),
        units=(*(Unit(e.key, "training") for e in found), *material.units),
        known={e.key: Known({"": high if e.truth else low}, e.explanations) for e in found}
        | dict(material.known),
    )
