"""The runner asks about each item once, keeps every answer at once, and loses nothing to kills and faults.

Longer than 400 lines: every way in which a run begins, breaks, stops and goes on, on one scripted judge.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genspace.errors import GenspaceError, InputError
from genspace.judges import JudgeContext, JudgeSpec, Need, Preview, make_judge, resolve
from genspace.records import Request, Verdict
from genspace.runner import (
    INTERRUPTED,
    RunOptions,
    RunSummary,
    StopFlag,
    _members_asked,
    estimate,
    plan,
    run,
    stop_on_interrupt,
)
from genspace.store import JudgeStore
from genspace.study import JudgeTable, Study, open_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "items.csv").write_text(
        "item_id,prompt_id,generator\n" + "".join(f"i{n},p{n // 2},g{n % 2}\n" for n in range(20))
    )
    (tmp_path / "annotations.csv").write_text(
        "item_id,rater_id,value\n"
        + "".join(f"i{n},r{r},{(n + r) % 5 + 1}\n" for n in range(20) for r in (0, 1))
    )
    return open_study(tmp_path)


class Scripted:
    """A judge that follows a script: item id to score, None (abstain) or an exception."""

    fingerprint = "scripted"

    def __init__(self, script: dict[str, object] | None = None) -> None:
        self.script = script or {}
        self.asked: list[str] = []

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        for request in requests:
            self.asked.append(request.item.item_id)
            answer = self.script.get(request.item.item_id, 0.5)
            if isinstance(answer, Exception):
                raise answer
            if answer is None:
                yield Verdict.abstained(request, "unsure")
            else:
                yield Verdict.decided(request, score=float(answer))  # type: ignore[arg-type]


def scores(study: Study, name: str) -> dict[str, object]:
    return {k[0]: v.score for k, v in JudgeStore(study.root, name).current().items()}


def test_resume_asks_only_what_is_missing(study: Study) -> None:
    first = Scripted()
    summary = run(study, first, "m", RunOptions(limit=7))
    assert (summary.asked, summary.already_done) == (7, 0)
    second = Scripted()
    summary = run(study, second, "m")
    assert (summary.asked, summary.already_done) == (13, 7)
    assert sorted(first.asked + second.asked) == sorted(study.items["item_id"])
    assert run(study, Scripted(), "m").asked == 0


def test_a_changed_fingerprint_is_judged_anew_and_counts_alone(study: Study) -> None:
    run(study, Scripted(), "m")
    changed = Scripted({"i0": 0.9})
    changed.fingerprint = "other"
    assert run(study, changed, "m", RunOptions(limit=1)).asked == 1
    assert scores(study, "m") == {"i0": 0.9}


def test_a_broken_item_is_a_named_failure_and_is_asked_again_on_retry(study: Study) -> None:
    judge = Scripted({"i3": ValueError("no such cow"), "i5": None})
    summary = run(study, judge, "m")
    assert dict(summary.status) == {"decided": 18, "abstained": 1, "failed": 1}
    assert [(v.item_id, v.reason) for v in summary.failures] == [("i3", "error: ValueError: no such cow")]
    assert run(study, Scripted(), "m").asked == 0
    again = Scripted({"i3": 0.7})
    assert run(study, again, "m", RunOptions(retry="errors")).status["decided"] == 1
    assert again.asked == ["i3"]
    assert scores(study, "m")["i3"] == 0.7
    assert run(study, Scripted(), "m", RunOptions(retry="abstentions")).asked == 1


def test_a_judge_that_always_breaks_ends_the_run(study: Study) -> None:
    judge = Scripted({item: RuntimeError("down") for item in study.items["item_id"]})
    with pytest.raises(
        GenspaceError, match="broke 3 times without a verdict; last error: RuntimeError: down"
    ):
        run(study, judge, "m")
    assert len(judge.asked) == 3
    assert {v.fingerprint for v in JudgeStore(study.root, "m").current().values()} == {"scripted"}


def test_input_errors_of_a_judge_end_the_run(study: Study) -> None:
    with pytest.raises(InputError, match="no checkpoint"):
        run(study, Scripted({"i2": InputError("no checkpoint")}), "m")
    assert len(scores(study, "m")) == 2


def test_answers_to_what_was_not_asked_are_refused(study: Study) -> None:
    class Wrong(Scripted):
        def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
            request = next(iter(requests))
            yield Verdict.decided(request, score=1.0)
            yield Verdict.decided(request, score=0.0)

    with pytest.raises(GenspaceError, match="not asked, or twice"):
        run(study, Wrong(), "m")
    assert scores(study, "m") == {"i0": 1.0}


def test_a_verdict_that_json_cannot_hold_is_a_failure_and_the_run_goes_on(study: Study) -> None:
    """Words that look like such numbers are kept."""
    told: dict[str, dict[str, object]] = {
        "i1": {"a": float("nan")}, "i2": {"a": object()}, "i3": {"a": [-float("inf")]}, "i4": {"a": "NaN, Infinity"},
    }  # fmt: skip

    class Careless(Scripted):
        def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
            for request in requests:
                details = told.get(request.item.item_id, {})
                yield Verdict.decided(request, score=1.0, details=details, tokens=7)

    summary = run(study, Careless(), "m")
    kept = JudgeStore(study.root, "m").current()
    assert {key[0] for key, verdict in kept.items() if verdict.status == "failed"} == {"i1", "i2", "i3"}
    assert (summary.status["failed"], summary.status["decided"], summary.tokens) == (3, 17, 140)
    assert all("cannot be written as JSON" in str(verdict.reason) for verdict in summary.failures)
    assert kept["i4", None, None, 0].details == told["i4"]


def test_what_json_cannot_hold_of_a_charge_is_dropped_with_the_verdict(study: Study) -> None:
    """What was spent is counted all the same; a set beside a word like a number is a list, as alone."""
    charges = {"i1": {"seconds": float("nan")}, "i2": {"tokens": object()}, "i3": {"cost_usd": float("inf")}}

    class Careless(Scripted):
        def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
            for request in requests:
                spent: dict[str, Any] = {"tokens": 7, **charges.get(request.item.item_id, {})}
                yield Verdict.decided(request, score=1.0, details={"a": {1}, "b": "NaN"}, **spent)

    summary = run(study, Careless(), "m")
    kept = JudgeStore(study.root, "m").current()
    assert {key[0] for key, verdict in kept.items() if verdict.status == "failed"} == set(charges)
    assert (summary.status["failed"], summary.tokens) == (3, 133)
    assert kept["i4", None, None, 0].details == {"a": [1], "b": "NaN"}


def test_silence_is_a_failure(study: Study) -> None:
    class Silent(Scripted):
        def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
            for request in requests:
                if request.item.item_id != "i4":
                    yield Verdict.decided(request, score=1.0)

    summary = run(study, Silent(), "m")
    assert [(v.item_id, v.reason) for v in summary.failures] == [("i4", "error: the judge gave no verdict")]


def test_after_a_member_that_was_stopped_no_further_one_is_asked() -> None:
    needs = [Need(name=name, judge=Scripted(), item_ids=frozenset({"i0"})) for name in "abc"]
    stopped = {"a": "", "b": "the budget is reached", "c": ""}

    class Both(Scripted):
        def needs(self, item_ids: object) -> list[Need]:
            return needs

    def ask(_judge: object, name: str, _options: RunOptions) -> RunSummary:
        return RunSummary(judge=name, stopped=stopped[name])

    asked = _members_asked(Both(), {"i0"}, RunOptions(), ask)
    assert [summary.judge for summary in asked] == ["a", "b"]


def test_stop_finishes_what_is_in_hand(study: Study) -> None:
    stop = StopFlag()
    summary = run(study, Scripted(), "m", on_verdict=lambda _: stop.set(), stop=stop)
    assert (summary.stopped, summary.status.total()) == (INTERRUPTED, 1)


def test_shards_are_disjoint_and_complete(study: Study) -> None:
    asked = []
    for part in (1, 2, 3):
        judge = Scripted()
        run(study, judge, f"m{part}", RunOptions(shard=(part, 3)))
        asked += judge.asked
    assert sorted(asked) == sorted(study.items["item_id"])
    parts = [RunOptions(shard=(part, 400)) for part in range(1, 401)]
    assert [sum(part.holds(f"i{n}") for part in parts) for n in range(50)] == [1] * 50


def test_repeats_are_keys_of_their_own(study: Study) -> None:
    summary = run(study, Scripted(), "m", RunOptions(repeats=3))
    assert summary.asked == 60
    assert {v.repeat for v in JudgeStore(study.root, "m").current().values()} == {0, 1, 2}


def test_a_table_of_verdicts_has_rows_by_number_and_no_other_columns(study: Study) -> None:
    for fingerprint, asked in (("one", 3), ("two", 4), ("new", 1)):
        judge = Scripted()
        judge.fingerprint = fingerprint
        run(study, judge, "m", RunOptions(limit=asked))
    store = JudgeStore(study.root, "m")
    assert (store.newest(), list(store.frame()["fingerprint"])) == ("new", ["new"])
    frame = store.frame("t")
    assert "index" not in frame
    assert (list(frame.index), set(frame["fingerprint"])) == ([0, 1, 2, 3], {"two"})


def test_what_a_fingerprint_depends_on_is_settled_before_anything_is_kept(study: Study) -> None:
    class Asking(Scripted):
        settled = False

        def settle(self, requests: Iterable[Request]) -> None:
            self.settled = True
            self.fingerprint = f"settled with {next(iter(requests)).item.item_id}"

        def forget_learned(self) -> None:
            self.settled = False

    run(study, Asking(), "m")
    assert {v.fingerprint for v in JudgeStore(study.root, "m").current().values()} == {"settled with i0"}


def test_pairwise_judges_are_asked_about_items_of_one_prompt(study: Study) -> None:
    class Pairwise(Scripted):
        pairwise = True

    assert run(study, Pairwise(), "m", RunOptions(limit=4)).asked == 4
    planned = plan(study, Pairwise(), "m", RunOptions())
    assert (planned.total, planned.already_done) == (6, 4)  # ten prompts of two items each
    assert run(study, Pairwise(), "m").asked == 6
    keys = JudgeStore(study.root, "m").current()
    assert ("i0", "i1", None, 0) in keys


def test_an_estimate_shows_what_would_be_sent_first(study: Study) -> None:
    class Shown(Scripted):
        def preview(self, request: Request) -> Preview:
            return Preview.free(f"looks at {request.item.item_id}", calls=1)

    found = estimate(study, Shown(), "m", RunOptions(limit=3))
    assert (found.to_do, found.cost.text, found.cost.calls) == (3, "looks at i0", 3)


def test_verdict_files_hold_standard_json_in_the_letters_of_its_author(study: Study) -> None:
    verdict = Verdict(item_id="i0", status="abstained", reason="ä").stamped(judge="m", fingerprint="f")
    with JudgeStore(study.root, "m").writer() as writer:
        assert writer.write(verdict) is verdict
        assert writer.write(replace(verdict, details={"share": float("nan")})).status == "failed"
    (text,) = [p.read_text(encoding="utf-8") for p in JudgeStore(study.root, "m").folder.glob("*.jsonl")]
    assert '"reason":"ä"' in text
    assert text.count("\n") == 2
    assert "NaN" not in text


@pytest.mark.parametrize("options", [{"shard": (3, 2)}, {"retry": "everything"}, {"repeats": 0}])
def test_wrong_options(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        RunOptions(**options)  # type: ignore[arg-type]


CHILD = """
import sys, time
from genspace.records import Verdict
from genspace.runner import run
from genspace.study import open_study

