"""A judge that says yes and no about items whose truth is known, run again and again, with a known drift."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import norm

from genspace.evidence import Evidence
from genspace.records import StudySettings

KAPPA = 0.75
"""What the judge reaches."""
DROPPED = 0.10
"""What it loses."""
AGAIN = 0.02
"""Share of its answers that another run turns, without any drift."""
SHARED = 0.5
"""Share of the variance of quality, of errors and of drift that items of one prompt share."""


@dataclass(frozen=True)
class Drifting:
    """One study, whose judge can be run again.

    People say yes to half of the items. A judge with errors on a share e of either kind has a kappa of 1 - 2 e; one
    that turns a further share d of its answers at random has (1 - 2 e)(1 - 2 d).
    """

    prompts: int
    seed: int
    each: int = 4

    @cached_property
    def prompt(self) -> np.ndarray:
        return np.repeat(np.arange(self.prompts), self.each)

    @cached_property
    def people(self) -> np.ndarray:
        return (self._scattered(0, 0) > 0).astype(int)

    def answers(self, run: int, *, drop: float = 0.0, judge: int = 1) -> np.ndarray:
        """What the judge says in a run; every run turns some answers anew."""
        wrong = self._below(judge, 0, (1 - KAPPA / (1 - 2 * AGAIN)) / 2)
        turned = np.random.default_rng([self.seed, judge, 1, run]).random(len(self.prompt)) < AGAIN
        drifted = self._below(judge, 100 + run, (1 - (KAPPA - drop) / KAPPA) / 2)
        return self.people ^ wrong ^ turned ^ drifted

    def run(self, run: int, *, drop: float = 0.0, judges: int = 1) -> Evidence:
        """The study as a run leaves it; its judges are alike and err apart."""
        ids = [f"i{n:04}" for n in range(len(self.prompt))]
        said = {f"judge {j}": self.answers(run, drop=drop, judge=j) for j in range(1, judges + 1)}
        scores = [
            pd.DataFrame({"item_id": ids, "judge": name, "score": v * 1.0, "passed": v == 1})
            for name, v in said.items()
        ]
        return Evidence.from_frames(
            pd.DataFrame({"item_id": ids, "prompt_id": self.prompt}),
            pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": self.people}),
            pd.concat(scores),
            settings=StudySettings(primary="cohen_kappa"),
        )

    def _scattered(self, *key: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, *key, 7])
        shared = rng.normal(size=self.prompts)[self.prompt]
        return np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * rng.normal(size=len(self.prompt))

    def _below(self, judge: int, draw: int, share: float) -> np.ndarray:
        if share <= 0:
            return np.zeros(len(self.prompt), dtype=int)
        return (self._scattered(judge, draw) < norm.ppf(share)).astype(int)
