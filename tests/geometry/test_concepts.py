"""The explanatory drawings show what the predicates mean, and say it in words."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest

from genspace.errors import InputError
from genspace.geometry.benchmark import prompts
from genspace.geometry.drawing.concepts import concept_svg
from genspace.geometry.predicates import bind, built_in, calls_of, people

SVG = "{http://www.w3.org/2000/svg}"
EVERY = [call for predicate in built_in().values() for call in calls_of(predicate)]


@pytest.mark.parametrize("call", EVERY)
def test_each_is_whole_svg_with_a_title_and_a_description(call):
    root = ET.fromstring(concept_svg(call))
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby").split() == [title.get("id"), about.get("id")]
    assert title.text
    assert about.text.endswith(".")


def test_titles_tell_the_drawings_apart():
    titles = {concept_svg(call).split("</title>")[0].split(">")[-1] for call in EVERY}
    assert len(titles) == len(EVERY)


def test_every_prompt_of_the_benchmark_is_drawn_like_its_variant():
    drawn = {concept_svg(call) for call in EVERY}
    drawn.add(concept_svg("resize(A, dimension=wider, value_m=0.3)"))  # the released code checks 0.4 m
    for task in ("t2i", "edit"):
        for prompt in prompts(task):
            axis = ", length_axis=right"
            assert concept_svg(prompt.predicate.replace(axis, "")) in drawn, prompt.predicate


def test_the_wanted_quantity_stands_in_the_drawing():
    for predicate in ("resize(cow, dimension=wider, value_m=0.7)", "object_distance(cow, hen, value_m=0.7)"):
        assert ">70 cm<" in concept_svg(predicate)
    german = concept_svg("object_size(cow, hen, dimension=bigger, ratio=1.5)", people("de"))
    assert ">1,5-mal das Volumen<" in german
    gap = concept_svg("object_distance(cow, hen, value_m=1.50, measure=gap)")
    assert "1.5 m apart, measured between their nearest sides" in gap
    assert gap != concept_svg("object_distance(cow, hen, value_m=1.50)")


def wedge_deg(call: str) -> float:
    """Half the angle of the wedge, from the two ends of its arc."""
    x, y, x0, y0, _, _, x1, y1 = map(
        float,
        re.findall(r"[-\d.]+", re.search(r'<path d="([^"]+)"', concept_svg(call))[1].replace(" 0 0 1 ", " ")),
    )
    return (
        math.degrees(math.acos(((x0 - x) * (x1 - x) + (y0 - y) * (y1 - y)) / math.hypot(x0 - x, y0 - y) ** 2))
        / 2
    )


def test_the_wedge_is_as_wide_as_the_judge_s_tolerance():
    assert wedge_deg("allocentric(A, B, relation=front)") == pytest.approx(15, abs=0.1)
    assert wedge_deg("allocentric(A, B, relation=left)") == pytest.approx(30, abs=0.1)
    assert wedge_deg("camera_pose(A, view=left, inner=10)") == pytest.approx(10, abs=0.1)


def bearing_deg(a, x, z):
    """Bearing in a's own frame: clockwise from its front, seen from above."""
    return (math.degrees(math.atan2(x - a.x, z - a.z)) - a.heading + 180) % 360 - 180


@pytest.mark.parametrize(("variant", "wanted"), [("front", 0), ("back", 180), ("left", -90), ("right", 90)])
def test_what_is_drawn_is_what_is_meant(variant, wanted):
    def drawn(call):
        bound = bind(call)
        return bound.predicate.drawing(bound)

    allocentric = drawn(f"allocentric(A, B, relation={variant})")
    a, b = allocentric.figures
    assert abs(bearing_deg(a, b.x, b.z)) == pytest.approx(abs(wanted))
    assert math.sin(math.radians(bearing_deg(a, b.x, b.z) - wanted)) == pytest.approx(0, abs=1e-9)
    for family in ("camera_pose(A", "object_pose(A", "keep_relation(A, B"):
        concept = drawn(f"{family}, view={variant})")
        x, z, _ = concept.camera
        seen = bearing_deg(concept.figures[0], x, z)
        assert math.cos(math.radians(seen - wanted)) == pytest.approx(1)
    pair = drawn(f"complex_pose(A, B, view={variant})")
    x, z, _ = pair.camera
    middle = pair.figures[0].__class__("M", 0, 0, pair.figures[0].heading)
    assert math.cos(math.radians(bearing_deg(middle, x, z) - wanted)) == pytest.approx(1)
    one, other = pair.figures
    assert abs(bearing_deg(one, other.x, other.z)) == pytest.approx(90)


def test_nothing_leaves_the_page():
    for call in EVERY:
        for circle in ET.fromstring(concept_svg(call)).iter(f"{SVG}circle"):
            x, y, r = (float(circle.get(k)) for k in ("cx", "cy", "r"))
            assert r <= x <= 320 - r
            assert r <= y <= 240 - r


def test_unknown_names_are_answered_with_the_closest():
    with pytest.raises(InputError, match="did you mean 'allocentric'"):
        concept_svg("alocentric(A, B, relation=left)")
    with pytest.raises(InputError, match="did you mean 'left'"):
        concept_svg("allocentric(A, B, relation=lefft)")
