"""Ask a real gateway through the judge: LiteLLM's proxy, in its own environment, before a stub of a provider."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
JUDGES = HERE.parent / "judges"
REQUIREMENT = "litellm[proxy]>=1.108,<1.109"
KEY = "sk-proxy-0123456789"
ITEMS = 20
INPUT_USD, OUTPUT_USD = 3e-6, 12e-6
"""A token of the model that the proxy prices; the stub counts 100 and 2 a call."""


def _support() -> ModuleType:
    specification = importlib.util.spec_from_file_location("vlm_support", JUDGES / "vlm_support.py")
    assert specification is not None
    assert specification.loader is not None
    module = sys.modules["vlm_support"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _row(name: str) -> int:
    rows = tomllib.loads((JUDGES / "behaviours.toml").read_text(encoding="utf-8"))["behaviours"]
    return next(i for i, row in enumerate(rows) if row["name"] == name)


def _config(stub: str) -> dict[str, Any]:
    """Return the proxy's configuration: the same stub behind models that behave in different ways."""
    ways = {
        "priced": "good", "plain": "plain", "few": "few",
        "quota": f"row-{_row('OpenAI: quota, under 429')}-1-0",
        "filter": f"row-{_row('Azure: the prompt is filtered')}-3-0",
    }  # fmt: skip
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": "openai/copy", "api_base": f"{stub}/{way}/v1", "api_key": "none"},
            "model_info": {"input_cost_per_token": INPUT_USD, "output_cost_per_token": OUTPUT_USD},
        }
        for name, way in ways.items()
    ]
    return {
        "model_list": models,
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }


@contextmanager
def _served(command: list[str], url: str, log: Path, **environment: str) -> Iterator[None]:
    """Within the block a server answers at `url`, which any HTTP status shows."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=JUDGES, env=os.environ | environment
        )
        try:
            deadline = time.monotonic() + 180
            while True:
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except urllib.error.HTTPError:
                    break
                except OSError:
                    assert process.poll() is None, log.read_text(errors="replace")[-2000:]
                    assert time.monotonic() < deadline, f"{url} does not answer"
                    time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait(30)


def proofs(root: Path) -> list[str]:
    """Start stub and proxy, judge through them, and return what was shown."""
    from genspace.errors import InputError
    from genspace.judges import Budget, BudgetReachedError, JudgeContext, JudgeSpec, make_judge
    from genspace.records import Item, Request, Verdict

    support = _support()
    python = root / "environment" / "bin" / "python"
    if not python.exists():
        venv.create(root / "environment", with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", REQUIREMENT], check=True)
    version = subprocess.run(
        [str(python), "-c", "from importlib.metadata import version; print(version('litellm'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    reds = [255 * (i % 2) for i in range(ITEMS)]
    files = support.MemoryFiles({f"{i}.png": support.png(red, green=i) for i, red in enumerate(reds)})
    requests = [
        Request(item=Item(item_id=str(i), image=f"{i}.png", prompt="a cow"), files=files)
        for i in range(ITEMS)
    ]
    stub, proxy = (f"http://127.0.0.1:{port}" for port in (support.free_port(), support.free_port() + 100))
    config = root / "config.json"  # JSON is YAML
    config.write_text(json.dumps(_config(stub)), encoding="utf-8")
    os.environ |= {"PROXY_API_KEY": KEY, "WRONG_API_KEY": "sk-wrong-0123456789"}

    def asked(
        model: str, *, key: str = "PROXY_API_KEY", budget: Budget | None = None, **options: Any
    ) -> list[Verdict]:
        options = {"base_url": f"{proxy}/v1", "api_key_env": key, "tries": 2, "samples": 3} | options
        spec = JudgeSpec(name="v", kind="vlm", model=model, options=options)
        return list(make_judge(spec, JudgeContext(budget=budget)).judge(requests))

    def refused(run: Callable[[], object]) -> str:
        try:
            run()
        except InputError as error:
            return str(error)
        raise AssertionError("the run was not stopped")

    def check(found: list[Verdict], source: str) -> None:
        assert len(found) == ITEMS
        for verdict in found:
            assert verdict.status == "decided", verdict.reason
            assert verdict.score is not None
            assert abs(verdict.score - reds[int(verdict.item_id)] / 255) < 1e-6
            assert verdict.details["probabilities_from"] == source

    lines = []
    commands = [sys.executable, "vlm_server.py", stub.rpartition(":")[2]]
    gateway = [
        str(python.with_name("litellm")),
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        proxy.rpartition(":")[2],
    ]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "DISABLE_ADMIN_UI": "True"}
    with (
        _served(commands, f"{stub}/log", root / "stub.log"),
        _served(gateway, f"{proxy}/health/liveliness", root / "proxy.log", **quiet),
    ):
        found = asked("priced")
        check(found, "log-probabilities")
        each = 100 * INPUT_USD + 2 * OUTPUT_USD
        assert {v.details["cost_from"] for v in found} == {"x-litellm-response-cost of the server"}
        assert all(abs((v.cost_usd or 0) - each) < 1e-9 for v in found)
        lines.append(
            f"{ITEMS} items through log-probabilities; each costs what the proxy's header says, {each:.6f} USD"
        )
        check(asked("plain"), "3 samples")
        lines.append(
            "a provider that refuses log-probabilities: two items find out, and answers are sampled for all"
        )
        check(asked("few"), "log-probabilities")
        lines.append("a provider that gives fewer alternatives: as many are asked for as it gives")
        wrong = refused(lambda: asked("priced", key="WRONG_API_KEY"))
        lines.append(f"a wrong key stops the run: “{wrong.partition('answers ')[2][:110]}…”")
        unknown = refused(lambda: asked("nobody"))
        lines.append(f"an unknown model stops the run: “{unknown.partition('answers ')[2][:110]}…”")
        quota = refused(lambda: asked("quota"))
        lines.append(f"a provider without quota stops the run: “{quota.partition('answers ')[2][:110]}…”")
        support.VlmServer(stub).reset()
        filtered = asked("filter")
        blocked = [v for v in filtered if v.details.get("kind") == "blocked"]
        assert [int(v.item_id) % 3 for v in blocked] == [0] * 7
        assert sum(v.status == "decided" for v in filtered) == ITEMS - 7
        lines.append("a content filter on one item of three: these abstain, no other is lost")
        budget = Budget(2.5 * each)
        with suppress(BudgetReachedError):
            asked("priced", budget=budget, price_input_usd=3.0, price_output_usd=12.0, concurrency=1)
        assert abs(budget.spent_usd - 3 * each) < 1e-9
        lines.append("a budget of two and a half calls ends with the third, by the proxy's own costs")
    return [
        f"LiteLLM {version}, as it installs, before the tests' stub of a provider:",
        *(f"- {line}" for line in lines),
    ]


def main() -> str:
    """Return the section."""
    with tempfile.TemporaryDirectory() as folder:
        return (
            "## A gateway: LiteLLM's proxy\n\n"
            + "\n".join(proofs(Path(folder))).replace(":\n-", ":\n\n-", 1)
            + "\n"
        )


if __name__ == "__main__":
    print(main())
