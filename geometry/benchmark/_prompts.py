"""The benchmark's prompts: 9 sub-domains, 4 variants, 50 object categories for either task.

Everything that reads like English stands with the predicate that decides it, in its table `prompts.TASK`:

    predicate    the call that decides whether a picture does what the prompt asked
    sub_domain   what the benchmark calls it, where that is not the predicate's name
    objects      how many objects the prompt names; needs_front: whose front the predicate needs
    symmetric    whether the objects may be two of one kind; sizes: which rule on sizes tells what is possible
    variants     in the benchmark's order; source: for edits, the prompt of the image before
    paraphrases  each a template and one phrase per variant, which fills {phrase}
    version_2    what the second version of the prompts says otherwise, by the paraphrase's number

Texts may name {a} {b} {c} ("a cow"), {the_a} ("the cow"), {pair} or {group} ("a cow and a goat", "two cows"),
{the_group}, {place} ("in a farmyard"). Everything about objects stands in `categories.toml`, the places in
`scenes.toml`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from genspace.errors import InputError
from genspace.geometry.benchmark._categories import ObjectClass, categories, load_table
from genspace.geometry.benchmark._feasibility import (
    LATEST,
    RULES,
    SIZE_TARGETS,
    Rules,
    fits_in_view,
    growth_is_plausible,
    pair_fits,
    separation_is_possible,
    size_can_differ,
    source_distance_m,
)
from genspace.geometry.perception.labels import plural
from genspace.geometry.predicates import Task, built_in, indefinite, predicate_named, sentence, words_of

PER_VARIANT = 50
"""Object categories asked about in each variant."""
PARAPHRASES = 3
"""Wordings of every prompt."""
_TWINS = 0.2
"""Share of the pairs of a symmetric relation that are two objects of one category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt, and the predicate that decides whether a picture does what it asks.

    >>> prompt = Prompt(item_id="left-1", task="t2i", sub_domain="egocentric", variant="left", paraphrase=0,
    ...     prompt="A cat left of a dog.", predicate="egocentric(cat, dog, relation=left)", objects=("cat", "dog"))
    >>> prompt.row(generator="flux")["item_id"]
    'flux-left-1'
    """

    item_id: str
    """Names the task, the sub-domain, the variant and the first object; also a file name."""
    task: Task
    sub_domain: str
    variant: str
    prompt: str
    """What the generator is asked for; for edits the instruction."""
    predicate: str
    objects: tuple[str, ...]
    """Categories, the one that the prompt is made for first."""
    paraphrase: int
    """Which wording, from 0."""
    source_prompt: str | None = None
    """Edits: the prompt of the image before."""
    version: int = LATEST
    """Of the set of prompts."""

    def row(self, *, generator: str | None = None) -> dict[str, str]:
        """Return the prompt as a row of a study's items table.

        With a generator's name, the row is the item that this generator makes of the prompt.
        """
        item_id = f"{generator}-{self.item_id}" if generator else self.item_id
        row = {"item_id": item_id, "image": f"{item_id}.png"}
        if self.source_prompt is not None:
            row["image_before"] = f"{self.item_id}-before.png"
        row |= {"prompt": self.prompt, "prompt_id": self.item_id}
        if generator:
            row["generator"] = generator
        row |= {"predicate": self.predicate, "sub_domain": self.sub_domain, "variant": self.variant}
        if self.source_prompt is not None:
            row["source_prompt"] = self.source_prompt
        return row | {
            "objects": ", ".join(self.objects),
            "paraphrase": str(self.paraphrase),
            "prompts_version": str(self.version),
        }


def prompts(task: Task, *, paraphrase: int = 0, seed: int = 0, version: int = LATEST) -> list[Prompt]:
    """Return the 1,800 prompts of a task: 9 sub-domains × 4 variants × 50 object categories.

    The seed draws which categories ask about each variant and how they are paired; paraphrases of one prompt
    share item id, objects and predicate. The same arguments give the same prompts on every machine. Version 1 stays as
    it was, for studies made with it; version 2 asks for what fits into a picture taken at 50°, for distances that leave
    the objects apart, and in more natural words.

    Errors: `InputError` for an unknown task, paraphrase or version.

    >>> len(prompts("t2i"))
    1800
    """
    if task not in get_args(Task):
        raise InputError(f"task {task!r}: expected one of {', '.join(get_args(Task))}")
    if not 0 <= paraphrase < PARAPHRASES:
        raise InputError(f"paraphrase {paraphrase}: expected 0 to {PARAPHRASES - 1}")
    if version not in RULES:
        raise InputError(f"version {version}: expected one of {', '.join(map(str, RULES))}")
    return [
        _prompt(
            task,
            sub_domain,
            table=table,
            variant=variant,
            objects=objects,
            paraphrase=paraphrase,
            version=version,
        )
        for sub_domain, table in sub_domains(task)
        for variant in table["variants"]
        for objects in _draw(f"{seed} {task} {sub_domain} {variant}", table, sub_domain, variant, version)
    ]


def _prompt(
    task: Task,
    sub_domain: str,
    *,
    table: Mapping[str, Any],
    variant: str,
    objects: tuple[ObjectClass, ...],
    paraphrase: int,
    version: int,
) -> Prompt:
    names = [c.name for c in objects]
    return Prompt(
        item_id=f"{task}-{sub_domain}-{variant}-{names[0]}".replace(" ", "_"),
        task=task,
        sub_domain=sub_domain,
        variant=variant,
        prompt=_filled(table, variant, names, paraphrase, version),
        predicate=table["predicate"].format_map(_arguments(names, variant)),
        objects=tuple(names),
        paraphrase=paraphrase,
        source_prompt=_source(table, objects, version) if task == "edit" else None,
        version=version,
    )


def sub_domains(task: Task) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the benchmark's sub-domains of a task with their tables, in its order."""
    for predicate in built_in().values():
        table: Any = words_of(predicate).get("prompts", {})
        if task in table:
            yield table[task].get("sub_domain", predicate.name), table[task]


