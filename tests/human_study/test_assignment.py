"""Handing out items: balance, leases, gold and repeats, stop rules, retries."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from small_studies import Desk, open_desk, write_study
from sqlalchemy import select

from genspace.errors import InputError
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.store import _schema as t
from genspace.human_study.store.housekeeping import forget, purge
from genspace.human_study.visit.assignment import Assignment, OutOfDateError, Rest, earlier


def units(desk: Desk) -> dict[str, tuple[int, int, int]]:
    with desk.store.reading() as connection:
        rows = connection.execute(select(t.units).where(t.units.c.kind == "main"))
        return {"".join(json.loads(r.item_ids)): (r.wanted, r.assigned, r.done) for r in rows}


def work_through(desk: Desk, rater: str, value: float = 1.0) -> list[Assignment]:
    seen = []
    while isinstance(got := desk.claim(rater), Assignment):
        desk.answer(rater, got, value)
        seen.append(got)
    return seen


def test_every_item_gets_the_raters_asked_for_and_no_more(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 7), raters_per_item=3, repeats={"every": 0})
    orders = [[a.unit[0] for a in work_through(desk, desk.join())] for _ in range(5)]
    assert set(units(desk).values()) == {(3, 3, 3)}
    # The first three raters find all seven items, each once; the other two find nothing left.
    assert [len(set(o)) for o in orders] == [7, 7, 7, 0, 0]
    assert [len(o) for o in orders] == [7, 7, 7, 0, 0]
    assert orders[0] != orders[1], "the order is random for each rater"


def test_counts_stay_balanced_while_raters_come_and_go(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 12), raters_per_item=4, repeats={"every": 0})
    chance = random.Random(5)
    raters = {desk.join(): set() for _ in range(6)}
    holding = set()
    for _ in range(50):
        rater = chance.choice(list(raters))
        before = units(desk)
        got = desk.claim(rater)
        if isinstance(got, Rest):
            continue
        if rater not in holding:
            open_to_rater = {i: a for i, (w, a, _) in before.items() if a < w and i not in raters[rater]}
            assert before[got.unit[0]][1] == min(open_to_rater.values()), (
                "the item with the fewest raters first"
            )
        raters[rater].add(got.unit[0])
        if chance.random() < 0.8:
            desk.answer(rater, got, 1.0)
            holding.discard(rater)
        else:
            holding.add(rater)
        assert all(a <= w for w, a, _ in units(desk).values())


def test_an_unanswered_item_comes_back_after_its_lease(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 1), raters_per_item=1, lease_minutes=10)
    first, second = desk.join(), desk.join()
    held = desk.take(first)
    assert desk.claim(second) == Rest("finished", 0, "nothing_left")
    desk.clock.now += 601
    taken = desk.take(second)
    assert taken.unit == held.unit
    # The first rater answers after all: kept, and the item has one answer more than asked for.
    desk.answer(first, held, 1.0)
    desk.answer(second, taken, 0.0)
    assert units(desk) == {"i0": (1, 2, 2)}
    assert sorted(answers(tmp_path / "s")["value"]) == [0.0, 1.0]


def test_reload_gives_the_same_item_and_renews_its_lease(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 5), lease_minutes=10)
    rater = desk.join()
    first = desk.take(rater)
    desk.clock.now += 500
    assert desk.take(rater) == first
    desk.clock.now += 500
    assert desk.take(rater) == first
    assert sum(a for _, a, _ in units(desk).values()) == 1


def test_own_expired_lease_can_be_taken_again(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 1), lease_minutes=1)
    rater = desk.join()
    first = desk.take(rater)
    desk.clock.now += 61
    again = desk.take(rater)
    assert again.assignment_id == first.assignment_id
    desk.answer(rater, again, 1.0)
    assert units(desk)["i0"] == (3, 1, 1)


def test_a_retry_is_recognised_and_two_windows_do_not_answer_twice(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 2))
    rater = desk.join()
    given = desk.take(rater)
    assert desk.answer(rater, given, 1.0, submission="same")
    assert not desk.answer(rater, given, 1.0, submission="same")
    with pytest.raises(OutOfDateError, match="another window"):
        desk.answer(rater, given, 0.0)
    following = desk.take(rater)
    with pytest.raises(OutOfDateError, match="another picture"):
        desk.answer(rater, following, 0.0, submission="same")
    assert answers(tmp_path / "s")["value"].tolist() == [1.0]


def test_going_back_changes_the_answer_and_keeps_the_count(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3))
    rater = desk.join()
    first = desk.take(rater)
    desk.answer(rater, first, 1.0, comment="sure")
    second = desk.take(rater)
    assert second.previous_id == first.assignment_id
    with desk.store.writing() as connection:
        back = earlier(connection, rater, first.assignment_id)
    assert back is not None
    assert (back.values, back.comment, back.revision) == ({"": 1.0}, "sure", 1)
    desk.answer(rater, back, None)
    frame = answers(tmp_path / "s")
    assert frame["value"].isna().tolist() == [True]
    assert units(desk)[first.unit[0]] == (3, 1, 1)
    assert desk.take(rater).assignment_id == second.assignment_id


def test_nobody_reaches_another_raters_item(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3))
    mine, other = desk.join(), desk.join()
    given = desk.take(mine)
    with desk.store.writing() as connection:
        assert earlier(connection, other, given.assignment_id) is None
    with pytest.raises(InputError, match="not handed"):
        desk.answer(other, given, 1.0)


def test_gold_and_repeats_are_sprinkled_over_every_block(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 60)
    (root / "gold.csv").write_text(
        "item_id,value,use,explanation\ni0,yes,gold,\ni1,0,gold,\ni2,1,gold,\ni3,yes,training,Look at its nose\n"
    )
    desk = open_desk(root, gold={"file": "gold.csv", "every": 10}, repeats={"every": 10, "gap": 5})
    for rater in (desk.join(), desk.join()):
        seen = work_through(desk, rater)
        assert seen[0].role == "training"
        rest = seen[1:]
        assert {a.role for a in rest} == {
            "main",
            "gold",
        }  # the place of gold in a block is random, also the first
        places = [n for n, a in enumerate(rest) if a.role == "gold"]
        assert [p // 10 for p in places] == [0, 1, 2], "one in each block of ten while there are any"
        first = {}
        between: list[int] = []
        repeated = 0
        for n, a in enumerate(rest):
            if a.unit in first:
                repeated += 1
                between.append(n - first[a.unit] - 1)
            first.setdefault(a.unit, n)
        assert repeated >= 5
        assert min(between) >= 5
        assert {a.unit[0] for a in rest} == {f"i{n}" for n in range(60) if n != 3}
    roles = Counter(answers(root)["role"])
    assert roles["training"] == 2
    assert roles["gold"] == 6


def test_a_repeat_comes_after_just_the_gap(tmp_path: Path) -> None:
    """A repeat is owed at every picture: the first comes after A, B, C, D with three pictures between A and A."""
    desk = open_desk(write_study(tmp_path / "s", 8), repeats={"every": 1, "gap": 3})
    seen = [given.unit for given in work_through(desk, desk.join())]
    assert len(set(seen[:4])) == 4
    assert seen[4] == seen[0]


def test_training_and_gold_never_count_as_main(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 4)
    (root / "gold.csv").write_text("item_id,value,use\ni0,1,gold\ni1,1,training\n")
    desk = open_desk(root, gold={"file": "gold.csv", "every": 1}, repeats={"every": 0})
    work_through(desk, desk.join())
    assert set(units(desk)) == {"i2", "i3"}
    assert set(answers(root).query("role == 'main'")["item_id"]) == {"i2", "i3"}


def test_budget_stops_the_study(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 10), stop={"answers": 13})
    total = sum(len(work_through(desk, desk.join())) for _ in range(3))
    assert total == 13


def test_wide_intervals_bring_extra_raters_with_their_own_role(tmp_path: Path) -> None:
    # Wilson's 95 % interval: three of three alike is 0.56 wide, one against two 0.73 wide. At a target of 0.6 the
    # item they agree on stops at 3; the one they are split on goes on to the limit of 5.
    desk = open_desk(
        write_study(tmp_path / "s", 2),
        raters_per_item=3,
        repeats={"every": 0},
        stop={"item_width": 0.6, "max_raters_per_item": 5},
    )
    for n in range(8):
        rater = desk.join()
        while isinstance(got := desk.claim(rater), Assignment):
            desk.answer(rater, got, float(n % 2) if got.unit[0] == "i1" else 1.0)
    assert units(desk) == {"i0": (3, 3, 3), "i1": (5, 5, 5)}
    frame = answers(tmp_path / "s")
    assert Counter(zip(frame["item_id"], frame["role"], strict=True)) == {
        ("i0", "main"): 3, ("i1", "main"): 3, ("i1", "extra"): 2,
    }  # fmt: skip


def test_pause_keeps_leases_and_answers(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 2))
    rater = desk.join()
    given = desk.take(rater)
    desk.store.set_state("paused")
    assert desk.claim(rater) == Rest("paused", 0)
    assert desk.answer(rater, given, 1.0), "an answer to a picture already handed out is taken"
    desk.store.set_state("open")
    assert isinstance(desk.claim(rater), Assignment)
    desk.store.set_state("closed")
    assert desk.claim(rater) == Rest("finished", 1, "nothing_left")


def test_pairs_are_drawn_within_prompts_and_sides_change(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 8, generators=3)
    desk = open_desk(root, protocol="pairwise", pairs={"per_prompt": 2}, repeats={"every": 5, "gap": 3})
    seen = work_through(desk, desk.join())
    pairs = {a.unit for a in seen}
    assert len(pairs) == 16
    assert all(a[:2] == b[:2] and a < b for a, b in pairs)
    assert 0 < sum(a.flipped for a in seen) < len(seen)
    by_unit: dict[tuple[str, str], list[bool]] = {}
    for a in seen:
        by_unit.setdefault(a.unit, []).append(a.flipped)
    repeated = [sides for sides in by_unit.values() if len(sides) == 2]
    assert repeated
    assert all(sides[0] != sides[1] for sides in repeated), "a repeated pair has its sides swapped"


def test_of_every_two_pairs_one_is_turned(tmp_path: Path) -> None:
    """Who favours a side favours neither item, however few pairs they see."""
    root = write_study(tmp_path / "s", 12, generators=2)
    desk = open_desk(root, protocol="pairwise", raters_per_item=4, repeats={"every": 0})
    orders = set()
    for _ in range(4):
        turned = [given.flipped for given in work_through(desk, desk.join())]
        assert all(turned[n] != turned[n + 1] for n in range(0, 12, 2))
        orders.add(tuple(turned))
    assert len(orders) > 1, "each rater has an order of their own"


def test_deleting_a_rater_asks_for_the_answers_anew(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3), raters_per_item=1)
    gone, stays = desk.join("prolific-77"), desk.join()
    desk.answer(gone, desk.take(gone), 1.0, comment="a-telling-comment")
    desk.take(gone)
    desk.answer(stays, desk.take(stays), 0.0)
    assert forget(desk.store, "prolific-77") == 1
    assert sorted(units(desk).values()) == [(1, 0, 0), (1, 0, 0), (1, 1, 1)]
    assert answers(tmp_path / "s")["rater_id"].unique().tolist() == [stays]
    with pytest.raises(InputError, match="no rater"):
        forget(desk.store, gone)
    left = b"".join(p.read_bytes() for p in (tmp_path / "s").glob("answers.sqlite*"))
    for trace in (b"prolific-77", b"a-telling-comment", gone.encode()):
        assert trace not in left


def test_purge_drops_identifiers_and_comments_but_no_answer(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3))
    old = desk.join("prolific-1")
    desk.answer(old, desk.take(old), 1.0, comment="old remark")
    desk.clock.now += 100 * 86_400
    new = desk.join("prolific-2")
    desk.answer(new, desk.take(new), 1.0, comment="new remark")
    expected = {"raters": 1, "sessions": 1, "comments": 1}
    assert purge(desk.store, days=90, dry_run=True) == expected
    assert purge(desk.store, days=90) == expected
    comments = {s.rater_id: s.comment for s in read_recorded(tmp_path / "s").screens}
    assert comments == {old: "", new: "new remark"}
    with pytest.raises(InputError):
        forget(desk.store, "prolific-1")


def test_a_changed_design_needs_a_reason_once_there_are_answers(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 3)
    desk = open_desk(root, raters_per_item=2)
    desk.store.close()
    desk = open_desk(root, raters_per_item=3)
    rater = desk.join()
    desk.answer(rater, desk.take(rater), 1.0)
    desk.store.close()
    with pytest.raises(InputError, match="exclusion"):
        open_desk(root, raters_per_item=3, exclusion={"max_identical_run": 5})
    changed = open_desk(root, raters_per_item=3, title="A new title is no change of meaning")
    assert changed.store.snapshot().recorded.registered["exclusion"]["max_identical_run"] == 30


def test_a_platforms_rater_is_recognised(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3))
    assert desk.join("p1") == desk.join("p1")
    assert desk.join() != desk.join()
