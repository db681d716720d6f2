"""Former names go on working, with a warning that says the new one."""

from __future__ import annotations

import pandas as pd
import pytest

from genspace import Evidence
from genspace.analysis import CompareOptions, rank, rank_generators

ITEMS = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
SAID = pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]})
SCORED = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.2, 0.1]})
FEW = CompareOptions(draws=100)


def test_rank_generators_is_rank() -> None:
    now = rank(Evidence.from_frames(ITEMS, SAID, SCORED), FEW)
    with pytest.warns(DeprecationWarning, match="rank_generators is now rank, which takes an Evidence"):
        former = rank_generators(SAID, SCORED, ITEMS, options=FEW)
    assert former.to_dict() == now.to_dict()
    assert (former.order(), former.order("clip")) == (["y", "x"], ["x", "y"])


def test_summary_is_sentences() -> None:
    result = rank(Evidence.from_frames(ITEMS, SAID, SCORED), FEW)
    with pytest.warns(DeprecationWarning, match="summary is now Result.sentences"):
        assert result.summary == result.sentences