def instruction(predicate: str, task: str, variant: str, names: Sequence[str], paraphrase: int = 0) -> str:
    """Return what a generator is asked for, in words, given a predicate's name and what its objects are called.

    >>> instruction("allocentric", "t2i", "left", ["armchair", "red ball"])
    'A photo of an armchair with a red ball at its own left side.'
    """
    table: Any = words_of(predicate_named(predicate)).get("prompts", {})
    if task not in table:
        raise InputError(
            f"predicate {predicate!r} has no prompts for {task}: {predicate}.toml needs [prompts.{task}]"
        )
    return _filled(table[task], variant, names, paraphrase, 1)


def own_prompt(task: Task, sub_domain: str, variant: str, names: Sequence[str], item_id: str) -> Prompt:
    """Return a prompt of one's own about any objects, asked and measured as the benchmark's are.

    Errors: `InputError` for an unknown sub-domain or variant, and for too few names.

    >>> own_prompt("t2i", "egocentric", "closer", ["man", "cat"], "own-1").predicate
    'egocentric(man, cat, relation=closer)'
    """
    table = dict(sub_domains(task)).get(sub_domain)
    if table is None or variant not in table["variants"]:
        raise InputError(f"{item_id}: {task} has no {sub_domain}, {variant}")
    if len(names) < table["objects"]:
        raise InputError(
            f"{item_id}: {sub_domain} needs {table['objects']} objects, not {', '.join(names) or 'none'}"
        )
    return Prompt(
        item_id=item_id,
        task=task,
        sub_domain=sub_domain,
        variant=variant,
        prompt=_filled(table, variant, names, 0, LATEST),
        predicate=table["predicate"].format_map(_arguments(names, variant)),
        objects=tuple(names),
        paraphrase=0,
    )


def _filled(
    table: Mapping[str, Any], variant: str, names: Sequence[str], paraphrase: int, version: int
) -> str:
    wording, fields = table["paraphrases"][paraphrase], _fields(names)
    for later in range(2, version + 1):
        wording = wording | table.get(f"version_{later}", {}).get(str(paraphrase), {})
    phrase = wording.get(variant, "").format_map(fields)
    return sentence(wording["template"].format_map(fields | {"phrase": phrase}))


def _source(table: Mapping[str, Any], objects: tuple[ObjectClass, ...], version: int) -> str:
    first, *others = objects
    scene = next(s for s in first.scenes if all(s in other.scenes for other in others))
    places = load_table("scenes")
    place = places.get(f"version_{version}", {}).get(scene, places[scene])
    fields = {"place": place, "source_distance": str(source_distance_m(first, RULES[version]))}
    return sentence(table["source"].format_map(_fields([c.name for c in objects]) | fields))


