"""The benchmark's prompts: how many, how they differ, and that ordinary objects can satisfy them."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import math
import re
from collections import Counter

import pytest

from genspace.errors import InputError
from genspace.geometry.benchmark import PARAPHRASES, ObjectClass, Range, categories, prompts
from genspace.geometry.benchmark._feasibility import (
    RULES,
    fits_in_view,
    growth_is_plausible,
    pair_fits,
    separation_is_possible,
    size_can_differ,
    source_distance_m,
)
from genspace.geometry.benchmark._prompts import sub_domains
from genspace.geometry.perception.labels import plural
from genspace.geometry.predicates import benchmark_variants, bind, indefinite

TASKS = ("t2i", "edit")


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    return request.param


def test_nine_sub_domains_four_variants_fifty_categories(task):
    made = prompts(task)
    counts = Counter((p.sub_domain, p.variant) for p in made)
    assert len(made) == 1800
    assert {p.sub_domain for p in made} == set(dict(sub_domains("t2i")))
    assert len(dict(sub_domains("t2i"))) == 9
    assert len(counts) == 36
    assert set(counts.values()) == {50}
    subjects = Counter((p.sub_domain, p.variant, p.objects[0]) for p in made)
    assert set(subjects.values()) == {1}


def test_item_ids_and_prompts_are_unique_and_ids_are_file_names(task):
    for paraphrase in range(PARAPHRASES):
        made = prompts(task, paraphrase=paraphrase)
        assert len({p.item_id for p in made}) == 1800
        assert len({(p.prompt, p.source_prompt) for p in made}) == 1800
        assert all(re.fullmatch(r"[a-z0-9_.-]+", p.item_id) for p in made)


def test_same_arguments_same_prompts_and_another_seed_draws_others(task):
    assert prompts(task, seed=3) == prompts(task, seed=3)
    assert {p.predicate for p in prompts(task)} != {p.predicate for p in prompts(task, seed=1)}


@pytest.mark.parametrize(
    ("version", "task", "seed", "digest"),
    # Written down once: a change of these lines changes every study that was made with that version.
    [
        (1, "t2i", 0, "ea6ab14189fdf273"), (1, "t2i", 1, "91fd040a643e461c"),
        (1, "edit", 0, "388256dff55f99e8"), (1, "edit", 1, "dc6249dd7114b623"),
        (2, "t2i", 0, "6dea16efeb97fd3d"), (2, "edit", 0, "91fc73a9251848e7"),
    ],
)  # fmt: skip
def test_every_version_stays_as_it_is_on_every_machine(version, task, seed, digest):
    found = hashlib.sha256()
    for paraphrase in range(PARAPHRASES):
        for p in prompts(task, paraphrase=paraphrase, seed=seed, version=version):
            cells = (
                p.item_id,
                p.sub_domain,
                p.variant,
                p.prompt,
                p.predicate,
                ", ".join(p.objects),
                p.source_prompt or "",
            )
            found.update("\t".join(cells).encode() + b"\n")
    assert found.hexdigest()[:16] == digest


def test_the_first_version_in_words():
    made = {p.item_id: p for p in prompts("t2i", version=1)}
    assert (
        made["t2i-camera_pose-front-horse"].prompt
        == "A photo of a horse, taken with the camera directly in front of it."
    )
    assert made["t2i-camera_distance-3-sheep"].predicate == "camera_distance(sheep, value_m=3)"
    assert len({p.source_prompt for p in prompts("edit", version=1)}) == 751


def test_the_second_version_asks_for_what_fits_into_a_picture_at_50_degrees():
    # 12 of the first version's 200 do not: the nearest side of the object fills more than 2 tan(25°) of its distance
    def unseen(version):
        made = [p for p in prompts("t2i", version=version) if p.sub_domain == "camera_distance"]
        return sum(not whole_at_50(categories()[p.objects[0]], float(p.variant)) for p in made)

    assert (unseen(1), unseen(2)) == (12, 0)


def whole_at_50(category, distance):
    front, up, right = category.extent
    views = ((front, right), (right, front))
    return any(
        max(up, across) / (distance - along / 2) <= 2 * math.tan(math.radians(25)) for across, along in views
    )


def test_the_second_version_leaves_two_thirds_of_a_distance_between_two_things():
    def tight(version):
        made = [p for p in prompts("t2i", version=version) if p.sub_domain == "object_distance"]
        widths = [
            (sum(categories()[name].narrowest for name in p.objects) / 2, float(p.variant)) for p in made
        ]
        return sum(width > distance / 3 for width, distance in widths)

    assert (tight(1), tight(2)) == (118, 0)


def test_pairs_of_the_second_version_are_of_one_place_and_of_like_size(task):
    for p in prompts(task):
        named = [categories()[name] for name in p.objects]
        for a, b in itertools.combinations(named, 2):
            assert set(a.scenes) & set(b.scenes), p
            assert max(a.largest, b.largest) <= 4 * min(a.largest, b.largest), p


def test_an_unknown_version_is_refused():
    with pytest.raises(InputError, match="version 3: expected one of 1, 2"):
        prompts("t2i", version=3)


def test_paraphrases_share_everything_but_the_words(task):
    wordings = [prompts(task, paraphrase=k) for k in range(PARAPHRASES)]
    for together in zip(*wordings, strict=True):
        assert len({p.prompt for p in together}) == PARAPHRASES
        assert len({(p.item_id, p.predicate, p.objects, p.source_prompt) for p in together}) == 1


def test_sentences_are_whole(task):
    for paraphrase in range(PARAPHRASES):
        for p in prompts(task, paraphrase=paraphrase):
            for text in filter(None, (p.prompt, p.source_prompt)):
                assert text[0].isupper(), text
                assert text.endswith("."), text
                assert not re.search(r"[{}]|  | ,|\.\.", text), text
                assert not re.search(r"\ba (?!one )[aeio]|\ban (?!upright)[^aeio]", text, re.IGNORECASE), text


def test_every_object_of_the_predicate_is_named_in_the_prompt(task):
    for p in prompts(task):
        words = f"{p.prompt} {p.source_prompt or ''}".lower()
        for name in p.objects:
            assert name in words or plural(name) in words, p


def test_relations_that_need_a_front_name_objects_with_one(task):
    for p in prompts(task):
        needs = dict(sub_domains(task))[p.sub_domain].get("needs_front")
        who = {"both": p.objects, "a": p.objects[:1], None: ()}[needs]
        assert all(categories()[name].has_front for name in who), p


def test_paired_objects_differ_unless_the_relation_is_symmetric(task):
    for p in prompts(task):
        if len(set(p.objects)) < len(p.objects):
            assert dict(sub_domains(task))[p.sub_domain]["symmetric"], p
            assert f"({p.objects[0]}, {p.objects[0]}_2, " in p.predicate
            assert f"wo {plural(p.objects[0])}" in p.prompt


def test_edits_keep_two_objects_or_three():
    counts = Counter(len(p.objects) for p in prompts("edit") if p.sub_domain == "complex_pose")
    assert set(counts) == {2, 3}
    assert min(counts.values()) >= 80


def make(length, height, width, *, axis="front", scenes=("room",)):
    return ObjectClass(
        name="thing",
        length=Range(*length),
        height=Range(*height),
        width=Range(*width),
        length_axis=axis,
        has_front=True,
        scenes=scenes,
    )


CUBE = make((0.4, 0.4), (0.4, 0.4), (0.4, 0.4))


@pytest.mark.parametrize(
    ("distance", "possible"),
    # Two cubes of 0.4 m side by side reach 0.4 m from centre to centre, which may be at most 0.9 of the
    # distance (0.444 m), and the distance at most ten times 0.4 m.
    [(0.44, False), (0.45, True), (4.0, True), (4.1, False)],
)
def test_a_separation_must_leave_room_and_not_be_a_gulf(distance, possible):
    assert separation_is_possible(CUBE, CUBE, distance) is possible


@pytest.mark.parametrize(
    ("distance", "fits"),
    # The front of the cube is at distance - 0.2 m: 0.4 <= 1.27 (d - 0.2) from d = 0.515; and 0.4 m is a
    # speck (under 0.06 of the distance) beyond 6.67 m.
    [(0.51, False), (0.52, True), (6.6, True), (6.7, False)],
)
def test_an_object_must_be_seen_whole_and_not_as_a_speck(distance, fits):
    assert fits_in_view(CUBE, distance) is fits


def test_a_long_object_may_be_seen_from_its_narrow_end():
    # 2 m long, 0.4 m across, 0.4 m high, centre 1.5 m away. Broadside it spans 2 m, and 1.27 (1.5 - 0.2) is
    # 1.65 m; end on it spans 0.4 m, and its near end is 0.5 m away, where 1.27 * 0.5 is 0.635 m.
    assert fits_in_view(make((2, 2), (0.4, 0.4), (0.4, 0.4)), 1.5)


def test_a_size_difference_must_lie_in_the_ranges():
    small = make((0.5, 0.6), (0.5, 0.6), (0.5, 0.6))
    # Heights 0.75..0.85 against 0.5..0.6: differences 0.15..0.35 hold 0.2; the other way round all are < 0.
    tall = make((0.5, 0.6), (0.75, 0.85), (0.5, 0.6))
    assert size_can_differ(tall, small, "taller")
    assert not size_can_differ(small, tall, "taller")
    # Lengths 0.9..1.0 against 0.5..0.6: differences 0.3..0.5 just hold 0.5, but not 0.6 against 0.5.
    assert size_can_differ(make((0.9, 1.1), (0.5, 0.6), (0.5, 0.6)), small, "longer")
    assert not size_can_differ(small, small, "longer")
    # Volumes 0.125..0.216 of the same kind: ratios 0.58..1.73 hold 1.2.
    assert size_can_differ(small, small, "bigger")
    # Lengths along different own axes are not compared.
    assert not size_can_differ(make((0.9, 1.1), (0.5, 0.6), (0.5, 0.6), axis="right"), small, "longer")


def test_growth_must_be_visible_and_not_grotesque():
    # 20 cm on 0.4 m is half as much again, on 3 m 6.7 %.
    assert growth_is_plausible(CUBE, "taller")
    assert not growth_is_plausible(make((3, 3), (3, 3), (3, 3)), "taller")
    assert not growth_is_plausible(CUBE, "longer")


def test_pairs_share_a_scene_and_a_scale():
    assert pair_fits(CUBE, make((2, 2), (2, 2), (2, 2)))
    assert not pair_fits(CUBE, make((2.1, 2.1), (2, 2), (2, 2)))
    assert not pair_fits(CUBE, make((0.4, 0.4), (0.4, 0.4), (0.4, 0.4), scenes=("farm",)))


def test_the_source_image_leaves_room_to_come_closer():
    for p in prompts("edit"):
        subject = categories()[p.objects[0]]
        assert fits_in_view(subject, source_distance_m(subject, RULES[2]) - 1, RULES[2]), subject.name


def test_every_drawn_pair_can_satisfy_its_predicate():
    for p in prompts("t2i", seed=5):
        named = [categories()[name] for name in p.objects]
        if len(named) == 2:
            assert pair_fits(*named, RULES[2]), p
        if p.sub_domain == "object_distance":
            assert separation_is_possible(*named, float(p.variant), RULES[2]), p
        if p.sub_domain == "object_size":
            assert size_can_differ(*named, p.variant), p


IRREGULAR = {
    "pony": "ponies", "sheep": "sheep", "goose": "geese", "rhinoceros": "rhinoceroses", "wolf": "wolves", "fox": "foxes",
    "deer": "deer", "moose": "moose", "lynx": "lynxes", "bus": "buses", "park bench": "park benches",
    "delivery lorry": "delivery lorries", "puppy": "puppies", "chest of drawers": "chests of drawers",
    "suit of armour": "suits of armour", "cardboard box": "cardboard boxes",
}  # fmt: skip
"""Every category whose plural is not its name with an s, looked up."""


def test_categories_have_the_right_article_and_plural():
    for name in categories():
        article = "an" if name[0] in "aeio" or name == "upright piano" else "a"
        assert indefinite(name) == f"{article} {name}"
        assert plural(name) == IRREGULAR.get(name, f"{name}s")


def test_every_predicate_parses_and_names_its_objects(task):
    for p in prompts(task):
        bound = bind(p.predicate)
        assert len(bound.ids) == len(p.objects)
        assert sorted(i.removesuffix("_2") for i in bound.ids) == sorted(p.objects)
        assert bound.predicate.compares <= (task == "edit")


def test_the_variants_are_those_of_the_predicate_table(task):
    def without_objects(call):
        bound = bind(call)
        key = bound.predicate.key
        return (
            bound.predicate.name,
            str(bound.settings.get(key)),
            len(bound.ids) if bound.predicate.optional_roles else 0,
            bound.settings.get("value_m") if key is None else 0,
        )

    wanted = {without_objects(call) for call in benchmark_variants(task)}
    assert {without_objects(p.predicate) for p in prompts(task)} == wanted


def test_wrong_arguments_are_named():
    with pytest.raises(InputError, match=r"paraphrase 3: expected 0 to 2"):
        prompts("t2i", paraphrase=3)
    with pytest.raises(InputError, match="expected one of t2i, edit"):
        prompts("video")


def test_a_range_refuses_disorder():
    with pytest.raises(ValueError, match="smallest"):
        Range(2, 1)


class TestCommand:
    def test_csv_is_an_items_table(self, genspace):
        result = genspace("prompts", "--task", "edit")
        rows = list(csv.DictReader(io.StringIO(result.out)))
        assert result.code == 0
        assert len(rows) == 1800
        assert rows[0]["image"] == f"{rows[0]['item_id']}.png"
        assert rows[0]["image_before"] == f"{rows[0]['prompt_id']}-before.png"
        assert rows[0]["predicate"].startswith("camera_pose(")

    def test_jsonl_holds_the_same_rows_as_csv(self, genspace):
        rows = list(csv.DictReader(io.StringIO(genspace("prompts", "--task", "t2i").out)))
        lines = genspace("prompts", "--task", "t2i", "--format", "jsonl").out.splitlines()
        assert [json.loads(line) for line in lines] == rows

    def test_txt_has_one_prompt_a_line_in_the_same_order(self, genspace):
        lines = genspace("prompts", "--task", "t2i", "--format", "txt", "--paraphrase", 1).out.splitlines()
        assert lines == [p.prompt for p in prompts("t2i", paraphrase=1)]

    def test_each_generator_gets_an_item_of_each_prompt(self, genspace, tmp_path):
        out = tmp_path / "study" / "items.csv"
        result = genspace("prompts", "--task", "t2i", "--generator", "a", "--generator", "b", "--out", out)
        rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
        assert (result.code, result.out, len(rows)) == (0, "", 3600)
        assert len({r["item_id"] for r in rows}) == 3600
        assert Counter(r["prompt_id"] for r in rows)["t2i-camera_pose-front-horse"] == 2

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--paraphrase", "9"], "paraphrase 9: expected 0 to 2"),
            (["--generator", "../x"], "'../x'"),
            (["--out", "/dev/null/x.csv"], "cannot be written"),
        ],
    )
    def test_mistakes_exit_2_with_one_message(self, genspace, arguments, message):
        result = genspace("prompts", "--task", "t2i", *arguments)
        assert result.code == 2
        assert message in result.err
