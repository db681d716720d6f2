"""`genspace tune` over HTTP, killed: what was answered is not asked again, and the budget holds over all runs."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from vlm_support import VlmServer, png

FLIGHT, PRICE = 4, 0.1
VARIANTS = ("yes-no", "rating", "vqascore")


@dataclass(frozen=True)
class Kills:
    """What a tuning asked that was killed again and again."""

    done: int
    calls: int
    again: int
    """Questions that were asked a second time; at most those in flight at a kill."""
    on_budget: int
    """Calls by the time the budget was spent."""


def killed(
    folder: Path, server: VlmServer, calm: Callable[..., int], *, kills: int, items: int, seed: int
) -> Kills:
    """Tune on half of what all variants cost, killed at random moments, then to the end; `calm` runs the command."""
    server.reset()
    (folder / "images").mkdir(parents=True)
    rows, answers = ["item_id,image,prompt_id,prompt"], ["item_id,rater_id,value"]
    for n in range(items):
        rows.append(f"i{n},i{n}.png,p{n},a cow")
        answers.append(f"i{n},r,{n % 2}")
        (folder / "images" / f"i{n}.png").write_bytes(png(255 * (n % 2), green=n))
    (folder / "items.csv").write_text("\n".join(rows))
    (folder / "annotations.csv").write_text("\n".join(answers))
    (folder / "tune.toml").write_text(
        'figure = "accuracy"\ndrop_after = 0\n[grid.v]\nkind = "vlm"\nmodel = "copy"\n'
        f'base_url = "{server.url("slow")}"\nconcurrency = {FLIGHT}\nprice_input_usd = {1e4 * PRICE}\n'
        f"price_output_usd = 0\nprotocol = {list(VARIANTS)}\n"
    )
    words = ["tune", str(folder), "--space", str(folder / "tune.toml"), "--budget-usd"]
    rng, whole = random.Random(seed), items * len(VARIANTS)
    done = 0

    half = PRICE * whole / 2
    for k in range(kills):
        until = server.log()["calls"] + rng.randrange(1, max(2, whole // 2 // (kills - k)))
        child = subprocess.Popen(
            [sys.executable, "-m", "genspace", *words, str(half)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while child.poll() is None and server.log()["calls"] < until:
            time.sleep(0.005)
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            done += 1
        child.wait()
    assert calm(*words, str(half)) == 2, "not enough for two variants"
    on_budget = server.log()["calls"]
    assert calm(*words, str(2 * PRICE * whole)) == 0
    log = server.log()
    assert len(log["asked"]) == whole
    assert max(log["asked"].values()) <= 1 + done
    return Kills(done, log["calls"], log["calls"] - whole, on_budget)


def test_killed_and_resumed(
    tmp_path: Path, server: VlmServer, genspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    found = killed(
        tmp_path / "study", server, lambda *words: genspace(*words).code, kills=1, items=12, seed=1
    )
    assert found.done == 1
    assert found.again <= FLIGHT
    # No budget counts what is in the air at a kill, asked or just answered; nor what is there when it is spent.
    assert 18 <= found.on_budget <= 18 + 3 * FLIGHT
