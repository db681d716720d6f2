"""A vision-language model of 25,000 random weights that answers yes or no, as a checkpoint folder."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

SPECIAL = [
    "<pad>",
    "<s>",
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}:"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<end_of_utterance>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant:{% endif %}"
)


def tokenizer() -> Any:
    """Bytes, and the words that matter as tokens of their own."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    made.add_tokens([AddedToken(w, normalized=False, single_word=True) for w in ("yes", "no", "Yes", "No")])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="<end_of_utterance>", padding_side="left",
        chat_template=CHAT_TEMPLATE,
    )  # fmt: skip


def build(folder: Path) -> Path:
    """Write the checkpoint and return its folder."""
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    words = tokenizer()
    side = 32
    config = Idefics3Config(
        image_token_id=words.convert_tokens_to_ids("<image>"),
        vision_config={
            "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "image_size": side, "patch_size": 8,
        },
        text_config={
            "model_type": "llama", "vocab_size": len(words), "hidden_size": 16, "intermediate_size": 32,
            "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
            "max_position_embeddings": 8192, "pad_token_id": words.pad_token_id, "bos_token_id": words.bos_token_id,
            "eos_token_id": words.eos_token_id, "initializer_range": 0.5,
        },
        scale_factor=2,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Idefics3ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.normal_(0, 0.2)  # pictures matter
        # After "assistant:" comes yes or no, after these the end.
        embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        colon, yes, no = (words.convert_tokens_to_ids(w) for w in (":", "yes", "no"))
        for tokens, follow, direction in (([colon], [yes, no], 0), ([yes, no], [words.eos_token_id], 1)):
            for token in tokens:
                embedding[token] = 0
                embedding[token, direction] = 8
            for token in follow:
                head[token, direction] += 4
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": side}, max_image_size={"longest_edge": side}, do_image_splitting=False
    )
    processor = Idefics3Processor(images, words, image_seq_len=4, chat_template=CHAT_TEMPLATE)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


class Tiny:
    """Answers chat completions with the checkpoint's log-probabilities, one token at a time."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder).eval()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        import torch
        from PIL import Image

        messages, images = [], []
        for message in body["messages"]:
            content = []
            for part in (
                [{"type": "text", "text": message["content"]}]
                if isinstance(message["content"], str)
                else message["content"]
            ):
                if part["type"] == "image_url":
                    data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                    images.append(Image.open(io.BytesIO(data)).convert("RGB"))
                    content.append({"type": "image"})
                else:
                    content.append(part)
            messages.append({"role": message["role"], "content": content})
        text = self.processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        inputs = self.processor(text=[text], images=[images], return_tensors="pt")
        with torch.no_grad():
            logprobs = torch.log_softmax(self.model(**inputs).logits[0, -1].double(), -1)
        choices = self.processor.tokenizer.convert_tokens_to_ids(["yes", "Yes", "no", "No", "A", "B"])
        top = [
            {"token": self.processor.tokenizer.convert_ids_to_tokens(i), "logprob": logprobs[i].item()}
            for i in choices
        ]
        best = max(top, key=lambda t: t["logprob"])
        return {"text": best["token"], "logprobs": {"content": [{**best, "top_logprobs": top}]}}


def build_clip(folder: Path, kind: str) -> Path:
    """Write a random CLIP or SigLIP checkpoint and return its folder."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor, SiglipConfig, SiglipModel, SiglipProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    words = tokenizer()
    words.model_max_length = 64
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"vocab_size": len(words), "max_position_embeddings": 64, "eos_token_id": words.eos_token_id,
            "bos_token_id": words.bos_token_id, "pad_token_id": words.pad_token_id} | size  # fmt: skip
    vision = {"image_size": 32, "patch_size": 8} | size
    torch.manual_seed(1)
    if kind == "clip":
        images: Any = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
        model: Any = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
        CLIPProcessor(images, words).save_pretrained(folder)
    else:
        images = SiglipImageProcessorPil(size={"height": 32, "width": 32})
        model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
        SiglipProcessor(images, words).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder
