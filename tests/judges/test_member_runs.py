"""A combination's members are run like any judge: interrupted, limited, resumed, asked again, and foreseen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from vlm_support import VlmServer, png

from genspace.errors import InputError
from genspace.judges import make_judge, resolve, study_context
from genspace.runner import INTERRUPTED, StopFlag, run
from genspace.store import JudgeStore
from genspace.study import Study, open_study

N = 20


@pytest.fixture
def study(tmp_path: Path, server: VlmServer, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Two items a prompt, people on half of them, a metric that is unsure of the last five, and a model behind HTTP."""
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "study"
    (root / "images").mkdir(parents=True)
    (root / "scores").mkdir()
    items, answers = ["item_id,prompt_id,prompt"], ["item_id,rater_id,value"]
    scores = ["item_id,score,confidence"]
    for i in range(N):
        items.append(f"i{i:02d},p{i // 2},a cow")
        scores.append(f"i{i:02d},{i % 2},{0.9 if i < 15 else 0.55}")
        answers += [f"i{i:02d},r,{i % 2}"] if i < N // 2 else []
        (root / "images" / f"i{i:02d}.png").write_bytes(png(255 * (i % 2)))
    for name, rows in (("items", items), ("annotations", answers), ("scores/metric", scores)):
        (root / f"{name}.csv").write_text("\n".join(rows), encoding="utf-8")
    (root / "study.toml").write_text(
        f'[judges.model]\nkind = "vlm"\nmodel = "copy"\nbase_url = "{server.url()}"\nconcurrency = 2\n'
        # 0.10 USD a call: 100 input tokens at 1,000 USD a million
        "price_input_usd = 1000.0\nprice_output_usd = 0.0\n"
        '[judges.together]\nkind = "ensemble"\nmembers = ["metric", "model"]\nmethod = "logistic"\n'
        '[judges.frugal]\nkind = "cascade"\nfirst = "metric"\nsecond = "model"\nthreshold = 0.8\n'
        '[judges.fitted]\nkind = "cascade"\nfirst = "metric"\nsecond = "model"\n'
        '[judges.outer]\nkind = "cascade"\nfirst = "together"\nsecond = "model"\nthreshold = 0\n'
        '[judges.one]\nkind = "ensemble"\nmembers = ["other"]\n[judges.other]\nkind = "ensemble"\nmembers = ["one"]\n',
        encoding="utf-8",
    )
    return open_study(root)


def verdicts(study: Study, judge: str) -> dict[str, Any]:
    return {key[0]: v for key, v in JudgeStore(study.root, judge).current().items()}


def test_an_interrupt_reaches_the_member_that_is_asked(study: Study, server: VlmServer) -> None:
    stop, done = StopFlag(), []

    @contextmanager
    def progress(name: str) -> Iterator[Any]:
        def advanced(_: Any) -> None:
            done.append(name)
            if len(done) == 3:
                stop.set()

        yield (lambda _: None), advanced

    def made() -> Any:
        return make_judge(resolve(["together"], study.declared.judges)[0], study_context(study))

    summary = run(study, made(), "together", progress=progress, stop=stop)
    assert summary.stopped == INTERRUPTED
    assert [m.judge for m in summary.members] == ["model"]
    assert set(done) == {"model"}
    calls = server.log()["calls"]
    assert len(verdicts(study, "model")) == calls <= 3 + 2 * 2, "what was in flight is finished and kept"
    assert verdicts(study, "together") == {}
    again = run(study, made(), "together")
    assert (again.status["decided"], again.members[0].already_done) == (N, calls)
    assert server.log()["calls"] == N, "the same command goes on from there"


