"""What every predicate can do, a plugin's as genspace's own: parsed, bound, asked, drawn, probed, judged, in every language.

One set of tests runs over all of them; a predicate that is added is tested by being there.
"""

from __future__ import annotations

import re
from functools import cache
from xml.etree import ElementTree as ET

import pytest

from genspace.errors import InputError
from genspace.geometry.drawing.concepts import concept_svg
from genspace.geometry.evaluate import evaluate
from genspace.geometry.predicates import (
    LANGUAGES,
    REGISTRY,
    bind,
    calls_of,
    parse_call,
    people,
    predicate_named,
    words_of,
)
from genspace.geometry.probes.sampler import sample_probe
from genspace.geometry.probes.truth import cast, scene_record
from genspace.geometry.profiles import CORRECTED, REFERENCE
from genspace.geometry.scene import Pair
from genspace.human_study.questions import plain_question
from genspace.human_study.texts import load_texts
from genspace.judges.prompts import Wordings, meaning_of
from genspace.records import Item

EVERY = [*sorted(REGISTRY.builtin), "between"]
NOUNS = ("cat", "park_bench", "the big, red cow")
"""What the objects are called in the calls: as people call them, the last with an article and a comma."""
SPOKEN = ("cat", "park bench", "big, red cow")


def calls(name: str) -> list[str]:
    """A call of every variant with real names."""
    found = []
    for text in calls_of(predicate_named(name)):
        call = parse_call(text)
        names = [f'"{noun}"' if "," in noun else noun for noun in NOUNS[: len(call.arguments)]]
        rest = [
            f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in call.parameters.items()
        ]
        found.append(f"{name}({', '.join([*names, *rest])})")
    return found


@pytest.fixture(params=EVERY)
def name(request) -> str:
    return request.param


def test_it_is_parsed_and_bound(name):
    for text in calls(name):
        bound = bind(text)
        assert bound.predicate.name == name
        assert bound.ids == NOUNS[: len(bound.ids)]
        assert bound.names == SPOKEN[: len(bound.ids)]
        by_role = [f'{role}="{noun}"' for role, noun in zip(bound.predicate.roles, bound.ids, strict=False)]
        rest = [f"{key}={value}" for key, value in parse_call(text).parameters.items()]
        again = bind(f"{name}({', '.join([*reversed(rest), *reversed(by_role)])})")
        assert (again.ids, again.settings) == (bound.ids, bound.settings)
        assert str(bound) != text, "it has words for records"


def test_it_has_limits_that_the_call_may_change(name):
    for text in calls(name):
        bound = bind(text)
        for inner, outer in bound.limits().values():
            assert 0 <= inner < outer
        first, *others = bound.limits()
        changed = bind(text.removesuffix(")") + ", inner=0.01, outer=0.02)").limits()
        assert changed[first] == (0.01, 0.02)
        assert {key: changed[key] for key in others} == {key: bound.limits()[key] for key in others}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("protocol", ["binary", "likert", "pairwise"])
def test_people_are_asked_in_words_of_its_own(name, language, protocol):
    texts = load_texts((language,), {}, None)[language]
    standard = str(plain_question(Item(item_id="i"), texts, protocol=protocol))
    asked = set()
    for text in calls(name):
        for before in (None, "before.png"):
            item = Item(item_id="i", predicate=text, image_before=before)
            question = str(plain_question(item, texts, protocol=protocol))
            assert question != standard
            assert not question[0].islower()  # Arabic has one case
            assert not re.search(r"[{}_]|  |the the|\.\.|“the", question), question
            assert "?" in question or "؟" in question
            for noun in SPOKEN[: len(bind(text).ids)]:
                assert noun in question, question
            asked.add(question)
    variants = len(calls(name))
    assert len(asked) == (variants if predicate_named(name).compares else 2 * variants), (
        "each is told apart, edits too"
    )


def test_models_are_asked_in_words_of_its_own(name):
    told = set()
    for text in calls(name):
        item = Item(
            item_id="i",
            predicate=text,
            prompt="a prompt",
            image_before="b.png" if bind(text).predicate.compares else None,
        )
        meaning = meaning_of(item)
        shown = Wordings("yes-no").render("yes-no", Wordings("yes-no").variables(item))
        for noun in SPOKEN[: len(bind(text).ids)]:
            assert f"“{noun}”" in meaning.statement
            assert noun not in re.sub("“[^”]*”", "", shown), "names stand in quotation marks, always"
            assert any(q.kind == "presence" and f"“{noun}”" in q.text for q in meaning.questions)
        assert not re.search(r"[{}_]|  |the “the", f"{shown} {[q.text for q in meaning.questions]}"), shown
        told.add(meaning.statement)
    assert len(told) == len(calls(name))


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_drawn_and_says_in_words_what_the_drawing_shows(name, language):
    for text in calls(name):
        svg = ET.fromstring(concept_svg(text, people(language)))
        title, about = (svg.find(f"{{http://www.w3.org/2000/svg}}{tag}").text for tag in ("title", "desc"))
        assert "A" in title
        assert about.endswith(".")
        assert not re.search(r"[{}]", "".join(svg.itertext()))
        for circle in svg.iter("{http://www.w3.org/2000/svg}circle"):
            x, y, r = (float(circle.get(key)) for key in ("cx", "cy", "r"))
            assert r <= x <= 320 - r
            assert r <= y <= 240 - r


@cache
def probed(name, number):
    """A probe of one plan of a predicate, and the scene or pair that it shows."""
    probe = sample_probe(predicate_named(name).probes[number], 0, 4, size=96, seed=3)
    after = scene_record(probe.scene, cast(probe.scene), image=None, depth=None, depth_scale=0.001)
    if probe.before is None:
        return probe, after
    before = scene_record(probe.before, cast(probe.before), image=None, depth=None, depth_scale=0.001)
    return probe, Pair(before=before, after=after, depth_scale=1.0, yaw_deg=0.0)


@pytest.mark.parametrize("profile", [CORRECTED, REFERENCE], ids=lambda profile: profile.name)
def test_it_is_probed_and_judged_by_both_profiles(name, profile):
    """The truth of a probe comes from how it was built; the corrected rule measures it. The released one may abstain."""
    predicate = predicate_named(name)
    assert {plan.predicate for plan in predicate.probes} == {name}
    shown = {plan.variant for plan in predicate.probes}
    assert shown >= set(predicate.variants) - {""}, "every variant is probed"
    for number in range(len(predicate.probes)):
        probe, scene = probed(name, number)
        outcome = evaluate(scene, probe.predicate, profile)
        if profile is CORRECTED:
            assert outcome.passed == probe.truth, (probe.predicate, outcome)
        else:
            variant = bind(probe.predicate).variant
            known = variant.t2i if probe.before is None else variant.edit
            assert (outcome.score is not None) is (known is not None), outcome
        assert probe.prompt[0].isupper()
        assert all(placed.id in probe.prompt for placed in probe.scene.objects)


def test_its_words_speak_of_every_audience(name):
    words = words_of(predicate_named(name))
    assert set(words) >= {"says", "models", "people"}
    assert set(words["people"]) == set(LANGUAGES)


def test_a_predicate_without_words_is_named(monkeypatch):
    import genspace_between

    monkeypatch.setattr(genspace_between, "BETWEEN", genspace_between.BETWEEN.__class__(
        **{f: getattr(genspace_between.BETWEEN, f) for f in genspace_between.BETWEEN.__dataclass_fields__} | {"package": "email"}
    ))  # fmt: skip
    with pytest.raises(InputError, match=r"'between' has no words: there is no between\.toml in email"):
        words_of(genspace_between.BETWEEN)
