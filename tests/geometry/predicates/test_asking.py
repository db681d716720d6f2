"""What is read is what is judged: calls in every form, tolerances in words, and things that words cannot tell apart."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from genspace.errors import InputError
from genspace.geometry.benchmark import prompts
from genspace.geometry.evaluate import evaluate
from genspace.geometry.perception.labels import plural
from genspace.geometry.predicates import Untold, bind, noun_of, people
from genspace.geometry.profiles import CORRECTED, Profile, Tolerances
from genspace.geometry.scene_files import parse_document
from genspace.human_study.design import Design
from genspace.human_study.design._tables import Gold
from genspace.human_study.material import load_material
from genspace.judges.prompts import meaning_of
from genspace.records import Item

EN = people("en")


def asked(call: str) -> tuple[str | None, str | None]:
    bound = bind(call)
    return EN.tell(bound, "question", edit="new" in bound.settings), EN.tell(bound, "note")


@pytest.mark.parametrize(
    ("call", "question", "note"),
    [
        # the tolerance is no distance: 0.8 m ± 10 %
        (
            "object_distance(cat, chair, value_m=0.8, inner=0.1)",
            "Are the cat and the chair about 80 cm apart, measured between their centres?",
            "Anything from 72 cm to 88 cm counts.",
        ),
        # nor a ratio: 1.2 e^0.3 = 1.62, 1.2 e^-0.3 = 0.89
        (
            "object_size(cat, dog, dimension=bigger, ratio=1.2, inner=0.3)",
            "Is the cat about 1.2 times as large in volume as the dog?",
            "Volume is that of the box around it: length × height × width. Anything from 0.89 to 1.62 times counts.",
        ),
        (
            "object_distance(cat, chair, value_m=1, measure=gap)",
            "Are the cat and the chair about 1 m apart, measured between their nearest sides?",
            "Anything from 67 cm to 1.33 m counts.",
        ),
        (
            "allocentric(reference=cow, other=chair, relation=left)",
            "From the point of view of the cow, is the chair directly to its left?",
            "“Directly” means no more than 30° off to either side; higher or lower, up to 45° is fine.",
        ),
        (
            'camera_pose("red cow", view=front)',
            "Do we look at the red cow directly from the front?",
            "“Directly” means no more than 15° off to either side; from above or below, up to 45° is fine.",
        ),
        (
            'egocentric("the big, red cat", horse_2, relation=left, inner=2)',
            "From where we look, is the big, red cat to the left of the horse?",
            "Compare their middles; up to 2° on the wrong side still counts.",
        ),
        (
            "object_size(cow, hen, dimension=longer, value_m=0.5, length_axis=right)",
            "Is the cow about 50 cm longer than the hen?",
            "Length is measured from its left side to its right side. Anything from 33 cm to 67 cm counts.",
        ),
    ],
)
def test_every_form_of_a_call_is_asked_as_it_is_judged(call, question, note):
    assert asked(call) == (question, note)


def test_what_the_words_allow_is_what_the_profile_passes():
    """The tolerance is said from the profile that judges; a stricter one says less."""
    strict = Profile(name="strict", tolerances=Tolerances(metric=(0.2, 0.5)))
    bound = bind("camera_distance(cow, value_m=2)")
    assert EN.tell(bound, "note", tolerances=strict.tolerances) == "Anything from 1.6 m to 2.4 m counts."
    for distance, passes, passes_strictly in (
        (1.59, True, False),
        (1.61, True, True),
        (2.39, True, True),
        (2.7, False, False),
    ):
        scene = parse_document(
            {
                "format": "genspace-scene/1", "width": 640, "height": 480, "camera": {"pitch_deg": 0, "roll_deg": 0},
                "objects": [{"id": "cow", "centre": [0, 0, distance]}],
            }
        )  # fmt: skip
        assert evaluate(scene, bound, CORRECTED).passed is passes
        assert evaluate(scene, bound, strict).passed is passes_strictly


def test_one_tolerance_beyond_the_default_of_the_other_makes_a_step():
    bound = bind(
        "object_size(cat, dog, dimension=bigger, ratio=1.2, inner=0.3)"
    )  # the default ends at ln 1.2 = 0.18
    assert bound.limits() == {"size": (0.3, 0.3)}
    assert bind("object_distance(a, b, value_m=1, outer=0.1)").limits() == {"distance": (0.1, 0.1)}
    with pytest.raises(InputError, match="inner must be below outer"):
        bind("object_distance(a, b, value_m=1, inner=0.3, outer=0.2)")


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("horse_2", "horse"), ("horse_1", "horse"), ("horse #2", "horse"), ("horse 2", "horse"), ("the horse", "horse"),
        ("park_bench", "park bench"), ("“the red cow”", "red cow"), ("A the cat", "cat"), ("Boeing 747", "Boeing 747"),
        ("an", "an"), ("theatre", "theatre"), ("42", "42"),
    ],
)  # fmt: skip
def test_names_are_what_people_say(name, noun):
    assert noun_of(name) == noun


@pytest.mark.parametrize(
    ("call", "question"),
    [
        ("intrinsic(horse, horse_2, relation=face_to_face)", "Do the two horses face each other?"),
        ("object_distance(wolf_1, wolf_2, value_m=1)", "Are the two wolves about 1 m apart, measured between their centres?"),
        ("keep_relation(cow, hen_1, hen_2, view=front)", "with the two hens in the same direction from it as before?"),
        ("object_size(cow, cow_2, dimension=taller, value_m=0.2)", "Of the two cows, is one about 20 cm taller than the other?"),
        ("intrinsic(hen, hen_2, relation=back_to_back, new=hen_2)", "Has one of the two hens been added"),
    ],
)  # fmt: skip
def test_two_of_a_kind_are_spoken_of_together(call, question):
    assert question in str(asked(call)[0])


@pytest.mark.parametrize(
    "call",
    [
        "allocentric(horse, horse_2, relation=left)",
        "egocentric(horse, horse_2, relation=closer)",
        "object_size(cow, cow_2, dimension=taller, value_m=0.2, either_order=no)",
        "keep_relation(hen, hen_2, view=front)",
    ],
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_two_of_a_kind_that_must_be_told_apart_are_not_asked_about(call, language):
    with pytest.raises(Untold, match=r"words cannot say which (horse|cow|hen) is meant"):
        people(language).tell(bind(call), "question")


def study(folder: Path, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "items.csv").write_text(
        "item_id,image,image_before,prompt,predicate\n" + "".join(f"{r}\n" for r in rows)
    )
    return folder


TWINS = 'twins,t.png,,two horses,"allocentric(horse, horse_2, relation=left)"'
COW = 'cow,c.png,,a cow,"camera_pose(cow, view=left)"'


def test_check_says_what_is_not_asked_and_what_asks_too_much(tmp_path, genspace):
    added = 'added,a.png,,a hen,"egocentric(hen, cow, relation=left, new=hen)"'
    found = json.loads(genspace("check", study(tmp_path / "s", COW, TWINS, added), "--json").out)
    (problem,) = found["problems"]
    assert "line 4: predicate" in problem
    assert "new names an object that an edit added, but the item has no image_before" in problem
    (reading,) = [reading for reading in found["readings"] if reading["code"] == "not_asked"]
    said = "neither people nor models are asked about 1 item: line 3, words cannot say which horse is meant"
    assert reading["sentence"].startswith(said)


def test_people_are_not_asked_what_words_cannot_say(tmp_path):
    root = study(tmp_path / "s", COW, TWINS)
    assert [unit.key[0] for unit in load_material(root, Design()).units] == ["cow"]
    both = load_material(root, Design(question="Is the upper horse on the left of the lower one?"))
    assert [unit.key[0] for unit in both.units] == ["cow", "twins"], (
        "a study's own question is its own affair"
    )
    with pytest.raises(InputError, match="no item can be asked about"):
        load_material(study(tmp_path / "t", TWINS), Design())
    (root / "gold.csv").write_text("item_id,value\ntwins,yes\n")
    with pytest.raises(InputError, match=r"gold.csv: 'twins' cannot be asked about: .*which horse is meant"):
        load_material(root, Design(gold=Gold(file="gold.csv")))


def test_new_names_one_of_the_objects_of_a_predicate_about_one_image():
    assert bind("allocentric(cow, hen, relation=left, new=hen)").settings["new"] == "hen"
    with pytest.raises(InputError, match="'dog' is none of its objects"):
        bind("allocentric(cow, hen, relation=left, new=dog)")
    with pytest.raises(InputError, match="it compares two images of the same things"):
        bind("move_object(cow, direction=left, value_m=1, new=cow)")


def test_the_command_hides_the_prompt(tmp_path, genspace):
    from PIL import Image

    root = study(tmp_path / "s", COW)
    (root / "images").mkdir()
    Image.new("RGB", (8, 8)).save(root / "images" / "c.png")
    command = (
        "judge",
        root,
        "--judge",
        "vlm:m",
        "-o",
        "base_url=http://127.0.0.1:9/v1",
        "--dry-run",
        "--show",
    )
    assert "“a cow”" in genspace(*command).out
    hidden = genspace(*command, "--without-prompt")
    assert hidden.code == 0
    assert "“a cow”" not in hidden.out
    assert "the camera looks at the “cow” directly from its own left side" in hidden.out
    refused = genspace("judge", root, "--judge", "scene", "--without-prompt")
    assert (refused.code, "without_prompt" in refused.err) == (2, True)


@pytest.mark.parametrize("task", ["t2i", "edit"])
def test_every_prompt_of_the_benchmark_is_asked_about_by_name(task):
    """No id (106 of the text-to-image prompts name two of a kind, as horse and horse_2), no article twice."""
    twins = 0
    for prompt in prompts(task, version=1):
        item = Item(item_id="i", predicate=prompt.predicate, image_before="b.png" if task == "edit" else None)
        bound = bind(prompt.predicate)
        meaning = meaning_of(item)
        told = [
            EN.tell(bound, "question", edit=task == "edit"),
            meaning.statement,
            *(question.text for question in meaning.questions),
        ]
        assert not re.search(r"_\d|the the|[{}]", " ".join(told)), told
        twins += bool(bound.alike)
        if bound.alike:
            assert f"the two {plural(bound.names[0])}" in told[0]
        assert ("new" in bound.settings) is ("image 1" in meaning.statement and not bound.predicate.compares)
    assert twins == {"t2i": 106, "edit": 0}[task]
