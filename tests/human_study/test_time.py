"""Time is the first answer's, corrections add theirs; clocks that are set change nothing; a closed study takes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_studies import Desk, open_desk, write_study

from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.store._clock import SteadyClock
from genspace.human_study.visit.assignment import Assignment, ClosedError, earlier


def correct(desk: Desk, rater: str, given: Assignment, value: float, seconds: float) -> None:
    with desk.store.reading() as connection:
        again = earlier(connection, rater, given.assignment_id)
    assert again is not None
    desk.answer(rater, again, value, seconds=seconds)


def test_a_careful_rater_who_corrects_often_is_no_fast_one(tmp_path: Path) -> None:
    """Twelve pictures of 4 s each, all corrected within half a second of their reappearance."""
    desk = open_desk(write_study(tmp_path / "s", 12), repeats={"every": 0}, exclusion={"min_answers": 10})
    rater = desk.join()
    for n in range(12):
        given = desk.take(rater)
        desk.answer(rater, given, float(n % 2))
        correct(desk, rater, given, float(n % 3 == 0), seconds=0.5)
    (found,) = read_recorded(tmp_path / "s").raters()
    assert (found.median_seconds, found.fast_share, found.excluded) == (4.5, 0.0, ())
    assert answers(tmp_path / "s")["value"].tolist() == [float(n % 3 == 0) for n in range(12)]
    desk.store.close()


def test_a_page_cannot_claim_more_time_than_has_passed(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3))
    rater = desk.join()
    given = desk.take(rater)
    desk.answer(rater, given, 1.0, seconds=3600.0)  # the desk's clock goes 5 s ahead with each answer
    correct(desk, rater, given, 0.0, seconds=3600.0)
    assert answers(tmp_path / "s")["seconds"].tolist() == [10.0]
    desk.store.close()


def test_a_clock_set_back_stores_the_page_s_time(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3))
    rater = desk.join()
    given = desk.take(rater)
    desk.clock.now -= 3600
    desk.answer(rater, given, 1.0)
    correct(desk, rater, given, 0.0, seconds=2.0)
    assert answers(tmp_path / "s")["seconds"].tolist() == [6.0]
    desk.store.close()


def test_the_server_s_clock_never_runs_backwards() -> None:
    wall, since = [1000.0], [50.0]
    clock = SteadyClock(lambda: wall[0], lambda: since[0])
    assert clock() == 1000.0
    wall[0], since[0] = 995.0, 52.0  # set back by 7 s
    assert clock() == 1002.0
    wall[0], since[0] = 1010.0, 53.0  # set forward: followed
    assert clock() == 1010.0
    since[0] = 54.0
    assert clock() == 1011.0


def test_a_closed_study_takes_no_answer_and_no_correction(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 3))
    rater = desk.join()
    given = desk.take(rater)
    desk.answer(rater, given, 1.0, submission="first-one")
    held = desk.take(rater)
    desk.store.set_state("closed")
    with pytest.raises(ClosedError, match="the study is closed"):
        desk.answer(rater, held, 1.0)
    with pytest.raises(ClosedError):
        correct(desk, rater, given, 0.0, seconds=2.0)
    assert not desk.answer(rater, given, 1.0, submission="first-one"), (
        "a retry of what is stored is acknowledged"
    )
    assert answers(tmp_path / "s")["value"].tolist() == [1.0]
    desk.store.close()


def test_a_visit_that_has_ended_takes_nothing_more(tmp_path: Path) -> None:
    from genspace.human_study.visit.assignment import Rest, Turn

    desk = open_desk(write_study(tmp_path / "s", 3))
    rater = desk.join()
    held = desk.take(rater)
    with desk.store.writing() as connection:
        assert Turn(connection, desk.design, rater, desk.clock()).leave("returned") == Rest(
            "finished", 0, "returned"
        )
    with pytest.raises(ClosedError, match="this visit has ended"):
        desk.answer(rater, held, 1.0)
    assert isinstance(desk.claim(desk.join()), Assignment), "what was in the rater's hands has gone back"
    worked = desk.join()
    desk.answer(worked, desk.take(worked), 1.0)
    with desk.store.writing() as connection:
        Turn(connection, desk.design, worked, desk.clock()).leave("returned")
    ended = {row.rater_id: row.finished_at is not None for row in desk.store.snapshot().raters}
    assert (ended[rater], ended[worked]) == (False, True), "who answered nothing has not finished"
    desk.store.close()
