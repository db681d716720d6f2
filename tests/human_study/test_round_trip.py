"""Export, import into an empty copy, export again: identical in every format, and every figure, rule and name the same."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_studies import Clock, Desk, nothing_left_to_chance, open_desk, write_study

from genspace.errors import InvalidFilesError
from genspace.human_study.answers.orders import tiers_of, tiers_text
from genspace.human_study.answers.screens import Detail
from genspace.human_study.design import parse_design
from genspace.human_study.exchange.exporting import export_text, write_huggingface
from genspace.human_study.exchange.importing import import_answers
from genspace.human_study.material import load_material
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.store.housekeeping import reclaim
from genspace.human_study.visit.assignment import Assignment, Turn, earlier
from genspace.human_study.watching.monitor import agreement_both_ways

FORMATS = ("answers.csv", "answers.jsonl", "label-studio.json", "hub")
NASTY = ("=1+1", "'=1+1", "''x", "+49", "-", "@home", "\t", 'a "quoted", comma', "two\nlines", "dos\r\nlines", "\rmac", " ",
         "NaN", "null", "ﬁ é 日本", '=HYPERLINK("x")')  # fmt: skip


def export(desk: Desk, name: str, folder: Path, **options: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    if name == "hub":
        write_huggingface(desk.store, desk.material, target, **options)
    else:
        target.write_text(
            export_text(desk.store, desk.material, name, **options), encoding="utf-8", newline=""
        )
    return target


def content(path: Path) -> bytes:
    return (path / "answers.parquet").read_bytes() if path.is_dir() else path.read_bytes()


def empty_copy(desk: Desk, folder: Path) -> Desk:
    """The same study in another place, without answers, at another time."""
    shutil.copytree(desk.material.root, folder, ignore=shutil.ignore_patterns("answers.sqlite*"))
    other = open_desk(folder, **desk.design.model_dump(exclude_defaults=True))
    other.store.clock = Clock(5_000_000.0)
    return other


def figures(root: Path) -> tuple[Any, ...]:
    """Every figure that depends on the answers: raters and the rules they break, agreement both ways, the frame."""
    recorded = read_recorded(root)
    key = ["rater_id", "item_id", "item_id_b", "question", "repeat", "role"]
    frame = answers(root).sort_values(key).reset_index(drop=True)
    return recorded.raters(), agreement_both_ways(recorded, {}), frame


def assert_same_figures(first: Path, second: Path) -> None:
    (raters, agreed, frame), (others, agreed_there, frame_there) = figures(first), figures(second)
    assert raters == others
    assert agreed == agreed_there
    pd.testing.assert_frame_equal(frame, frame_there)


def work(desk: Desk, seed: int, *, raters: int = 3) -> None:
    """Raters of all sorts: corrections, comments that look like formulas, can't tell, a returned visit."""
    chance = random.Random(seed)
    for n in range(raters):
        rater = desk.join(f"p{n}" if n else None)
        while isinstance(shown := desk.claim(rater), Assignment):
            group = desk.design.answers.shape == "group"
            values: dict[str, float | None] = {}
            details: dict[str, Detail] = {}
            for asked in desk.material.questions(shown.unit):
                if group:
                    places = chance.sample(range(len(shown.unit)), len(shown.unit))
                    said = ",".join(map(str, places[:2] if desk.design.protocol == "best_worst" else places))
                    order = tiers_text(tiers_of(desk.design.protocol, said, shown.in_order))
                    values[asked.name], details[asked.name] = None, Detail(order)
                    continue
                choice = chance.choice([c.name for c in asked.answers.choices])
                if asked.answers.numbers:
                    choice = chance.choice(["0", "37", "100", "cannot_tell"])
                values[asked.name] = asked.answers.value(choice, flipped=shown.flipped)
                sure = (
                    chance.choice([0.0, 0.5, 1.0])
                    if desk.design.confidence and choice != "cannot_tell"
                    else None
                )
                why = chance.choice(NASTY).strip() if desk.design.why_not and choice == "no" else ""
                kept = choice if choice.startswith("both_") else ""
                if kept or why or sure is not None:
                    details[asked.name] = Detail(kept, sure, why)
            desk.clock.now += chance.uniform(0.1, 9)
            more = {"comment": chance.choice(NASTY), "seconds": chance.uniform(0.1, 4), "details": details}
            desk.answer(rater, shown, values, **more)
            if chance.random() < 0.2:
                with desk.store.reading() as connection:
                    again = earlier(connection, rater, shown.assignment_id)
                desk.answer(rater, again, values, **(more | {"seconds": 1.25}))
            if n == 2 and chance.random() < 0.2:
                with desk.store.writing() as connection:
                    Turn(connection, desk.design, rater, desk.clock()).leave("returned")


