"""Ensembles and cascades: cross-fitted by prompt, asked no more than needed, with what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vlm_support import VlmServer, png, turned_scene

from genspace.analysis.calibration import cross_fit
from genspace.analysis.question import Question
from genspace.errors import InputError
from genspace.gather import evidence_of
from genspace.judges import Fitted, Judge, JudgeContext, JudgeSpec, make_judge, resolve
from genspace.judges.cascade import best_threshold
from genspace.records import Verdict
from genspace.runner import run
from genspace.store import JudgeStore
from genspace.study import Study, open_study

N = 60


def write_study(folder: Path, labels: list[float], scores: dict[str, list[Any]], toml: str = "") -> Study:
    """Two items a prompt; `scores` holds (score, confidence) or None for an abstention, by metric."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores").mkdir(exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    items = ["item_id,prompt_id,prompt"] + [f"i{i:03d},p{i // 2},a cow" for i in range(len(labels))]
    (folder / "items.csv").write_text("\n".join(items), encoding="utf-8")
    answers = ["item_id,rater_id,value"] + [
        f"i{i:03d},r,{y}" for i, y in enumerate(labels) if not np.isnan(y)
    ]
    (folder / "annotations.csv").write_text("\n".join(answers), encoding="utf-8")
    for name, given in scores.items():
        rows = ["item_id,metric,score,confidence,cost_usd,reason"]
        for i, answer in enumerate(given):
            score, confidence = ("", "") if answer is None else answer
            rows.append(
                f"i{i:03d},{name},{score},{confidence},0.01,{'cannot tell' if answer is None else ''}"
            )
        (folder / "scores" / f"{name}.csv").write_text("\n".join(rows), encoding="utf-8")
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    return open_study(folder)


def combination(study: Study, kind: str, **options: Any) -> Judge:
    def make(name: str) -> Judge:
        return make_judge(resolve([name], study.declared.judges)[0], context)

    context = JudgeContext(study=study, make=make)
    return make_judge(JudgeSpec(name="both", kind=kind, options=options), context)


def judged(judge: Judge, study: Study) -> dict[str, Verdict]:
    from genspace.records import Request

    requests = [Request(item=item, files=study.files) for item in study.iter_items()]
    return {v.item_id: v for v in judge.judge(requests)}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def prompts(study: Study) -> np.ndarray[Any, Any]:
    return Question.of(evidence_of(study)).singles.prompt


def noisy(labels: np.ndarray[Any, Any], rng: np.random.Generator, spread: float) -> list[Any]:
    return [(round(float(s), 4), "") for s in labels + rng.normal(0, spread, len(labels))]


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_an_ensemble_is_the_cross_fitted_calibration(
    tmp_path: Path, rng: np.random.Generator, method: str
) -> None:
    labels = rng.integers(0, 2, N).astype(float)
    scores = {"one": noisy(labels, rng, 0.6), "two": noisy(labels, rng, 0.6)}
    study = write_study(tmp_path, labels.tolist(), scores)
    found = judged(combination(study, "ensemble", members=["one", "two"], method=method), study)
    x = np.array([[s for s, _ in scores[name]] for name in ("one", "two")]).T
    expected = cross_fit(x, labels, prompts(study), method=method)  # type: ignore[arg-type]
    got = [found[f"i{i:03d}"].score for i in range(N)]
    assert got == pytest.approx(expected.tolist(), abs=1e-12)
    # Two judges with independent errors are better together (Brier score) than either calibrated alone.
    alone = [cross_fit(x[:, k], labels, prompts(study), method=method) for k in (0, 1)]  # type: ignore[arg-type]
    assert np.mean((expected - labels) ** 2) < min(np.mean((a - labels) ** 2) for a in alone)


def test_no_item_is_calibrated_on_its_own_prompt(tmp_path: Path, rng: np.random.Generator) -> None:
    labels = rng.integers(0, 2, N).astype(float)
    scores = {"one": noisy(labels, rng, 0.6)}
    before = judged(
        combination(s := write_study(tmp_path / "a", labels.tolist(), scores), "ensemble", members=["one"]), s
    )
    labels[:2] = 1 - labels[:2]  # the answers to prompt 0
    after = judged(
        combination(s := write_study(tmp_path / "b", labels.tolist(), scores), "ensemble", members=["one"]), s
    )
    assert [after[i].score for i in ("i000", "i001")] == [before[i].score for i in ("i000", "i001")]
    assert any(after[f"i{i:03d}"].score != before[f"i{i:03d}"].score for i in range(2, N))


def test_where_a_member_abstains_the_others_answer(tmp_path: Path, rng: np.random.Generator) -> None:
    labels = rng.integers(0, 2, N).astype(float)
    one, two = noisy(labels, rng, 0.6), noisy(labels, rng, 0.6)
    one[3] = two[4] = one[5] = two[5] = None
    study = write_study(tmp_path, labels.tolist(), {"one": one, "two": two})
    found = judged(combination(study, "ensemble", members=["one", "two"]), study)
    column = np.array([np.nan if s is None else s[0] for s in two])
    assert found["i003"].score == pytest.approx(cross_fit(column, labels, prompts(study))[3])
    silent, told = found["i003"].measurements
    assert (silent.value, silent.note, told.value) == (None, "cannot tell", column[3])
    assert found["i005"].status == "abstained"
    assert found["i005"].reason == "one: cannot tell; two: cannot tell"
    assert found["i000"].cost_usd == pytest.approx(0.02)


def test_unlabelled_items_are_judged_too(tmp_path: Path, rng: np.random.Generator) -> None:
    labels = rng.integers(0, 2, N).astype(float)
    scores = {"one": noisy(labels, rng, 0.4)}
    labels[50:] = np.nan
    study = write_study(tmp_path, labels.tolist(), scores)
    found = judged(combination(study, "ensemble", members=["one"], method="logistic"), study)
    assert all(found[f"i{i:03d}"].status == "decided" for i in range(50, N))


def test_lower_is_better_is_turned_round(tmp_path: Path, rng: np.random.Generator) -> None:
    labels = rng.integers(0, 2, N).astype(float)
    study = write_study(
        tmp_path,
        labels.tolist(),
        {"loss": noisy(-labels, rng, 0.1)},
        "[metrics.loss]\nlower_is_better = true\n",
    )
    found = judged(combination(study, "ensemble", members=["loss"]), study)
    assert [found[f"i{i:03d}"].passed for i in range(N)] == [y == 1 for y in labels]


def test_the_fingerprint_follows_answers_and_members(tmp_path: Path, rng: np.random.Generator) -> None:
    labels = rng.integers(0, 2, N).astype(float)
    scores = {"one": noisy(labels, rng, 0.4)}
    digest = combination(
        write_study(tmp_path / "a", labels.tolist(), scores), "ensemble", members=["one"]
    ).fingerprint
    same = combination(
        write_study(tmp_path / "b", labels.tolist(), scores), "ensemble", members=["one"]
    ).fingerprint
    assert same == digest
    labels[0] = 1 - labels[0]
    changed = write_study(tmp_path / "c", labels.tolist(), scores)
    assert combination(changed, "ensemble", members=["one"]).fingerprint != digest


@pytest.mark.parametrize(
    ("members", "says"), [(["nobody"], "unknown judge"), (["both"], "member of itself"), ([], "at least 1")]
)
def test_wrong_members_are_named(tmp_path: Path, members: list[str], says: str) -> None:
    study = write_study(tmp_path, [0.0, 1.0], {"one": [(0.1, ""), (0.9, "")]})
    with pytest.raises(InputError, match=says):
        combination(study, "ensemble", members=members)


# ---- cascades ----


def test_best_threshold_by_hand() -> None:
    confidence = np.array([0.6, 0.7, 0.8, 0.9])
    # The first judge errs on the two least confident items, the second on the two most confident ones.
    first, second = np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1])
    assert best_threshold(confidence, first, second) == 0.8
    # Errors with 0, 1, 2, 3, 4 items sent on: 2, 1, 0, 1, 2. At most a quarter sent on: one item, from 0.7.
    assert best_threshold(confidence, first, second, max_share=0.25) == 0.7
    # A second judge that is never better is never asked; one that always is, always.
    assert best_threshold(confidence, second, second) == 0.0
    assert best_threshold(confidence, np.ones(4), np.zeros(4)) > 0.9
    # Items of equal confidence go together: sending one of the two would need a threshold between equals.
    assert best_threshold(np.array([0.6, 0.6]), np.array([1.0, 0]), np.array([0.0, 1])) == 0.0
    # Where the second abstains the first's error stays.
    assert best_threshold(confidence, first, np.array([np.nan] * 4)) == 0.0
    assert np.isnan(best_threshold(np.array([-1.0]), np.array([np.nan]), np.array([0.0])))


