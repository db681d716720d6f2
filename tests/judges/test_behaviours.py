"""What providers do, row by row of behaviours.toml: with one item of twenty and with one of three concerned.

No other item is lost, and no call is made that the policy does not ask for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from vlm_support import MemoryFiles, VlmServer, png

from genspace.errors import InputError
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.judges.vlm import _server
from genspace.judges.vlm._errors import rule_of, rules, signs_of
from genspace.records import Item, Request, Verdict

BEHAVIOURS = tomllib.loads(Path(__file__).with_name("behaviours.toml").read_text(encoding="utf-8"))[
    "behaviours"
]
ROWS = [pytest.param(i, id=row["name"]) for i, row in enumerate(BEHAVIOURS)]
N, TRIES, SAMPLES = 20, 3, 2
REDS = [255 * (i % 2) for i in range(N)]
ENDS = {
    "abstains": "abstained: blocked", "fails": "failed", "doubts": "failed", "refuses": "failed", "stops": "stopped",
    "waits": "decided",
}  # fmt: skip
"""How an item ends, by the kind of the rule: what may pass has passed when it is asked again."""


def ending(row: Mapping[str, Any]) -> str:
    """Return how a concerned item must end: as the row says, or by the table of errors."""
    if "ends" in row:
        return str(row["ends"])
    (rule,) = [rule for rule in rules() if rule.name == row["rule"]]
    return "failed" if rule.kind == "waits" and row.get("lasts") else ENDS[rule.kind]


def most_calls(row: Mapping[str, Any], item: int) -> int:
    """Return how often the policy lets a concerned item be asked at most."""
    end = ending(row)
    kind = next((rule.kind for rule in rules() if rule.name == row.get("rule")), None)
    if item == 0 and (kind == "refuses" or end.endswith("no-log-probabilities")):
        # It goes ahead: does without what is refused, samples where it must, and is asked again as all others are.
        return 2 + SAMPLES + 1
    if kind == "waits":
        return TRIES if end == "failed" else 2
    return 1 if kind else 2  # an answer that is not what was asked for is asked for again once


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_server, "FIRST_DELAY_S", 0.001)


def judge_for(server: VlmServer, way: str, **options: Any) -> Any:
    options = {"base_url": server.url(way), "tries": TRIES, "concurrency": 4, "samples": SAMPLES} | options
    return make_judge(JudgeSpec(name="v", kind="vlm", model="copy", options=options), JudgeContext())


def requests() -> list[Request]:
    files = MemoryFiles({f"{i}.png": png(red, green=i) for i, red in enumerate(REDS)})
    return [
        Request(item=Item(item_id=str(i), image=f"{i}.png", prompt="a cow"), files=files) for i in range(N)
    ]


def asked(judge: Any) -> tuple[dict[int, Verdict], str]:
    """Return the verdicts, and why it stopped if it did."""
    found: dict[int, Verdict] = {}
    try:
        for verdict in judge.judge(iter(requests())):
            assert int(verdict.item_id) not in found, "one verdict an item"
            found[int(verdict.item_id)] = verdict
    except InputError as error:
        return found, str(error)
    assert sorted(found) == list(range(N)), "no item is lost"
    return found, ""


def check_decided(found: Mapping[int, Verdict], items: set[int]) -> None:
    for i in items:
        assert found[i].status == "decided", found[i].reason
        assert found[i].score == pytest.approx(REDS[i] / 255, abs=1e-6), "a fault became an answer"


def test_there_are_at_least_sixty() -> None:
    assert len(BEHAVIOURS) == len({row["name"] for row in BEHAVIOURS}) >= 60


def test_every_rule_is_exercised_and_has_a_source() -> None:
    assert {row["rule"] for row in BEHAVIOURS if "rule" in row} == {rule.name for rule in rules()}
    assert all(rule.source for rule in rules())


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(("period", "offset"), [(20, 7), (3, 0)], ids=["1 of 20", "1 of 3"])
def test_what_providers_do(server: VlmServer, row: int, period: int, offset: int) -> None:
    behaviour = BEHAVIOURS[row]
    concerned = {i for i in range(N) if i % period == offset}
    found, stopped = asked(judge_for(server, f"row-{row}-{period}-{offset}"))
    calls = {int(i): n for i, n in server.log()["items"].items()}
    end = ending(behaviour)
    assert all(n == 1 for i, n in calls.items() if i not in concerned), "what went well is not repeated"
    assert all(calls.get(i, 0) <= most_calls(behaviour, i) for i in concerned)
    check_decided(found, found.keys() - concerned)
    if end == "stopped":
        assert f"answers {behaviour['status']}: " in stopped
        # What was in flight is finished and kept; nothing is asked after that.
        assert sum(calls.values()) <= len(found) + len(concerned)
        return
    assert not stopped
    for i in concerned:
        verdict = found[i]
        kind = f": {verdict.details['kind']}" if "kind" in verdict.details else ""
        assert f"{verdict.status}{kind}" == end, verdict.reason
        if end == "decided":
            check_decided(found, {i})
        else:
            assert verdict.score is None
            assert verdict.reason


REFUSED = [pytest.param(i, id=row["name"]) for i, row in enumerate(BEHAVIOURS) if "needs" in row]


@pytest.mark.parametrize("row", REFUSED)
def test_what_a_server_refuses_of_all_is_done_without(server: VlmServer, row: int) -> None:
    judge = judge_for(server, f"row-{row}-1-0")
    before = judge.fingerprint
    found, stopped = asked(judge)
    assert not stopped
    check_decided(found, set(range(N)))
    calls = {int(i): n for i, n in server.log()["items"].items()}
    each = SAMPLES if "samples" in found[N - 1].details["probabilities_from"] else 1
    assert all(calls[i] == each for i in range(2, N)), "two items found out for all"
    assert all(calls[i] <= 3 + each for i in (0, 1))  # a value may be lowered twice
    assert judge.fingerprint != before, "what was learned is part of the fingerprint"
    assert len({v.details["probabilities_from"] for v in found.values()}) == 1, "one source throughout"


ERRORS = [pytest.param(row, id=row["name"]) for row in BEHAVIOURS if "rule" in row and row["status"] != 200]


@pytest.mark.parametrize("row", ERRORS)
def test_the_table_decides_by_the_rule_that_is_meant(row: dict[str, Any]) -> None:
    body = {
        "model": "m", "messages": [{"role": "system", "content": ""}], "temperature": 1.0, "max_tokens": 1024,
        "logprobs": True, "top_logprobs": 20,
    }  # fmt: skip
    rule, refusal = rule_of(signs_of(row["status"], row["body"]), body)
    assert rule.name == row["rule"]
    assert (refusal is not None) == ("needs" in row)


def test_errors_are_fatal_only_before_the_first_success(server: VlmServer) -> None:
    """A 404 without a word: the first two items both meet it, so nothing can succeed; the fifth alone means nothing."""
    (row,) = [i for i, row in enumerate(BEHAVIOURS) if row["name"] == "404 for one item"]
    _, stopped = asked(judge_for(server, f"row-{row}-1-0"))
    assert stopped.endswith("answers 404: Not Found")
    assert server.log()["calls"] == 2
