"""Images per second and peak memory of each perception stage, in batches against one image at a time.

Models have random weights: how long they take does not depend on the weights. Sizes: `full` builds the architectures
of the default checkpoints, `small` reduced ones for a quick look. Both ways run the same model on the same images:

    alone    one image per call, and the model's library is asked image by image (the usual loop)
    batched  images of one size go through together
    cached   the same again, answered from the stage cache

    python benchmarks/perception.py --stages depth,segmenter --size full --images 8 --batch-size 4
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from genspace.geometry.perception import Part, Picture, Runtime, Subject, View, make_part, parse_objects
from genspace.geometry.perception.cache import StageCache, stage_key

SIDE = 1024


def depth_anything(path: Path, size: str) -> None:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    full = size == "full"
    backbone = Dinov2Config(
        hidden_size=384, num_hidden_layers=12 if full else 4, num_attention_heads=6, image_size=518, patch_size=14,
        out_indices=[3, 6, 9, 12] if full else [1, 2, 3, 4], reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=384, neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64, head_hidden_size=32, depth_estimation_type="metric", max_depth=20,
    )  # fmt: skip
    DepthAnythingForDepthEstimation(config).save_pretrained(path)
    side = 518 if full else 252
    _preprocessor(path, size={"height": side, "width": side}, keep_aspect_ratio=True, ensure_multiple_of=14)


def grounding_dino(path: Path, size: str) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import (
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        PreTrainedTokenizerFast,
        SwinConfig,
    )

    full = size == "full"
    swin = SwinConfig(
        image_size=224, embed_dim=96, depths=[2, 2, 6, 2] if full else [1, 1, 1, 1], num_heads=[3, 6, 12, 24],
        window_size=7, out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    layers = {} if full else {"encoder_layers": 2, "decoder_layers": 2}
    GroundingDinoForObjectDetection(GroundingDinoConfig(backbone_config=swin, **layers)).save_pretrained(path)
    edges = (
        {"shortest_edge": 800, "longest_edge": 1333} if full else {"shortest_edge": 320, "longest_edge": 533}
    )
    _preprocessor(path, size=edges)
    words = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1012: ".", 1030: "cow", 1031: "chair"}
    vocabulary = {words.get(i, f"[unused{i}]"): i for i in range(1040)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(path)


def sam(path: Path, size: str) -> None:
    from transformers import SamConfig, SamModel

    if size == "full":
        config = SamConfig()
    else:
        vision = {"num_hidden_layers": 3, "global_attn_indexes": [2], "image_size": 512}
        config = SamConfig(vision_config=vision, prompt_encoder_config={"image_size": 512})
    SamModel(config).save_pretrained(path)


def orient_anything(path: Path, size: str) -> None:
    import torch
    from transformers import Dinov2Config, Dinov2Model

    hidden, layers = (1024, 24) if size == "full" else (384, 4)
    config = Dinov2Config(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        image_size=518,
        patch_size=14,
    )
    state = {f"dinov2.{k}": v for k, v in Dinov2Model(config).state_dict().items()}
    for i, inputs in ((1, hidden), (2, 722)):
        parts = torch.nn.Sequential(torch.nn.Linear(inputs, 722), torch.nn.BatchNorm1d(722))
        state |= {f"down_sampler.net{i}.{k}": v for k, v in parts.state_dict().items()}
    path.mkdir()
    torch.save(state, path / "dino_weight.pt")


def _preprocessor(path: Path, **settings: object) -> None:
    (path / "preprocessor_config.json").write_text(json.dumps(settings))


@dataclass(frozen=True)
class Bench:
    """A stage to measure: its part, how its checkpoint is built, and what earlier stages gave."""

    stage: str
    part: str
    build: Callable[[Path, str], None]
    file: str = ""
    known: Callable[[int], dict[str, Any]] = lambda _: {}


def _boxes(side: int) -> dict[str, Any]:
    return {"boxes": np.array([[0.1, 0.2, 0.45, 0.8], [0.5, 0.3, 0.9, 0.9]]) * side}


def _objects(side: int) -> dict[str, Any]:
    masks = np.zeros((2, side, side), bool)
    masks[:, side // 4 : 3 * side // 4, side // 8 : 7 * side // 8] = True
    K = np.array([[side, 0, side / 2], [0, side, side / 2], [0, 0, 1]], float)
    return {**_boxes(side), "masks": masks, "K": K}


BENCHES = (
    Bench("detector", "grounding-dino", grounding_dino),
    Bench("segmenter", "sam", sam, known=_boxes),
    Bench("depth", "depth-anything-v2", depth_anything),
    Bench("orientation", "orient-anything", orient_anything, "dino_weight.pt", _objects),
)


def views(count: int, known: Callable[[int], dict[str, Any]]) -> list[View]:
    rng = np.random.default_rng(0)
    subjects = [
        Subject(
            Picture(
                pixels=rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8),
                width=SIDE,
                height=SIDE,
                digest=f"{i}",
            ),
            parse_objects("cow, chair"),
        )
        for i in range(count)
    ]
    return [replace(s.view(), known=known(SIDE)) for s in subjects]


def timed(work: Callable[[], object], repeats: int) -> float:
    """Return the best of several runs, in seconds, the device waited for."""
    import torch

    best = float("inf")
    for _ in range(repeats):
        started = perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = min(best, perf_counter() - started)
    return best


def in_batches(part: Part, seen: Sequence[View], size: int) -> None:
    for start in range(0, len(seen), size):
        part.run(seen[start : start + size])


def through_cache(part: Part, seen: Sequence[View], cache: StageCache) -> None:
    for view in seen:
        assert cache.get(part, stage_key(part, view)) is not None


def peak_mb() -> float:
    """Return the peak memory so far: of the GPU where there is one, else of the process."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 1e6
    unit = 1e3 if sys.platform == "linux" else 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def device_name() -> str:
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def measure(bench: Bench, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    path = folder / bench.part
    bench.build(path, arguments.size)
    runtime = Runtime(device=arguments.device, dtype=arguments.dtype)
    part = make_part(bench.stage, f"{bench.part}:{path / bench.file if bench.file else path}", {}, runtime)
    seen = views(arguments.images, bench.known)
    part.run(seen[:1])  # loads the model
    cache = StageCache(folder / "cache")
    alone = timed(lambda: in_batches(part, seen, 1), arguments.repeats)
    batched = timed(lambda: in_batches(part, seen, arguments.batch_size), arguments.repeats)
    for view, output in zip(seen, part.run(seen), strict=True):
        cache.put(part, stage_key(part, view), output)
    cached = timed(lambda: through_cache(part, seen, cache), arguments.repeats)
    part.close()
    n = len(seen)
    return {
        "stage": bench.stage,
        "part": bench.part,
        "alone_per_s": n / alone,
        "batched_per_s": n / batched,
        "ratio": alone / batched,
        "cached_per_s": n / cached,
        "peak_mb": peak_mb(),
    }


def main(argv: Sequence[str] | None = None) -> str:
    """Run the benchmark and return a Markdown table with device and date."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stages", default=",".join(b.stage for b in BENCHES))
    parser.add_argument("--size", choices=("full", "small"), default="full")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    arguments = parser.parse_args(argv)
    chosen = [bench for bench in BENCHES if bench.stage in arguments.stages.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(bench, Path(folder), arguments) for bench in chosen]
    lines = [
        "| stage | part | one at a time, images/s | batched, images/s | ratio | cached, images/s | peak MB |",
        "| --- | --- | --: | --: | --: | --: | --: |",
        *(
            f"| {r['stage']} | {r['part']} | {r['alone_per_s']:.2f} | {r['batched_per_s']:.2f} | {r['ratio']:.2f} "
            f"| {r['cached_per_s']:.0f} | {r['peak_mb']:.0f} |"
            for r in rows
        ),
    ]
    when = datetime.now(UTC).date().isoformat()
    about = (
        f"{device_name()}, {when}; {arguments.size} size, random weights, "
        f"{arguments.images} images of {SIDE} × {SIDE} px, "
        f"batches of {arguments.batch_size}, best of {arguments.repeats}."
    )
    return "\n".join([about, "", *lines])


if __name__ == "__main__":
    print(main())
