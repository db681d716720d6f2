"""Write examples/demo: a small study whose ratings and metrics are SIMULATED, to try `genspace compare` on.

Forty-five prompts (nine sub-domains of five) on four imagined generators; three simulated people answer yes or no,
and four simulated metrics follow the truth more or less closely, one of them abstaining where it is unsure.
Run: python examples/make_demo.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

TARGET = Path(__file__).parent / "demo"
SUB_DOMAINS = (
    "camera_pose", "object_pose", "complex_pose", "egocentric", "intrinsic", "allocentric", "object_size",
    "object_distance", "camera_distance",
)  # fmt: skip
STUDY = """# Ratings and metrics of this study are simulated (examples/make_demo.py); no person and no model took part.
name = "Demo: simulated ratings"
question = "Does the image show what the prompt asks? (simulated people)"
raters = "person"
value_type = "binary"
sampling = "random"
breakdowns = ["sub_domain"]
"""


def main(seed: int = 20251) -> None:
    """Write the study; the same seed gives the same files."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"{domain}-{prompt}-{generator}", domain, f"{domain}-{prompt}", f"generator-{generator}")
        for domain in SUB_DOMAINS
        for prompt in range(5)
        for generator in "abcd"
    ]
    items = pd.DataFrame(rows, columns=["item_id", "sub_domain", "prompt_id", "generator"])
    ease = dict(zip(items["prompt_id"].unique(), rng.normal(0, 1, items["prompt_id"].nunique()), strict=True))
    skill = {f"generator-{g}": s for g, s in zip("abcd", (-0.8, -0.2, 0.3, 0.9), strict=True)}
    quality = items["prompt_id"].map(ease) + items["generator"].map(skill) + rng.normal(0, 1, len(items))
    truth = (quality > 0).to_numpy()
    annotations = pd.concat(
        pd.DataFrame(
            {
                "item_id": items["item_id"],
                "rater_id": f"simulated-person-{rater}",
                "value": np.where(rng.random(len(items)) < error, ~truth, truth).astype(int),
            }
        )
        for rater, error in enumerate((0.07, 0.1, 0.14), start=1)
    )
    reconstructed = 1 / (1 + np.exp(-(1.6 * quality + rng.normal(0, 0.9, len(items)))))
    unsure = np.abs(reconstructed - 0.5) < 0.12
    metrics = {
        "sim_reconstruction": reconstructed,
        "sim_cautious_boxes": np.where(unsure, np.nan, reconstructed),
        "sim_yes_saying_vlm": np.clip(
            np.round(0.72 + 0.16 * quality + rng.normal(0, 0.2, len(items)), 1), 0, 1
        ),
        "sim_text_similarity": 0.28 + 0.02 * quality + rng.normal(0, 0.05, len(items)),
    }
    TARGET.mkdir(exist_ok=True)
    (TARGET / "study.toml").write_text(STUDY, encoding="utf-8")
    items.to_csv(TARGET / "items.csv", index=False)
    annotations.to_csv(TARGET / "annotations.csv", index=False)
    scores = items[["item_id"]].assign(**{name: np.round(score, 4) for name, score in metrics.items()})
    scores.to_csv(TARGET / "metric_scores.csv", index=False)


if __name__ == "__main__":
    main()
