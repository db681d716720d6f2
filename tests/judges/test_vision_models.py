"""The families of models that people use, as tiny checkpoints, with the extra `vision`; and what is said without it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from vlm_support import png, requests_for

pytest.importorskip("torch", reason="needs the extra 'models'")
pytest.importorskip("transformers", reason="needs the extra 'models'")

import tiny_families

from genspace import checkpoints
from genspace.errors import InputError
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.records import Verdict

pytestmark = pytest.mark.xdist_group("torch")

HAVE_VISION = bool(find_spec("torchvision") and find_spec("num2words"))
WITHOUT_VIDEO = ("LLaVA", "Gemma 3")
"""Families whose processors take pictures alone, for which the extra `models` is enough."""
REDS = [0, 60, 120, 240]


@pytest.fixture(scope="session", autouse=True)
def torchvision_beside_any_torch() -> Any:
    """Declare the operators that torchvision's compiled part would, so that it can be imported beside another torch.

    Its image transforms, which are all that is needed here, are plain torch.
    """
    if not HAVE_VISION:
        return None
    import torch

    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library  # it holds as long as it is referred to
    return None


@pytest.fixture(scope="module", params=tiny_families.FAMILIES)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not HAVE_VISION and request.param not in WITHOUT_VIDEO:
        pytest.skip("needs the extra 'vision'")
    return tiny_families.build(request.param, tmp_path_factory.mktemp("family"))


def judged(checkpoint: Path, protocol: str, requests: list[Any], **options: Any) -> list[Verdict]:
    options = {"protocol": protocol, "least_mass": 0, "max_tokens": 8} | options
    judge = make_judge(JudgeSpec(name="x", kind="hf", model=str(checkpoint), options=options), JudgeContext())
    found = list(judge.judge(requests))
    return sorted(found, key=lambda v: (int(v.item_id), v.item_id_b or ""))


def scores(found: list[Verdict]) -> list[float]:
    assert [v.status for v in found] == ["decided"] * len(found), [v.reason for v in found]
    return [v.score for v in found if v.score is not None]


def test_yes_no_looks_at_the_picture_whatever_the_batch(checkpoint: Path) -> None:
    requests = requests_for(REDS)
    requests[2] = replace(
        requests[2], item=replace(requests[2].item, prompt="a much longer prompt than the others")
    )
    together = scores(judged(checkpoint, "yes-no", requests, batch_size=4))
    alone = scores(judged(checkpoint, "yes-no", requests, batch_size=1))
    assert together == pytest.approx(alone, abs=1e-5)
    assert len({round(s, 7) for s in together}) == len(REDS)
    assert all(0 < s < 1 for s in together)


def test_an_edit_shows_both_pictures(checkpoint: Path) -> None:
    plain = requests_for(REDS)
    edits = [replace(r, item=replace(r.item, image_before="1.png")) for r in plain]
    same = scores(judged(checkpoint, "yes-no", edits))
    other = [replace(r, item=replace(r.item, image_before="3.png")) for r in plain]
    assert all(
        abs(a - b) > 1e-8 for a, b in zip(same, scores(judged(checkpoint, "yes-no", other)), strict=True)
    )


def test_pairs_are_asked_in_both_orders(checkpoint: Path) -> None:
    one, two = requests_for([0, 240])
    pairs = [replace(one, other=two.item), replace(two, other=one.item)]
    first, second = scores(judged(checkpoint, "pairwise", pairs))
    assert first + second == pytest.approx(1, abs=1e-6)


def test_ratings_are_written_to_the_end_or_cut_off(checkpoint: Path) -> None:
    for verdict in judged(checkpoint, "rating", requests_for([0, 240])):
        assert verdict.status == "abstained"
        assert verdict.details["kind"] in {"cut-off", "unusable", "refused"}
        assert verdict.tokens


def wants_videos(folder: Path) -> Path:
    """Write a checkpoint whose processor also takes videos, which needs torchvision."""
    tiny_families.build("LLaVA", folder)
    path = folder / "processor_config.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document |= {
        "processor_class": "Qwen2_5_VLProcessor",
        "image_processor": {"image_processor_type": "Qwen2VLImageProcessor"},
        "video_processor": {"video_processor_type": "Qwen2VLVideoProcessor"},
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.mark.skipif(HAVE_VISION, reason="the extra 'vision' is installed")
def test_without_the_extra_one_message_comes_before_any_work(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    checkpoint = wants_videos(tmp_path / "checkpoint")
    study = tmp_path / "study"
    (study / "images").mkdir(parents=True)
    (study / "items.csv").write_text(
        "item_id,prompt\n" + "".join(f"i{n},a cow\n" for n in range(20)), encoding="utf-8"
    )
    for n in range(20):
        (study / "images" / f"i{n}.png").write_bytes(png(n))
    result = genspace("judge", study, "--judge", f"hf:{checkpoint}")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "needs the package 'torchvision', which is not installed" in result.err
    assert "pip install 'genspace[vision]'" in result.err
    assert not (study / "verdicts").exists(), "no item was written as failed"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("X requires the Torchvision library but it was not found", "genspace[vision]"),
        ("Package `num2words` is required to run SmolVLM processor.", "genspace[vision]"),
        ("Y requires the timm library but it was not found in your environment.", "pip install timm"),
        ("No module named 'einops'", "pip install einops"),
    ],
)
def test_a_missing_package_is_named_with_what_brings_it(said: str, says: str) -> None:
    error = ImportError(said, name="einops" if "einops" in said else None)
    assert says in str(checkpoints._missing_package("qwen", error))


@pytest.mark.skipif(HAVE_VISION, reason="the extra 'vision' is installed")
def test_a_torchvision_of_another_torch_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        'raise RuntimeError("operator torchvision::nms does not exist")', encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    checkpoints._check_torchvision.cache_clear()
    with pytest.raises(
        InputError, match=r"does not go with torch .*nms does not exist.*pip install --force-reinstall"
    ):
        checkpoints.load_pretrained("AutoProcessor", tmp_path)
    checkpoints._check_torchvision.cache_clear()


def test_the_fingerprint_holds_what_changes_an_answer(tmp_path: Path) -> None:
    folder = tiny_families.build("LLaVA", tmp_path / "a")

    def mark(path: Path = folder, **options: Any) -> str:
        spec = JudgeSpec(name="x", kind="hf", model=str(path), options=options)
        return str(make_judge(spec, JudgeContext()).fingerprint)

    assert mark(batch_size=2) == mark(batch_size=8), "with 32 bits the batch changes nothing"
    assert mark(dtype="bfloat16", batch_size=2) != mark(dtype="bfloat16", batch_size=8)
    assert mark(dtype="float16", device="cpu") != mark(dtype="float16", device="auto")
    half = Path(shutil.copytree(folder, tmp_path / "half"))
    config = json.loads((half / "config.json").read_text(encoding="utf-8"))
    (half / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}), encoding="utf-8")
    assert mark(half, batch_size=2) != mark(half, batch_size=8)
    assert mark(half, batch_size=2, dtype="float32") == mark(half, batch_size=8, dtype="float32")
