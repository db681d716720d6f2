"""Names of objects in prompts, predicates, detectors and scene files are matched."""

from __future__ import annotations

import pytest

from genspace.errors import InputError
from genspace.geometry.perception import parse_objects, same_object, wanted_from_ids
from genspace.geometry.perception.labels import canonical


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cows", "cow"), ("buses", "bus"), ("bus", "bus"), ("glasses", "glasses"), ("glass", "glass"), ("boxes", "box"),
        ("potatoes", "potato"), ("ponies", "pony"), ("knives", "knife"), ("people", "person"), ("sheep", "sheep"), ("vases", "vase"),
        ("the cow", "cow"), ("A  Teddy-Bear", "stuffed bear"), ("an office chair", "office chair"), ("3 wine glasses", "wine glasses"),
        ("sofa", "couch"), ("sofas", "couch"), ("television set", "tv"), ("bikes", "bicycle"), ("tennis_racket", "tennis racket"),
        ("benches", "bench"), ("horses", "horse"), ("octopus", "octopus"), ("two", "two"), ("", ""),
        ("rhinoceros", "rhinoceros"), ("chest of drawers", "chest of drawers"), ("two chests of drawers", "chest of drawers"),
    ],
)  # fmt: skip
def test_canonical_names(name: str, expected: str) -> None:
    assert canonical(name) == expected
    assert canonical(expected) == expected or name == ""


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("two cows", "cow", True), ("couch", "The Sofa", True), ("red car", "car", True), ("car", "cart", False),
        ("hot dog", "dog", False), ("teddy bear", "bear", False), ("chair", "table", False), ("", "", False), ("car", "red car", True),
        ("carpet", "pet", False), ("aeroplane", "plane", True),
    ],
)  # fmt: skip
def test_same_object(a: str, b: str, same: bool) -> None:
    assert same_object(a, b) is same
    assert same_object(b, a) is same


def test_objects_as_people_list_them() -> None:
    assert [(w.id, w.label) for w in parse_objects("two cups, the sofa, a cup")] == [
        ("cup", "cup"), ("cup_2", "cup"), ("cup_3", "cup"), ("sofa", "sofa"),
    ]  # fmt: skip
    with pytest.raises(InputError, match="name what to look for"):
        parse_objects(" , ")


def test_predicate_names_keep_their_ids() -> None:
    wanted = wanted_from_ids(["chair", "chair_2", "chair#3", "wine_glass", "chair", "boeing 747", "r2d2"])
    assert [(w.id, w.label, w.number) for w in wanted] == [
        ("chair", "chair", 1), ("chair_2", "chair", 2), ("chair#3", "chair", 3), ("wine_glass", "wine glass", 1),
        ("boeing 747", "boeing 747", 1), ("r2d2", "r2d2", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("ids", [["horse", "horse_1"], ["sofa", "couch"], ["cup_2", "mug", "cup 2"]])
def test_two_names_of_one_object_are_refused(ids: list[str]) -> None:
    with pytest.raises(InputError, match=r"both mean the (second )?best .* detected"):
        wanted_from_ids(ids)


def test_detectors_are_asked_the_words_of_the_prompts() -> None:
    """Of all 3,600 prompts: what is looked for is called what the prompt calls it."""
    from genspace.geometry.benchmark import prompts
    from genspace.geometry.predicates import bind

    asked = 0
    for task in ("t2i", "edit"):
        for prompt in prompts(task):
            labels = [w.label for w in wanted_from_ids(bind(prompt.predicate).ids)]
            assert sorted(labels) == sorted(prompt.objects), prompt.predicate
            asked += 1
    assert asked == 3600
    assert [w.label for w in wanted_from_ids(["rhinoceros", "chest of drawers", "teddy bear", "sofa", "television"])] == [
        "rhinoceros", "chest of drawers", "teddy bear", "sofa", "television",
    ]  # fmt: skip