def _fields(names: Sequence[str]) -> dict[str, str]:
    """Return what templates may say of the objects."""
    the = [f"the {name}" for name in names]
    twins = len(names) == 2 and names[0] == names[1]
    everyone = f"two {plural(names[0])}" if twins else _enumerate([indefinite(name) for name in names])
    return {
        **dict(zip("abc", map(indefinite, names), strict=False)),
        **{f"the_{role}": name for role, name in zip("abc", the, strict=False)},
        "pair": everyone,
        "group": everyone,
        "the_group": _enumerate(the),
    }


def _enumerate(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _ids(names: Sequence[str]) -> tuple[str, ...]:
    """What predicates call the objects: their names; the second of two of one kind is numbered."""
    return tuple(name if name not in names[:i] else f"{name}_2" for i, name in enumerate(names))


def _arguments(names: Sequence[str], variant: str) -> dict[str, str]:
    """Return what predicates may name: the objects, the variant, and the wanted size."""
    ids = _ids(names)
    arguments = dict(zip("abc", ids, strict=False)) | {"variant": variant, "all": ", ".join(ids)}
    if variant in SIZE_TARGETS:
        target = f"{'ratio' if variant == 'bigger' else 'value_m'}={SIZE_TARGETS[variant]}"
        known = categories().get(names[0])
        along = variant in {"longer", "wider"} and known is not None and known.length_axis == "right"
        arguments["target"] = f"{target}, length_axis=right" if along else target
    return arguments


def _draw(
    key: str, table: Mapping[str, Any], sub_domain: str, variant: str, version: int
) -> list[tuple[ObjectClass, ...]]:
    """Draw the 50 subjects of a variant, in the table's order, each with the partners it needs."""
    rng, rules = random.Random(key), RULES[version]
    fronts = table.get("needs_front")
    possible: dict[str, list[ObjectClass]] = {}
    for subject in _named(version):
        if fronts and not subject.has_front:
            continue
        if table["objects"] == 1:
            partners = [subject] if _feasible(table, variant, subject, subject, rules) else []
        else:
            partners = [
                p
                for p in _companions(version)[subject.name]
                if (p.has_front or fronts != "both") and _feasible(table, variant, subject, p, rules)
            ]
        if partners:
            possible[subject.name] = partners
    if len(possible) < PER_VARIANT:
        raise ValueError(f"{sub_domain}, {variant}: only {len(possible)} categories can be asked about")
    chosen = set(rng.sample(list(possible), PER_VARIANT))
    used: Counter[str] = Counter()
    drawn: list[tuple[ObjectClass, ...]] = []
    for name, partners in possible.items():
        if name not in chosen:
            continue
        subject = categories()[name]
        twins = table.get("symmetric") and _feasible(table, variant, subject, subject, rules)
        if table["objects"] == 1:
            drawn.append((subject,))
        elif twins and rng.random() < _TWINS:
            drawn.append((subject, subject))
        else:
            count = 1 if table["objects"] == 2 or len(drawn) % 2 else 2
            drawn.append((subject, *_pick_partners(rng, partners, used, count, rules)))
    return drawn


def _named(version: int) -> list[ObjectClass]:
    """Return the categories that a version of the prompts names."""
    return [category for category in categories().values() if category.since <= version]


@cache
def _companions(version: int) -> Mapping[str, list[ObjectClass]]:
    """Return, for each category, the others that fit into one picture with it."""
    everyone, rules = _named(version), RULES[version]
    return {a.name: [b for b in everyone if b is not a and pair_fits(a, b, rules)] for a in everyone}


def _pick_partners(
    rng: random.Random, possible: list[ObjectClass], used: Counter[str], count: int, rules: Rules
) -> list[ObjectClass]:
    """Return the partners used least so far, ties broken at random; all share a scene with each other."""
    picked: list[ObjectClass] = []
    for _ in range(count):
        left = [p for p in possible if p not in picked and all(pair_fits(p, q, rules) for q in picked)]
        if left:
            picked.append(min(left, key=lambda p: (used[p.name], rng.random())))
            used[picked[-1].name] += 1
    return picked


def _feasible(table: Mapping[str, Any], variant: str, a: ObjectClass, b: ObjectClass, rules: Rules) -> bool:
    """Whether ordinary objects `a` and, where the sub-domain has two, `b` can satisfy the variant."""
    match table.get("sizes"):
        case "separation":
            return separation_is_possible(a, b, float(variant), rules)
        case "view":
            return fits_in_view(a, float(variant), rules)
        case "difference":
            return size_can_differ(a, b, variant)
        case "growth":
            return growth_is_plausible(a, variant) and a.largest >= rules.smallest_m
        case _:
            return min(a.largest, b.largest) >= rules.smallest_m