def test_a_cascade_asks_the_second_judge_only_in_doubt(tmp_path: Path, rng: np.random.Generator) -> None:
    labels = rng.integers(0, 2, N).astype(float)
    # The first is right where its confidence is 0.9 and wrong where it is 0.6; the second is always right.
    sure = rng.random(N) < 0.7
    first: list[Any] = [(y if s else 1 - y, 0.9 if s else 0.6) for y, s in zip(labels, sure, strict=True)]
    first[7] = None
    second = [(y, 0.8) for y in labels]
    study = write_study(tmp_path, labels.tolist(), {"first": first, "second": second})
    found = judged(combination(study, "cascade", first="first", second="second"), study)
    for i in range(N):
        verdict = found[f"i{i:03d}"]
        asked = i == 7 or not sure[i]
        assert verdict.score == labels[i]
        assert verdict.details["second_asked"] == asked
        assert verdict.details["decided_by"] == ("second" if asked else "first")
        assert verdict.cost_usd == pytest.approx(0.02 if asked else 0.01)
        assert verdict.details["threshold"] == 0.9
    # With no item allowed on but the abstentions, the first judge's errors stay.
    frugal = judged(combination(study, "cascade", first="first", second="second", max_share=0), study)
    assert sum(v.details["second_asked"] for v in frugal.values()) == 1
    assert frugal["i007"].score == labels[7]


