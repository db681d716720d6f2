"""Texts and questions: every language complete, every predicate family in plain words."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from genspace.errors import InputError, InvalidFilesError
from genspace.geometry.drawing.concepts import concept_svg
from genspace.geometry.predicates import built_in, calls_of
from genspace.human_study.questions import mark_objects, plain_question
from genspace.human_study.texts import SHIPPED, load_texts, shipped_text
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


STANDARD = "Does the picture show what the text asks for?"


def asked(
    predicate: str | None, language: str = "en", *, protocol: str = "binary", before: str | None = None
) -> str:
    texts = load_texts((language,), {}, Path())[language]
    item = Item(item_id="i", predicate=predicate, image_before=before)
    return str(plain_question(item, texts, protocol=protocol))


@pytest.mark.parametrize(
    ("predicate", "question"),
    [
        (
            "allocentric(cow, chair, relation=left)",
            "From the point of view of the cow, is the chair directly to its left? ({})".format(
                "“Directly” means no more than 30° off to either side; higher or lower, up to 45° is fine."
            ),
        ),
        (
            "object_distance(cat, park_bench, value_m=0.8)",
            "Are the cat and the park bench about 80 cm apart, measured between their centres? ({})".format(
                "Anything from 53 cm to 1.07 m counts."
            ),
        ),
        (
            "keep_relation(cow, dog, cat, view=front)",
            "After the change, do we look at the cow directly from the front, {}? ({})".format(
                "with the dog and the cat in the same direction from it as before",
                "Our view may be up to 30° off, and a direction up to 30°.",
            ),
        ),
        ("something_new(cow)", STANDARD),
        ("allocentric(cow, relation=left)", STANDARD),
        ("left of", STANDARD),
        (None, STANDARD),
    ],
)  # fmt: skip
def test_questions_in_plain_words(predicate: str | None, question: str) -> None:
    assert asked(predicate) == question


def test_every_protocol_asks_the_same_thing() -> None:
    call = "egocentric(cow, hen, relation=closer)"
    note = " (Compare their middles; any difference counts, however small.)"
    assert asked(call) == "Is the cow closer to us than the hen?" + note
    statement = "The cow is closer to us than the hen." + note
    assert asked(call, protocol="likert") == f"How far is this true of the picture? {statement}"
    assert asked(call, protocol="pairwise") == f"Which picture shows this better? {statement}"
    assert asked(call, before="b.png").startswith(
        "In the picture after the change, is the cow closer to us than"
    )


def test_the_drawings_words_are_translated_and_its_quantity_is_the_questions() -> None:
    english, german = (load_texts((code,), {}, Path())[code].voice for code in ("en", "de"))
    assert set(english.labels) == set(german.labels)
    assert ">40 cm<" in concept_svg("resize(cow, dimension=wider, value_m=0.4)", english)
    assert ">vorher<" in concept_svg("resize(cow, dimension=wider, value_m=0.4)", german)
    assert "1,5 m<" in concept_svg("object_distance(cow, hen, value_m=1.5)", german)


def test_a_german_number_has_a_comma() -> None:
    question = "Ist die Mitte von „cow“ etwa 1,5 m von der Kamera entfernt? (Alles von 1 m bis 2 m zählt.)"
    assert asked("camera_distance(cow, value_m=1.5)", "de") == question


def test_own_words_for_a_predicate_reword_or_translate_it(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[questions.egocentric.question]\ncloser = "Is {first} the nearer one?"\n'
    )
    reworded = load_texts(("en",), {"en": "own.toml"}, tmp_path)["en"]
    item = Item(item_id="i", predicate="egocentric(cow, hen, relation=closer)")
    assert str(plain_question(item, reworded, protocol="binary")).startswith(
        "Is the cow the nearer one? (Compare"
    )
    (tmp_path / "fr.toml").write_text(
        '[words]\none = "« {noun} »"\n[questions.camera_distance]\n'
        'question = "Le centre de {object} est-il à environ {value_m} ?"\n'
        'statement = "le centre de {object} est à environ {value_m}"\n'
    )
    french = load_texts(("fr",), {"fr": "fr.toml"}, tmp_path)["fr"]
    far = Item(item_id="i", predicate="camera_distance(vache, value_m=2)")
    assert (
        plain_question(far, french, protocol="binary").text == "Le centre de « vache » est-il à environ 2 m ?"
    )
    assert plain_question(item, french, protocol="binary").text.startswith("Is the cow closer"), (
        "English where it is silent"
    )
    (tmp_path / "fr.toml").write_text('[questions.camera_distance]\nquestion = "{objet} ?"\n')
    with pytest.raises(InvalidFilesError, match=r"nothing fills \{objet\}"):
        load_texts(("fr",), {"fr": "fr.toml"}, tmp_path)
    (tmp_path / "fr.toml").write_text('[questions.nope]\nquestion = "?"\n')
    with pytest.raises(InvalidFilesError, match="unknown predicate 'nope'"):
        load_texts(("fr",), {"fr": "fr.toml"}, tmp_path)
    (tmp_path / "fr.toml").write_text('[questions.camera_distance]\nquestion = "{object} ?"\n')
    with pytest.raises(InvalidFilesError, match="camera_distance: needs a question and a statement"):
        load_texts(("fr",), {"fr": "fr.toml"}, tmp_path)


def test_the_file_to_translate_holds_all_texts_and_reads_as_they_do(tmp_path: Path) -> None:
    text = shipped_text("en")
    (tmp_path / "fr.toml").write_text(text, encoding="utf-8")
    french, english = (
        load_texts((c,), {"fr": "fr.toml"} if c == "fr" else {}, tmp_path)[c] for c in ("fr", "en")
    )
    for predicate in built_in().values():
        for call in calls_of(predicate):
            item = Item(item_id="i", predicate=call)
            assert plain_question(item, french, protocol="likert") == plain_question(
                item, english, protocol="likert"
            )


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
    assert mark_objects("Two park benches by a park", ("park bench", "park")) == [
        ("Two ", 0), ("park benches", 1), (" by a ", 0), ("park", 2),
    ]  # fmt: skip
    assert mark_objects("a category of cats", ("cat",)) == [("a category of ", 0), ("cats", 1)]
    assert mark_objects("<b>cow</b>", ()) == [("<b>cow</b>", 0)]