REPEATS = {"every": 3, "gap": 1}
DESIGNS: dict[str, dict[str, Any]] = {
    "binary": {"gold": {"file": "gold.csv", "every": 3}, "exclusion": {"min_gold": 2}, "confidence": True,
               "why_not": {"options": ["=no chair"]}},
    "likert": {"protocol": "likert", "gold": {"file": "gold.csv", "every": 3}},
    "slider": {"protocol": "slider", "cannot_tell": True},
    "pairwise": {"protocol": "pairwise", "ties": "good_bad", "exclusion": {"max_identical_run": 2, "min_answers": 2}},
    "best_worst": {"protocol": "best_worst"},
    "ranking": {"protocol": "ranking", "groups": {"size": 3, "per_item": 2}},
    "several": {"questions": [{"name": "there", "text": "There?"},
                              {"name": "well", "text": "How well?", "kind": "likert"},
                              {"name": "much", "text": "How much?", "kind": "slider"}]},
    "extra": {"raters_per_item": 2, "stop": {"item_width": 0.6, "max_raters_per_item": 3}},
}  # fmt: skip


def study(root: Path, name: str) -> Desk:
    generators = {"pairwise": 3, "best_worst": 4, "ranking": 4}.get(name, 1)
    write_study(root, 6 if generators == 1 else 3, generators=generators)
    (root / "gold.csv").write_text("item_id,value,use\ni0,1,gold\ni1,1,gold\ni2,1,training\n")
    return open_desk(root, **({"raters_per_item": 3, "repeats": REPEATS} | DESIGNS[name]))


