"""Which human studies can be fetched: pinned files, licence, citation, and what their study.toml declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from genspace.datasets._viescore import TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One published human study, at one commit of its authors' repository.

    >>> from genspace.datasets import CATALOGUE
    >>> CATALOGUE["tifa160"].repository
    'Yushi-Hu/tifa'
    """

    title: str
    repository: str
    """GitHub "owner/name"."""
    commit: str
    files: Mapping[str, str | None]
    """Path in the repository to SHA-256; None for a file whose content is vouched for by `tables`."""
    converter: str
    """ "module:function" that turns the files' folder into tables by name."""
    licence: str
    citation: str
    study: Mapping[str, str | int | Sequence[str] | Mapping[str, Mapping[str, bool]]]
    """Keys of the study.toml that is written."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Table that the converter makes to its digest (see `table_digest`), where the files have none of their own."""

    def local_name(self, path: str) -> str:
        """Return the local name of a file: its last part, or its whole path if several files share it."""
        names = [Path(other).name for other in self.files]
        return path if len(set(names)) < len(names) else Path(path).name

    def url(self, path: str) -> str:
        """Return a file's address."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{path}"


_VQA = "vqa_answers_release"
_of_viescore = partial(
    Dataset,
    repository="TIGER-AI-Lab/VIEScore",
    commit="2cbea4e8ce5721425a8772590ecdbe7d2edd1721",
    licence="MIT",
    citation="Ku et al., VIEScore: Towards Explainable Metrics for Conditional Image Synthesis Evaluation, ACL "
    "2024, arXiv 2312.14867; Ku et al., ImagenHub, ICLR 2024, arXiv 2310.01596",
)
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
    "vsr": Dataset(
        title="VSR: 12,809 captions of 66 spatial relations about photographs, voted true or false by three persons",
        repository="cambridgeltl/visual-spatial-reasoning",
        commit="b27a0af0ee1462d2b6b92c8c83e869d9254a241a",
        files={
            "data/data_files/all_vsr_raw_data.jsonl": (
                "8ffdc9aff1155f996bdb82f114409d9b9fa730fa93e78e9bae864698e3b985ac"
            ),
            "data/data_files/all_vsr_validated_data.jsonl": (
                "096251a50060c63b242e074697d835acd0e7d5c97eedaeeccf08301982f1252e"
            ),
        },
        converter="genspace.datasets._vsr:tables",
        licence="Apache-2.0 (photographs keep the terms of COCO)",
        citation="Liu et al., Visual Spatial Reasoning, TACL 2023, arXiv 2205.00363",
        study={
            "name": "VSR",
            "question": "Is the caption true of the photograph?",
            "raters": "person",
            "value_type": "binary",
            "breakdowns": ["relation_group", "relation", "reference_frame"],
        },
    ),
    "viescore_t2i": _of_viescore(
        title="VIEScore: 985 generated images rated by three persons, with the answers of 16 model runs",
        files=dict.fromkeys(TASKS["viescore_t2i"].files()),
        converter="genspace.datasets._viescore:text_to_image_tables",
        tables={
            "annotations": "0671ef6fc7dd567ed035b7b96a82b4a81dfdfdff01144b41be8643f212586dc7",
            "annotations_quality": "63486533bacde48a7a87eb461de467470f64753257f2314d8973d57d4f917e65",
            "metric_scores": "2c252d4cd94dda212101052b89240c0c95a2433019e2b23a7dd0db965ae1ae37",
        },
        study={
            "name": "ImagenHub text-to-image, with VIEScore",
            "question": "Is the image consistent with the text: no (0), in part (½), fully (1)?",
            "raters": "person",
            "value_type": "ordinal",
            "scale_min": 0,
            "scale_max": 1,
        },
    ),
    "viescore_ie": _of_viescore(
        title="VIEScore: 1,432 edited images rated by three persons, with the answers of 16 model runs",
        files=dict.fromkeys(TASKS["viescore_ie"].files()),
        converter="genspace.datasets._viescore:edit_tables",
        tables={
            "annotations": "ee376de7d52f7f31058b89f154602a55cfb6021c9738400af7d5f75f25271f0e",
            "annotations_quality": "5effa818ac54ad14535c836ae37ae07ada14a5ab646d77ad0b7935141181d970",
            "metric_scores": "367c706104271f07966dc9047afd67bd4fe6292eff659aaf519efb6014467dd4",
        },
        study={
            "name": "ImagenHub text-guided editing, with VIEScore",
            "question": "Is the edited image consistent with the instruction: no (0), in part (½), fully (1)?",
            "raters": "person",
            "value_type": "ordinal",
            "scale_min": 0,
            "scale_max": 1,
        },
    ),
}
"""What `genspace fetch` knows, by name."""
