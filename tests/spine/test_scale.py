"""Verdict files at scale: compaction, merging, schema versions, repeats, faults of the disk, the Ray engine, export.

Longer than 400 lines: its cases share the stores that they break.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genspace.analysis.repeats import repeat_agreement
from genspace.errors import InputError, InvalidFilesError
from genspace.evidence import combine_repeats
from genspace.gather import evidence_of
from genspace.judges import JudgeContext, JudgeSpec, make_judge, resolve, study_context
from genspace.records import Measurement, Verdict
from genspace.runner import RunOptions, run
from genspace.store import JudgeStore, _formats, compact, merge
from genspace.study import Study, check_study, open_study


def make_study(folder: Path, items: int = 30) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "items.csv").write_text("item_id\n" + "".join(f"i{n}\n" for n in range(items)))
    (folder / "annotations.csv").write_text(
        "item_id,rater_id,value\n" + "".join(f"i{n},r,{n % 2}\n" for n in range(items))
    )
    return open_study(folder)


def judge_with(study: Study, name: str, *, seed: int = 0, **options: object) -> None:
    judge = make_judge(
        JudgeSpec(name=name, kind="planted", model="coin"), JudgeContext(study=study, seed=seed)
    )
    run(study, judge, name, RunOptions(**options))  # type: ignore[arg-type]


def test_compaction_changes_nothing_that_is_read(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    for limit in (5, 10, None):
        judge_with(study, "m", limit=limit)
    judge_with(study, "m", seed=1, limit=7)  # another fingerprint: the newest counts
    store = JudgeStore(tmp_path, "m")
    rich = Verdict(item_id="i0", score=0.5, measurements=(Measurement(quantity="q", value=1.0, unit="m"),),
                   details={"raw": {"a": [1]}}).stamped(judge="m", fingerprint=store.frame()["fingerprint"].iloc[0])  # fmt: skip
    with store.writer() as writer:
        writer.write(rich)
    before, frame = store.current(), store.frame()
    assert compact(store) == (5, 37)
    assert [p.name for p in store.files()] == ["000005.parquet"]
    assert store.current() == before
    pd.testing.assert_frame_equal(store.frame(), frame, check_like=True)
    assert before["i0", None, None, 0].details == {"raw": {"a": [1]}}
    assert compact(store) == (0, 0)
    judge_with(study, "m", seed=1)
    assert [p.name for p in store.files()] == ["000005.parquet", "000006.jsonl"]
    assert len(store.current()) == 30


def test_compaction_leaves_a_running_file_alone(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    judge_with(study, "m", limit=5)
    script = (
        "import sys\nfrom genspace.records import Verdict\nfrom genspace.store import JudgeStore\nfrom pathlib import Path\n"
        "with JudgeStore(Path(sys.argv[1]), 'm').writer() as w:\n"
        "    w.write(Verdict(item_id='i9', score=1.0).stamped(judge='m', fingerprint='x'))\n"
        "    print('open', flush=True)\n    sys.stdin.readline()\n"
        "    w.write(Verdict(item_id='i8', score=1.0).stamped(judge='m', fingerprint='x'))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    store = JudgeStore(tmp_path, "m")
    assert compact(store) == (1, 5)
    child.communicate("\n")
    assert [p.name for p in store.files()] == ["000001.parquet", "000002.jsonl"]
    assert {k[0] for k in store.current()} == {"i8", "i9"}


def test_a_compaction_that_died_before_deleting_reads_the_same(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    judge_with(study, "m", limit=5)
    judge_with(study, "m")
    store = JudgeStore(tmp_path, "m")
    kept = {p.name: p.read_bytes() for p in store.files()}
    before = store.current()
    compact(store)
    for name, content in kept.items():
        (store.folder / name).write_bytes(content)
    assert store.current() == before
    assert len(store.frame()) == 30


def test_merge_adds_what_is_new_and_reports_what_differs(tmp_path: Path, genspace) -> None:
    ours, theirs = make_study(tmp_path / "ours"), make_study(tmp_path / "theirs")
    judge_with(ours, "m", shard=(1, 2))
    judge_with(theirs, "m", shard=(2, 2))
    assert genspace("verdicts", "merge", ours.root, theirs.root).code == 0
    assert len(JudgeStore(ours.root, "m").current()) == 30
    mark = JudgeStore(ours.root, "m").frame()["fingerprint"].iloc[0]
    with JudgeStore(theirs.root, "m").writer() as writer:
        writer.write(Verdict(item_id="i0", score=0.123).stamped(judge="m", fingerprint=mark))
    added, conflicts = merge(ours.root, [theirs.root])
    assert (dict(added), [(c.key[0], c.theirs.score) for c in conflicts]) == ({}, [("i0", 0.123)])
    result = genspace("verdicts", "merge", ours.root, theirs.root, "--prefer", "theirs")
    assert (result.code, "1 conflicts; theirs counts" in result.err) == (1, True)
    assert JudgeStore(ours.root, "m").current()["i0", None, None, 0].score == 0.123
    listed = json.loads(genspace("verdicts", "list", ours.root, "--json").out)
    assert sum(row["decided"] for row in listed) == 30


def test_schema_versions(tmp_path: Path) -> None:
    make_study(tmp_path)
    folder = tmp_path / "verdicts" / "m"
    folder.mkdir(parents=True)
    (folder / "000001.jsonl").write_text(
        '{"item_id": "i0", "score": 1.0, "fingerprint": "f"}\n'
    )  # before versions
    assert JudgeStore(tmp_path, "m").current()["i0", None, None, 0].score == 1.0
    (folder / "000002.jsonl").write_text(
        '{"schema": 99, "item_id": "i1", "score": 1.0, "fingerprint": "f"}\n'
    )
    store = JudgeStore(tmp_path, "m")
    for read in (store.current, store.frame, store.every, lambda: store.done("f")):
        with pytest.raises(InvalidFilesError, match="newer genspace"):
            read()


def test_columns_are_read_in_blocks_and_a_broken_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks that end inside lines, a line longer than a block, and a torn last line: the columns are the records'."""
    study = make_study(tmp_path, 200)
    judge_with(study, "m")
    judge_with(study, "m", seed=1, limit=50)
    store = JudgeStore(tmp_path, "m")
    mark = store.frame()["fingerprint"].iloc[0]
    with store.writer() as writer:
        writer.write(
            Verdict(item_id="i7", score=0.5, explanation="long " * 500).stamped(judge="m", fingerprint=mark)
        )
    path = store.files()[-1]
    path.write_text(path.read_text() + '{"item_id": "i8", "score"')
    whole = store.every()
    monkeypatch.setattr("genspace.store._formats.BLOCK", 1000)
    pd.testing.assert_frame_equal(store.every(), whole)
    assert len(whole) == 250
    marked = whole[whole["fingerprint"] == mark]
    assert [(k[0], v.score) for k, v in sorted(store.under(mark).items())] == sorted(
        zip(marked["item_id"], marked["score"], strict=True)
    )
    assert store.newest() == mark
    done = store.done(mark)
    assert [("i7", None, None, 0) in done, ("i150", None, None, 0) in done] == [True, False]
    first = store.files()[0]
    lines = first.read_text().splitlines(keepends=True)
    first.write_text("".join([*lines[:150], '{"score": 1.0, "fingerprint": "f"}\n', *lines[150:]]))
    for read in (store.every, lambda: store.done(mark)):
        with pytest.raises(InvalidFilesError, match=r"000001\.jsonl.*151.*is not a verdict"):
            read()


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    torn=st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")),
    block=st.integers(1, 40),
)
def test_a_file_reads_the_same_from_its_end(lines: list[bytes], torn: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(_formats, "BLOCK", block)
        path = Path(folder) / "000001.jsonl"
        whole = b"".join(line + b"\n" for line in lines)
        path.write_bytes(whole + torn)
        blocks = list(_formats._last_lines(path))
    assert b"".join(reversed(blocks)) == whole
    assert all(block.endswith(b"\n") for block in blocks)


def test_every_file_is_parsed_once_and_no_verdict_becomes_a_record(
    tmp_path: Path, genspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an items table that is longer than what is held at a time while judging."""
    study = make_study(tmp_path, 60)
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores/clip.csv").write_text(
        "item_id,score\n" + "".join(f"i{n},{n % 7}\n" for n in range(60))
    )
    judge_with(study, "m")
    monkeypatch.setattr("genspace.tables._read.PART_ROWS", 10)
    read_csv, blocks = pd.read_csv, _formats._whole_lines
    parsed: Counter[str] = Counter()

    def counted_csv(file, *args, **options):
        parsed[Path(file.name).name] += 1
        return read_csv(file, *args, **options)

    def counted_lines(path):
        parsed[path.name] += 1
        return blocks(path)

    monkeypatch.setattr(pd, "read_csv", counted_csv)
    monkeypatch.setattr(_formats, "_whole_lines", counted_lines)
    monkeypatch.setattr(Verdict, "from_json", None)
    files = ["000001.jsonl", "annotations.csv", "clip.csv", "items.csv"]
    for command in (["compare", "--draws", "20"], ["rank", "--draws", "20"], ["check"]):
        parsed.clear()
        done = genspace(command[0], tmp_path, *command[1:])
        assert (done.code, sorted(parsed.elements())) == (0, files), done.err
    parsed.clear()
    listed = json.loads(genspace("verdicts", "list", tmp_path, "--json").out)
    assert [(row["decided"], row["counts"]) for row in listed] == [(60, True)]
    assert sorted(parsed.elements()) == files[:1]


def test_combined_repeats_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "judge": "m", "item_id": list("aaabbb"), "item_id_b": "", "question": "", "repeat": [0, 1, 2] * 2,
            "status": ["decided"] * 3 + ["abstained", "decided", "decided"],
            "score": [0.2, 0.4, 0.9, None, 1.0, 0.0], "passed": pd.array([0, 0, 1, None, 1, 0], "boolean"),
            "confidence": [None] * 6, "seconds": [1.0] * 6, "tokens": [2.0] * 6, "cost_usd": [None] * 6,
            "reason": ["", "", "", "unsure", "", ""],
        }
    )  # fmt: skip
    combined = combine_repeats(rows).set_index("item_id")
    assert combined["score"].round(12).to_dict() == {"a": 0.5, "b": 0.5}  # means of .2 .4 .9 and of 1, 0
    assert combined.loc["a", "passed"] == False  # noqa: E712 - two of three
    assert pd.isna(combined.loc["b", "passed"])  # one each
    assert (combined.loc["b", "status"], combined.loc["a", "seconds"]) == ("decided", 3.0)
    # a: pairs (0,0) alike, (0,1) and (0,1) not: 1/3. b: one pair, not alike: 0. Mean 1/6.
    agreement = repeat_agreement(rows)["m"]
    assert agreement.repeats == 3
    assert agreement.same_decision.value == pytest.approx(1 / 6)


def test_repeats_through_the_command_line(tmp_path: Path, genspace) -> None:
    study = make_study(tmp_path, 60)
    genspace("judge", study.root, "--judge", "planted:coin", "--repeats", "3")
    document = json.loads(genspace("compare", study.root, "--json", "--draws", "0").out)
    # Three fair coins: a pair falls alike half of the time; 180 pairs, so five standard errors are 0.19.
    assert document["repeats"]["planted:coin"]["same_decision"]["value"] == pytest.approx(0.5, abs=0.19)
    assert document["judges"]["planted:coin"]["coverage"]["scored"] == 60


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that is full after `size` bytes in a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_full_disk_is_one_message_and_what_was_written_is_kept(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    with largest_file(1000), pytest.raises(InputError, match=r"cannot write verdicts.*of this run are kept"):
        judge_with(study, "m")
    kept = JudgeStore(tmp_path, "m").current()
    assert 1 <= len(kept) < 30
    judge_with(study, "m")
    assert len(JudgeStore(tmp_path, "m").current()) == 30
    assert check_study(tmp_path).problems == []


def test_a_full_disk_leaves_a_compaction_undone(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    judge_with(study, "m")
    store = JudgeStore(tmp_path, "m")
    before = store.current()
    with largest_file(1000), pytest.raises(InputError, match="cannot write verdicts"):
        compact(store)
    assert [p.name for p in store.folder.iterdir()] == ["000001.jsonl"]
    assert store.current() == before


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path, genspace) -> None:
    """A file stands where the folder should be: an obstacle to root as well."""
    study = make_study(tmp_path)
    (tmp_path / "verdicts").write_text("")
    result = genspace("judge", study.root, "--judge", "planted:coin")
    assert result.code == 2
    assert result.err.startswith("genspace: cannot write verdicts to ")
    assert "Traceback" not in result.err


def test_clock_jumps_change_nothing(tmp_path: Path, genspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps by years, back and forth, at every look at it: runs, their order and lines are the same."""
    calm, hasty = make_study(tmp_path / "calm", 200), make_study(tmp_path / "hasty", 200)
    commands = [["--limit", "120"], [], ["--repeats", "2"]]
    for options in commands:
        genspace("judge", calm.root, "--judge", "planted:abstains", *options)
    rng = random.Random(5)
    start = time.time()
    monkeypatch.setattr(time, "time", lambda: start + rng.uniform(-1e8, 1e8))
    monkeypatch.setattr(time, "time_ns", lambda: int(time.time() * 1e9))
    monkeypatch.setattr("genspace.cli._progress.LINE_EVERY_S", 0.0)
    logged = tmp_path / "log.jsonl"
    for options in commands:
        done = genspace("--log-file", logged, "judge", hasty.root, "--judge", "planted:abstains", *options)
        assert (done.code, "-" in done.err) == (0, False)  # no negative rate or time
    stores = [JudgeStore(s.root, "planted:abstains") for s in (calm, hasty)]
    assert [p.name for p in stores[0].files()] == [p.name for p in stores[1].files()]
    assert stores[0].current() == stores[1].current()
    compact(stores[1])
    assert stores[0].current() == stores[1].current()
    messages = [json.loads(line)["message"] for line in logged.read_text().splitlines()]
    assert sum(" of 120, " in m and "abstained, 0 failed" in m for m in messages) == 120


def test_progress_is_computed_when_it_is_shown_not_with_every_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from genspace.cli._progress import Meter

    asked = []
    for every in ("SHOWN_EVERY_S", "UNSEEN_EVERY_S"):
        monkeypatch.setattr(f"genspace.cli._progress.{every}", 3600.0)
    with Meter("m", total=5000, more=lambda: asked.append(1) or "") as meter:
        for _ in range(5000):
            meter.advance()
        shown = meter._bar.tasks[0]
        assert (len(asked), shown.completed) == (1, 1)  # the first
    assert (len(asked), shown.completed, shown.total) == (2, 5000, 5000)  # and the last


def test_the_log_file_is_structured_and_holds_every_failure(tmp_path: Path, genspace) -> None:
    make_study(tmp_path)
    (tmp_path / "m.csv").write_text("item_id,score,status,reason\ni0,,failed,error: 503\ni1,1,,\n")
    logged = tmp_path / "run.jsonl"
    result = genspace("--log-file", logged, "judge", tmp_path, "--judge", "table:m.csv")
    assert result.code == 1
    lines = [json.loads(line) for line in logged.read_text().splitlines()]
    assert all(set(line) == {"time", "level", "logger", "message"} for line in lines)
    assert [line["message"] for line in lines if "failed i" in line["message"]] == [
        "table:m.csv: failed i0: error: 503"
    ]
    assert "30 to judge" in lines[0]["message"]
    assert genspace("--log-file", tmp_path / "no" / "log", "ls").code == 2


def test_two_runs_at_once_do_not_corrupt_a_study(tmp_path: Path) -> None:
    """Both may judge an item; every line stays whole, and the table is that of one run."""
    once, twice = make_study(tmp_path / "once", 300), make_study(tmp_path / "twice", 300)
    judge_with(once, "m")
    command = [sys.executable, "-m", "genspace", "judge", str(twice.root), "--judge", "planted:coin"]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [run.wait(timeout=120) for run in both] == [0, 0]
    store = JudgeStore(twice.root, "planted:coin")
    assert all(line.startswith("{") for p in store.files() for line in p.read_text().splitlines())
    found = {key: v.score for key, v in store.current().items()}
    assert found == {key: v.score for key, v in JudgeStore(once.root, "m").current().items()}
    assert check_study(twice.root).problems == []


def test_export_reads_back(tmp_path: Path, genspace) -> None:
    study = make_study(tmp_path / "study")
    judge_with(study, "m")
    for form, reader in (("csv", pd.read_csv), ("parquet", pd.read_parquet), ("hf", pd.read_parquet)):
        target = tmp_path / form
        assert genspace("export", study.root, "--format", form, "--to", target).code == 0
        ending = ".csv" if form == "csv" else ".parquet"
        verdicts = reader(target / f"verdicts{ending}")
        assert verdicts["score"].tolist() == evidence_of(study).verdicts["score"].tolist()
        assert len(reader(target / f"annotations{ending}")) == 30
    card = (tmp_path / "hf" / "README.md").read_text()
    assert "config_name: verdicts" in card
    assert genspace("export", study.root, "--to", tmp_path / "hf").code == 2


@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(240)
def test_ray_gives_the_same_tables_as_local(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    local, far = make_study(tmp_path / "local", 200), make_study(tmp_path / "ray", 200)
    for study, engine in ((local, []), (far, ["--engine", "ray", "--replicas", "2", "--batch", "8"])):
        command = [
            sys.executable,
            "-m",
            "genspace",
            "judge",
            str(study.root),
            "--judge",
            "planted:abstains",
            *engine,
            "--json",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=220)
        assert done.returncode == 0, done.stderr[-2000:]
        assert json.loads(done.stdout)[0]["decided"] + json.loads(done.stdout)[0]["abstained"] == 200
    assert (
        JudgeStore(far.root, "planted:abstains").current()
        == JudgeStore(local.root, "planted:abstains").current()
    )
    key = ["item_id"]
    frames = [
        evidence_of(open_study(s.root)).verdicts.sort_values(key, ignore_index=True) for s in (local, far)
    ]
    pd.testing.assert_frame_equal(*frames)


def test_members_keep_their_overrides_in_a_worker(tmp_path: Path) -> None:
    """What the driver sends to a Ray worker is enough to make an ensemble's member with its own options."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray import cloudpickle

    from genspace.ray_engine import _Worker

    study = make_study(tmp_path)
    for metric, score in (("plain", "1"), ("other", "0")):
        rows = "".join(f"i{n},{metric},{score}\n" for n in range(30))
        (tmp_path / f"{metric}.csv").write_text("item_id,metric,score\n" + rows)
    (tmp_path / "study.toml").write_text(
        '[judges.member]\nkind = "table"\npath = "plain.csv"\n'
        '[judges.both]\nkind = "ensemble"\nmembers = ["member"]\n'
    )
    study = open_study(tmp_path)
    overrides = ["member.path=other.csv"]
    (spec,) = resolve(["both"], study.declared.judges)

    def member_mark(given: list[str]) -> str:
        sent = cloudpickle.dumps((spec, given, JudgeContext()))
        worker = _Worker(str(tmp_path), *cloudpickle.loads(sent))
        return worker.judge.fingerprint

    local = make_judge(spec, study_context(study, overrides))
    assert member_mark(overrides) == local.fingerprint != member_mark([])


S3_READER = """
import hashlib, sys
from genspace.records import Verdict
from genspace.runner import run
from genspace.study import open_study

class Digest:
    fingerprint = "digest"
    def judge(self, requests):
        for request in requests:
            digest = hashlib.sha256(request.files.read(request.item.image)).hexdigest()
            yield Verdict.decided(request, score=1.0, explanation=digest)

summary = run(open_study(sys.argv[1]), Digest(), "digest")
assert summary.status["decided"] == 3, summary
"""


def test_images_from_an_s3_server(tmp_path: Path) -> None:
    """Images named by item id in a bucket of a local S3-compatible server reach the judge byte for byte."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    pytest.importorskip("moto", reason="moto is not installed")
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = next(line for line in server.stdout if "Running on http" in line).split()[-1]
        environment = os.environ | {
            "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        contents = {f"i{n}": bytes([n]) * 1000 for n in range(3)}
        put = "import fsspec, sys; fs = fsspec.filesystem('s3'); fs.mkdir('bucket')\n" + "".join(
            f"fs.pipe('bucket/images/{name}.png', {content!r})\n" for name, content in contents.items()
        )
        subprocess.run([sys.executable, "-c", put], check=True, env=environment, timeout=60)
        make_study(tmp_path, 3)
        (tmp_path / "study.toml").write_text('images = "s3://bucket/images"\n')
        subprocess.run(
            [sys.executable, "-c", S3_READER, str(tmp_path)], check=True, env=environment, timeout=60
        )
    finally:
        server.kill()
        server.communicate()
    found = {k[0]: v.explanation for k, v in JudgeStore(tmp_path, "digest").current().items()}
    assert found == {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
