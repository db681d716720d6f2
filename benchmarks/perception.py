"""Images per second and peak memory of each perception stage, in batches against one image at a time.

Models have random weights: how long they take does not depend on the weights. Sizes: `full` builds the architectures
of the default checkpoints, `small` reduced ones for a quick look. Each stage is measured in a process of its own, on
the same image files (PNG) and with the same architecture:

    one at a time  the usual loop: an image is decoded, then goes through the model alone, in float32
    batched        as `genspace judge` does it: decoded ahead, through together, in the part's own precision
    cached         the same again, answered from the stage cache

    python benchmarks/perception.py --stages depth,segmenter --size full --images 8 --batch-size 4
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from genspace.geometry.perception import (
    Part,
    Runtime,
    StageView,
    Subject,
    ahead,
    make_part,
    parse_objects,
    read_picture,
)
from genspace.geometry.perception.cache import StageCache, stage_key

SIDE = 1024
T = TypeVar("T")
Arrays = Mapping[str, Any]


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
        image_size=384, embed_dim=128, depths=[2, 2, 18, 2] if full else [1, 1, 1, 1], num_heads=[4, 8, 16, 32],
        window_size=12, out_features=["stage2", "stage3", "stage4"],
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


def files(count: int) -> list[bytes]:
    """Return PNG files of smooth random pictures, which take as long to decode as generated ones."""
    from PIL import Image

    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (SIDE // 16, SIDE // 16, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(stream, "PNG")
        made.append(stream.getvalue())
    return made


def seen(data: bytes, bench: Bench) -> StageView:
    """Decode an image, as the judge does, and add what earlier stages gave."""
    view = Subject(read_picture(data), parse_objects("cow, chair")).view()
    return replace(view, known={**view.known, **bench.known(SIDE)})


def one_at_a_time(part: Part, images: Sequence[bytes], bench: Bench) -> None:
    for data in images:
        part.run([seen(data, bench)])


def batched(part: Part, images: Sequence[bytes], bench: Bench, size: int) -> list[tuple[StageView, Arrays]]:
    views = ahead(lambda data: seen(data, bench), images, most=2 * size)
    answers: list[tuple[StageView, Arrays]] = []
    while batch := list(islice(views, size)):
        answers += zip(batch, part.run(batch), strict=True)
    return answers


def cached(part: Part, images: Sequence[bytes], bench: Bench, cache: StageCache) -> None:
    def kept(data: bytes) -> bool:
        return cache.get(part, stage_key(part, seen(data, bench).handed_to(part))) is not None

    assert all(ahead(kept, images, most=16))


def timed(work: Callable[[], T], repeats: int) -> tuple[float, T]:
    """Return the best of several runs, in seconds, the device waited for, and what the last one gave."""
    import torch

    best = float("inf")
    for _ in range(repeats):
        started = perf_counter()
        answer = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = min(best, perf_counter() - started)
    return best, answer


def peak_mb() -> float:
    """Return the peak memory since the last call: of the GPU where there is one, else of the process so far."""
    import torch

    if torch.cuda.is_available():
        peak = float(torch.cuda.max_memory_allocated()) / 1e6
        torch.cuda.reset_peak_memory_stats()
        return peak
    unit = 1e3 if sys.platform == "linux" else 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def device_name() -> str:
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def measure(stage: str, arguments: argparse.Namespace) -> str:
    """Return the stage's row of the table."""
    bench = next(b for b in BENCHES if b.stage == stage)
    images, repeats = files(arguments.images), arguments.repeats
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / bench.part
        bench.build(path, arguments.size)
        spec = f"{bench.part}:{path / bench.file if bench.file else path}"

        def made(dtype: str) -> Any:
            return make_part(bench.stage, spec, {}, Runtime(device=arguments.device, dtype=dtype))

        part = made("float32")
        _ = part.model  # loaded before the clock starts; the first of several repeats warms it up
        alone_s, _ = timed(lambda: one_at_a_time(part, images, bench), repeats)
        alone_mb = peak_mb()
        if made(arguments.dtype).fingerprint != part.fingerprint:
            part.close()
            part = made(arguments.dtype)
            _ = part.model
        batched_s, answers = timed(lambda: batched(part, images, bench, arguments.batch_size), repeats)
        batched_mb = peak_mb()
        cache = StageCache(Path(folder) / "cache")
        for view, output in answers:
            cache.put(part, stage_key(part, view.handed_to(part)), output)
        cached_s, _ = timed(lambda: cached(part, images, bench, cache), repeats)
    n = len(images)
    return (
        f"| {bench.stage} | {bench.part} | {n / alone_s:.2f} | {n / batched_s:.2f} ({part.runtime.dtype}) "
        f"| {alone_s / batched_s:.2f} | {n / cached_s:.0f} | {alone_mb:.0f} | {batched_mb:.0f} |"
    )


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
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as process:
        rows = [process.submit(measure, stage, arguments).result() for stage in arguments.stages.split(",")]
        device = process.submit(device_name).result()
    return f"""{device}, {datetime.now(UTC).date().isoformat()}; {arguments.size} size, random weights, \
{arguments.images} images of {SIDE} × {SIDE} px, batches of {arguments.batch_size}, best of {arguments.repeats}.

| stage | part | one at a time, images/s | batched, images/s | ratio | cached, images/s | peak MB alone | batched |
| --- | --- | --: | --: | --: | --: | --: | --: |
""" + "\n".join(rows)


if __name__ == "__main__":
    print(main())