@pytest.fixture(params=DESIGNS, scope="module")
def worked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Answers to each design, which the tests only read."""
    with nothing_left_to_chance():
        desk = study(tmp_path_factory.mktemp(request.param) / "a", request.param)
        work(desk, seed=7)
    with closing(desk.store):
        yield desk


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_comes_back_identical(worked: Desk, tmp_path: Path, name: str) -> None:
    sent = export(worked, name, tmp_path / "out")
    other = empty_copy(worked, tmp_path / "b")
    with closing(other.store):
        import_answers(other.store, other.material, sent)
        assert content(export(other, name, tmp_path / "back")) == content(sent)
        assert_same_figures(worked.material.root, other.material.root)
        counts = import_answers(other.store, other.material, sent)
        assert (counts.answers, counts.raters) == (0, 0), "what is there already stays as it is"


def test_the_way_through_every_format_changes_nothing(worked: Desk, tmp_path: Path) -> None:
    desk, first = worked, export(worked, "answers.csv", tmp_path / "first")
    for n, name in enumerate(FORMATS):
        sent = export(desk, name, tmp_path / f"out{n}")
        other = empty_copy(worked, tmp_path / f"s{n}")
        import_answers(other.store, other.material, sent)
        if desk is not worked:
            desk.store.close()
        desk = other
    assert content(export(desk, "answers.csv", tmp_path / "last")) == content(first)
    assert_same_figures(worked.material.root, desk.material.root)
    desk.store.close()


def test_an_always_left_rater_stays_excluded_and_agreement_stays_what_it_was(tmp_path: Path) -> None:
    """The side is part of every export: without it, always pressing left looks like a mixture of answers."""
    root = write_study(tmp_path / "a", 6, generators=3)
    desk = open_desk(
        root, protocol="pairwise", raters_per_item=3, exclusion={"max_identical_run": 8}, repeats={"every": 0}
    )
    chance, names = random.Random(1), []
    for n in range(3):
        names.append(rater := desk.join())
        while isinstance(shown := desk.claim(rater), Assignment):
            honest = 1.0 if chance.random() < 0.8 else 0.0
            desk.answer(rater, shown, (0.0 if shown.flipped else 1.0) if n == 0 else honest)
    assert [r.rater_id for r in read_recorded(root).raters() if r.excluded] == [names[0]]
    for name in FORMATS:
        other = empty_copy(desk, tmp_path / f"copy-{name}")
        import_answers(other.store, other.material, export(desk, name, tmp_path / "out"))
        assert [r.rater_id for r in read_recorded(other.material.root).raters() if r.excluded] == [names[0]]
        assert_same_figures(root, other.material.root)
        other.store.close()
    desk.store.close()


def test_answers_before_and_after_an_amendment_stay_apart(tmp_path: Path) -> None:
    root = write_study(tmp_path / "a", 6)
    desk = open_desk(root, raters_per_item=2)
    work(desk, seed=1, raters=1)
    desk.store.close()
    material = load_material(root, parse_design({"raters_per_item": 3}))
    desk = Desk(AnswerStore(root, material.design, Clock()), material, Clock(), submissions=1000)
    desk.store.prepare(material, amend="one more rater for each item")
    assert len(desk.store.registrations()) == 2
    work(desk, seed=2, raters=2)
    assert len(read_recorded(root).registrations) == 2
    other = empty_copy(desk, tmp_path / "b")
    import_answers(other.store, other.material, export(desk, "answers.csv", tmp_path / "out"))
    assert read_recorded(other.material.root).registrations == read_recorded(root).registrations
    assert_same_figures(root, other.material.root)
    desk.store.close()
    other.store.close()


def test_answers_asked_for_again_do_not_count_in_the_copy_either(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "a", 4), raters_per_item=1, repeats={"every": 0})
    rater = desk.join()
    for _ in range(3):
        desk.answer(rater, desk.take(rater), 1.0)
    with desk.store.writing() as connection:
        Turn(connection, desk.design, rater, desk.clock()).leave("returned")
    assert reclaim(desk.store).answers == 3
    other = empty_copy(desk, tmp_path / "b")
    import_answers(other.store, other.material, export(desk, "answers.csv", tmp_path / "out"))
    for each in (desk, other):
        assert [(u.assigned, u.done) for u in each.store.snapshot().units] == [(0, 0)] * 4
        assert answers(each.material.root)["reclaimed"].all()
        each.store.close()


def test_comments_can_be_left_out(tmp_path: Path) -> None:
    desk = study(tmp_path / "a", "likert")
    work(desk, seed=3)
    for name in FORMATS:
        assert b"HYPERLINK" not in content(export(desk, name, tmp_path / "without", comments=False))
        assert b"HYPERLINK" in content(export(desk, name, tmp_path / "with"))
    desk.store.close()


def test_items_and_raters_whose_names_begin_like_formulas_keep_them(tmp_path: Path) -> None:
    root = write_study(tmp_path / "a", 3)
    table = (root / "items.csv").read_text().replace("\ni1,", "\n=i1,").replace("\ni2,", "\n-i2,")
    (root / "items.csv").write_text(table)
    desk = open_desk(root, raters_per_item=1)
    (tmp_path / "in.csv").write_text("item_id,rater_id,value\n=i1,@ann,yes\n-i2,+bob,no\ni0,'=eve,yes\n")
    import_answers(desk.store, desk.material, tmp_path / "in.csv")
    assert set(answers(root)["rater_id"]) == {"@ann", "+bob", "'=eve"}
    for name in FORMATS:
        other = empty_copy(desk, tmp_path / f"copy-{name}")
        import_answers(other.store, other.material, export(desk, name, tmp_path / "out"))
        assert_same_figures(root, other.material.root)
        other.store.close()
    desk.store.close()


def said(desk: Desk) -> list[tuple[str, int, str, float | None, float]]:
    screens = read_recorded(desk.material.root).screens
    return sorted((s.rater_id, s.position, s.comment, s.seconds, s.received_at) for s in screens)


@pytest.fixture
def source_and_copies(tmp_path: Path) -> Iterator[tuple[Desk, dict[str, Desk]]]:
    desk = open_desk(write_study(tmp_path / "a", 6), raters_per_item=1000)
    copies = {name: empty_copy(desk, tmp_path / f"copy-{name}") for name in FORMATS}
    yield desk, copies
    for each in (desk, *copies.values()):
        each.store.close()


@settings(
    max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12),
            st.floats(0, 1e6, allow_nan=False),
            st.sampled_from(["yes", "no", ""]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_comment_and_any_time_survive(
    source_and_copies: tuple[Desk, dict[str, Desk]], rows: list[tuple[str, float, str]]
) -> None:
    """Each example is one rater more, in the study and in the copy that each format fills."""
    desk, copies = source_and_copies
    rater, folder = desk.join(), desk.material.root.parent
    for comment, seconds, choice in rows:
        shown = desk.take(rater)
        desk.clock.now += seconds + 1
        value = None if not choice else float(choice == "yes")
        desk.answer(rater, shown, value, comment=comment, seconds=seconds)
    for name, other in copies.items():
        added = import_answers(other.store, other.material, export(desk, name, folder / "out"))
        assert (added.answers, added.raters) == (len(rows), 1)
        assert said(other) == said(desk)


@pytest.mark.parametrize("column", ["value", "repeat", "position", "received_at", "role", "known", "seconds", "side",
                                    "outcome", "registration", "rater_id", "item_id"])  # fmt: skip
def test_a_broken_export_is_refused_naming_line_and_column(tmp_path: Path, column: str) -> None:
    desk = study(tmp_path / "a", "pairwise")
    work(desk, seed=5)
    frame = pd.read_csv(
        export(desk, "answers.csv", tmp_path, comments=False), dtype=str, keep_default_na=False
    )
    frame.loc[2, column] = "" if column == "rater_id" else "###"
    frame.to_csv(tmp_path / "answers.csv", index=False)
    other = empty_copy(desk, tmp_path / "b")
    with pytest.raises(InvalidFilesError) as caught:
        import_answers(other.store, other.material, tmp_path / "answers.csv")
    assert column in {p.field for p in caught.value.problems}
    assert answers(other.material.root).empty
    desk.store.close()
    other.store.close()
