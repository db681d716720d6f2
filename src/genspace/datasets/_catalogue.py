"""Which human studies can be fetched: pinned files, licence, citation, and what their study.toml declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CATALOGUE", "Dataset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One published human study at one commit of its authors' repository."""

    title: str
    repository: str
    """GitHub "owner/name"."""
    commit: str
    files: Mapping[str, str]
    """Path in the repository to SHA-256."""
    converter: str
    """ "module:function" that turns the files' folder into tables by name."""
    licence: str
    citation: str
    study: Mapping[str, Any]
    """Keys of the study.toml that is written."""

    def url(self, path: str) -> str:
        """Return where a file is published."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{path}"


_VQA = "vqa_answers_release"
CATALOGUE: Mapping[str, Dataset] = {
    "tifa160": Dataset(
        title="TIFA160: 1–5 ratings of 800 images by two raters, with ten metrics",
        repository="Yushi-Hu/tifa",
        commit="8e37050f44ab4ee681e4251f3c8a9d4cc86e901e",
        files={
            "human_annotations/human_annotations_with_scores.json": (
                "1720bb802c3c0821dd56df0d8c20a1214ff5085d7e5d9236a75736b1d39b7b3c"
            ),
        },
        converter="genspace.datasets._tifa:tables",
        licence="Apache-2.0 (prompts keep the terms of COCO, DrawBench, PartiPrompts and PaintSkills)",
        citation="Hu et al., TIFA: Accurate and Interpretable Text-to-Image Faithfulness Evaluation with Question "
        "Answering, ICCV 2023, arXiv 2303.11897",
        study={
            "name": "TIFA160",
            "question": "How well does the image fit the text, from 1 to 5?",
            "raters": "slot",
            "value_type": "ordinal",
            "scale_min": 1,
            "scale_max": 5,
            "breakdowns": ["category"],
        },
    ),
    "dsg_tifa160": Dataset(
        title="DSG ratings of the TIFA160 images: 1–5 by five persons, with nine metrics",
        repository="j-min/DSG",
        commit="7330119a39f76ff90e619a8bd3ff321e71aa986b",
        files={
            "dsg/data/tifa160-likert-anns.csv": "61c9ff41b9f9fc26a44bbaf5540caeb67c09a9e3039536567f3e45d40ad0e9f8",
            "dsg/data/dsg-1k-anns.csv": "b7ce06ea8a0478ccfd8fba105ecd26d7d301eb99d5c412987546c4cc8e08917a",
            f"{_VQA}/vqa_mplug_dsg.csv": "80feb7ea352dadaca6de97149b9a43c122a5feaec985c32f2fffbf38a39a795c",
            f"{_VQA}/vqa_mplug_vq2a.csv": "957d39ae32a709c3ba30e7350f9038b3884c75cd3df99bd318b003017645d523",
            f"{_VQA}/vqa_instructblip_dsg.csv": "459bf361e237efff7f6e127e66076a1205c1f4912b8ba20dab813b89fe8fbb92",
            f"{_VQA}/vqa_instructblip_vq2a.csv": "e5d5313e7894b1f038c2357f32239f2a627290b449748d86fc09fddc69595a54",
            f"{_VQA}/vqa_pali17b_dsg.csv": "ac394cb8116e2e3723e21064683ffa24b34c866bf2450c6fb0ae6688b15dbf85",
            f"{_VQA}/vqa_pali17b_vq2a.csv": "af33dc470ed39df862cce6df95a982bba6df24c7dd8dfab3292628529d643797",
        },
        converter="genspace.datasets._dsg:tables",
        licence="Apache-2.0",
        citation="Cho et al., Davidsonian Scene Graph: Improving Reliability in Fine-grained Evaluation for "
        "Text-to-Image Generation, ICLR 2024, arXiv 2310.18235",
        study={
            "name": "DSG ratings of TIFA160",
            "question": "How consistent is the image with the text description, from 1 to 5?",
            "raters": "person",
            "value_type": "ordinal",
            "scale_min": 1,
            "scale_max": 5,
            "breakdowns": ["category"],
        },
    ),
    "geneval": Dataset(
        title="GenEval: 1–4 caption fit and object annotations of 1,200 images, five raters an image",
        repository="djghosh13/geneval",
        commit="af4902f24d3ca90ebbb446dd9891a59e0f82725f",
        files={
            "annotations/annotations_clip.csv": "84c5f364945543d15f5407ca1c2542cfaa571550dbf4922eff1399e7f91b7ce1",
            "annotations/annotations_if-xl.csv": "107cfe75e232374609c28278e734dfa0c88daed3fc5cea21d34631075a0f7a32",
            "annotations/annotations_sdv2.csv": "973f029073f9b7f2ee7b3bbbff6a473db92486af94beebae1eb2bd2d01a5a6a7",
            "prompts/evaluation_metadata.jsonl": "5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13",
        },
        converter="genspace.datasets._geneval:tables",
        licence="MIT, © 2023 Dhruba Ghosh",
        citation="Ghosh et al., GenEval: An Object-Focused Framework for Evaluating Text-to-Image Alignment, NeurIPS "
        "2023 Datasets and Benchmarks, arXiv 2310.11513",
        study={
            "name": "GenEval",
            "question": "How well does the image capture the caption, from 1 to 4?",
            "raters": "slot",
            "value_type": "ordinal",
            "scale_min": 1,
            "scale_max": 4,
            "breakdowns": ["category"],
            "metrics": {
                name: {"derived": True}
                for name in ("human_mean_caption_fit", "human_fraction_correct", "human_majority_correct")
            },
        },
    ),
}
"""What `genspace fetch` knows, by name."""
