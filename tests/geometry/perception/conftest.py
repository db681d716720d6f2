"""Tiny random checkpoints of every architecture, saved as the hub would, loaded by the code that loads real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genspace.geometry.perception import Picture, StageView


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches for a network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def picture(pixels: np.ndarray, digest: str = "test", focal_35mm: float | None = None) -> Picture:
    height, width = pixels.shape[:2]
    return Picture(pixels=pixels, width=width, height=height, digest=digest, focal_35mm=focal_35mm)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=(height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def view() -> Callable[..., StageView]:
    """Make a view of noise with what earlier stages gave."""

    def make(
        height: int, width: int, seed: int = 0, labels: tuple[str, ...] = ("cow", "chair"), **known: object
    ) -> StageView:
        arrays = {k: np.asarray(v) for k, v in known.items()}
        arrays["labels"] = np.array(labels, dtype=str)
        return StageView(picture=picture(noise(height, width, seed), digest=f"noise{seed}"), known=arrays)

    return make


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a tiny random checkpoint by architecture; each is built once."""
    pytest.importorskip("torch", reason="perception models need the extra 'models'")
    folder = tmp_path_factory.mktemp("checkpoints")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists():
            import torch

            torch.manual_seed(0)
            BUILDERS[name](path)
        return path

    return get


def _save(model, path: Path, **preprocessor: object) -> None:
    model.eval().save_pretrained(path)
    (path / "preprocessor_config.json").write_text(json.dumps(preprocessor))


def _bert_tokenizer(path: Path) -> None:
    """A WordPiece vocabulary with BERT's ids for the tokens that Grounding DINO looks at."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {
        0: "[PAD]",
        100: "[UNK]",
        101: "[CLS]",
        102: "[SEP]",
        1012: ".",
        1029: "?",
        1030: "cow",
        1031: "chair",
        1032: "red",
    }
    vocabulary = {words.get(i, f"[unused{i}]"): i for i in range(1040)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(path)


def _word_tokenizer(path: Path) -> None:
    """Start token 1, words, end token 2: what CLIP's text encoder needs to see."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["!", "<s>", "</s>", "a", "photo", "of", "cow", "chair", "red", "<unk>"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="!",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=16,
    ).save_pretrained(path)


