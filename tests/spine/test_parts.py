"""Which part of a judge moved a score: planted changes, real options of a judge, members, and what is refused."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genspace import open_study
from genspace.cli import invoke
from genspace.errors import InputError
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.parts import changed_parts, which_moved
from genspace.records import Request, Verdict
from genspace.runner import run
from genspace.study import JudgeTable, Study

ROOT = Path(__file__).resolve().parents[2]
ITEMS = [f"i{n:02}" for n in range(60)]


def written(folder: Path, judge: str, **columns: object) -> Path:
    """A study of 30 prompts, two pictures each."""
    folder.mkdir()
    table = pd.DataFrame({"item_id": ITEMS, "prompt_id": [f"p{n // 2:02}" for n in range(60)], **columns})
    table.to_csv(folder / "items.csv", index=False)
    (folder / "study.toml").write_text(f"[judges.j]\n{judge}\n")
    return folder


@dataclass(frozen=True)
class ByParts:
    """Passes a picture where its column says so; a new depth model errs upwards on a third of the items."""

    depth: str
    detector: str

    @property
    def fingerprint(self) -> str:
        return f"{self.depth}/{self.detector}"

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        for request in requests:
            passed = request.item.extra["right"] == "1"
            hit = zlib.crc32(request.item.item_id.encode()) % 3 == 0
            yield Verdict.decided(request, score=0.5, passed=passed or (self.depth == "b" and hit))


def moved(old: Path, new: Path, make: Callable[[JudgeSpec, Study], Any], **options: Any):
    asked: list[str] = []

    def ask(judge, spec, study, run_options):
        asked.append(judge.fingerprint)
        return run(study, judge, spec.name, run_options)

    return which_moved(open_study(old), open_study(new), "j", make=make, ask=ask, **options), asked


def by_parts(spec: JudgeSpec, study: Study) -> ByParts:
    return ByParts(spec.options["depth"], spec.options["detector"])


def test_a_planted_change_is_found_in_its_part(tmp_path: Path) -> None:
    right = ["1" if n % 4 == 0 else "0" for n in range(60)]
    old = written(tmp_path / "may", 'kind = "geometry"\ndepth = "a"\ndetector = "x"', right=right)
    new = written(tmp_path / "june", 'kind = "geometry"\ndepth = "b"\ndetector = "y"', right=right)
    found, asked = moved(old, new, by_parts)
    assert len(asked) == 8  # two parts of the judge, and the pictures
    lifted = sum(zlib.crc32(i.encode()) % 3 == 0 and r == "0" for i, r in zip(ITEMS, right, strict=True)) / 60
    depth, *rest = found.document.result.parts
    assert (depth.part, depth.moved.value) == ("depth", pytest.approx(lifted))
    assert depth.moved.low > 0
    assert {(row.part, row.moved.value, row.prompts_moved) for row in rest} == {
        ("detector", 0, 0),
        ("pictures", 0, 0),
    }
    assert found.document.result.change.value == pytest.approx(lifted)
    assert (found.document.measure, found.document.items, found.document.left_out) == ("share passed", 120, 0)
    # the same again asks nothing
    (tmp_path / "june" / "study.toml").touch()
    again, _ = moved(old, new, by_parts)
    assert [summary.status.total() for summary in again.runs] == [0] * 8
    assert again.document == found.document


def test_what_the_generator_changed_is_told_from_what_the_judge_did(tmp_path: Path) -> None:
    """With either depth model the pictures rise by their own; where both lift the same item, they share it."""
    before, after = ["0"] * 60, ["1" if n < 30 else "0" for n in range(60)]
    old = written(tmp_path / "may", 'kind = "geometry"\ndepth = "a"\ndetector = "x"', right=before)
    new = written(tmp_path / "june", 'kind = "geometry"\ndepth = "b"\ndetector = "x"', right=after)
    found, _ = moved(old, new, by_parts)
    hit = [zlib.crc32(i.encode()) % 3 == 0 for i in ITEMS]
    both = sum(hit[:30]) / 60
    shares = {row.part: row.moved.value for row in found.document.result.parts}
    assert shares["pictures"] == pytest.approx(0.5 - both / 2)
    assert shares["depth"] == pytest.approx(sum(hit) / 60 - both / 2)
    assert "It was moved by" in "".join(str(s) for s in _view(found).sentences)


def _view(result):
    from genspace.display import view_of

    return view_of(result)


def test_options_of_a_real_judge_by_the_command_line(tmp_path: Path, genspace) -> None:
    """The shares of the scene judge's options equal what asking each mixture by itself gives."""
    for name, options in (("may", ""), ("june", 'boxes = "measured"\nprofile = "reference"\n')):
        shutil.copytree(ROOT / "examples" / "quickstart", tmp_path / name)
        (tmp_path / name / "study.toml").write_text(
            f'value_type = "binary"\n[judges.g]\nkind = "scene"\n{options}'
        )
        items = pd.read_csv(tmp_path / name / "items.csv", dtype=str)
        items[items["task"] == "t2i"].to_csv(tmp_path / name / "items.csv", index=False)
    done = genspace(
        "diff", tmp_path / "may", tmp_path / "june", "--parts", "g", "--json", "--out", tmp_path / "out"
    )
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document == json.loads((tmp_path / "out" / "parts.json").read_text())
    study = open_study(tmp_path / "june")

    def passes(**options: str) -> dict[str, bool | None]:
        judge = make_judge(JudgeSpec(name="g", kind="scene", options=options), study_context(study))
        return {
            v.item_id: v.passed
            for v in judge.judge(Request(item=i, files=study.files) for i in study.iter_items())
        }

    boxes, profile = {"boxes": "measured"}, {"profile": "reference"}
    verdicts = [passes(), passes(**boxes), passes(**profile), passes(**boxes, **profile)]
    known = [i for i in verdicts[0] if all(v[i] is not None for v in verdicts)]
    prompt = {item.item_id: item.prompt_id for item in study.iter_items()}
    frame = pd.DataFrame([[float(v[i]) for v in verdicts] for i in known], [prompt[i] for i in known])
    none, with_boxes, with_profile, both = frame.groupby(level=0).mean().mean()
    parts = {row["part"]: row["moved"]["value"] for row in document["result"]["parts"]}
    assert parts["boxes"] == pytest.approx((with_boxes - none + both - with_profile) / 2)
    assert parts["profile"] == pytest.approx((with_profile - none + both - with_boxes) / 2)
    assert parts["pictures"] == 0
    assert (
        "changes no verdict in any mixture: pictures"
        in genspace("diff", tmp_path / "may", tmp_path / "june", "--parts", "g")
        .out.replace("\n", " ")
        .lower()
    )


