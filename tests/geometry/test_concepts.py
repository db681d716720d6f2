"""The explanatory drawings show what the predicates mean, and say it in words."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest

from genspace.errors import InputError
from genspace.geometry.benchmark import prompts
from genspace.geometry.drawing.concepts import CONCEPTS, WORDS, concept_of, concept_svg

SVG = "{http://www.w3.org/2000/svg}"
EVERY = [(family, variant) for family, (_, variants) in CONCEPTS.items() for variant in variants]


@pytest.mark.parametrize(("family", "variant"), EVERY)
def test_each_is_whole_svg_with_a_title_and_a_description(family, variant):
    root = ET.fromstring(concept_svg(family, variant))
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby").split() == [title.get("id"), about.get("id")]
    assert title.text
    assert about.text.endswith(".")


def test_titles_tell_the_drawings_apart():
    titles = {concept_svg(f, v).split("</title>")[0].split(">")[-1] for f, v in EVERY}
    same_view = 4  # camera_pose and object_pose word one view in two ways
    assert len(titles) == len(EVERY) - same_view


def test_every_prompt_of_the_benchmark_has_a_drawing():
    for task in ("t2i", "edit"):
        for prompt in prompts(task):
            family, variant, amount = concept_of(prompt.predicate)
            assert (family, variant) in EVERY, prompt.predicate
            assert concept_svg(family, variant, amount) == concept_svg(family, variant), prompt.predicate


def test_the_wanted_quantity_and_the_words_stand_in_the_drawing():
    for predicate in ("resize(cow, dimension=wider, value_m=0.7)", "object_distance(cow, hen, value_m=0.7)"):
        assert "70 cm" in concept_svg(*concept_of(predicate))
    german = concept_svg("object_size", "bigger", "1,5", WORDS | {"volume": "{amount}-mal so groß"})
    assert "1,5-mal so groß" in german
    for family, variant in EVERY:
        text = "".join(ET.fromstring(concept_svg(family, variant)).itertext())
        assert "{" not in text


@pytest.mark.parametrize(
    ("predicate", "drawing"),
    [
        ("allocentric(cow, potted palm, relation=left)", ("allocentric", "left", None)),
        ("object_pose(cow, view=back)", ("object_pose", "back", None)),
        ("keep_relation(cow, horse, hen, view=left)", ("keep_relation", "left", None)),
        ("resize(cow, value_m=0.3, dimension=wider)", ("resize", "wider", "30 cm")),
        ("object_distance(cow, horse, value_m=1.50)", ("object_distance", "1.5", "1.5 m")),
        ("image_relation(cow, horse, relation=above)", ("image_relation", "above", None)),
        ("object_distance(cow, horse, value_m=0.8)", ("object_distance", "0.8", "80 cm")),
        ("object_size(cow, hen, dimension=bigger, ratio=1.50)", ("object_size", "bigger", "1.5")),
        ("object_distance(cow, horse)", None),
        ("levitates(cow)", None),
        ("left of", None),
    ],
)
def test_a_predicate_finds_its_drawing(predicate, drawing):
    assert concept_of(predicate) == drawing


def bearing_deg(a, x, z):
    """Bearing in a's own frame: clockwise from its front, seen from above."""
    return (math.degrees(math.atan2(x - a.x, z - a.z)) - a.heading + 180) % 360 - 180


@pytest.mark.parametrize(("variant", "wanted"), [("front", 0), ("back", 180), ("left", -90), ("right", 90)])
def test_what_is_drawn_is_what_is_meant(variant, wanted):
    def drawn(family):
        return CONCEPTS[family][0](variant)

    allocentric = drawn("allocentric")
    a, b = allocentric.figures
    assert abs(bearing_deg(a, b.x, b.z)) == pytest.approx(abs(wanted))
    assert math.sin(math.radians(bearing_deg(a, b.x, b.z) - wanted)) == pytest.approx(0, abs=1e-9)
    for family in ("camera_pose", "object_pose", "keep_relation"):
        concept = drawn(family)
        x, z, _ = concept.camera
        seen = bearing_deg(concept.figures[0], x, z)
        assert math.cos(math.radians(seen - wanted)) == pytest.approx(1)
    pair = drawn("complex_pose")
    x, z, _ = pair.camera
    middle = pair.figures[0].__class__("M", 0, 0, pair.figures[0].heading)
    assert math.cos(math.radians(bearing_deg(middle, x, z) - wanted)) == pytest.approx(1)
    one, other = pair.figures
    assert abs(bearing_deg(one, other.x, other.z)) == pytest.approx(90)


def test_nothing_leaves_the_page():
    for family, variant in EVERY:
        for circle in ET.fromstring(concept_svg(family, variant)).iter(f"{SVG}circle"):
            x, y, r = (float(circle.get(k)) for k in ("cx", "cy", "r"))
            assert r <= x <= 320 - r
            assert r <= y <= 240 - r


def test_unknown_names_are_answered_with_the_closest():
    with pytest.raises(InputError, match="did you mean 'allocentric'"):
        concept_svg("alocentric", "left")
    with pytest.raises(InputError, match="did you mean 'left'"):
        concept_svg("allocentric", "lefft")