def _grounding_dino(path: Path) -> None:
    from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    swin = SwinConfig(
        window_size=7, image_size=224, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    bert = BertConfig(
        vocab_size=1040, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=256,
    )  # fmt: skip
    config = GroundingDinoConfig(
        backbone_config=swin, text_config=bert, d_model=32, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        num_queries=12, num_feature_levels=4,
    )  # fmt: skip
    _save(
        GroundingDinoForObjectDetection(config), path, size={"shortest_edge": 96, "longest_edge": 160},
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )  # fmt: skip
    _bert_tokenizer(path)


def _owl(path: Path, family: str) -> None:
    import transformers

    prefix = {"owlv2": "Owlv2", "owlvit": "OwlViT"}[family]
    config = getattr(transformers, f"{prefix}Config")(
        text_config={"vocab_size": 10, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                     "max_position_embeddings": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
        vision_config={"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                       "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )  # fmt: skip
    _save(
        getattr(transformers, f"{prefix}ForObjectDetection")(config), path, size={"height": 32, "width": 32}
    )
    _word_tokenizer(path)


def _clip(path: Path, family: str) -> None:
    import transformers

    prefix = {"clip": "CLIP", "siglip": "Siglip"}[family]
    shared = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = {**shared, "vocab_size": 10, "max_position_embeddings": 16}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = getattr(transformers, f"{prefix}Config")(
        text_config=text, vision_config={**shared, "image_size": 32, "patch_size": 8}, projection_dim=16
    )
    _save(getattr(transformers, f"{prefix}Model")(config), path, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    _word_tokenizer(path)


def _sam(path: Path, family: str) -> None:
    import transformers

    prefix = {"sam": "Sam", "sam_hq": "SamHQ"}[family]
    decoder = {
        "hidden_size": 32,
        "mlp_dim": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "iou_head_hidden_dim": 16,
    }
    if family == "sam_hq":
        decoder["vit_dim"] = 16
    config = getattr(transformers, f"{prefix}Config")(
        vision_config={"hidden_size": 16, "output_channels": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_dim": 32,
                       "image_size": 64, "patch_size": 16, "window_size": 2, "global_attn_indexes": [1], "num_pos_feats": 16},
        prompt_encoder_config={"hidden_size": 32, "image_size": 64, "patch_size": 16, "image_embedding_size": 4, "mask_input_channels": 4},
        mask_decoder_config=decoder,
    )  # fmt: skip
    _save(getattr(transformers, f"{prefix}Model")(config), path, size={"longest_edge": 64})


def _sam2(path: Path) -> None:
    from transformers import Sam2Config, Sam2Model

    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model", "hidden_size": 8, "num_attention_heads": 1, "image_size": [64, 64],
                "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 32, 64], "num_attention_heads_per_stage": [1, 1, 1, 1],
                "window_size_per_stage": [8, 4, 4, 2], "global_attention_blocks": [3], "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [64, 32, 16, 8], "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 64, "patch_size": 16, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "num_hidden_layers": 1, "iou_head_hidden_dim": 16},
    )  # fmt: skip
    _save(Sam2Model(config), path)


def _sam3(path: Path) -> None:
    from transformers import Sam3Config, Sam3Model

    small = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "dropout": 0.0,
        "hidden_dropout": 0.0,
    }
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
                "num_attention_heads": 2, "image_size": 56, "patch_size": 14, "window_size": 2, "global_attn_indexes": [1],
                "pretrain_image_size": 28,
            },
            "fpn_hidden_size": 16, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        text_config={
            "vocab_size": 10, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "max_position_embeddings": 16, "projection_dim": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        },
        geometry_encoder_config={**small, "num_layers": 1, "roi_size": 2},
        detr_encoder_config={**small, "num_layers": 1},
        detr_decoder_config={**small, "num_layers": 2, "num_queries": 5},
        mask_decoder_config={"hidden_size": 16, "num_upsampling_stages": 2, "num_attention_heads": 2},
    )  # fmt: skip
    _save(
        Sam3Model(config), path, size={"height": 56, "width": 56}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    _word_tokenizer(path)


def _dino_backbone(**more: object) -> dict[str, object]:
    return {
        "model_type": "dinov2", "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "mlp_ratio": 1, "image_size": 28,
        "patch_size": 14, **more,
    }  # fmt: skip


def _depth_anything(path: Path, kind: str = "metric") -> None:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation

    config = DepthAnythingConfig(
        backbone_config=_dino_backbone(
            out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False
        ),
        reassemble_hidden_size=16, neck_hidden_sizes=[4, 4, 8, 8], fusion_hidden_size=8, head_hidden_size=4,
        depth_estimation_type=kind, max_depth=20,
    )  # fmt: skip
    _save(
        DepthAnythingForDepthEstimation(config), path, size={"height": 56, "width": 56}, keep_aspect_ratio=True,
        ensure_multiple_of=14,
    )  # fmt: skip


def _zoedepth(path: Path) -> None:
    from transformers import ZoeDepthConfig, ZoeDepthForDepthEstimation

    config = ZoeDepthConfig(
        backbone_config={
            "model_type": "beit", "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 16,
            "image_size": 64, "patch_size": 16, "use_relative_position_bias": True, "reshape_hidden_states": False,
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
        neck_hidden_sizes=[4, 8, 8, 16], fusion_hidden_size=8, bottleneck_features=8, num_relative_features=8, bin_embedding_dim=8,
        num_attractors=[2, 2, 2, 1],
        bin_configurations=[{"n_bins": 8, "min_depth": 0.1, "max_depth": 10.0, "name": "nyu"}],
    )  # fmt: skip
    _save(
        ZoeDepthForDepthEstimation(config), path, size={"height": 64, "width": 64}, keep_aspect_ratio=True,
        ensure_multiple_of=32, do_pad=True,
    )  # fmt: skip


def _depth_pro(path: Path, *, fov: bool = True, fov_deg: float = 60.0) -> None:
    """Random weights give an absurd field of view; `fov_deg` moves it to a sane one."""
    from transformers import DepthProConfig, DepthProForDepthEstimation

    vit = _dino_backbone(image_size=32, patch_size=8, num_hidden_layers=2)
    config = DepthProConfig(
        patch_size=32, fusion_hidden_size=8, intermediate_hook_ids=[1, 0], intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.5, 1.0], scaled_images_overlap_ratios=[0.0, 0.2], scaled_images_feature_dims=[8, 8],
        merge_padding_value=1, use_fov_model=fov, num_fov_head_layers=0,
        image_model_config=dict(vit), patch_model_config=dict(vit), fov_model_config=dict(vit),
    )  # fmt: skip
    model = DepthProForDepthEstimation(config)
    if fov:
        last = model.fov_model.head.layers[-1]
        last.weight.data.zero_()
        last.bias.data.fill_(fov_deg)
    _save(model, path, size={"height": 64, "width": 64}, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def published_state(
    hidden: int, layers: int, width: int, positions: int, *, mlp: int | None = None, device: str = "cpu"
):
    """A random state dict with the names and shapes of Orient Anything's published weights (transformers 4.38)."""
    import torch

    mlp = mlp or 4 * hidden
    shapes = {
        "dinov2.embeddings.cls_token": (1, 1, hidden),
        "dinov2.embeddings.mask_token": (1, hidden),
        "dinov2.embeddings.position_embeddings": (1, positions, hidden),
        "dinov2.embeddings.patch_embeddings.projection.weight": (hidden, 3, 14, 14),
        "dinov2.embeddings.patch_embeddings.projection.bias": (hidden,),
        "dinov2.layernorm.weight": (hidden,),
        "dinov2.layernorm.bias": (hidden,),
    }
    for i in range(layers):
        layer = f"dinov2.encoder.layer.{i}."
        for name in (
            "attention.attention.query",
            "attention.attention.key",
            "attention.attention.value",
            "attention.output.dense",
        ):
            shapes |= {f"{layer}{name}.weight": (hidden, hidden), f"{layer}{name}.bias": (hidden,)}
        shapes |= {f"{layer}{norm}.{p}": (hidden,) for norm in ("norm1", "norm2") for p in ("weight", "bias")}
        shapes |= {f"{layer}layer_scale{k}.lambda1": (hidden,) for k in (1, 2)}
        shapes |= {f"{layer}mlp.fc1.weight": (mlp, hidden), f"{layer}mlp.fc1.bias": (mlp,)}
        shapes |= {f"{layer}mlp.fc2.weight": (hidden, mlp), f"{layer}mlp.fc2.bias": (hidden,)}
    for i, inputs in ((1, hidden), (2, width)):
        net = f"down_sampler.net{i}."
        shapes |= {f"{net}0.weight": (width, inputs), f"{net}0.bias": (width,)}
        shapes |= {f"{net}1.{name}": (width,) for name in ("weight", "bias", "running_mean")}
    generator = None if device == "meta" else torch.Generator().manual_seed(0)
    state = {
        k: torch.empty(s, device=device).normal_(std=0.5, generator=generator) for k, s in shapes.items()
    }
    for i in (1, 2):
        state[f"down_sampler.net{i}.1.running_var"] = torch.ones(width, device=device)
        state[f"down_sampler.net{i}.1.num_batches_tracked"] = torch.zeros(
            (), dtype=torch.int64, device=device
        )
    return state


def _orient(path: Path, width: int) -> None:
    import torch

    path.mkdir()
    torch.save(published_state(64, 2, width, 17, mlp=64), path / "dino_weight.pt")


BUILDERS: dict[str, Callable[[Path], None]] = {
    "grounding-dino": _grounding_dino,
    "owlv2": lambda p: _owl(p, "owlv2"),
    "owlvit": lambda p: _owl(p, "owlvit"),
    "clip": lambda p: _clip(p, "clip"),
    "siglip": lambda p: _clip(p, "siglip"),
    "sam": lambda p: _sam(p, "sam"),
    "sam-hq": lambda p: _sam(p, "sam_hq"),
    "sam2": _sam2,
    "sam3": _sam3,
    "depth-anything": _depth_anything,
    "depth-anything-relative": lambda p: _depth_anything(p, "relative"),
    "zoedepth": _zoedepth,
    "depth-pro": _depth_pro,
    "depth-pro-absurd": lambda p: _depth_pro(p, fov_deg=-20.0),
    "depth-pro-no-fov": lambda p: _depth_pro(p, fov=False),
    "orient-722": lambda p: _orient(p, 722),
    "orient-902": lambda p: _orient(p, 902),
}
