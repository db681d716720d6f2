"""Perception: from pixels to a scene file. Detector, segmenter, depth, camera, orientation, each replaceable."""

from genspace.geometry.perception._ahead import ahead
from genspace.geometry.perception._parts import (
    GUESS,
    STAGES,
    Checkpoint,
    Part,
    PartKind,
    PerceptionError,
    Runtime,
    Stage,
    StageView,
    is_guess,
    source_of,
    stages_of,
)
from genspace.geometry.perception.cameras import known_focal
from genspace.geometry.perception.catalogue import REGISTRY, kinds, make_part, part_kind
from genspace.geometry.perception.images import Picture, read_picture
from genspace.geometry.perception.labels import Wanted, parse_objects, same_object, wanted_from_ids
from genspace.geometry.perception.pipeline import Failure, Perception, StageReport, Subject
from genspace.geometry.perception.stacks import STACKS, Stack, chosen_parts, find_stack, stack_parts

__all__ = [
    "GUESS",
    "REGISTRY",
    "STACKS",
    "STAGES",
    "Checkpoint",
    "Failure",
    "Part",
    "PartKind",
    "Perception",
    "PerceptionError",
    "Picture",
    "Runtime",
    "Stack",
    "Stage",
    "StageReport",
    "StageView",
    "Subject",
    "Wanted",
    "ahead",
    "chosen_parts",
    "find_stack",
    "is_guess",
    "kinds",
    "known_focal",
    "make_part",
    "parse_objects",
    "part_kind",
    "read_picture",
    "same_object",
    "source_of",
    "stack_parts",
    "stages_of",
    "wanted_from_ids",
]