def test_parts_of_members_have_their_tables_name() -> None:
    member = {"kind": "vlm", "model": "small", "retry": {"most": 3, "wait_s": 1}}
    both = {"kind": "ensemble", "members": ["v", "clip"]}
    was = {"both": JudgeTable.of(both), "v": JudgeTable.of(member), "other": JudgeTable.of({"kind": "scene"})}
    now = was | {
        "v": JudgeTable.of({**member, "model": "large", "samples": 3, "retry": {"most": 5, "wait_s": 1}}),
        "other": JudgeTable.of({"kind": "scene", "noise": "half"}),
    }
    found = {part.part: (part.was, part.now) for part in changed_parts(was, now, "both")}
    assert found == {"v.model": ("small", "large"), "v.retry.most": ("3", "5"), "v.samples": ("not set", "3")}


def test_members_that_name_each_other_end(tmp_path: Path) -> None:
    tables = {n: JudgeTable.of({"kind": "ensemble", "members": [m]}) for n, m in (("a", "b"), ("b", "a"))}
    assert changed_parts(tables, tables, "a") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "geometry"', 'kind = "scene"', "two kinds have no parts in common"),
        ('kind = "scene"\n[judges.k]\nkind = "scene"', 'kind = "scene"', None),
    ],
)
def test_tables_that_cannot_be_mixed_are_refused(
    tmp_path: Path, old: str, new: str, message: str | None
) -> None:
    sides = [open_study(written(tmp_path / n, t)).declared.judges for n, t in (("may", old), ("june", new))]
    if message is None:
        assert changed_parts(*sides, "j") == []
        with pytest.raises(InputError, match=r"the later study.toml has no table \[judges.k\]"):
            changed_parts(*sides, "k")
    else:
        with pytest.raises(InputError, match=message):
            changed_parts(*sides, "j")


def test_options_that_do_not_go_together_cost_nothing(tmp_path: Path) -> None:
    """All mixtures are made before any is asked."""
    may = written(tmp_path / "may", 'kind = "geometry"\ndepth = "a"\ndetector = "x"', right=["1"] * 60)
    june = written(tmp_path / "june", 'kind = "geometry"\ndepth = "b"\ndetector = "y"', right=["1"] * 60)

    def refuses(spec: JudgeSpec, study: Study) -> ByParts:
        if (spec.options["depth"], spec.options["detector"]) == ("b", "x"):
            raise InputError("depth b needs detector y")
        return by_parts(spec, study)

    with pytest.raises(InputError, match="depth b needs detector y"):
        moved(may, june, refuses)
    assert not list(tmp_path.rglob("verdicts"))


def test_studies_of_one_name_in_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    table = 'kind = "geometry"\ndepth = "a"\ndetector = "x"'
    sides = []
    for month in ("may", "june"):
        (tmp_path / month).mkdir()
        sides.append(written(tmp_path / month / "study", table, right=["1"] * 60))
    found, _ = moved(*sides, by_parts)
    assert found.document.old != found.document.new


def test_studies_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    right = ["1"] * 60
    table = 'kind = "geometry"\ndepth = "a"\ndetector = "x"'
    may = written(tmp_path / "may", table, right=right)
    june = written(tmp_path / "june", table, right=right)
    with pytest.raises(InputError, match="OLD and NEW are one study"):
        moved(may, may, by_parts)
    with pytest.raises(InputError, match="no picture of generator 'flux'"):
        moved(may, june, by_parts, generator="flux")
    other = pd.read_csv(june / "items.csv", dtype=str)
    other.assign(prompt_id="q" + other["prompt_id"]).to_csv(june / "items.csv", index=False)
    with pytest.raises(InputError, match="share no prompt"):
        moved(may, june, by_parts)
    assert invoke(["diff", str(may), str(june), "--generator", "flux"]) == 2
