"""What people answered means the same wherever it is read: every use by command line, figures checked by another route.

The answers stand in SQLite, as `genspace annotate` keeps them; expected values come from the database itself, from pandas
and from SciPy.

Longer than 400 lines: each use of the answers is one test on the same study.
"""

from __future__ import annotations

import ast
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score
from small_studies import open_desk, write_study

import genspace as package
from genspace.gather import evidence_of, verdicts_at
from genspace.human_study.visit.assignment import Assignment
from genspace.store import JudgeStore

ROOT = Path(__file__).resolve().parents[2]
N = 20


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    """Twenty items rated by two people through `annotate`, a metric, and a judge's verdict files."""
    root = write_study(tmp_path / "s", N // 2, generators=2)
    desk = open_desk(root, raters_per_item=2, protocol="likert", repeats={"every": 0})
    for number, lean in enumerate((0, 1)):
        rater = desk.join(f"p{number}")
        while isinstance(task := desk.claim(rater), Assignment):
            value = float(sum(map(ord, task.unit[0])) % 5) + 1
            desk.answer(rater, task, min(5.0, value + lean))
    rows = [f"i{p}g{g},metric,{(3 * p + g) % 7}" for p in range(N // 2) for g in range(2)]
    (root / "metric_scores.csv").write_text("item_id,metric,score\n" + "\n".join(rows) + "\n")
    return root


def in_database(root: Path) -> pd.DataFrame:
    """Answers as they stand in the database: item_id, rater_id, value."""
    query = (
        "SELECT json_extract(u.item_ids, '$[0]') AS item_id, a.rater_id, v.value FROM answers v JOIN assignments a ON a.assignment_id = v.assignment_id "
        "JOIN units u ON u.unit_id = a.unit_id"
    )
    with sqlite3.connect(root / "answers.sqlite") as connection:
        return pd.read_sql(query, connection)


def as_json(result: Any) -> Any:
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_compare_and_validate_rest_on_the_answers_in_the_database(
    answered: Path, genspace: Callable[..., Any]
) -> None:
    said = in_database(answered)
    mean = said.groupby("item_id")["value"].mean()
    scores = pd.read_csv(answered / "metric_scores.csv").set_index("item_id")["score"]
    expected = stats.spearmanr(mean, scores.loc[mean.index])[0]
    document = as_json(genspace("compare", answered, "--draws", "0", "--json"))
    assert (document["study"]["n_raters"], document["study"]["n_ratings"]) == (2, 2 * N)
    assert document["study"]["value_type"] == "ordinal"
    assert document["judges"]["metric"]["item"]["spearman"]["value"] == pytest.approx(expected, abs=1e-12)
    validation = as_json(genspace("validate", "metric", answered, "--json"))
    assert validation["figure"]["value"] == pytest.approx(expected, abs=1e-12)


def test_without_a_table_of_answers_the_protocol_says_type_and_scale(answered: Path) -> None:
    told = package.open_study(answered)
    assert (told.settings.value_type, told.settings.scale_min) == (None, None)
    settings = evidence_of(told).settings
    assert (settings.value_type, settings.scale_min, settings.scale_max) == ("ordinal", 1, 5)
    (answered / "annotations.csv").write_text("item_id,value\ni0g0,70\ni1g0,20\n")
    assert evidence_of(package.open_study(answered)).settings.scale_max is None


def test_check_counts_and_show_lists_them(answered: Path, genspace: Callable[..., Any]) -> None:
    counts = as_json(genspace("check", answered, "--json"))["counts"]
    assert (counts["raters"], counts["answers"]) == (2, 2 * N)
    said = in_database(answered).query("item_id == 'i3g1'")
    shown = as_json(genspace("show", answered, "i3g1", "--json"))["people"]
    assert {row["rater_id"]: row["value"] for row in shown} == dict(
        zip(said["rater_id"], said["value"], strict=True)
    )


def test_rank_averages_them_by_generator(answered: Path, genspace: Callable[..., Any]) -> None:
    said = in_database(answered)
    expected = said.groupby(said["item_id"].str[-1])["value"].mean()
    people = as_json(genspace("rank", answered, "--draws", "0", "--json"))["generators"]["people"]
    found = {row["generator"]: row["score"]["value"] for row in people["generators"]}
    assert found == {f"gen{g}": pytest.approx(expected[g]) for g in ("0", "1")}


def test_planted_judges_and_ensembles_learn_from_them(answered: Path, genspace: Callable[..., Any]) -> None:
    assert genspace("judge", answered, "--judge", "planted:majority").code == 0
    mean = in_database(answered).groupby("item_id")["value"].mean()
    verdicts = JudgeStore(answered, "planted:majority").current().values()
    assert {v.item_id: v.score for v in verdicts} == {
        item: pytest.approx((value - 1) / 4) for item, value in mean.items()
    }
    (answered / "study.toml").write_text('[judges.both]\nkind = "ensemble"\nmembers = ["metric"]\n')
    assert genspace("judge", answered, "--judge", "both").code == 0
    assert {v.status for v in JudgeStore(answered, "both").current().values()} == {"decided"}


def test_repeats_are_combined_for_every_use(answered: Path, genspace: Callable[..., Any]) -> None:
    assert genspace("judge", answered, "--judge", "planted:coin", "--repeats", "3").code == 0
    stored = JudgeStore(answered, "planted:coin").current().values()
    combined = pd.Series({v.item_id: [] for v in stored}).map(list)
    for verdict in stored:
        combined[verdict.item_id].append(verdict.score)
    scores = combined.map(np.mean)
    mean = in_database(answered).groupby("item_id")["value"].mean().loc[scores.index]
    expected = stats.spearmanr(mean, scores)[0]
    document = as_json(genspace("compare", answered, "--draws", "0", "--json"))
    assert document["judges"]["planted:coin"]["item"]["spearman"]["value"] == pytest.approx(expected)
    validated = as_json(genspace("validate", "planted:coin", answered, "--json"))
    assert validated["figure"]["value"] == pytest.approx(expected)
    rows = as_json(genspace("rank", answered, "--draws", "0", "--json"))["generators"]["judges"][
        "planted:coin"
    ]
    by_generator = scores.groupby(scores.index.str[-1]).mean()
    assert {r["generator"]: r["score"]["value"] for r in rows["generators"]} == {
        f"gen{g}": pytest.approx(by_generator[g]) for g in ("0", "1")
    }


def test_gate_and_tune_rest_on_the_answers_in_the_database(
    answered: Path, tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    mean = in_database(answered).groupby("item_id")["value"].mean()
    scores = pd.DataFrame({"a": range(N), "b": [n * 7 % 11 for n in range(N)]}, index=sorted(mean.index))
    rho = {name: stats.spearmanr(mean.loc[scores.index], scores[name])[0] for name in "ab"}
    scores.rename_axis("item_id").to_csv(answered / "variants.csv")
    variant = '[variants.{0}]\nkind = "table"\npath = "variants.csv"\nmetric = "{0}"\n'
    (tmp_path / "space.toml").write_text("".join(variant.format(name) for name in "ab"))
    tuned = as_json(genspace("tune", answered, "--space", tmp_path / "space.toml", "--json"))["result"]
    assert tuned["figure"] == "spearman"
    assert {c["name"]: c["in_sample"] for c in tuned["candidates"]} == pytest.approx(rho)
    metric = pd.read_csv(answered / "metric_scores.csv").set_index("item_id")["score"]
    ruled = genspace("gate", answered, "--rule", "metric: spearman.low >= 0.9", "--json")
    assert ruled.code == 3
    (check,) = json.loads(ruled.out)["checks"]
    assert (check["found"]["n"], check["passed"]) == (N, False)
    assert check["found"]["value"] == pytest.approx(stats.spearmanr(mean.loc[metric.index], metric)[0])


def test_diff_holds_the_later_answers_in_the_database_against_both_runs(
    answered: Path, tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    """The earlier study has other scores, and not yet the answers of one rater."""
    shutil.copytree(answered, earlier := tmp_path / "earlier")
    with sqlite3.connect(earlier / "answers.sqlite") as connection:
        one = "(SELECT max(rater_id) FROM assignments)"
        connection.execute(
            f"DELETE FROM answers WHERE assignment_id IN (SELECT assignment_id FROM assignments WHERE rater_id = {one})"
        )
    table = pd.read_csv(answered / "metric_scores.csv")
    table.assign(score=table["score"] * 5 % 7).to_csv(earlier / "metric_scores.csv", index=False)
    mean = in_database(answered).groupby("item_id")["value"].mean()
    assert not mean.equals(in_database(earlier).groupby("item_id")["value"].mean())
    score = table.set_index("item_id")["score"].loc[mean.index]
    found = as_json(genspace("diff", earlier, answered, "--json"))
    assert found["answers"] == {"old": N, "new": 2 * N, "came": N, "went": 0, "changed": 0}
    (metric,) = found["judges"]
    for run, scores in (("old", score * 5 % 7), ("new", score)):
        assert metric[run]["figure"]["value"] == pytest.approx(stats.spearmanr(mean, scores)[0])
    assert metric["n_flipped"] == (score * 5 % 7 != score).sum()


def test_answers_that_are_still_asked_for_are_counted(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 4)
    assert package.evidence_of(package.open_study(root)).missing_answers == 0, "nobody was asked yet"
    open_desk(root, raters_per_item=2, repeats={"every": 0}).store.close()
    assert package.evidence_of(package.open_study(root)).missing_answers == 4 * 2
    for name in ("annotate.toml", "answers.sqlite"):
        (root / name).unlink()
    assert package.evidence_of(package.open_study(root)).missing_answers == 0, "nobody is ever asked"


def test_a_judge_is_marked_with_what_study_toml_says_of_it(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 1)
    (root / "study.toml").write_text('[judges.mine]\nkind = "table"\nmetric = "m"\n')
    marks = package.evidence_of(package.open_study(root)).marks
    assert marks["mine"].settings == {"kind": "table", "metric": "m"}


def test_a_pairwise_judge_is_asked_what_people_compared(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    """Ids that sort otherwise as text than in the table: i9 and i10."""
    root = tmp_path / "s"
    root.mkdir()
    items = "".join(f"i{n},p{n // 4},g{n % 4}\n" for n in range(8, 12))
    (root / "items.csv").write_text("item_id,prompt_id,generator\n" + items)
    desk_answers = pd.DataFrame(
        {"item_id": ["i9", "i8"], "item_id_b": ["i10", "i11"], "rater_id": "r", "value": [1, 0]}
    )
    desk_answers.to_csv(root / "annotations.csv", index=False)
    asked: list[tuple[str, str]] = []

    class Pairwise:
        pairwise, fingerprint = True, "f"

        def judge(self, requests: Any) -> Any:
            for request in requests:
                asked.append((request.item.item_id, request.other.item_id))
                first = int(request.item.item_id[1:]) < int(request.other.item_id[1:])
                yield package.Verdict.decided(request, score=float(first))

    study = package.open_study(root)
    package.run(study, Pairwise(), "lower")
    assert sorted(asked) == [("i10", "i9"), ("i11", "i8")]
    judge = as_json(genspace("compare", root, "--draws", "0", "--json"))["judges"]["lower"]
    # People: i9 before i10 (the judge agrees), i11 before i8 (the judge does not).
    assert judge["item"]["pair_agreement_strict"]["value"] == 0.5
    assert judge["coverage"]["decided"] == 2
    package.run(study, Pairwise(), "lower")
    assert len(asked) == 2


def test_a_folder_of_verdicts_holds_every_judge_and_the_items_they_are_about(tmp_path: Path) -> None:
    for judge in ("a", "b"):
        with JudgeStore(tmp_path, judge).writer() as writer:
            verdict = package.Verdict(item_id="i1", score=1.0)
            writer.write(verdict.stamped(judge=judge, fingerprint="f"))
    found = verdicts_at(tmp_path / "verdicts")
    assert found.items["item_id"].tolist() == ["i1"]
    assert found.every_verdict[["judge", "item_id"]].loc[[0, 1]].to_numpy().tolist() == [
        ["a", "i1"],
        ["b", "i1"],
    ]


def test_a_verdict_on_the_pair_the_other_way_round_is_known(tmp_path: Path) -> None:
    """A verdict file may hold (i9, i10) from a run that asked in the table's order."""
    root = tmp_path / "s"
    (root / "verdicts" / "m").mkdir(parents=True)
    (root / "items.csv").write_text("item_id,prompt_id\ni9,p\ni10,p\n")
    line = {
        "item_id": "i9",
        "item_id_b": "i10",
        "judge": "m",
        "fingerprint": "f",
        "score": 0.75,
        "status": "decided",
    }
    (root / "verdicts" / "m" / "000001.jsonl").write_text(json.dumps(line) + "\n")
    assert ("i10", "i9", None, 0) in JudgeStore(root, "m").done("f")
    frame = package.evidence_of(package.open_study(root)).verdicts
    assert frame[["item_id", "item_id_b", "score"]].to_numpy().tolist() == [["i10", "i9", 0.25]]


def test_one_run_is_one_moment(answered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are read once for figures, items.csv and gallery, whatever arrives meanwhile."""
    from genspace.cli import invoke
    from genspace.human_study import reading

    read, times = reading._from_sqlite, []

    def one_more_each_time(path: Path) -> Any:
        times.append(path)
        with sqlite3.connect(path) as connection:
            rows = read(path)
            connection.execute("UPDATE answers SET value = 6 - value")
        return rows

    monkeypatch.setattr(reading, "_from_sqlite", one_more_each_time)
    before = in_database(answered).groupby("item_id")["value"].mean()
    out = answered.parent / "out"
    assert invoke(["compare", str(answered), "--draws", "0", "--out", str(out)]) == 0
    assert len(times) == 1
    items = pd.read_csv(out / "items.csv").set_index("item_id")["people.mean"]
    assert items.to_dict() == before.to_dict()
    manifest = json.loads((out / "manifest.json").read_text())
    assert len(manifest["evidence"]) == 16


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,a,r,1", "line 2: item_id_b = 'a': is a pair of an item with itself"),
        ("a,b,r,2", "line 2: value = '2': is not a preference: write 1 where the first item is better"),
        (
            "a,b,r,1\nb,a,r,1",
            "line 3: item_id = 'b': the same rater answers the same question twice: the pair stands in",
        ),
        ("a,b,r,1\na,b,r,1", "line 3: item_id = 'a': the same rater answers the same question twice"),
    ],
)
def test_pairs_that_cannot_be_meant_are_refused(
    tmp_path: Path, genspace: Callable[..., Any], rows: str, message: str
) -> None:
    (tmp_path / "items.csv").write_text("item_id\na\nb\n")
    (tmp_path / "annotations.csv").write_text(f"item_id,item_id_b,rater_id,value\n{rows}\n")
    for command in ("check", "compare"):
        result = genspace(command, tmp_path)
        assert (result.code, message in result.err) == (2, True), result.err


def test_a_metric_that_scores_a_pair_in_both_orders_is_refused(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    (tmp_path / "items.csv").write_text("item_id\na\nb\n")
    (tmp_path / "metric_scores.csv").write_text("item_id,item_id_b,metric,score\na,b,m,1\nb,a,m,0\n")
    result = genspace("check", tmp_path)
    assert (result.code, "line 3: item_id = 'b': is scored twice by one metric: the pair" in result.err) == (
        2,
        True,
    )


def test_a_declared_coding_of_preferences_is_read(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    (tmp_path / "items.csv").write_text("item_id\na\nb\nc\n")
    (tmp_path / "annotations.csv").write_text("item_id,item_id_b,rater_id,value\nb,a,r,1\na,c,r,2\nb,c,r,0\n")
    assert genspace("check", tmp_path).code == 2
    (tmp_path / "study.toml").write_text("[pairs]\nfirst = 1\nsecond = 2\ntie = 0\n")
    assert genspace("check", tmp_path).code == 0
    answers = package.evidence_of(package.open_study(tmp_path)).answers
    assert answers[["item_id", "item_id_b", "value"]].to_numpy().tolist() == [
        ["a", "b", 0],
        ["a", "c", 0],
        ["b", "c", 0.5],
    ]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), turned=st.integers(0, 2**30 - 1), judged=st.integers(0, 2**30 - 1))
def test_the_order_within_a_pair_changes_nothing(seed: int, turned: int, judged: int) -> None:
    """Any pairs listed the other way round, answers and scores turned with them: the same document."""
    rng = np.random.default_rng(seed)
    items = pd.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(24)],
            "prompt_id": np.arange(24) // 4,
            "generator": list("abcd") * 6,
        }
    )
    pairs = [(4 * p + i, 4 * p + j) for p in range(6) for i in range(4) for j in range(i)][:30]
    first, second = (items["item_id"].to_numpy()[list(side)] for side in zip(*pairs, strict=True))
    said = pd.DataFrame({
        "item_id": np.tile(first, 2), "item_id_b": np.tile(second, 2), "rater_id": np.repeat(["r", "s"], len(pairs)),
        "value": rng.choice([0, 0.5, 1], 2 * len(pairs)),
    })  # fmt: skip
    share, signed = rng.choice([0, 0.25, 0.5, 1], len(pairs)), rng.integers(-8, 9, len(pairs)) / 4
    scored = pd.concat([
        pd.DataFrame({"item_id": first, "item_id_b": second, "judge": "share", "score": share}),
        pd.DataFrame({"item_id": first, "item_id_b": second, "judge": "signed", "score": signed}),
        pd.DataFrame({"item_id": items["item_id"], "item_id_b": "", "judge": "alone", "score": rng.normal(size=24)}),
    ], ignore_index=True)  # fmt: skip

    def listed(table: pd.DataFrame, column: str, bits: int) -> pd.DataFrame:
        other = table.copy()
        for row in other.index:
            if bits >> (row % 30) & 1 and other.loc[row, "item_id_b"]:
                other.loc[row, ["item_id", "item_id_b"]] = other.loc[row, ["item_id_b", "item_id"]].to_numpy()
                shares = "judge" not in other or other.loc[row, "judge"] == "share"
                other.loc[row, column] = shares - other.loc[row, column]
        return other

    options = {"draws": 20, "permutations": 50}
    documents = [
        package.compare(items=items, annotations=a, scores=s, **options).to_dict()
        for a, s in ((said, scored), (listed(said, "value", turned), listed(scored, "score", judged)))
    ]
    assert json.dumps(documents[0]) == json.dumps(documents[1])


def test_a_pair_has_one_gap_in_the_document_and_in_the_table_of_items(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    pairs = pd.DataFrame(
        {"item_id": [f"a{n:02}" for n in range(9)], "item_id_b": [f"b{n:02}" for n in range(9)]}
    )
    found = package.compare(
        items=pd.DataFrame({"item_id": [*pairs["item_id"], *pairs["item_id_b"]]}),
        annotations=pairs.assign(value=rng.choice([0, 0.5, 1], 9)),
        scores=pairs.assign(judge="m", score=rng.random(9).round(2)),
        draws=0,
    )
    found.write(tmp_path)
    table = pd.read_csv(tmp_path / "items.csv").set_index("item_id")["m.gap"]
    told = {
        row.item_id: round(100 * (row.judge_place - row.human_place)) for row in found.document.disagreements
    }
    assert told == table[list(told)].to_dict()
    assert len(told) > 4


def test_validate_works_on_pairs_as_compare_does() -> None:
    """A metric of single items on pairs that people compared: no figure on no items."""
    items = pd.DataFrame({"item_id": list("abcdefgh"), "prompt_id": list("ppqqrrss")})
    said = pd.DataFrame({"item_id": list("aceg"), "item_id_b": list("bdfh"), "value": [1, 0, 1, 1]})
    scores = pd.DataFrame(
        {
            "item_id": list("abcdefgh") * 2,
            "metric": ["m"] * 8 + ["n"] * 8,
            "score": [2, 1, 1, 2, 2, 1, 1, 2, *range(8)],
        }
    )
    frames = {"items": items, "annotations": said, "scores": scores}
    validation = package.validate("m", **frames).to_dict()
    comparison = package.compare(**frames, draws=50, permutations=100).to_dict()
    assert validation["figure"]["n"] == 4
    primary = comparison["primary"]["figure"]
    assert validation["figure"]["value"] == comparison["judges"]["m"]["item"][primary]["value"]
    (against,) = validation["against"]
    assert against["difference"]["n"] == 4


def test_nobody_reads_answers_or_verdicts_otherwise() -> None:
    """Only `gather` reads a study's answers and verdict tables; everybody else takes its evidence."""
    readers = {"read_annotations", "read_verdicts", "read_recorded", "answers_of"}
    allowed = {
        "src/genspace/gather.py", "src/genspace/study/_study.py", "src/genspace/study/_readers.py",
            "src/genspace/study/_frames.py",
        "human_study/reading.py", "human_study/__init__.py", "src/genspace/evidence.py",
    }  # fmt: skip
    found = set()
    for room in ("src", "analysis", "judges", "geometry", "human_study"):
        for path in (ROOT / room).rglob("*.py"):
            if path.is_symlink() or any(p.is_symlink() for p in path.parents):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(node, "attr", getattr(node, "id", None))
                if name in readers:
                    found.add(path.relative_to(ROOT).as_posix())
    assert found <= allowed


def test_auc_of_a_binary_study_in_the_database(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", N)
    desk = open_desk(root, raters_per_item=1, repeats={"every": 0})
    rater = desk.join("p")
    while isinstance(task := desk.claim(rater), Assignment):
        desk.answer(rater, task, float(int(task.unit[0][1:]) % 3 == 0))
    (root / "metric_scores.csv").write_text(
        "item_id,metric,score\n" + "".join(f"i{n},m,{(7 * n) % 11}\n" for n in range(N))
    )
    said = in_database(root).set_index("item_id")["value"]
    expected = roc_auc_score(said, [(7 * int(i[1:])) % 11 for i in said.index])
    document = as_json(genspace("compare", root, "--draws", "0", "--json"))
    assert document["judges"]["m"]["item"]["roc_auc"]["value"] == pytest.approx(expected)
