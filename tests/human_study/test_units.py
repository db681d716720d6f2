"""Pairs and groups are of one prompt, or the study says that they are not, and then each prompt is shown."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from math import comb
from pathlib import Path

import pytest
from small_studies import open_desk, write_study

from genspace.errors import InputError, InvalidFilesError
from genspace.human_study.design import parse_design
from genspace.human_study.drawings import drawing_of_unit
from genspace.human_study.material import load_material
from genspace.human_study.material._units import drawn_groups
from genspace.human_study.visit.progress import PlaceInVisit
from genspace.human_study.web._payload import assignment_payload

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"


def items(root: Path, *rows: str) -> Path:
    write_study(root, 1)
    names = [row.split(",")[0] for row in rows]
    for name in names:
        (root / "images" / f"{name}.png").write_bytes((root / "images" / "i0.png").read_bytes())
    (root / "items.csv").write_text("item_id,image,prompt,prompt_id,predicate\n" + "\n".join(rows) + "\n")
    return root


def keys(root: Path, **design: object) -> list[tuple[str, ...]]:
    return [u.key for u in load_material(root, parse_design(design)).units]


def test_items_that_share_a_prompt_id_but_not_the_text_are_no_pair(tmp_path: Path) -> None:
    root = items(
        tmp_path / "s", "a,a.png,A cow,p,", "b,b.png,A dog,p,", "c,c.png,A cow,p,", "d,d.png,A cow,q,"
    )
    material = load_material(root, parse_design({"protocol": "pairwise"}))
    assert [u.key for u in material.units] == [("a", "c")]
    assert "'p' stands for different texts" in material.notes[0]


def test_the_shipped_example_pairs_nothing_unrelated() -> None:
    """Its prompt_ids name templates: of 36 with two items only one has both of one text."""
    material = load_material(QUICKSTART, parse_design({"protocol": "pairwise"}))
    assert len(material.units) == 1
    assert all(material.one_prompt(u.key) for u in material.units)
    assert "and 34 more stand for different texts" in material.notes[0]


def test_a_pairs_file_of_two_prompts_needs_the_study_s_word(tmp_path: Path) -> None:
    root = items(tmp_path / "s", "a,a.png,A cow,p,", "b,b.png,A dog,q,", "c,c.png,A cow,p,")
    (root / "pairs.csv").write_text("item_id,item_id_b\na,c\na,b\nb,b\nc,a\n")
    with pytest.raises(InvalidFilesError) as caught:
        keys(root, protocol="pairwise", pairs={"file": "pairs.csv"})
    assert {(p.row, p.field) for p in caught.value.problems} == {(3, "item_id_b"), (4, "item_id_b")}
    assert "across_prompts = true" in str(caught.value)
    (root / "pairs.csv").write_text("item_id,item_id_b\na,c\na,b\nc,a\n")
    across = {"file": "pairs.csv", "across_prompts": True}
    assert keys(root, protocol="pairwise", pairs=across) == [("a", "c"), ("a", "b")], "each pair once"


def test_pairs_across_prompts_show_each_prompt_over_its_picture_and_no_drawing(tmp_path: Path) -> None:
    root = items(
        tmp_path / "s", 'a,a.png,A cow,p,"object_size(cow, chair, dimension=longer, value_m=0.5)"',
        'b,b.png,A dog,q,"object_pose(dog, view=back)"',
    )  # fmt: skip
    (root / "pairs.csv").write_text("item_id,item_id_b\na,b\n")
    desk = open_desk(root, protocol="pairwise", pairs={"file": "pairs.csv", "across_prompts": True})
    given = desk.take(desk.join())
    texts = desk.material.texts["en"]
    payload = assignment_payload(desk.material, given, texts, PlaceInVisit(1, 1))
    prompts = {"a": "A cow", "b": "A dog"}
    assert [p["prompt"] for p in payload["pictures"]] == [prompts[i] for i in given.in_order]
    assert payload["prompt"] == []
    [asked] = payload["questions"]
    assert asked["text"] == "Which picture shows better what its own text asks for?"
    assert asked["note"] == "", "what one picture's predicate means exactly is nothing about the other"
    alone = load_material(root, parse_design({"protocol": "binary"}))
    assert alone.questions(("a",))[0].note, "which has a note of its own where it is asked about alone"
    assert drawing_of_unit(desk.material, given.unit, texts) is None
    desk.store.close()


def test_items_without_any_prompt_are_compared_only_by_a_question_of_the_study(tmp_path: Path) -> None:
    root = items(tmp_path / "s", "a,a.png,,,", "b,b.png,,,")
    with pytest.raises(InputError, match="share a prompt"):
        keys(root, protocol="pairwise")
    assert keys(root, protocol="pairwise", question="Which is sharper?") == [("a", "b")]


@pytest.mark.parametrize(("members", "size", "per_item"), [(8, 4, 3), (9, 4, 4), (13, 5, 2), (5, 4, 6)])
def test_groups_are_balanced(members: int, size: int, per_item: int) -> None:
    names = [f"m{n:02}" for n in range(members)]
    groups = drawn_groups(names, size, per_item, random.Random(3))
    assert all(len(set(g)) == size for g in groups)
    stands = Counter(name for g in groups for name in g)
    assert min(stands.values()) >= min(
        per_item, comb(members - 1, size - 1)
    )  # as far as there are different groups
    assert max(stands.values()) - min(stands.values()) <= 1
    met = Counter(pair for g in groups for pair in combinations(g, 2))
    assert max(met.values()) - min(met.get(p, 0) for p in combinations(names, 2)) <= 3


def test_a_prompt_with_as_many_items_as_a_screen_shows_is_one_group(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 2, generators=4)
    assert keys(root, protocol="best_worst") == [tuple(f"i{p}g{g}" for g in range(4)) for p in range(2)]
    with pytest.raises(InputError, match="no 4 items share a prompt"):
        keys(write_study(tmp_path / "two", 3, generators=2), protocol="ranking")
