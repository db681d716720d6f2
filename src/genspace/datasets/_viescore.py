"""ImagenHub's ratings of generated and edited images, and the answers of VIEScore's model runs to the same images."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class VieScoreTask:
    """One task of ImagenHub: who made the images, which runs judged them, where the files lie."""

    name: str
    ratings: str
    """Stem of the three raters' files."""
    generators: tuple[str, ...]
    runs: tuple[str, ...]
    """Model runs that answered about every generator."""

    def rater_file(self, number: int) -> str:
        """Return the path of one rater's file."""
        folder = "paper_implementation/_human_annotations/ImagenHub_human_eval_results"
        return f"{folder}/{self.name}/{self.ratings}_rater{number}.tsv"

    def answer_file(self, run: str, generator: str) -> str:
        """Return the path of a run's answers on semantic consistency."""
        return f"paper_implementation/_answers/results_{run}/{self.name}/{generator}/SC.json"

    def files(self) -> list[str]:
        """Return the path of every file in the authors' repository."""
        answers = [self.answer_file(run, generator) for run in self.runs for generator in self.generators]
        return [self.rater_file(number) for number in RATERS] + answers


RATERS = (1, 2, 3)
COMMON_RUNS = (
    "blip2_0shot", "cogvlm_0shot", "fuyu_0shot", "gemini_0shot", "gemini_1shot", "gpt4o_0shot", "gpt4o_1shot",
    "gpt4v_0shot", "gpt4v_1shot", "instructblip_0shot", "llava_0shot", "llava_1shot", "openflamingo_0shot",
    "qwenvl_0shot", "qwenvl_1shot",
)  # fmt: skip
TASKS: Mapping[str, VieScoreTask] = {
    "viescore_t2i": VieScoreTask(
        name="ImagenHub_Text-Guided_IG",
        ratings="Text-To-Image",
        generators=("DALLE2", "DeepFloydIF", "OpenJourney", "SD", "SDXL"),
        runs=(*COMMON_RUNS, "gpt4v_ih"),
    ),
    "viescore_ie": VieScoreTask(
        name="ImagenHub_Text-Guided_IE",
        ratings="Text-Guided_IE",
        generators=(
            "CycleDiffusion", "DiffEdit", "InstructPix2Pix", "MagicBrush", "Pix2PixZero", "Prompt2prompt", "SDEdit",
            "Text2Live",
        ),
        runs=(*COMMON_RUNS, "blip2_1shot"),
    ),
}  # fmt: skip
"""Tasks by the name of the data set."""
PROMPT = re.compile(r"(?:Text Prompt|Editing instruction): (.*)")
"""How a run's prompt quotes what the generator was asked for."""


def text_to_image_tables(raw: Path) -> dict[str, pd.DataFrame]:
    """Return items, the answers to both questions, and metric_scores of the text-to-image study."""
    return _tables(TASKS["viescore_t2i"], raw)


def edit_tables(raw: Path) -> dict[str, pd.DataFrame]:
    """Return items, the answers to both questions, and metric_scores of the editing study."""
    return _tables(TASKS["viescore_ie"], raw)


def _tables(task: VieScoreTask, raw: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of one task.

    A rating is a pair: semantic consistency (the main question) and quality. A run's score is the least of its list
    over 10, as VIEScore has it. A score that its `reasoning` calls `guess_if_cannot_parse` was drawn at random by the
    authors' script; it is kept, since the published figures rest on it.
    """
    import pandas as pd

    ratings = [r for number in RATERS for r in _ratings(task, raw, number)]
    rated = {item_id for item_id, *_ in ratings}
    scores, prompts = [], {}
    for run in task.runs:
        for generator in task.generators:
            answers = json.loads((raw / task.answer_file(run, generator)).read_text(encoding="utf-8"))
            for name, answer in answers.items():
                sample = Path(name).stem
                if f"{sample}_{generator}" not in rated:
                    continue
                scores.append((f"{sample}_{generator}", run, _score(answer["score"])))
                if sample not in prompts and (quoted := PROMPT.search(answer["prompt_input"])):
                    prompts[sample] = quoted.group(1).strip()
    items = [
        (item_id, prompts.get(sample, ""), sample, generator)
        for item_id, sample, generator in sorted({r[:3] for r in ratings})
    ]
    answers_by_question = {
        question: pd.DataFrame(
            [(item_id, rater, pair[place]) for item_id, _, _, rater, pair in ratings],
            columns=["item_id", "rater_id", "value"],
        ).sort_values(["item_id", "rater_id"], ignore_index=True)
        for place, question in enumerate(("annotations", "annotations_quality"))
    }
    metric_scores = pd.DataFrame(scores, columns=["item_id", "metric", "score"])
    return {
        "items": pd.DataFrame(items, columns=["item_id", "prompt", "prompt_id", "generator"]),
        **answers_by_question,
        "metric_scores": metric_scores.sort_values(["item_id", "metric"], ignore_index=True),
    }


def _ratings(
    task: VieScoreTask, raw: Path, number: int
) -> Iterator[tuple[str, str, str, str, tuple[float, float]]]:
    """Yield item, sample, generator, rater and both ratings of one rater's file."""
    header, *lines = (raw / task.rater_file(number)).read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    for line in lines:
        cells = dict(zip(names, line.split("\t"), strict=True))
        sample = Path(cells["uid"]).stem
        for generator in task.generators:
            consistency, quality = json.loads(cells[generator])
            pair = (float(consistency), float(quality))
            yield f"{sample}_{generator}", sample, generator, f"rater{number}", pair


def _score(answer: float | list[float]) -> float:
    """Return the least of a run's scores from 0 to 10, as a share.

    >>> _score([8, 6])
    0.6
    """
    return min(answer) / 10 if isinstance(answer, list) else answer / 10
