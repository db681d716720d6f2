"""Results as files: schemas, old formats, and a sentence for every code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import schemas

from genspace import compare, open_study, read_comparison
from genspace.analysis.compare import Comparison
from genspace.analysis.reasons import Reason, ReasonCode
from genspace.errors import InputError
from genspace.report import reason_text, remarks_of

OLD = Path(__file__).parent / "old" / "comparison.format-1.json"


@pytest.mark.parametrize("name", schemas.KINDS)
def test_shipped_schemas_are_those_of_the_records(name: str) -> None:
    shipped = (schemas.FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    assert shipped == schemas.schema_text(name), "run python docs/schemas.py"


@pytest.mark.parametrize("code", get_args(ReasonCode))
def test_every_reason_has_a_sentence(code: ReasonCode) -> None:
    name = "spearman" if code in ("no_penalised_form", "primary_undefined", "no_model_of_raters") else "NAME"
    told = reason_text(Reason(code, n=2, needed=5, name=name))
    assert told
    assert "{" not in told
    assert "None" not in told


def test_a_comparison_of_format_1_is_read_with_its_figures_and_sentences(tmp_path: Path) -> None:
    old = json.loads(OLD.read_text(encoding="utf-8"))
    found = read_comparison(OLD)
    for name, judge in old["judges"].items():
        for figure, estimate in judge["item"].items():
            if figure == "pearson_of_ceiling":  # no share of a ceiling is given any more
                continue
            read = found.document.judges[name].item[figure]
            assert (read.value, read.low, read.high, read.n) == (
                estimate["value"], estimate["low"], estimate["high"], estimate["n"],
            )  # fmt: skip
            assert reason_text(read.reason) == (estimate["reason"] or "")
    told = {text for _, text in remarks_of(found.document)}
    assert told == {note["text"] for note in old["notes"]}
    assert [*found.document.questions] == [*old["questions"]] == ["pretty"]
    assert found.ranking == ["clip", "vqa", "silent"]
    schema = json.loads((schemas.FOLDER / "comparison.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(found.to_dict(), schema)
    written = found.write(tmp_path / "report")
    assert "clip" in next(p for p in written if p.suffix == ".html").read_text(encoding="utf-8")


def test_a_comparison_of_format_2_keeps_its_figures_and_claims_nothing_new(tmp_path: Path) -> None:
    path = OLD.with_name("comparison.format-2.json")
    old, found = json.loads(path.read_text(encoding="utf-8")), read_comparison(path)
    clip = found.document.judges["clip"]
    told = old["judges"]["clip"]["preference"]["half_credit"]
    assert clip.item["pair_agreement"].value == told["value"]
    assert clip.item["spearman"].value == old["judges"]["clip"]["item"]["spearman"]["value"]
    assert [row.p_holm for row in found.document.tests.pairs] == [
        row["p_holm"] for row in old["tests"]["pairs"]
    ]
    assert found.document.headline.code == "not stated"
    schema = json.loads((schemas.FOLDER / "comparison.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(found.to_dict(), schema)
    page = next(p for p in found.write(tmp_path / "report") if p.suffix == ".html").read_text(
        encoding="utf-8"
    )
    assert "does not say how sure that is" in page


def test_a_comparison_that_is_read_back_is_the_same(small: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps(small.to_dict()), encoding="utf-8")
    assert read_comparison(path).document == small.document


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no comparison"),
        ('{"schema": "genspace-ranking/2"}', "holds no comparison"),
        ('{"studies": {}}', "several studies"),
        ('{"schema": "genspace-comparison/2"}', "is missing"),
        ('{"schema": "genspace-comparison/3"}', "study"),
        ('{"schema": "genspace-comparison/9"}', "is not a ComparisonDocument"),
    ],
)
def test_what_is_no_comparison_is_refused_by_name(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told) as caught:
        read_comparison(path)
    assert str(path) in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_comparison(tmp_path / "absent.json")


@pytest.fixture
def small() -> Comparison:
    import pandas as pd

    return compare(
        items=pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
        annotations=pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
        scores=pd.DataFrame({"item_id": list("abcd"), "metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]}),
        draws=20,
        permutations=0,
    )


@pytest.mark.data
def test_published_figures_stand_at_their_paths(data: Path) -> None:
    """`path value tolerance`, paths as in comparison.json."""
    folder = data / "human" / "viescore_t2i"
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not there")
    found: Any = compare(open_study(folder), draws=0, permutations=0).to_dict()
    lines = (folder / "expected.txt").read_text(encoding="utf-8").splitlines()
    wrong = []
    for line in lines:
        path, value, tolerance = line.split(" ")
        place: Any = found
        for key in path.split("|"):
            place = place[key]
        if place != pytest.approx(float(value), abs=float(tolerance)):
            wrong.append((line, place))
    assert len(lines) > 50
    assert wrong == []
