"""What calls cost: who says so, what is counted, what is foreseen, and what a budget does with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vlm_support import Recorder, png, requests_for

from genspace.errors import InputError
from genspace.judges import Budget, BudgetReachedError, JudgeContext, JudgeSpec, make_judge
from genspace.records import Verdict

PRICED = {"price_input_usd": 1.0, "price_output_usd": 10.0}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def judge(url: str, model: str = "m", *, budget: Budget | None = None, **options: Any) -> Any:
    options = {"base_url": url, "probabilities": "samples", "samples": 1, "tries": 2} | options
    spec = JudgeSpec(name="v", kind="vlm", model=model, options=options)
    return make_judge(spec, JudgeContext(budget=budget))


def only(made: Any) -> Verdict:
    (verdict,) = made.judge(requests_for([0]))
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize(
    ("usage", "headers", "options", "cost"),
    [
        ({}, {}, {}, (None, None)),
        # 1,000 tokens at 1 USD a million and 100 at 10: 0.001 + 0.001.
        ({}, {}, PRICED, (0.002, "given by the user")),
        ({"cost": 0.95}, {}, PRICED, (0.95, "usage.cost of the server")),
        ({"cost": 0.0}, {}, PRICED, (0.0, "usage.cost of the server")),
        ({"cost": {"total_cost": 0.5}}, {}, {}, (0.5, "usage.cost.total_cost of the server")),
        ({"cost_in_usd_ticks": 2709000}, {}, {}, (0.0002709, "usage.cost_in_usd_ticks of the server")),
        ({"estimated_cost": 8.775e-06}, {}, {}, (8.775e-06, "usage.estimated_cost of the server")),
        ({}, {"x-litellm-response-cost": "0.0056"}, PRICED, (0.0056, "x-litellm-response-cost of the server")),
        ({"cost": 1.0}, {"X-LiteLLM-Response-Cost": "0.5"}, {}, (0.5, "x-litellm-response-cost of the server")),
        ({}, {"x-litellm-response-cost": "0.0"}, PRICED, (0.002, "given by the user")),
        ({}, {"x-litellm-response-cost": "None"}, {}, (None, None)),
        ({"cost": "a lot"}, {}, {}, (None, None)),
        ({"cost": -1}, {}, PRICED, (0.002, "given by the user")),
        ({"cost": True, "estimated_cost": None}, {}, {}, (None, None)),
    ],
)  # fmt: skip
def test_costs_are_the_servers_then_the_users(
    recorder: Recorder, usage: Any, headers: Any, options: Any, cost: tuple[float | None, str | None]
) -> None:
    usd, said_by = cost
    recorder.says("Yes", usage=USAGE | usage, headers=headers)
    verdict = only(judge(recorder.url, **options))
    assert verdict.cost_usd == (None if usd is None else pytest.approx(usd))
    assert verdict.details.get("cost_from") == said_by
    assert verdict.tokens == 1100


def test_a_model_behind_a_gateway_on_this_machine_has_its_price(recorder: Recorder) -> None:
    recorder.says("Yes", usage=USAGE | {"prompt_tokens_details": {"cached_tokens": 600}})
    verdict = only(judge(recorder.url, "openai/gpt-4.1"))
    # 2.00, 0.50 and 8.00 USD a million: 400 fresh, 600 cached, 100 written.
    assert verdict.cost_usd == pytest.approx((400 * 2 + 600 * 0.5 + 100 * 8) / 1e6)
    assert str(verdict.details["cost_from"]).startswith("price table of 20")


@pytest.mark.parametrize(
    ("usage", "tokens", "usd"),
    [
        # What was thought is in the sum alone: 400 tokens written.
        ({"prompt_tokens": 1000, "completion_tokens": 2, "total_tokens": 1400}, 1400, 0.005),
        ({"prompt_tokens": 1000, "total_tokens": 1100}, 1100, 0.002),
        ({"input_tokens": 1000, "output_tokens": 100}, 1100, 0.002),
        # Nonsense is not counted: 1,000 read, and "Yes" as one token.
        ({"prompt_tokens": 1000, "completion_tokens": float("1e999"), "total_tokens": -3}, 1001, 0.00101),
        ({"prompt_tokens": "many", "completion_tokens": 100}, None, None),
        (None, None, None), ("none", None, None), ([], None, None),
    ],
)  # fmt: skip
def test_tokens_are_counted_however_they_are_told(
    recorder: Recorder, usage: Any, tokens: int | None, usd: float | None
) -> None:
    recorder.says("Yes", usage=usage)
    verdict = only(judge(recorder.url, **PRICED))
    if tokens is None:  # estimated from the texts and the image
        assert verdict.tokens is not None
        assert 20 < verdict.tokens < 300
        assert verdict.cost_usd
    else:
        assert (verdict.tokens, verdict.cost_usd) == (tokens, pytest.approx(usd))


def test_calls_that_came_to_nothing_were_paid_for(recorder: Recorder) -> None:
    """An error inside a 200 that counts tokens, then a useless answer, then a good one."""
    good = {"choices": [{"message": {"content": "Yes"}, "finish_reason": "stop"}], "usage": USAGE}
    useless = {"choices": [{"message": {"content": "purple"}, "finish_reason": "stop"}], "usage": USAGE}
    broken = {"error": {"message": "upstream", "code": 502}, "usage": USAGE}
    replies = iter([broken, useless, good])
    recorder.answer = lambda _: (200, {}, json.dumps(next(replies)))
    budget = Budget(1.0)
    verdict = only(judge(recorder.url, budget=budget, **PRICED))
    assert verdict.status == "decided"
    assert verdict.details["calls"] == 3
    assert (verdict.tokens, verdict.cost_usd) == (3300, pytest.approx(0.006))
    assert budget.spent_usd == pytest.approx(0.006)


def test_a_withheld_answer_was_paid_for(recorder: Recorder) -> None:
    reply = {"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}], "usage": USAGE}
    recorder.answer = lambda _: (200, {}, json.dumps(reply))
    budget = Budget(1.0)
    verdict = only(judge(recorder.url, budget=budget, **PRICED))
    assert (verdict.details["kind"], verdict.cost_usd) == ("blocked", pytest.approx(0.002))
    assert budget.spent_usd == pytest.approx(0.002)


def test_a_budget_counts_what_the_server_says(recorder: Recorder) -> None:
    recorder.says("Yes", usage=USAGE | {"cost": 0.3})
    spendthrift = judge(recorder.url, budget=Budget(1.0), concurrency=1, **PRICED)
    done: list[Verdict] = []
    with pytest.raises(BudgetReachedError):
        done.extend(spendthrift.judge(requests_for([0] * 20)))
    assert len(recorder.seen) == len(done) == 4, "0.3 USD a call: the fourth passes 1 USD"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/v1", "http://localhost:9/v1", "http://192.168.0.9/v1", "https://x.example/v1"]
)
def test_no_server_is_free_for_where_it_stands(url: str) -> None:
    with pytest.raises(
        InputError, match=r"a budget needs the price of 'm'.*0 for a model that runs on a machine of yours"
    ):
        judge(url, budget=Budget(0.0001))
    assert judge(url, budget=Budget(0.0001), price_input_usd=0.0, price_output_usd=0.0)


def test_the_budget_of_the_command_line_starts_nothing_without_a_price(
    recorder: Recorder, genspace: Callable[..., Any], tmp_path: Path
) -> None:
    recorder.says("Yes")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png(0))
    (tmp_path / "items.csv").write_text("item_id,prompt\na,a cow\n", encoding="utf-8")
    command = ["judge", tmp_path, "--judge", "vlm:m", "-o", f"base_url={recorder.url}", "--max-usd", "0.0001"]
    refused = genspace(*command)
    assert (refused.code, recorder.seen) == (2, [])
    assert "price_input_usd" in refused.err


# ---- estimates ----


def thinker(recorder: Recorder, *, useless: bool) -> None:
    """A model that thinks to its limit of tokens each time, and may never give an answer."""

    def answer(_: Any) -> tuple[int, dict[str, str], str]:
        limit = json.loads(recorder.seen[-1][2])["max_tokens"]
        usage = {"prompt_tokens": 300, "completion_tokens": limit}
        text = "purple" if useless else "<think>so</think>Yes"
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        return 200, {}, json.dumps({"choices": [choice], "usage": usage})

    recorder.answer = answer


@pytest.mark.parametrize("useless", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"probabilities": "auto", "samples": 3},
        {"protocol": "rating"},
        {"extra_body": {"max_tokens": 5000}},
    ],
)
def test_the_upper_end_of_an_estimate_holds_for_models_that_think(
    recorder: Recorder, options: dict[str, Any], *, useless: bool
) -> None:
    thinker(recorder, useless=useless)
    made = judge(recorder.url, **PRICED, **options)
    (request,) = requests_for([0])
    told = made.preview(request)
    verdict = only(made)
    calls = len(recorder.seen)
    assert told.calls <= calls <= told.most_calls
    assert told.most_tokens is not None
    assert told.tokens <= (verdict.tokens or 0) <= told.most_tokens
    assert told.cost_usd <= (verdict.cost_usd or 0) <= told.most_usd
    assert (verdict.cost_usd or 0) > 10 * told.cost_usd, "the lower end alone would be far too low"


def test_the_ends_of_an_estimate_are_near_where_all_is_known() -> None:
    """A listed model that writes no more than four tokens: twice the calls, twice the tokens of a text."""
    made = judge("http://127.0.0.1:9/v1", "gpt-4.1", probabilities="logprobs", max_tokens=4)
    (request,) = requests_for([0])
    told = made.preview(request)
    assert (told.calls, told.most_calls) == (1, 2)
    assert told.most_usd < 4 * told.cost_usd


def test_without_a_limit_of_tokens_nothing_bounds_an_estimate(recorder: Recorder) -> None:
    made = judge(recorder.url, extra_body={"max_tokens": None}, **PRICED)
    told = made.preview(requests_for([0])[0])
    assert (told.most_tokens, told.most_usd) == (None, None)
    assert told.cost_usd


# ---- providers ----


def test_azure_is_addressed_by_deployment_and_version(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key-0123")
    recorder.says("Yes", usage=USAGE)
    root = recorder.url.removesuffix("/v1")
    verdict = only(
        judge(root, "gpt-4.1", provider="azure", deployment="my-gpt", api_version="2025-01-01-preview")
    )
    ((path, headers, body),) = recorder.seen
    assert path == "/openai/deployments/my-gpt/chat/completions?api-version=2025-01-01-preview"
    assert headers["api-key"] == "azure-key-0123"
    assert "authorization" not in headers
    assert json.loads(body)["model"] == "gpt-4.1"
    assert verdict.cost_usd == pytest.approx((1000 * 2 + 100 * 8) / 1e6)
    assert only(judge(root, "gpt-4.1", provider="azure")).status == "decided", (
        "the model names the deployment"
    )
    assert recorder.seen[-1][0].startswith("/openai/deployments/gpt-4.1/chat/completions?api-version=20")
    with pytest.raises(InputError, match=r"RESOURCE\.openai\.azure\.com"):
        make_judge(JudgeSpec(name="v", kind="vlm", model="m", options={"provider": "azure"}), JudgeContext())


def test_query_headers_and_body_are_the_users_and_part_of_the_fingerprint(recorder: Recorder) -> None:
    recorder.says("Yes", usage=USAGE)
    more = {
        "extra_query": {"region": "eu"},
        "extra_headers": {"X-Route": "b"},
        "extra_body": {"reasoning_effort": "low"},
    }
    made = judge(recorder.url, **more)
    only(made)
    ((path, headers, body),) = recorder.seen
    assert path.endswith("/chat/completions?region=eu")
    assert headers["x-route"] == "b"
    assert json.loads(body)["reasoning_effort"] == "low"
    marks = {judge(recorder.url, **{k: v for k, v in more.items() if k != left}).fingerprint for left in more}
    assert len(marks | {made.fingerprint}) == 4
    secret = judge(recorder.url, extra_headers={"X-Api-Key": "one"}).fingerprint
    assert secret == judge(recorder.url, extra_headers={"X-Api-Key": "two"}).fingerprint
