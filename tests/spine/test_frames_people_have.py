"""Data frames as pandas gives them mean what the same tables mean in files, for compare, validate and rank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genspace import compare, rank, validate
from genspace.errors import InputError
from genspace.records import StudySettings

NUMBERS = range(24)
ITEMS = pd.DataFrame(
    {
        "item_id": NUMBERS,
        "prompt_id": [n // 2 for n in NUMBERS],
        "generator": [f"gen-{'ab'[n % 2]}" for n in NUMBERS],
        "made": pd.Timestamp("2026-03-01") + pd.to_timedelta([n // 6 for n in NUMBERS], "D"),
    }
)
SAID = pd.DataFrame(
    [(n, rater, 1 + (3 * n + 2 * k + n // 7) % 5) for n in NUMBERS for k, rater in enumerate(("ann", "bob"))],
    columns=["item_id", "rater_id", "value"],
)
SCORES = pd.DataFrame(
    [(n, m, (7 * n + 5 * k) % 24 / 24) for n in NUMBERS for k, m in enumerate(("clip", "vqa"))],
    columns=["item_id", "metric", "score"],
)
Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def everywhere(column: str, change: Callable[[pd.Series], object]) -> Frames:
    """The three frames with one column changed wherever it stands."""
    items, said, scores = (
        f.assign(**{column: change(f[column])}) if column in f else f for f in (ITEMS, SAID, SCORES)
    )
    return items, said, scores


def figures(frames: Frames, **given: object) -> list[list[str]]:
    """What the three functions find."""
    items, annotations, scores = frames
    named = {"items": items, "annotations": annotations, "scores": scores, **given}
    table = compare(**named, draws=0, permutations=0).to_frame()
    # Which half of a prompt's items tells of the other goes by their ids, which are others here.
    table = table[table["judge"] != "baseline: prompt mean"]
    ranking = rank(**named, draws=0)
    validated = validate("vqa", **named).document
    found = [
        *zip(table["judge"], table["figure"], table["value"], table["n"], strict=True),
        *((row.generator, row.score.value) for row in ranking.document.generators.people.generators),
        *((row.judge, row.difference.value) for row in validated.against),
    ]
    return sorted([f"{x:.9f}" if isinstance(x, float) else str(x) for x in row] for row in found)


CLEAN = figures((ITEMS, SAID, SCORES))
SAME: dict[str, Callable[[], Frames]] = {
    "ids as floats, as a join leaves them": lambda: (ITEMS, *everywhere("item_id", lambda c: c.astype(float))[1:]),
    "ids as text": lambda: (ITEMS, *everywhere("item_id", lambda c: c.astype(str))[1:]),
    "ids of 60 bits": lambda: everywhere("item_id", lambda c: c + 2**60),
    "ids as categories": lambda: everywhere("item_id", lambda c: c.astype("category")),
    "names as categories": lambda: everywhere("generator", lambda c: c.astype("category")),
    "raters as categories": lambda: everywhere("rater_id", lambda c: c.astype("category")),
    "metrics as categories": lambda: everywhere("metric", lambda c: c.astype("category")),
    "ratings as ordered categories": lambda: everywhere("value", lambda c: pd.Categorical(c, ordered=True)),
    "ids as bytes": lambda: everywhere("item_id", lambda c: [str(n).encode() for n in c]),
    "names as bytes": lambda: everywhere("metric", lambda c: [m.encode() for m in c]),
    "ids as times": lambda: everywhere("item_id", lambda c: pd.Timestamp("2026-01-01") + pd.to_timedelta(c, "D")),
    "nullable types": lambda: tuple(f.convert_dtypes() for f in (ITEMS, SAID, SCORES)),
    "Arrow's types": lambda: tuple(f.convert_dtypes(dtype_backend="pyarrow") for f in (ITEMS, SAID, SCORES)),
    "objects of several types": lambda: everywhere("item_id", lambda c: [n if n % 2 else str(n) for n in c]),
    "numbers as text": lambda: everywhere("score", lambda c: c.map(repr)),
    "percent signs": lambda: everywhere("score", lambda c: c.map(lambda v: f"{v:.12%}")),
    "an id in the index": lambda: (ITEMS.set_index("item_id"), SAID, SCORES),
    "rows of a larger frame": lambda: (ITEMS[::-1], SAID.sample(frac=1, random_state=1), SCORES[::-1]),
    "a column per metric": lambda: (ITEMS, SAID, SCORES.pivot_table("score", "item_id", "metric").reset_index()),
    "capitals in names": lambda: (ITEMS.rename(columns=str.title), SAID, SCORES),
}  # fmt: skip


@pytest.mark.parametrize("how", SAME)
def test_the_same_frames_otherwise_typed_give_the_same_figures(how: str) -> None:
    assert figures(SAME[how]()) == CLEAN


@pytest.mark.parametrize("empty", [pd.NA, None, np.nan, float("nan")], ids=repr)
@pytest.mark.parametrize("dtype", [object, "Int64"])
def test_no_value_is_no_value_however_it_is_written(empty: object, dtype: object) -> None:
    values = SAID["value"].astype(dtype)
    values[3] = empty
    meant = SAID["value"].astype(float)
    meant[3] = np.nan
    assert figures((ITEMS, SAID.assign(value=values), SCORES)) == figures(
        (ITEMS, SAID.assign(value=meant), SCORES)
    )
    assert figures((ITEMS, SAID.assign(value=values), SCORES)) != CLEAN


def test_frames_are_read_as_files_are(tmp_path: Path) -> None:
    words = SAID.assign(value=SAID["value"].map(lambda v: "yes" if v > 3 else "no"))
    coded = SAID.assign(value=SAID["value"].where(SAID.index % 9 > 0, -1))
    for said, code, level in ((words, "words", "said"), (coded, "sentinel", "warning")):
        found = compare(items=ITEMS, annotations=said, scores=SCORES, draws=0, permutations=0)
        (tmp_path / "scores").mkdir(exist_ok=True)
        ITEMS.to_csv(tmp_path / "items.csv", index=False)
        said.to_csv(tmp_path / "annotations.csv", index=False)
        SCORES.to_csv(tmp_path / "scores" / "m.csv", index=False)
        there = compare(tmp_path, draws=0, permutations=0)
        assert (code, level) in {(r.code, r.level) for r in found.document.readings}
        assert found.to_frame().equals(there.to_frame())
        skipped = {"file_used", "images_missing"}
        codes = [[r.code for r in c.document.readings if r.code not in skipped] for c in (found, there)]
        assert codes[0] == codes[1]
    dropped = figures((ITEMS, coded, SCORES), settings=StudySettings(missing=("-1",)))
    assert dropped == figures((ITEMS, coded[coded["value"] > 0], SCORES))


def test_everything_wrong_is_named_at_once() -> None:
    said = SAID.assign(value=SAID["value"].astype(object))
    said.loc[2, "value"] = "good"
    scores = SCORES.assign(item_id=[f"{n:03d}" for n in SCORES["item_id"]])
    with pytest.raises(InputError) as caught:
        compare(items=ITEMS, annotations=said, scores=scores)
    first, second = str(caught.value).splitlines()
    assert first.startswith("annotations, row 2: value = 'good': is not a finite number")
    assert "48 of 48 rows name items that differ by leading zeros" in second


def test_repeats_of_a_judge_are_combined_in_frames_and_files() -> None:
    twice = pd.concat([SCORES.assign(repeat=n, score=SCORES["score"] + n / 10) for n in (0, 1)])
    shifted = SCORES.assign(score=SCORES["score"] + 0.05)
    assert figures((ITEMS, SAID, twice)) == figures((ITEMS, SAID, shifted))