class Slow:
    fingerprint = "slow"
    def judge(self, requests):
        for request in requests:
            time.sleep(0.002)
            yield Verdict.decided(request, score=hash_of(request.item.item_id))

def hash_of(text):
    return sum(map(ord, text)) / 1000

run(open_study(sys.argv[1]), Slow(), "slow")
"""


def test_killed_at_random_moments_and_resumed(tmp_path: Path) -> None:
    """SIGKILL at seeded moments; at the end every item has its one verdict and the values are those of a calm run."""
    count = 400
    (tmp_path / "items.csv").write_text("item_id\n" + "".join(f"item{n}\n" for n in range(count)))
    store = JudgeStore(tmp_path, "slow")
    rng = random.Random(7)
    kills = 0
    while True:
        target = sum(p.stat().st_size for p in store.files()) + rng.randrange(1, 12_000)
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)])
        while child.poll() is None and sum(p.stat().st_size for p in store.files()) < target:
            time.sleep(0.002)
        if child.poll() == 0:
            break
        child.send_signal(signal.SIGKILL)
        child.wait()
        kills += 1
    assert kills >= 3
    final = {k[0]: v.score for k, v in store.current().items()}
    assert final == {f"item{n}": sum(map(ord, f"item{n}")) / 1000 for n in range(count)}
    complete = [
        json.loads(x)["item_id"]
        for p in store.files()
        for x in p.read_text().splitlines(True)
        if x.endswith("\n")
    ]
    assert len(complete) == len(set(complete)) == count  # nothing judged twice, nothing lost


def test_first_interrupt_keeps_what_is_done(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id\n" + "".join(f"i{n}\n" for n in range(3000)))
    (tmp_path / "scores.csv").write_text("item_id,score\n" + "".join(f"i{n},1\n" for n in range(3000)))
    script = CHILD.replace('"slow")\n', '"slow", stop=stop)\n').replace(
        "run(open", "with stop_on_interrupt(lambda: None) as stop: run(open"
    )
    script = script.replace("import run", "import run, stop_on_interrupt")
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=os.environ)
    files = tmp_path / "verdicts" / "slow"
    deadline = time.monotonic() + 30
    while not list(files.glob("*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) == 0
    kept = len(JudgeStore(tmp_path, "slow").current())
    assert 1 <= kept < 3000


def test_second_interrupt_stops_at_once() -> None:
    told: list[bool] = []
    with stop_on_interrupt(lambda: told.append(True)) as stop:
        signal.raise_signal(signal.SIGINT)
        assert (bool(stop), told) == (True, [True])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert told == [True]


def test_table_judge_reads_its_metric(study: Study, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(
        "item_id,metric,score,passed,reason\ni0,a,0.25,no,\ni1,a,,,two cows\ni0,b,3,,\n"
    )
    context = JudgeContext(study=study)
    with pytest.raises(InputError, match="which metric"):
        make_judge(JudgeSpec(name="t", kind="table", model="mine.csv"), context)
    judge = make_judge(JudgeSpec(name="t", kind="table", model="mine.csv", options={"metric": "a"}), context)
    run(study, judge, "t")
    verdicts = {k[0]: v for k, v in JudgeStore(study.root, "t").current().items()}
    assert (verdicts["i0"].score, verdicts["i0"].passed) == (0.25, False)
    assert (verdicts["i1"].status, verdicts["i1"].reason) == ("abstained", "two cows")
    assert verdicts["i2"].reason == "no row in mine.csv"


def test_planted_judges_do_what_they_say(study: Study) -> None:
    made = {n: make_judge(JudgeSpec(name=n, kind="planted", model=n), JudgeContext(study=study, seed=3))
            for n in ("majority", "inverted", "constant", "coin", "abstains")}  # fmt: skip
    for name, judge in made.items():
        run(study, judge, name)
    # i0 was rated 1 and 2 on a scale seen from 1 to 5: (1.5 - 1) / 4.
    assert scores(study, "majority")["i0"] == 0.125
    assert scores(study, "inverted")["i0"] == 0.875
    assert set(scores(study, "constant").values()) == {1.0}
    assert set(scores(study, "coin").values()) == {0.0, 1.0}
    abstained = [v for v in JudgeStore(study.root, "abstains").current().values() if v.status == "abstained"]
    assert 2 <= len(abstained) <= 12


def test_names_options_and_suggestions() -> None:
    tables = {"mine": JudgeTable(kind="table", model="a.csv", options={"metric": "x"})}
    (spec, _) = resolve(["mine", "planted:coin"], tables, ["mine.metric=y"])
    assert (spec.kind, spec.model, dict(spec.options)) == ("table", "a.csv", {"metric": "y"})
    assert resolve(["planted:coin"], {}, ["a.b=1", "c=text"])[0].options == {"a": {"b": 1}, "c": "text"}
    with pytest.raises(InputError, match="did you mean 'planted'"):
        resolve(["plantd:coin"], {})
    with pytest.raises(InputError, match="named twice"):
        resolve(["mine", "mine"], tables)
    with pytest.raises(InputError, match="names none of the judges"):
        resolve(["mine", "planted:coin"], tables, ["other.x=1"])
    with pytest.raises(InputError, match="no option 'metrc' \\(did you mean 'metric'\\?\\)"):
        make_judge(JudgeSpec(name="t", kind="table", options={"metrc": "x"}), JudgeContext())


def test_the_judge_command(study: Study, genspace) -> None:
    result = genspace("judge", study.root, "--judge", "planted:abstains", "--judge", "planted:coin", "--json")
    documents = json.loads(result.out)
    assert result.code == 0
    assert [d["judge"] for d in documents] == ["planted:abstains", "planted:coin"]
    assert documents[1]["decided"] == 20
    again = genspace("judge", study.root, "--judge", "planted:coin")
    assert "0 judged" in again.out
    assert "20 done before" in again.out
    dry = genspace("judge", study.root, "--judge", "planted:majority", "--dry-run", "--show")
    assert "20 items to judge" in dry.out
    wrong = genspace("judge", study.root, "--judge", "gemetry")
    assert (wrong.code, "unknown judge" in wrong.err) == (2, True)


def test_failed_items_give_exit_code_1_and_are_listed(study: Study, genspace, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("item_id,score,status,reason\ni0,,failed,error: 503\n")
    result = genspace("judge", study.root, "--judge", "table:m.csv")
    assert result.code == 1
    assert "failed i0: error: 503" in result.err
    assert "--retry errors" in result.err
