"""Profiles: which rules decide, with which tolerances and limits. Built in: `corrected` and `reference`.

A user's profile is a TOML file that says only what differs from `corrected`:

    name = "strict"
    [tolerances]
    bearing_side = [15, 45]
    [limits]
    min_rotation_confidence = 0.7
"""

from __future__ import annotations

import math
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError

from genspace.documents import mistakes
from genspace.errors import InputError, InvalidFilesError, Problem, did_you_mean, file_errors
from genspace.records import fingerprint

__all__ = ["CORRECTED", "REFERENCE", "Limits", "Profile", "Tolerances", "load_profile"]

Number = Annotated[float, Strict(), Field(ge=0)]


def _in_order(pair: tuple[float, float]) -> tuple[float, float]:
    if not pair[0] < pair[1]:
        raise ValueError("the first number (full score up to it) must be below the second (no score from it)")
    return pair


Tolerance = Annotated[tuple[Number, Number], AfterValidator(_in_order)]
"""(inner, outer): the score is 1 up to an error of inner, 0 from outer, linear between."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Tolerances(_Settings):
    """Errors up to which a constraint scores 1, and from which it scores 0.

    >>> Tolerances().bearing_front, Tolerances(bearing_front=(10, 30)).bearing_front
    ((15.0, 45.0), (10.0, 30.0))
    """

    bearing_front: Tolerance = (15.0, 45.0)
    """Degrees: bearings that should be straight ahead or straight behind."""
    bearing_side: Tolerance = (30.0, 60.0)
    """Degrees: bearings that should be to the left or right."""
    elevation: Tolerance = (45.0, 75.0)
    """Degrees: camera or object above or below the reference object."""
    pair_bearing: Tolerance = (30.0, 45.0)
    """Degrees: side by side, face to face, back to back, in each object's frame."""
    heading: Tolerance = (30.0, 45.0)
    """Degrees: difference between the headings of two objects."""
    pair_view: Tolerance = (30.0, 45.0)
    """Degrees: bearing of the camera from the middle of a pair."""
    egocentric_angle: Tolerance = (0.0, 5.0)
    """Degrees by which an object lies on the wrong side."""
    egocentric_ratio: Tolerance = (0.0, math.log(1.1))
    """Logarithm of the ratio by which an object is nearer than it should be."""
    metric: Tolerance = (1 / 3, 2 / 3)
    """Relative: distances and differences of size."""
    volume: Tolerance = (math.log(1.1), math.log(1.2))
    """Logarithm of the ratio of volumes against the wanted one."""
    sideways: Tolerance = (1 / 3, 2 / 3)
    """Metres across the direction of a move."""
    kept: Tolerance = (30.0, 60.0)
    """Degrees: bearings that an edit should keep, and the new view on them."""


class Limits(_Settings):
    """Where the judge abstains.

    >>> Limits().min_points, Limits(min_points=50).min_points
    (10, 50.0)
    """

    min_rotation_confidence: Number = 0.5
    max_front_slope_deg: Number = 60.0
    """A front steeper than this has no heading."""
    min_separation_m: Number = 0.05
    """Nearer to each other on the ground, one has no bearing from the other."""
    min_points: Number = 10
    border_px: Number = 2.0
    """A box this near the image's border may be cut: no distance, no size."""
    min_size_angle_deg: Number = 35.0
    """A size along an axis nearer than this to the viewing ray is not seen."""
    unseen_share: Number = 0.01
    """A length or width seen from one view ends on a side turned away, and may be greater by this share. Two things
    are compared only where that does not change the answer."""
    min_background: Number = 0.2
    """Share of pixels outside all masks that the scale between two images needs."""
    max_scale_spread: Number = 0.1
    """Largest interquartile range of the depth ratio, relative to its median."""


class Profile(_Settings):
    """A set of rules with its tolerances and limits.

    >>> load_profile("corrected").fingerprint == Profile(name="another name").fingerprint
    True
    """

    name: Annotated[str, Field(min_length=1)]
    rules: Literal["corrected", "reference"] = "corrected"
    """`reference`: the released GenSpace code's rules, whose tolerances are fixed."""
    tolerances: Tolerances = Tolerances()
    limits: Limits = Limits()

    @cached_property
    def fingerprint(self) -> str:
        """Digest of everything in the profile but its name."""
        return fingerprint(self.model_dump(exclude={"name"}))


CORRECTED = Profile(name="corrected")
REFERENCE = Profile(name="reference", rules="reference")
_BUILT_IN = {p.name: p for p in (CORRECTED, REFERENCE)}


def load_profile(name: str | Path) -> Profile:
    """Return a built-in profile by name, or the profile in a TOML file.

    Errors: `InputError` for an unknown name, `InvalidFilesError` with every problem of a file.

    >>> load_profile("reference").rules
    'reference'
    """
    if str(name) in _BUILT_IN:
        return _BUILT_IN[str(name)]
    path = Path(name)
    if path.suffix != ".toml":
        raise InputError(
            f"unknown profile {str(name)!r}{did_you_mean(str(name), _BUILT_IN)}, or a .toml file"
        )
    try:
        with file_errors(path, "read"):
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFilesError([Problem(str(path), f"not readable as TOML: {error}")]) from None
    try:
        profile = Profile.model_validate({"name": path.stem, **settings})
    except ValidationError as error:
        raise InvalidFilesError(mistakes(Profile, error, str(path))) from None
    if profile.rules == "reference" and profile.model_fields_set & {"tolerances", "limits"}:
        raise InvalidFilesError([Problem(str(path), "the reference rules take no tolerances and no limits")])
    return profile
