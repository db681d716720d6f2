"""Perception: from pixels to a scene file. Detector, segmenter, depth, camera, orientation, each replaceable."""

from genspace.geometry.perception._ahead import ahead
from genspace.geometry.perception._parts import (
    STAGES,
    Checkpoint,
    Part,
    PartKind,
    PerceptionError,
    Runtime,
    Stage,
    View,
)
from genspace.geometry.perception.catalogue import DEFAULTS, REGISTRY, kinds, make_part, part_kind
from genspace.geometry.perception.images import Picture, read_picture
from genspace.geometry.perception.labels import Wanted, parse_objects, same_object, wanted_from_ids
from genspace.geometry.perception.pipeline import Failure, Perception, StageReport, Subject

__all__ = [
    "DEFAULTS",
    "REGISTRY",
    "STAGES",
    "Checkpoint",
    "Failure",
    "Part",
    "PartKind",
    "Perception",
    "PerceptionError",
    "Picture",
    "Runtime",
    "Stage",
    "StageReport",
    "Subject",
    "View",
    "Wanted",
    "ahead",
    "kinds",
    "make_part",
    "parse_objects",
    "part_kind",
    "read_picture",
    "same_object",
    "wanted_from_ids",
]
