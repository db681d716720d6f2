"""The scale between the depths of two images, measured where the edit should have changed nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genspace.geometry.evaluate import evaluate
from genspace.geometry.pairs import depth_scale
from genspace.geometry.profiles import Limits
from genspace.geometry.scene import Mask, Pair
from genspace.geometry.scene_files import FolderFiles, parse_document
from genspace.geometry.views import Unmeasurable

HEIGHT, WIDTH = 24, 32


@pytest.fixture
def make(tmp_path: Path):
    """Write two depths (steps of 1 mm) and return their pair; the object's mask covers the given columns."""

    def made(
        before: np.ndarray,
        after: np.ndarray,
        columns: int = 8,
        z: tuple[float, float] = (3.0, 3.0),
        rows: int = HEIGHT,
    ) -> Pair:
        mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
        mask[:rows, :columns] = True
        scenes = {}
        for name, depth, at in (("before", before, z[0]), ("after", after, z[1])):
            Image.fromarray(depth.astype(np.uint16)).save(tmp_path / f"{name}.png")
            item = {"id": "A", "centre": [0, 0, at], "mask": Mask.from_array(mask).model_dump()}
            scenes[name] = {
                "format": "genspace-scene/1", "width": WIDTH, "height": HEIGHT, "depth": f"{name}.png",
                "camera": {"pitch_deg": 0, "roll_deg": 0}, "objects": [item],
            }  # fmt: skip
        pair = parse_document({"format": "genspace-pair/1", **scenes}, files=FolderFiles(tmp_path))
        assert isinstance(pair, Pair)
        return pair

    return made


def wall(mm: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), mm)


def test_the_ratio_outside_the_masks(make) -> None:
    after = wall(2000)
    after[:, :8] = 500  # the object moved, which does not count
    assert depth_scale(make(wall(4000), after), Limits()) == pytest.approx(2.0)


def test_the_scale_is_the_median_of_the_ratios(make) -> None:
    before = np.linspace(3900, 4100, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint16)
    outside = sorted(before[:, 8:].ravel().tolist())
    middle = len(outside) // 2
    expected = (outside[middle - 1] + outside[middle]) / 2 / 2000
    assert depth_scale(make(before, wall(2000)), Limits()) == pytest.approx(expected, rel=1e-6)


def test_two_ratios_are_refused_with_their_spread(make) -> None:
    """Half of the background is 2 and half 3 times as far as after the edit: quartiles 2 and 3, median 2.5."""
    before = wall(4000)
    before[:, 20:] = 6000
    with pytest.raises(Unmeasurable, match=r"interquartile range 0\.40 of the median"):
        depth_scale(make(before, wall(2000)), Limits())


def test_as_much_background_as_is_wanted_is_enough(make) -> None:
    eight_of_32 = make(wall(4000), wall(2000), columns=24)
    assert depth_scale(eight_of_32, Limits(min_background=8 / 32)) == pytest.approx(2.0)


def test_a_measured_scale_decides_a_move(make) -> None:
    # The after depth came out half as large: 1 m there is 2 m; the object went from 4 m to 3 m = 1.5 m there.
    pair = make(wall(4000), wall(2000), z=(4.0, 1.5))
    assert evaluate(pair, "move_object(A, direction=closer, value_m=1)").passed
    assert evaluate(pair, "move_object(A, direction=farther, value_m=1)").score == 0


@pytest.mark.parametrize(
    ("before", "after", "columns", "reason"),
    [
        (wall(4000), wall(4000), 28, "only 12% of the pixels lie outside the masks"),
        (
            wall(4000),
            np.linspace(2000, 4000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH),
            8,
            "are not in one ratio",
        ),
        (wall(4000), np.full((12, 16), 4000), 8, "differ in size: (24, 32) and (12, 16)"),
        (wall(0), wall(4000), 8, "only 0% of the pixels"),
    ],
)
def test_no_scale(make, before: np.ndarray, after: np.ndarray, columns: int, reason: str) -> None:
    pair = make(before, after, columns)
    with pytest.raises(Unmeasurable) as told:
        depth_scale(pair, Limits())
    assert reason in str(told.value)
    answer = evaluate(pair, "move_object(A, direction=closer, value_m=1)")
    assert answer.score is None
    assert reason in answer.reason


def test_masks_are_fitted_to_a_smaller_depth(make) -> None:
    """Depths of half the image's size: the mask's rows 0–15 and columns 0–31 are the depth's 0–7 and 0–15."""
    before, after = np.full((12, 16), 4000), np.full((12, 16), 2000)
    before[:8] = np.arange(4000, 4128).reshape(8, 16)
    pair = make(before, after, rows=16, columns=32)
    assert depth_scale(pair, Limits(max_scale_spread=1e-9)) == pytest.approx(2.0)
    before, after = np.full((12, 16), 4000), np.full((12, 16), 2000)
    before[:, :4] = 9000
    assert depth_scale(make(before, after), Limits(max_scale_spread=1e-9)) == pytest.approx(2.0)


def test_what_is_not_in_the_image_before_is_named(make) -> None:
    pair = make(wall(4000), wall(4000))
    nothing = pair.before.model_copy(update={"objects": ()})
    answer = evaluate(
        pair.model_copy(update={"before": nothing}), "move_object(A, direction=closer, value_m=1)"
    )
    assert (answer.score, answer.reason) == (None, "A was not found in the image before the edit")
