"""Files of an earlier version open, keep their registration by name, say so, and mean what they meant."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_studies import open_desk, write_study

from genspace.human_study._answers_file import StorageError, opened_to_read
from genspace.human_study.design import load_design
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.visit.assignment import Assignment

HERE = Path(__file__).parent / "data"
COLUMNS = ["item_id", "question", "rater_id", "repeat", "role", "value", "excluded"]


@pytest.fixture
def old_study(tmp_path: Path) -> Path:
    """A study that layout 1 was written for: practice, gold, repeats, corrections, a participant still at work."""
    root = write_study(tmp_path / "s", 8)
    (root / "gold.csv").write_text(
        "item_id,value,use,explanation\ni0,yes,gold,\ni1,no,gold,\ni2,yes,training,Look\n"
    )
    (root / "annotate.toml").write_text(
        'raters_per_item = 2\n[gold]\nfile = "gold.csv"\nevery = 3\n[repeats]\nevery = 4\ngap = 2\n'
        '[exclusion]\nmin_gold = 2\n[crowd]\nparameter = "PROLIFIC_PID"\ncompletion_code = "GOOD"\n'
    )
    with sqlite3.connect(root / "answers.sqlite") as connection:
        connection.executescript((HERE / "layout_1.sql").read_text(encoding="utf-8"))
    connection.close()
    return root


def expected() -> pd.DataFrame:
    """The frame that the version which wrote layout 1 read from it."""
    return pd.read_csv(HERE / "layout_1.csv", keep_default_na=False, na_values={"value": [""]})


def assert_unchanged(root: Path) -> None:
    found = answers(root)
    pd.testing.assert_frame_equal(
        found[COLUMNS].reset_index(drop=True), expected()[COLUMNS], check_dtype=False
    )
    # Three raters corrected one answer each; a correction's 4 s now join the first answer's 4 s.
    assert sorted(found["seconds"].unique()) == [4.0, 8.0]
    assert (found["seconds"] == 8.0).sum() == 3


def test_answers_of_layout_1_are_read_as_they_were_without_touching_the_file(old_study: Path) -> None:
    before = (old_study / "answers.sqlite").read_bytes()
    assert_unchanged(old_study)
    assert (old_study / "answers.sqlite").read_bytes() == before
    assert read_recorded(old_study).registration == ""


def test_commands_that_read_say_the_registration_is_by_name(
    old_study: Path, genspace: Callable[..., Any]
) -> None:
    before = (old_study / "answers.sqlite").read_bytes()
    status = json.loads(genspace("annotate", "status", old_study, "--json").out)
    assert (status["registration"]["by"], status["registration"]["digest"]) == ("names", "")
    assert "by names alone" in genspace("annotate", "status", old_study).out
    assert "by their names alone" in genspace("annotate", "describe", old_study).out
    assert genspace("annotate", "export", old_study, old_study / "out" / "answers.csv").code == 0
    assert (old_study / "answers.sqlite").read_bytes() == before


def test_serving_brings_it_to_layout_2_and_registers_content_from_now_on(old_study: Path) -> None:
    design = load_design(old_study).model_dump(exclude_defaults=True)
    desk = open_desk(old_study, **design)
    assert_unchanged(old_study)
    first, second = desk.store.registrations()
    assert (first.after, first.answers_before) == ("", 0)
    assert (len(second.after), second.answers_before, second.reason) == (16, 23, "")
    assert "content registered" in [what for _, what, _ in desk.store.log()]
    # The participant who was at work goes on, and the new answer stands under the new registration.
    at_work = next(r.rater_id for r in desk.store.snapshot().raters if r.finished_at is None)
    desk.clock.now += 1_000_000
    given = desk.take(at_work)
    desk.answer(at_work, given, 1.0, submission="after-the-update")
    assert read_recorded(old_study).registrations == ("", second.after)
    assert isinstance(desk.claim(at_work), Assignment)
    # Who had finished was shown the code, so that is how the visit ended.
    outcomes = {r.rater_id: r.outcome for r in desk.store.snapshot().raters}
    assert sorted(str(o) for o in outcomes.values()) == ["None", "complete", "complete"]
    desk.store.close()
    again = open_desk(old_study, **design)
    assert len(again.store.registrations()) == 2, "opened once more, nothing is registered anew"
    again.store.close()


def test_a_design_that_differs_by_name_still_needs_a_reason(old_study: Path) -> None:
    from genspace.errors import InputError

    design = load_design(old_study).model_dump(exclude_defaults=True)
    with pytest.raises(InputError, match=r"annotate\.toml: exclusion"):
        open_desk(old_study, **{**design, "exclusion": {"min_gold": 3}})


def test_a_layout_of_the_future_is_refused(old_study: Path, genspace: Callable[..., Any]) -> None:
    with sqlite3.connect(old_study / "answers.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '9' WHERE key = 'schema_version'")
    connection.close()
    told = genspace("annotate", "pause", old_study)
    assert (told.code, "layout 9" in told.err) == (2, True)


def test_a_complaint_of_whoever_reads_is_one_line(old_study: Path) -> None:
    path = old_study / "answers.sqlite"
    with (
        pytest.raises(StorageError, match="readonly database: it, or its folder, may not be written"),
        opened_to_read(path) as connection,
    ):
        connection.execute("DELETE FROM meta")
    with pytest.raises(KeyError), opened_to_read(path):
        raise KeyError


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become another user"
)
def test_a_read_only_copy_of_a_finished_study_is_read(old_study: Path, genspace: Callable[..., Any]) -> None:
    """Another user's copy, in a folder that may not be written, with and without what was written ahead."""
    nobody = 65534
    desk = open_desk(old_study, **load_design(old_study).model_dump(exclude_defaults=True))
    desk.store.set_state("closed")
    for parent in (old_study, *old_study.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o555)
    copy = old_study.parent / "copy"
    shutil.copytree(old_study, copy)  # while the store is open: with its -wal file
    desk.store.close()
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert (copy / "answers.sqlite-wal").stat().st_size > 0
    os.seteuid(nobody)
    try:
        assert not os.access(copy, os.W_OK, effective_ids=True)
        assert len(answers(copy)) == 23
        told = genspace("annotate", "status", copy)
        assert (told.code, "closed" in told.out) == (0, True), told.err
        refused = genspace("annotate", "resume", copy)
    finally:
        os.seteuid(0)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
