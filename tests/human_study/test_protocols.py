"""Every protocol: what the page may send, what it becomes, and what is refused; practice examples are what they say."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from small_studies import open_desk, write_study
from visits import Visitor

from genspace import compare
from genspace.errors import InputError
from genspace.human_study.answers.orders import implied_pairs, tiers_of, tiers_text
from genspace.human_study.answers.quality import rate_raters
from genspace.human_study.answers.screens import Detail
from genspace.human_study.design import parse_design
from genspace.human_study.examples import PREFIX, FilesWithExamples, example_items
from genspace.human_study.material import load_material
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.visit.assignment import Assignment
from genspace.human_study.web.app import open_site

ROOT = Path(__file__).resolve().parents[2]
LIMITS = "[repeats]\nevery = 0\n[limits]\nrequests_per_minute = 100000\n"


def sent(root: Path, bodies: list[tuple[dict[str, Any], int]]) -> None:
    """Send bodies for one and the same picture; only the last may be stored."""
    with open_site(root) as site:
        visitor = Visitor(site).come().agree()
        shown = visitor.look()
        for n, (body, status) in enumerate(bodies):
            visitor.answer(shown, submission=f"{n:08d}", **body)
            assert visitor.last.status_code == status, (body, visitor.last.text)


def test_confidence_and_reasons_belong_where_the_study_asks_for_them(tmp_path: Path) -> None:
    asked = 'confidence = true\nwhy_not = { options = ["No dog"] }\n' + LIMITS
    sure = {"confidence": {"": "certain"}}
    sent(
        write_study(tmp_path / "s", 2, design=asked),
        [
            ({"choices": {"": "yes"}}, 422),
            ({"choices": {"": "yes"}, "confidence": {"": "sure"}}, 422),
            ({"choices": {"": "yes"}, "confidence": {"x": "certain"}}, 422),
            ({"choices": {"": "yes"}, **sure, "why": {"": "because"}}, 422),
            ({"choices": {"": "no"}, **sure}, 422),
            ({"choices": {"": "no"}, **sure, "why": {"": "  "}}, 422),
            ({"choices": {"": "cannot_tell"}, **sure}, 422),
            ({"choices": {"": "no"}, **sure, "why": {"": "x" * 501}}, 422),
            ({"choices": {"": "no"}, **sure, "why": {"": "No dog"}}, 200),
        ],
    )
    (row,) = answers(tmp_path / "s").to_dict("records")
    assert (row["value"], row["confidence"], row["why"]) == (0.0, 1.0, "No dog")
    sent(
        write_study(tmp_path / "t", 2, design=LIMITS),
        [({"choices": {"": "yes"}, **sure}, 422), ({"choices": {"": "no"}, "why": {"": "No dog"}}, 422)],
    )


def test_reasons_can_be_optional_and_follow_low_ratings(tmp_path: Path) -> None:
    design = 'protocol = "likert"\nwhy_not = { required = false }\n' + LIMITS
    sent(
        write_study(tmp_path / "s", 2, design=design),
        [
            ({"choices": {"": "3"}, "why": {"": "meh"}}, 422),
            ({"choices": {"": "2"}, "why": {"": "meh"}}, 200),
        ],
    )


def test_a_reason_means_the_same_in_every_language(tmp_path: Path) -> None:
    """What a German reader chose stands in the study's first language, and is shown to the reader in German again."""
    why = 'why_not = { options = [{ en = "no cow", de = "keine Kuh" }, "blurred"] }'
    root = write_study(tmp_path / "s", 3, design=f'languages = ["en", "de"]\n{why}\n{LIMITS}')
    with open_site(root) as site:
        visitor = Visitor(site)
        visitor.client.headers["accept-language"] = "de"
        visitor.come().agree()
        for reason in ("keine Kuh", "blurred", "zu dunkel"):
            shown = visitor.look()
            visitor.answer(shown, "no", why={"": reason})
            again = visitor.client.get(f"/api/assignments/{shown['id']}").json()
            assert again["why"] == {"": reason}
    assert answers(root)["why"].tolist() == ["no cow", "blurred", "zu dunkel"]


def test_the_slider_takes_whole_numbers_from_0_to_100(tmp_path: Path) -> None:
    wrong = ("101", "-1", "1.5", "nan", "inf", "", "yes", "1e2x")
    sent(
        write_study(tmp_path / "s", 2, design='protocol = "slider"\n' + LIMITS),
        [*[({"choices": {"": text}}, 422) for text in wrong], ({"choices": {"": "37"}}, 200)],
    )
    assert answers(tmp_path / "s")["value"].tolist() == [37.0]
    settings = read_recorded(tmp_path / "s").settings
    from genspace.records import StudySettings

    found = settings(StudySettings())
    assert (found.value_type, found.scale_min, found.scale_max) == ("continuous", 0.0, 100.0)


