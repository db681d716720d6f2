"""A small version of the proof of `make verify`: many raters at once, a killed server, PostgreSQL."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def proof() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "verify" / "verify_human_study.py"
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_killed_in_the_middle_nothing_acknowledged_is_lost(proof: ModuleType) -> None:
    result = proof.run(60, raters=10, think_s=0.3, kills=2, every=20)
    assert result.retries > 0
    assert len(result.acknowledged) >= 40


@pytest.mark.needs_debian("postgresql")
def test_postgresql_counts_exactly(proof: ModuleType) -> None:
    with proof.postgresql() as url:
        result = proof.run(12, raters=15, think_s=0.2, database=url)
    assert len(result.acknowledged) == 12 * proof.RATERS_PER_ITEM