def test_a_budget_ends_the_member_and_keeps_what_was_paid_for(
    study: Study, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    result = genspace("judge", study.root, "--judge", "together", "--max-usd", "0.5", "--json")
    assert result.code == 1
    (told,) = json.loads(result.out)
    assert told["stopped"].startswith("the budget of 0.5 USD is spent (0.")
    assert (told["asked"], told["members"][0]["judge"]) == (0, "model")
    calls = server.log()["calls"]
    assert 5 <= calls == len(verdicts(study, "model")) <= 5 + 2
    rest = genspace("judge", study.root, "--judge", "together")
    assert rest.code == 0, rest.err
    assert server.log()["calls"] == N


def test_a_failed_member_is_named_and_asked_again_on_request(
    study: Study, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    image = study.root / "images" / "i17.png"
    data = image.read_bytes()
    image.unlink()
    for judge in ("together", "frugal"):
        result = genspace("judge", study.root, "--judge", judge, "--json")
        assert result.code == 1
        (told,) = json.loads(result.out)
        assert [f["item_id"] for f in told["failures"]] == ["i17"]
        assert told["failures"][0]["reason"].startswith("model failed: ")
        assert verdicts(study, judge)["i17"].score is None
    image.write_bytes(data)
    assert genspace("judge", study.root, "--judge", "together").code == 0, "nothing is asked again unasked"
    before = server.log()["calls"]
    for judge in ("together", "frugal"):
        assert genspace("judge", study.root, "--judge", judge, "--retry", "errors").code == 0
        assert verdicts(study, judge)["i17"].status == "decided"
    assert server.log()["calls"] == before + 1, "the member alone, once"
    assert len(verdicts(study, "together")) == N, "the same fingerprint, so that all verdicts count"


def test_members_are_resumed_and_shared(
    study: Study, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    assert genspace("judge", study.root, "--judge", "frugal").code == 0
    assert server.log()["calls"] == 5
    assert genspace("judge", study.root, "--judge", "together").code == 0
    assert genspace("judge", study.root, "--judge", "outer").code == 0, "a combination may be a member"
    result = genspace("judge", study.root, "--judge", "model", "--judge", "together", "--json")
    assert [told["already_done"] for told in json.loads(result.out)] == [N, N]
    assert server.log()["calls"] == N


def test_shards_of_a_combination_come_together(
    study: Study, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    for part in ("1/2", "2/2"):
        assert genspace("judge", study.root, "--judge", "together", "--shard", part).code == 0
    halves = verdicts(study, "together")
    assert len(halves) == N
    assert genspace("judge", study.root, "--judge", "together", "--retry", "all").code == 0
    assert {i: v.score for i, v in verdicts(study, "together").items()} == {
        i: v.score for i, v in halves.items()
    }


@pytest.mark.parametrize(
    ("judge", "bounds"), [("together", (N, N)), ("frugal", (5, 5)), ("fitted", (10, 20))]
)
def test_a_dry_run_foresees_what_members_will_send(
    study: Study, server: VlmServer, genspace: Callable[..., Any], judge: str, bounds: tuple[int, int]
) -> None:
    (told,) = json.loads(genspace("judge", study.root, "--judge", judge, "--dry-run", "--json").out)
    assert server.log()["calls"] == 0
    assert told["calls"] == sum(m["calls"] for m in told["members"])
    least, most = bounds
    assert told["calls"] >= least
    assert genspace("judge", study.root, "--judge", judge).code == 0
    calls = server.log()["calls"]
    assert least <= calls <= most
    assert told["calls"] <= calls <= told["most_calls"]
    assert told["cost_usd"] <= calls * 0.1 <= told["most_usd"]
    text = genspace("judge", study.root, "--judge", judge, "--retry", "all", "--dry-run").out
    assert "model: " in text
    assert "at most $" in text


def test_what_members_learned_is_forgotten(study: Study, genspace: Callable[..., Any]) -> None:
    url = f"model.base_url={study.declared.judges['model'].options['base_url'].replace('good', 'plain')}"
    options = ["--judge", "frugal", "-o", url, "-o", "model.samples=1"]
    assert genspace("-v", "judge", study.root, *options).code == 0
    again = genspace("-v", "judge", study.root, *options, "--retry", "all")
    assert "logprobs is left out" not in again.err, "it is remembered"
    forgotten = genspace("-v", "judge", study.root, *options, "--retry", "all", "--forget-learned")
    assert "logprobs is left out" in forgotten.err
    assert "answers are sampled" in forgotten.err


def test_a_circle_of_members_is_named(study: Study) -> None:
    with pytest.raises(InputError, match="member of itself: other → one → other"):
        make_judge(resolve(["one"], study.declared.judges)[0], study_context(study))


def test_a_combination_does_not_ask_by_itself(study: Study, server: VlmServer) -> None:
    """It reads verdicts; used without the runner it fails by name, instead of deciding without a member."""
    from genspace.records import Request

    judge = make_judge(resolve(["frugal"], study.declared.judges)[0], study_context(study))
    found = list(judge.judge([Request(item=item, files=study.files) for item in study.iter_items()]))
    assert server.log()["calls"] == 0
    assert [v.item_id for v in found if v.status == "failed"] == [f"i{i}" for i in range(15, 20)]
    assert {v.reason for v in found if v.status == "failed"} == {
        "model failed: model has no verdict on this item"
    }


def test_a_member_is_left_to_its_verdicts_only_where_it_is_not_to_be_had(
    study: Study, genspace: Callable[..., Any]
) -> None:
    """With verdicts of a judge that the study no longer names these count; a wrong option is no reason to do without it."""
    assert genspace("judge", study.root, "--judge", "model").code == 0
    wrong = genspace("judge", study.root, "--judge", "together", "-o", "model.samples=0")
    assert wrong.code == 2
    assert "option 'samples' = 0" in wrong.err
    toml = study.root / "study.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text("[judges.together]" + text.partition("[judges.together]")[2], encoding="utf-8")
    assert genspace("judge", study.root, "--judge", "together").code == 0
