"""What raters are asked about: the units (an item, a pair, a group), their questions and their known answers."""

from genspace.human_study.material._known import Known
from genspace.human_study.material._material import Material, build_material, load_material
from genspace.human_study.material._questions import Asked, words_its_own
from genspace.human_study.material._units import Unit, UnitKey, UnitKind

__all__ = [
    "Asked", "Known", "Material", "Unit", "UnitKey", "UnitKind", "build_material", "load_material",
    "words_its_own",
]  # fmt: skip
