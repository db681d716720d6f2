"""The `reference` profile against what the released GenSpace code answered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from genspace.geometry.evaluate import evaluate
from genspace.geometry.profiles import REFERENCE
from genspace.geometry.scene import parse_document
from geometry.reference_rows import rows_to_scenes


@pytest.mark.data
def test_every_golden_row(data: Path) -> None:
    wrong: Counter[str] = Counter()
    count = 0
    for document in rows_to_scenes(data / "reference" / "predicates_public.jsonl.gz"):
        golden, (predicate,) = document["golden"], document["predicates"]
        answer = evaluate(parse_document(document), predicate, REFERENCE)
        count += 1
        if answer.passed != golden["check"] or answer.score != pytest.approx(golden["score"], abs=1e-9):
            wrong[predicate] += 1
    assert count == 3040
    assert not wrong