def test_an_order_names_places_each_once(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 2, generators=4, design='protocol = "best_worst"\n' + LIMITS)
    wrong = ("0", "0,0", "0,4", "0,1,2", "a,b", "", "0,-1", "0;1", "٠,1")
    sent(root, [*[({"choices": {"": text}}, 422) for text in wrong], ({"choices": {"": "3,0"}}, 200)])
    (screen,) = read_recorded(root).screens
    order = screen.details[""].choice
    assert order.startswith(f'[["{screen.shown[3]}"]')
    assert order.endswith(f'["{screen.shown[0]}"]]')


def test_groups_come_in_another_order_and_always_the_first_place_is_one_answer(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 12, generators=4)
    desk = open_desk(
        root, protocol="best_worst", repeats={"every": 3, "gap": 1}, exclusion={"max_identical_run": 10}
    )
    rater = desk.join()
    while isinstance(given := desk.claim(rater), Assignment):
        order = tiers_text(tiers_of("best_worst", "0,1", given.in_order))
        desk.answer(rater, given, None, details={"": Detail(order)})
    (found,) = read_recorded(root).raters()
    assert found.longest_run == len(read_recorded(root).screens)
    assert found.excluded[0].startswith("same answer")
    assert found.repeats == 2 * sum(s.repeat for s in read_recorded(root).screens), "best and worst, each"
    assert found.cannot_tell_share == 0.0
    orders = {s.shown.index(s.unit[0]) for s in read_recorded(root).screens}
    assert len(orders) == 4, "every place is taken by every generator"
    desk.store.close()


def test_best_worst_answers_reach_compare_as_the_pairs_they_decide(tmp_path: Path) -> None:
    """Raters who always choose the higher number best and the lowest worst: a metric of that number is right on all."""
    root = write_study(tmp_path / "s", 6, generators=4)
    (root / "scores").mkdir()
    rows = "".join(f"i{p}g{g},{g}\n" for p in range(6) for g in range(4))
    (root / "scores" / "metric.csv").write_text("item_id,score\n" + rows)
    desk = open_desk(root, protocol="best_worst", raters_per_item=2, repeats={"every": 0})
    for _ in range(2):
        rater = desk.join()
        while isinstance(given := desk.claim(rater), Assignment):
            places = sorted(range(4), key=lambda n: given.in_order[n][-1])
            order = tiers_text(tiers_of("best_worst", f"{places[-1]},{places[0]}", given.in_order))
            desk.answer(rater, given, None, details={"": Detail(order)})
    frame = answers(root)
    assert len(frame) == 2 * 6 * 5
    assert (frame["value"] == 0.0).all(), "the second name of each pair has the higher number"
    found = compare(root, draws=20, permutations=0).document.judges["metric"].item
    assert found["pair_agreement_strict"].value == 1.0
    desk.store.close()


