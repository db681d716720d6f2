"""Three calls in ten go wrong, in twelve ways: nothing is lost, nothing is counted twice, no fault is an answer."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from vlm_support import VlmServer, requests_for

from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.judges.vlm import _judge, _server
from genspace.records import Verdict

NAMED = ("HTTP 429", "HTTP 500", "HTTP 503", "no answer within", "connection to", "not a chat completion",
         "unusable answer", "cut off", "refused: ", "content filter")  # fmt: skip
REDS = [0, 255] * 75


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_server, "FIRST_DELAY_S", 0.01)


def judged(
    server: VlmServer, items: list[int], cache: Path | None = None, **options: Any
) -> dict[str, Verdict]:
    requests = [r for r in requests_for(REDS) if int(r.item.item_id) in items]
    options = {"base_url": server.url("faulty"), "request_timeout_s": 1, "concurrency": 16} | options
    judge = make_judge(
        JudgeSpec(name="v", kind="vlm", model="copy", options=options), JudgeContext(cache_dir=cache)
    )
    found = list(judge.judge(requests))
    assert len(found) == len(requests), "one verdict per request"
    return {v.item_id: v for v in found}


def check(verdict: Verdict) -> None:
    if verdict.status == "decided":
        assert verdict.score == pytest.approx(REDS[int(verdict.item_id)] / 255, abs=1e-6), (
            "a fault became an answer"
        )
    else:
        assert any(name in (verdict.reason or "") for name in NAMED), verdict.reason


@pytest.mark.parametrize("options", [{}, {"protocol": "rating"}, {"probabilities": "samples", "samples": 3}])
def test_every_item_ends_as_a_verdict_or_a_named_failure(
    server: VlmServer, tmp_path: Path, options: dict[str, Any]
) -> None:
    everything = list(range(len(REDS)))
    found = judged(server, everything, tmp_path, tries=2, **options)
    faults = Counter(server.log()["faults"])
    assert len(faults) == 12, "every kind of fault occurred"
    for verdict in found.values():
        check(verdict)
    statuses = Counter(v.status for v in found.values())
    assert statuses["failed"] > 0
    assert statuses["decided"] > 100

    # A second run, as `--retry errors` does it, asks for the failed ones alone, and for no call that succeeded.
    failed = [int(v.item_id) for v in found.values() if v.status == "failed"]
    before = server.log()["answered"]
    again = judged(server, failed, tmp_path, tries=20, **options)
    wanted = 2 * len(failed) * options.get("samples", 1)  # a useless answer is asked again once
    assert server.log()["answered"] - before <= wanted
    for verdict in again.values():
        check(verdict)
        assert verdict.status != "failed"
    # A third run of what was decided asks nothing.
    calls = server.log()["calls"]
    decided = [int(v.item_id) for v in found.values() if v.status == "decided"]
    third = judged(server, decided, tmp_path, **options)
    assert server.log()["calls"] == calls
    assert all(third[str(i)].score == found[str(i)].score for i in decided)
    assert all(third[str(i)].tokens == found[str(i)].tokens for i in decided), "nothing is counted twice"


def test_refusals_and_filters_have_their_own_reasons(server: VlmServer) -> None:
    found = judged(server, list(range(150)), tries=20)
    reasons = Counter((v.reason or "").partition(":")[0] for v in found.values() if v.status == "abstained")
    faults = Counter(server.log()["faults"])
    assert reasons["refused"] == faults["refusal"] > 0
    assert reasons["content filter"] == faults["filter"] > 0


def test_a_bad_answer_is_asked_again_with_the_error(server: VlmServer) -> None:
    for verdict in judged(server, [0, 1], base_url=server.url("stutter")).values():
        check(verdict)
        assert verdict.status == "decided"
        assert verdict.details["answers"][0] == "purple"
        assert verdict.tokens == 2 * 102, "the useless answer was paid for, too"
    system, question, useless, again = server.log()["bodies"][-1]["messages"]
    assert [m["role"] for m in (system, question, useless, again)] == ["system", "user", "assistant", "user"]
    assert useless["content"] == "purple"
    assert again["content"].startswith(
        "That answer cannot be used: expected one word, yes or no; found neither."
    )


def test_after_two_bad_answers_the_judge_abstains_and_keeps_them(
    server: VlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = requests_for([10])
    options = {"base_url": server.url("good"), "protocol": "pairwise"}
    judge = make_judge(JudgeSpec(name="v", kind="vlm", model="yes", options=options), JudgeContext())
    # The model answers 90 where a letter is wanted, since the word JSON stands in the prompt.
    item = requests[0].item.__class__(item_id="x", image="0.png", prompt="JSON")
    pair = requests[0].__class__(item=item, other=item, files=requests[0].files)
    (verdict,) = judge.judge([pair])
    assert verdict.status == "abstained"
    assert (verdict.reason or "").startswith("unusable answer: expected one word, A or B")
    assert len(verdict.details["answers"]) == 4


def test_a_waiting_run_says_what_it_waits_for(
    server: VlmServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_judge, "PATIENCE_S", 0.05)
    caplog.set_level(logging.INFO, "genspace")
    options = {"base_url": server.url("503"), "tries": 2, "concurrency": 1}
    monkeypatch.setattr(_server, "FIRST_DELAY_S", 0.4)
    judge = make_judge(JudgeSpec(name="v", kind="vlm", model="yes", options=options), JudgeContext())
    with pytest.raises(Exception, match="HTTP 503"):
        list(judge.judge(requests_for([0])))
    lines = [r.getMessage() for r in caplog.records]
    assert any(
        line.startswith("waiting for 1 call to be tried again") and "HTTP 503 from 127.0.0.1" in line
        for line in lines
    ), lines
