"""A judge plugin: scores an image by its mean brightness, and abstains where there is no image."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageStat
from pydantic import BaseModel, ConfigDict

from genspace.errors import InputError
from genspace.judges import JudgeContext, JudgeSpec, parse_options
from genspace.records import Measurement, Request, Verdict, fingerprint


class Options(BaseModel):
    """Options of `[judges.NAME] kind = "brightness"`."""

    model_config = ConfigDict(extra="forbid")
    threshold: float = 0.5


@dataclass(frozen=True)
class BrightnessJudge:
    """Passes images whose mean brightness reaches the threshold."""

    threshold: float

    @property
    def fingerprint(self) -> str:
        """Everything that can change an answer; raise the version when the code changes what it says."""
        return fingerprint({"kind": "brightness", "version": 1, "threshold": self.threshold})

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield a verdict for each request; what cannot be judged is a verdict with a reason."""
        for request in requests:
            if request.item.image is None:
                yield Verdict.abstained(request, "the item has no image")
                continue
            try:
                with Image.open(io.BytesIO(request.files.read(request.item.image))) as image:
                    score = ImageStat.Stat(image.convert("L")).mean[0] / 255
            except (InputError, OSError) as error:
                yield Verdict.failed(request, f"error: {error}")
                continue
            measured = Measurement(
                quantity="mean brightness", value=score, unit="ratio", target=self.threshold
            )
            yield Verdict.decided(
                request, score=score, passed=score >= self.threshold, measurements=(measured,)
            )


def make(spec: JudgeSpec, _context: JudgeContext) -> BrightnessJudge:
    """Return the judge; the entry point names this function."""
    return BrightnessJudge(parse_options(Options, spec).threshold)