def test_generators_are_scaled_from_best_and_worst(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    """Two raters say g3 > g2, g1 > g0 in all but one of six prompts, where they say it the other way round."""
    root = write_study(
        tmp_path / "s", 6, generators=4, design='protocol = "best_worst"\nraters_per_item = 2\n'
    )
    desk = open_desk(root, protocol="best_worst", raters_per_item=2, repeats={"every": 0})
    for _ in range(2):
        rater = desk.join()
        while isinstance(given := desk.claim(rater), Assignment):
            places = sorted(
                range(4), key=lambda n: given.in_order[n][-1], reverse=given.unit[0].startswith("i5")
            )
            order = tiers_text(tiers_of("best_worst", f"{places[-1]},{places[0]}", given.in_order))
            desk.answer(rater, given, None, details={"": Detail(order)})
    desk.store.close()
    told = json.loads(genspace("annotate", "scale", root, "--json").out)
    counts = {t["name"]: (t["shown"], round(t["count"], 4)) for t in told["things"]}
    # Of 12 appearances g3 is best in 10 and worst in 2: (10 - 2) / 12.
    assert counts == {"gen3": (12, 0.6667), "gen1": (12, 0.0), "gen2": (12, 0.0), "gen0": (12, -0.6667)}
    assert told["reason"] is None
    assert told["things"][0]["strength"] > 0 > told["things"][-1]["strength"]
    assert "12 answers; split-half reliability" in genspace("annotate", "scale", root).out
    assert len(json.loads(genspace("annotate", "scale", root, "--by", "item", "--json").out)["things"]) == 24
    (root / "annotate.toml").write_text("")
    other = write_study(tmp_path / "t", 2)
    assert genspace("annotate", "scale", other).code == 2


def test_questions_of_several_kinds_keep_their_own_tolerance(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 8)
    (root / "gold.csv").write_text("item_id,question,value\ni0,there,yes\ni0,well,4\ni0,much,50\n")
    questions = [
        {"name": "there", "text": "There?"}, {"name": "well", "text": "Well?", "kind": "likert"},
        {"name": "much", "text": "Much?", "kind": "slider"},
    ]  # fmt: skip
    desk = open_desk(root, questions=questions, gold={"file": "gold.csv", "every": 1})
    for values, right in (
        ({"there": 1.0, "well": 5.0, "much": 60.0}, 3),
        ({"there": 0.0, "well": 2.0, "much": 61.0}, 0),
    ):
        rater = desk.join()
        while (given := desk.take(rater)).role != "gold":
            desk.answer(rater, given, values)
        desk.answer(rater, given, values)
        figures = {r.rater_id: r for r in read_recorded(root).raters()}[rater]
        assert (figures.gold, figures.gold_accuracy) == (3, right / 3)
    from genspace.records import StudySettings

    assert read_recorded(root).settings(StudySettings()).value_type is None, (
        "three kinds have no type in common"
    )
    desk.store.close()


def test_a_question_in_each_language_and_kinds_from_a_file(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 2)
    design = {"languages": ["en", "de"], "question": {"en": "Is it sharp?", "de": "Ist es scharf?"}}
    material = load_material(root, parse_design(design))
    assert [material.questions(("i0",), c)[0].text for c in ("en", "de")] == [
        "Is it sharp?",
        "Ist es scharf?",
    ]
    (root / "q.csv").write_text(
        "prompt_id,question,text,kind\np0,a,Sharp?,\np0,b,How?,likert\np1,a,Sharp?,slider\n"
    )
    material = load_material(root, parse_design({"questions_file": "q.csv"}))
    assert [a.answers.name for a in material.questions(("i0",))] == ["binary", "likert"]
    assert [a.answers.name for a in material.questions(("i1",))] == ["slider"]
    (root / "q.csv").write_text("prompt_id,question,text,kind\np0,a,Sharp?,ranking\np1,a,Sharp?,\n")
    with pytest.raises(InputError, match="not a kind of question"):
        load_material(root, parse_design({"questions_file": "q.csv"}))


@pytest.mark.parametrize(
    "design",
    [
        {"ties": "good_bad"}, {"protocol": "best_worst", "confidence": True}, {"protocol": "ranking", "gold": {"file": "g"}},
        {"protocol": "pairwise", "questions": [{"name": "a", "text": "A", "kind": "likert"}]},
        {"checks": {"warn_after": 3, "stop_after": 3}}, {"crowd": {"platform": "other"}},
        {"crowd": {"platform": "prolific", "parameter": "PID"}},
        {"crowd": {"completion_code": "A"}, "outcomes": {"complete": {"code": "B"}}},
    ],
)  # fmt: skip
def test_designs_that_contradict_themselves_are_refused(design: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        parse_design(design)


def test_implied_pairs_are_what_the_order_says() -> None:
    assert implied_pairs((("b",), ("a", "d"), ("c",))) == [
        ("a", "b", 0.0), ("a", "c", 1.0), ("b", "c", 1.0), ("b", "d", 1.0), ("c", "d", 0.0),
    ]  # fmt: skip
    for size in (3, 4, 5):
        order = tuple((f"m{n}",) for n in range(size))
        assert len(implied_pairs(order)) == math.comb(size, 2)


# The rendered practice examples


@pytest.fixture(scope="module")
def scenes() -> ModuleType:
    pytest.importorskip("mitsuba", reason="the scenes are built with the extra render")
    path = ROOT / "examples" / "make_training.py"
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", list(example_items()))
def test_an_examples_truth_is_that_of_its_scene(name: str, scenes: ModuleType, tmp_path: Path) -> None:
    """From the placed objects: on which side of the cow, as it faces or as we look, the dog stands, far from the border."""
    item = example_items()[name]
    scene = scenes.SCENES[item.image.removeprefix(PREFIX).removesuffix(".webp")]
    cow, dog = (np.array(o.ground_xz) for o in scene.objects)
    heading = math.radians(scene.objects[0].heading_deg)
    left_of_cow = np.array([-math.cos(heading), math.sin(heading)])
    if item.predicate.startswith("allocentric"):
        share = float((dog - cow) @ left_of_cow) / float(np.linalg.norm(dog - cow))
    else:
        share = float(cow[0] - dog[0]) / float(np.linalg.norm(dog - cow))
    assert abs(share) > 0.9, "no example is a near thing"
    material = load_material(write_study(tmp_path / "s", 1), parse_design({"training": {"examples": True}}))
    assert material.known[name,].values == {"": float(share > 0)}


def test_examples_come_in_every_protocol_that_they_have_an_answer_to(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 2, generators=2)
    for protocol, number, right in (
        ("binary", 6, {0.0, 1.0}),
        ("likert", 6, {1.0, 5.0}),
        ("pairwise", 3, {1.0}),
    ):
        design = parse_design(
            {"protocol": protocol, "training": {"examples": True}, "languages": ["en", "de", "ar"]}
        )
        material = load_material(root, design)
        practice = [u for u in material.units if u.kind == "training"]
        assert len(practice) == number
        assert {material.known[u.key].values[""] for u in practice} == right
        assert all(material.one_prompt(u.key) for u in practice)
        for code in design.languages:
            assert all(material.known[u.key].explained(code) for u in practice)
    for wrong in ({"protocol": "slider"}, {"question": "Is it sharp?"}):
        with pytest.raises(InputError, match="examples = false"):
            load_material(root, parse_design({"training": {"examples": True}, **wrong}))


def test_a_study_without_predicates_asks_its_own_question_about_the_examples(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 2)
    (root / "items.csv").write_text("item_id,image,prompt\ni0,i0.png,A cow\ni1,i1.png,A dog\n")
    material = load_material(root, parse_design({"training": {"examples": True}}))
    assert {material.questions(u.key)[0].text for u in material.units} == {
        "Does the picture show what the text asks for?"
    }


def test_examples_are_no_items_of_the_study(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 3)
    desk = open_desk(root, training={"examples": True}, repeats={"every": 0})
    rater = desk.join()
    while isinstance(given := desk.claim(rater), Assignment):
        desk.answer(rater, given, 1.0)
    assert {s.role for s in read_recorded(root).screens} == {"training", "main"}
    assert set(answers(root)["item_id"]) == {"i0", "i1", "i2"}
    files = desk.material.files
    assert isinstance(files, FilesWithExamples)
    for name in (f"{PREFIX}../__init__.py", f"{PREFIX}examples.toml", f"{PREFIX}nothing.webp"):
        assert not files.exists(name)
        with pytest.raises(InputError):
            files.read(name)
    desk.store.close()


def test_practice_is_repeated_until_it_is_passed_or_the_attempts_are_over(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 3)
    training = {"examples": True, "pass_mark": 0.5, "attempts": 3}
    desk = open_desk(root, training=training, repeats={"every": 0})

    def practise(rater: str, right: list[float]) -> str:
        """Answer each round with a share of right answers; return where the rater stands afterwards."""
        for share in right:
            for n in range(6):
                given = desk.take(rater)
                assert given.role == "training"
                known = desk.material.known[given.unit].values[""]
                desk.answer(rater, given, known if n < share * 6 else 1 - known)
        got = desk.claim(rater)
        return got.role if isinstance(got, Assignment) else str(got.outcome)

    assert practise(desk.join(), [0.5]) == "main"
    assert practise(desk.join(), [0.0]) == "training"
    assert practise(desk.join(), [0.2, 0.3, 1.0]) == "main"
    failed = desk.join()
    assert practise(failed, [0.3, 0.3, 0.3]) == "training_failed"
    with pytest.raises(InputError, match="ended"):
        _answer_anything(desk, failed)
    assert not [
        r for r in rate_raters(read_recorded(root).screens, desk.design.exclusion, "binary") if r.answered
    ]
    desk.store.close()


def _answer_anything(desk: Any, rater: str) -> None:
    theirs = next(s for s in read_recorded(desk.material.root).screens if s.rater_id == rater)
    from genspace.human_study.visit.assignment import earlier

    with desk.store.reading() as connection:
        given = earlier(connection, rater, theirs.assignment_id)
    desk.answer(rater, given, 1.0)


def test_what_was_told_does_not_pass(tmp_path: Path) -> None:
    """Going back in practice to give the answer that was just told changes nothing: first answers count."""
    from genspace.human_study.visit.assignment import earlier

    root = write_study(tmp_path / "s", 3)
    desk = open_desk(root, training={"examples": True, "pass_mark": 1.0, "attempts": 1})
    rater = desk.join()
    for _ in range(6):
        given = desk.take(rater)
        known = desk.material.known[given.unit].values[""]
        desk.answer(rater, given, 1 - known)
        with desk.store.reading() as connection:
            again = earlier(connection, rater, given.assignment_id)
        desk.answer(rater, again, known)
    assert desk.claim(rater).outcome == "training_failed"
    desk.store.close()