def test_a_second_judge_that_abstains_leaves_the_first(tmp_path: Path) -> None:
    scores: dict[str, list[Any]] = {
        "first": [(1.0, 0.3), None, (0.0, 0.9), (1.0, 0.9)], "second": [None, None, (1.0, 0.9), (1.0, 0.9)]
    }  # fmt: skip
    study = write_study(tmp_path, [1.0, 1.0, 0.0, 1.0], scores)
    found = judged(combination(study, "cascade", first="first", second="second", threshold=0.5), study)
    assert found["i000"].score == 1.0
    assert found["i000"].details["decided_by"] == "first"
    assert found["i001"].status == "abstained"
    assert found["i001"].reason == "first: cannot tell; second: cannot tell"


def test_a_cascade_needs_scores_on_the_peoples_scale(tmp_path: Path) -> None:
    scores = {"first": [(25.0, "")] * 4, "second": [(1.0, "")] * 4}
    study = write_study(tmp_path, [1.0, 1.0, 0.0, 1.0], scores)
    with pytest.raises(InputError, match="ensemble of one member"):
        judged(combination(study, "cascade", first="first", second="second"), study)


def test_a_live_member_is_asked_about_open_items_alone(
    tmp_path: Path, server: VlmServer, genspace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through `genspace judge`: a metric first, a model behind HTTP where it is unsure; then an ensemble of both."""
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    labels = [float(i % 2) for i in range(20)]
    first = [(y, 0.9) if i < 15 else (1 - y, 0.55) for i, y in enumerate(labels)]
    toml = f"""
        [judges.model]
        kind = "vlm"
        model = "copy"
        base_url = "{server.url()}"
        [judges.frugal]
        kind = "cascade"
        first = "metric"
        second = "model"
        threshold = 0.8
        [judges.together]
        kind = "ensemble"
        members = ["metric", "model"]
        """
    study = write_study(tmp_path, labels, {"metric": first}, toml)
    for i, y in enumerate(labels):
        (study.root / "images" / f"i{i:03d}.png").write_bytes(png(int(255 * y)))
    result = genspace("judge", tmp_path, "--judge", "frugal", "--json")
    assert result.code == 0, result.err
    assert server.log()["calls"] == 5
    frame = evidence_of(open_study(tmp_path)).verdicts.set_index(["judge", "item_id"])
    assert [frame.loc[("frugal", f"i{i:03d}"), "score"] for i in range(20)] == pytest.approx(labels, abs=1e-6)
    assert genspace("judge", tmp_path, "--judge", "together", "--json").code == 0
    assert server.log()["calls"] == 20, (
        "the ensemble needs the model on every item, five of which it has seen"
    )


# Measurements and sub-domains ---------------------------------------------------------------------------------------


def side_study(folder: Path, n: int = 120) -> Study:
    """Half the items ask to which side a cow turns, which the model sees; half where a chair is, which geometry sees.

    People say yes up to 40° off, geometry's full score ends at 30° and none is left from 60° on; the perception turns
    things by 15° at random. The model is right on 90 % of the first half and a coin on the other.
    """
    rng = np.random.default_rng(3)
    (folder / "scores").mkdir(parents=True)
    items, answers, scores = (
        ["item_id,image,prompt_id,predicate"],
        ["item_id,rater_id,value"],
        ["item_id,model"],
    )
    for i in range(n):
        side = i % 2 == 1
        off = float(rng.uniform(0, 80))
        seen = -90 + off + float(rng.normal(0, 15 if side else 60))
        call = "allocentric(cow, chair, relation=left)" if side else "camera_pose(cow, view=left)"
        items.append(f'i{i:03d},i{i:03d}.png,p{i // 4},"{call}"')
        yes = int(off < 40)
        answers.append(f"i{i:03d},r,{yes}")
        right = rng.random() < (0.5 if side else 0.9)
        scores.append(f"i{i:03d},{0.8 if right == (yes == 1) else 0.2}")
        (folder / f"i{i:03d}.scene.json").write_text(json.dumps(turned_scene(seen)))
    (folder / "items.csv").write_text("\n".join(items))
    (folder / "annotations.csv").write_text("\n".join(answers))
    (folder / "scores" / "model.csv").write_text("\n".join(scores))
    members = 'members = ["scene", "model"]\nmethod = "logistic"\n'
    (folder / "study.toml").write_text(
        f'[judges.plain]\nkind = "ensemble"\n{members}'
        f'[judges.whole]\nkind = "ensemble"\n{members}by = "predicate"\nmeasurements = true\n'
    )
    return open_study(folder)


def test_geometry_and_model_together_are_better_than_either_with_weights_by_sub_domain(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    study = side_study(tmp_path)
    result = genspace("judge", study.root, "--judge", "plain", "--judge", "whole")
    assert result.code == 0, result.err
    evidence = evidence_of(open_study(study.root))
    people = evidence.answers.set_index("item_id")["value"]
    judges = evidence.verdicts[evidence.verdicts["status"] == "decided"]
    loss = {
        name: float(((own.set_index("item_id")["score"] - people) ** 2).mean())
        for name, own in judges.groupby("judge")
    }
    calibrated = {
        name: float(np.mean((cross_fit(
            own.set_index("item_id")["score"].sort_index().to_numpy(float), people.sort_index().to_numpy(float),
            prompts(study), method="logistic",
        ) - people.sort_index().to_numpy(float)) ** 2))
        for name, own in judges.groupby("judge") if name in {"scene", "model"}
    }  # fmt: skip
    assert loss["whole"] < loss["plain"] < min(calibrated.values())
    assert min(calibrated.values()) - loss["whole"] > 0.03
    weights: dict[str, list[dict[str, float]]] = {"i": [], "p": []}
    for verdict in JudgeStore(study.root, "whole").current().values():
        weights["i" if int(verdict.item_id[1:]) % 2 else "p"].append(verdict.details["weights"])
    side, pose = ({k: np.mean([w[k] for w in weights[d]]) for k in weights[d][0]} for d in ("i", "p"))
    assert set(side) == {"scene", "model", "scene measured"}
    assert side["scene"] + side["scene measured"] > pose["scene"] + pose["scene measured"] + 0.5
    assert pose["model"] > side["model"] + 0.5
    shown = genspace("show", study.root, "i001").out
    assert "whole:" in shown


def test_two_parts_are_the_fewest_that_prompts_are_split_into(tmp_path: Path) -> None:
    study = write_study(tmp_path, [0.0, 1.0], {"one": [(0.1, ""), (0.9, "")]})
    combination(study, "ensemble", members=["one"], folds=2)
    with pytest.raises(InputError, match="folds"):
        combination(study, "ensemble", members=["one"], folds=1)


@pytest.mark.parametrize("option", [{"by": "predicate"}, {"measurements": True}])
def test_weights_need_a_method_that_has_them(tmp_path: Path, option: dict[str, Any]) -> None:
    study = write_study(tmp_path, [0.0, 1.0], {"one": [(0.1, ""), (0.9, "")]})
    with pytest.raises(InputError, match='they need method = "logistic"'):
        combination(study, "ensemble", members=["one"], **option)
    with pytest.raises(InputError, match="no column 'colour'"):
        combination(study, "ensemble", members=["one"], method="logistic", by="colour")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ensemble", {"members": ["a", "b"]}),
        ("ensemble", {"members": ["a", "b"], "method": "logistic"}),
        ("ensemble", {"members": ["a", "inner"], "method": "logistic"}),
        ("cascade", {"first": "a", "second": "b"}),
    ],
)
def test_without_some_of_peoples_answers_nothing_rests_on_them(
    tmp_path: Path, rng: np.random.Generator, kind: str, options: dict[str, Any]
) -> None:
    """Turning what people said of half the prompts changes verdicts, but none that is made as if they had not said it."""
    labels = rng.integers(0, 2, N).astype(float)
    hidden = {f"i{i:03d}" for i in range(N) if i // 2 % 2}
    given = {
        name: [(round(float(np.clip(y * 0.4 + 0.6 * rng.random(), 0, 1)), 3), round(float(rng.random()), 2)) for y in labels]
        for name in "ab"
    }  # fmt: skip
    turned = [1 - y if f"i{i:03d}" in hidden else y for i, y in enumerate(labels)]
    table = '[judges.inner]\nkind = "ensemble"\nmembers = ["a", "b"]\n'
    found = []
    for folder, said in (("usual", labels), ("poisoned", turned)):
        study = write_study(tmp_path / folder, list(said), given, table)
        if "inner" in options.get("members", ()):
            run(study, combination(study, "ensemble", members=["a", "b"]), "inner")
        judge = combination(study, kind, **options)
        assert isinstance(judge, Fitted)
        found.append(
            [{i: v.score for i, v in judged(j, study).items()} for j in (judge, judge.without(hidden))]
        )
    (usual, fair), (poisoned, still_fair) = found
    assert usual != poisoned
    assert still_fair == fair
    assert None not in fair.values()
    assert fair != usual, "the judge itself is left as it is"
