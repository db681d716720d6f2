"""Write the JSON Schemas that the package ships, from the records themselves: `python docs/schemas.py`."""

from __future__ import annotations

import json
from pathlib import Path

from genspace.analysis.diff import DiffDocument
from genspace.analysis.gate import GateDocument
from genspace.analysis.result import ComparisonDocument, RankingDocument, ValidationDocument
from genspace.certificate import CertificateDocument
from genspace.documents import schema_of
from genspace.framing import FramingDocument
from genspace.geometry.scene import Pair, Scene, json_schema
from genspace.parts import PartsDocument
from genspace.tuning import TuningDocument

ROOT = Path(__file__).resolve().parents[1]
FOLDER, SCENES = ROOT / "src" / "genspace" / "schemas", ROOT / "geometry" / "schemas"
KINDS = {
    "parts": (PartsDocument, "genspace parts of a judge that moved its score"),
    "tuning": (TuningDocument, "genspace tuning of a judge"),
    "frames": (FramingDocument, "genspace frames of reference"),
    "certificate": (CertificateDocument, "genspace certificate of consistency"),
    "comparison": (ComparisonDocument, "genspace comparison"),
    "diff": (DiffDocument, "genspace diff of two runs"),
    "gate": (GateDocument, "genspace gate"),
    "ranking": (RankingDocument, "genspace ranking of generators"),
    "validation": (ValidationDocument, "genspace validation of a metric"),
}


def schema_text(name: str) -> str:
    """The text of one schema file."""
    kind, title = KINDS[name]
    return json.dumps(schema_of(kind, title=title), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in KINDS:
        (FOLDER / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")
    for record, name in ((Scene, "scene"), (Pair, "pair")):
        text = json.dumps(json_schema(record), indent=2, ensure_ascii=False) + "\n"
        (SCENES / f"{name}.schema.json").write_text(text, encoding="utf-8")
