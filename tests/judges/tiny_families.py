"""Tiny random checkpoints of the families of vision-language models that people use, each in its own form.

Each knows bytes, and "yes", "no", "A", "B" as tokens of their own; what it answers is random, but depends on the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SIDE = 32
WORDS = ("yes", "no", "Yes", "No", "A", "B")
TEXT = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 2, "max_position_embeddings": 8192, "initializer_range": 0.5, "head_dim": 8,
}  # fmt: skip
VISION = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def tokenizer(image: str, extra: tuple[str, ...] = (), **named: str) -> Any:
    """A tokenizer with the marks of a family; `named` ones are attributes, as its processor expects them."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = dict.fromkeys(["<pad>", "<s>", "<end>", "<|turn|>", image, *extra, *named.values()])
    made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    made.add_tokens([AddedToken(w, normalized=False, single_word=True) for w in WORDS])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="<end>", padding_side="left",
        extra_special_tokens=named,
    )  # fmt: skip


def template(image: str) -> str:
    return (
        "{% for message in messages %}<|turn|>{{ message['role'] }}:{% for part in message['content'] %}"
        f"{{% if part['type'] == 'image' %}}{image}{{% else %}}{{{{ part['text'] }}}}{{% endif %}}"
        "{% endfor %}<end>{% endfor %}{% if add_generation_prompt %}<|turn|>assistant:{% endif %}"
    )


def text_config(words: Any, model_type: str, **more: Any) -> dict[str, Any]:
    ids = {f"{name}_token_id": getattr(words, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    return {"model_type": model_type, "vocab_size": len(words), **ids, **TEXT, **more}


def qwen(kind: str) -> tuple[Any, Any]:
    import transformers as t

    marks = ("<|vision_start|>", "<|vision_end|>", "<|video_pad|>")
    words = tokenizer("<|image_pad|>", marks)
    ids = {
        name: words.convert_tokens_to_ids(mark)
        for name, mark in (
            ("image_token_id", "<|image_pad|>"), ("video_token_id", marks[2]), ("vision_start_token_id", marks[0]),
            ("vision_end_token_id", marks[1]),
        )
    }  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0}
    size = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
    if kind == "qwen2_5_vl":
        vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16,
                  "patch_size": 14, "fullatt_block_indexes": [0], "window_size": 112}  # fmt: skip
        text = text_config(words, "qwen2_5_vl_text", rope_parameters=rope)
        config = t.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids)
        images = t.Qwen2VLImageProcessor(size=size, patch_size=14)
        videos = t.Qwen2VLVideoProcessor(size=size, patch_size=14)
        processor = t.Qwen2_5_VLProcessor(
            images, words, videos, chat_template=template("<|vision_start|><|image_pad|><|vision_end|>")
        )
        return t.Qwen2_5_VLForConditionalGeneration(config), processor
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16,
              "patch_size": 16, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}  # fmt: skip
    text = text_config(words, "qwen3_vl_text", rope_parameters=rope | {"mrope_interleaved": True})
    config = t.Qwen3VLConfig(text_config=text, vision_config=vision, **ids)
    size = {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}
    images = t.Qwen2VLImageProcessor(size=size, patch_size=16)
    videos = t.Qwen3VLVideoProcessor(size=size, patch_size=16)
    processor = t.Qwen3VLProcessor(
        images, words, videos, chat_template=template("<|vision_start|><|image_pad|><|vision_end|>")
    )
    return t.Qwen3VLForConditionalGeneration(config), processor


def smolvlm() -> tuple[Any, Any]:
    import transformers as t

    words = tokenizer(
        "<image>", ("<fake_token_around_image>", "<global-img>", "<video>", "<end_of_utterance>")
    )
    config = t.SmolVLMConfig(
        image_token_id=words.convert_tokens_to_ids("<image>"), scale_factor=2,
        vision_config={**VISION, "image_size": SIDE, "patch_size": 8}, text_config=text_config(words, "llama"),
    )  # fmt: skip
    size = {"longest_edge": SIDE}
    images = t.SmolVLMImageProcessor(size=size, max_image_size=size, do_image_splitting=False)
    videos = t.SmolVLMVideoProcessor(size=size, max_image_size=size)
    processor = t.SmolVLMProcessor(images, words, videos, image_seq_len=4, chat_template=template("<image>"))
    return t.SmolVLMForConditionalGeneration(config), processor


def llava() -> tuple[Any, Any]:
    import transformers as t

    words = tokenizer("<image>")
    config = t.LlavaConfig(
        vision_config={**VISION, "model_type": "clip_vision_model", "image_size": SIDE, "patch_size": 8, "projection_dim": 16},
        text_config=text_config(words, "llama"), image_token_index=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )  # fmt: skip
    images = t.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor = t.LlavaProcessor(
        images, words, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=template("<image>"),
    )  # fmt: skip
    return t.LlavaForConditionalGeneration(config), processor


def internvl() -> tuple[Any, Any]:
    import transformers as t

    named = {
        "start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }  # fmt: skip
    words = tokenizer("<IMG_CONTEXT>", **named)
    config = t.InternVLConfig(
        vision_config={**VISION, "image_size": [SIDE, SIDE], "patch_size": [8, 8]}, text_config=text_config(words, "qwen2"),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"), image_seq_length=4, downsample_ratio=0.5,
    )  # fmt: skip
    size = {"height": SIDE, "width": SIDE}
    images = t.GotOcr2ImageProcessor(size=size, crop_to_patches=False)
    videos = t.InternVLVideoProcessor(size=size)
    processor = t.InternVLProcessor(
        images, words, videos, image_seq_length=4, chat_template=template("<IMG_CONTEXT>")
    )
    return t.InternVLForConditionalGeneration(config), processor


def gemma3() -> tuple[Any, Any]:
    import transformers as t

    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    words = tokenizer("<image_soft_token>", **named)
    config = t.Gemma3Config(
        vision_config={**VISION, "image_size": SIDE, "patch_size": 8},
        text_config=text_config(words, "gemma3_text", query_pre_attn_scalar=8),
        mm_tokens_per_image=4, boi_token_index=words.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=words.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=words.convert_tokens_to_ids("<image_soft_token>"),
    )  # fmt: skip
    images = t.Gemma3ImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = t.Gemma3Processor(
        images, words, image_seq_length=4, chat_template=template("<start_of_image>")
    )
    return t.Gemma3ForConditionalGeneration(config), processor


FAMILIES: Mapping[str, Callable[[], tuple[Any, Any]]] = {
    "Qwen2.5-VL": lambda: qwen("qwen2_5_vl"), "Qwen3-VL": lambda: qwen("qwen3_vl"), "SmolVLM": smolvlm, "LLaVA": llava,
    "InternVL": internvl, "Gemma 3": gemma3,
}  # fmt: skip


def build(family: str, folder: Path) -> Path:
    """Write a checkpoint and return its folder."""
    import torch

    torch.manual_seed(0)
    model, processor = FAMILIES[family]()
    model.eval()
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.normal_(0, 0.2)  # pictures matter
        embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        words = processor.tokenizer
        embedding[words.convert_tokens_to_ids(":"), 0] = 8
        for word in WORDS:
            head[words.convert_tokens_to_ids(word), 0] += 1
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
