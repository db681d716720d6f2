"""The scale between the depths of an edit's two images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genspace.geometry.views import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.profiles import Limits
    from genspace.geometry.scene import Pair, Scene

__all__ = ["depth_scale"]


def depth_scale(pair: Pair, limits: Limits) -> float:
    """Return the factor that brings the after scene's lengths to the before scene's.

    It is the pair's own `depth_scale`, or else the median ratio of the two depths over the pixels outside all
    masks, where the edit should have changed nothing.
    Errors: `Unmeasurable` when there is too little such background, or when its ratio is not one number: the
    camera moved, or the edit redrew the scene. `InputError` for a depth file that cannot be read.
    """
    if pair.depth_scale is not None:
        return pair.depth_scale
    before, after = pair.before.read_depth(), pair.after.read_depth()
    if before is None or after is None:
        raise Unmeasurable(
            "the scale between the two images is unknown: they have no depth, and no depth_scale"
        )
    if before.shape != after.shape:
        raise Unmeasurable(f"the depths of the two images differ in size: {before.shape} and {after.shape}")
    still = (
        (before > 0)
        & (after > 0)
        & ~_objects(pair.before, before.shape)
        & ~_objects(pair.after, before.shape)
    )
    share = float(still.mean())
    if share < limits.min_background:
        raise Unmeasurable(
            f"only {share:.0%} of the pixels lie outside the masks, too few to compare the depths"
        )
    low, median, high = np.percentile(before[still] / after[still], [25, 50, 75])
    if high - low >= limits.max_scale_spread * median:
        raise Unmeasurable(
            f"the depths outside the masks are not in one ratio (interquartile range {(high - low) / median:.2f} of "
            "the median): the camera moved, or the edit changed the background"
        )
    return float(median)


def _objects(scene: Scene, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the pixels, of a depth image's shape, that any mask covers."""
    covered = np.zeros((scene.height, scene.width), dtype=bool)
    for item in scene.objects:
        if item.mask is not None:
            covered |= item.mask.decode()
    rows = (np.arange(shape[0]) * scene.height) // shape[0]
    columns = (np.arange(shape[1]) * scene.width) // shape[1]
    return covered[np.ix_(rows, columns)]
