"""Texts and questions: every language complete, every predicate family in plain words."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from genspace.errors import InputError, InvalidFilesError
from genspace.human_study.questions import mark_objects, plain_question
from genspace.human_study.texts import SHIPPED, load_texts
from genspace.records import Item

ENGLISH = tomllib.loads((files("genspace.human_study.texts") / "en.toml").read_text(encoding="utf-8"))


def flat(table: dict, prefix: str = "") -> dict[str, str]:
    result = {}
    for key, value in table.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return result


@pytest.mark.parametrize("code", SHIPPED)
def test_a_language_has_every_text_with_the_same_blanks(code: str) -> None:
    table = flat(tomllib.loads((files("genspace.human_study.texts") / f"{code}.toml").read_text("utf-8")))
    english = flat(ENGLISH)
    assert set(table) == set(english)
    for key, text in table.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[key])), key


@pytest.mark.parametrize(
    ("predicate", "question"),
    [
        ("allocentric(cow, chair, relation=left)",
         "From the point of view of the cow, is the chair on the cow's own left?"),
        ("object_distance(cat, park_bench, value_m=0.8)",
         "Are the middle of the cat and the middle of the park bench about 80 cm apart?"),
        ("object_size(cow, cow, dimension=bigger, ratio=1.2)",
         "Is the first cow about 1.2 times as big as the second cow, counting the room it takes up?"),
        ("keep_relation(cow, dog, cat, view=front)",
         "After the change, do we see the cow from the front, and has nothing moved in relation to it?"),
        ("something_new(cow)", "Does the picture show what the text asks for?"),
        ("allocentric(cow, relation=left)", "Does the picture show what the text asks for?"),
        (None, "Does the picture show what the text asks for?"),
    ],
)  # fmt: skip
def test_questions_in_plain_words(predicate: str | None, question: str) -> None:
    texts = load_texts(("en",), {}, Path())["en"]
    assert plain_question(Item(item_id="i", predicate=predicate), texts, protocol="binary") == question


def test_every_family_of_the_drawings_has_a_question() -> None:
    from genspace.geometry.drawing.concepts import CONCEPTS

    for family, (_, variants) in CONCEPTS.items():
        known = set(ENGLISH["questions"][family])
        assert known == {"any"} or known == set(variants), family


def test_the_drawings_words_are_translated_and_its_quantity_is_the_questions() -> None:
    from genspace.geometry.drawing.concepts import WORDS
    from genspace.human_study.drawings import drawing
    from genspace.human_study.questions import parse_call

    english, german = (load_texts((code,), {}, Path())[code] for code in ("en", "de"))
    assert set(english.section("drawing")) == set(WORDS)
    call = parse_call("resize(cow, dimension=wider, value_m=0.4)")
    assert ">40 cm<" in drawing(call, english)
    assert ">vorher<" in drawing(call, german)
    assert "1,5 m<" in drawing(parse_call("object_distance(cow, hen, value_m=1.5)"), german)
    assert drawing(parse_call("levitates(cow)"), english) is None


def test_a_german_number_has_a_comma() -> None:
    texts = load_texts(("de",), {}, Path())["de"]
    item = Item(item_id="i", predicate="camera_distance(cow, value_m=1.5)")
    assert plain_question(item, texts, protocol="binary") == "Ist „cow“ etwa 1,5 m von uns entfernt?"


def test_own_language_falls_back_to_english_and_rejects_unknown_texts(tmp_path: Path) -> None:
    (tmp_path / "fr.toml").write_text('language = "Français"\n[work]\nback = "Une image en arrière"\n')
    texts = load_texts(("fr",), {"fr": "fr.toml"}, tmp_path)["fr"]
    assert (texts["work.back"], texts["work.continue"]) == ("Une image en arrière", "Continue")
    (tmp_path / "fr.toml").write_text('[work]\nbck = "x"\n')
    with pytest.raises(InvalidFilesError, match=r"work\.bck"):
        load_texts(("fr",), {"fr": "fr.toml"}, tmp_path)
    with pytest.raises(InputError, match="no texts for language 'fr'"):
        load_texts(("fr",), {}, tmp_path)
    with pytest.raises(InvalidFilesError, match="outside"):
        load_texts(("fr",), {"fr": "../fr.toml"}, tmp_path)


def test_objects_are_marked_by_whole_words_longest_first() -> None:
    assert mark_objects("Two park benches by a park", ("park_bench", "park")) == [
        ("Two ", 0), ("park benches", 1), (" by a ", 0), ("park", 2),
    ]  # fmt: skip
    assert mark_objects("a category of cats", ("cat",)) == [("a category of ", 0), ("cats", 1)]
    assert mark_objects("<b>cow</b>", ()) == [("<b>cow</b>", 0)]
