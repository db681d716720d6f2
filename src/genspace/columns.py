"""Columns of people's answers and of judges' verdicts, as every room has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "ANSWER_COLUMNS",
    "ANSWER_KEY",
    "VERDICT_COLUMNS",
    "VERDICT_KEY",
    "among",
    "positions",
    "rows_where",
    "typed",
]

ANSWER_COLUMNS: Mapping[str, str] = {
    "item_id": "str", "item_id_b": "str", "question": "str", "rater_id": "str", "repeat": "int64", "role": "str",
    "value": "float64", "excluded": "str", "seconds": "float64",
}  # fmt: skip
"""Columns of people's answers. A NaN value is "can't tell"; `excluded` names the rules that the rater breaks."""
ANSWER_KEY = ["item_id", "item_id_b", "question", "rater_id", "repeat", "role"]
VERDICT_COLUMNS: Mapping[str, str] = {
    "item_id": "str", "item_id_b": "str", "question": "str", "repeat": "int64", "judge": "str", "origin": "str",
    "status": "str", "score": "float64", "passed": "boolean", "confidence": "float64", "seconds": "float64",
    "tokens": "float64", "cost_usd": "float64", "reason": "str",
}  # fmt: skip
"""Columns of verdicts. `origin` is "judge" for verdict files, "table" for scores made elsewhere."""
VERDICT_KEY = ["item_id", "item_id_b", "question", "repeat", "judge"]


def typed(columns: Mapping[str, Any], types: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame with exactly the columns of `types`; absent ones hold "", 0 or missing values."""
    import pandas as pd

    length = max((len(c) for c in columns.values() if isinstance(c, pd.Series)), default=0)
    fill = {"str": "", "int64": 0, "float64": float("nan"), "boolean": pd.NA}
    data = {n: pd.Series(columns.get(n, fill[t]), index=range(length), dtype=t) for n, t in types.items()}
    return pd.DataFrame(data)


def positions(column: pd.Series[str], ids: Collection[str] | pd.Series[str]) -> NDArray[np.int64]:
    """Return where each cell stands among distinct ids, -1 where it is none; pandas compares text one by one.

    >>> import pandas as pd
    >>> positions(pd.Series(["b", "", "a", "b"]), ["a", "b"]).tolist()
    [1, -1, 0, 1]
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.large_string()
    wanted = pa.array(ids if hasattr(ids, "dtype") else list(ids), text)
    found = pc.index_in(pa.array(column, text), value_set=wanted)  # pyright: ignore[reportAttributeAccessIssue]
    return np.asarray(found.fill_null(-1), dtype=np.int64)


def rows_where(frame: pd.DataFrame, chosen: pd.Series[bool]) -> pd.DataFrame:
    """Return the chosen rows of a frame; the frame itself where those are all, because text is large to copy.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a": ["x", "y"]})
    >>> rows_where(frame, frame["a"] == "y")["a"].tolist(), rows_where(frame, frame["a"] > "") is frame
    (['y'], True)
    """
    return frame if chosen.all() else frame[chosen]


def among(column: pd.Series[str], ids: Collection[str] | pd.Series[str]) -> NDArray[np.bool_]:
    """Return whether each cell is one of the ids (see `positions`)."""
    return positions(column, ids) >= 0
