"""What the judges that ask a model share: its boundaries, and the form of a protocol."""

from __future__ import annotations

import ast
from importlib.resources import files
from pathlib import Path

import pytest

from genspace.errors import InputError
from genspace.judges import JudgeSpec, parse_options
from genspace.judges.asking import AskOptions, Protocol, protocol, protocol_names

ROOM = Path(__file__).parents[2] / "judges"


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_private_modules_are_imported_within_their_own_package_alone() -> None:
    strangers = []
    for path in ROOM.rglob("*.py"):
        package = ".".join(["genspace.judges", *path.relative_to(ROOM).parts[:-1]])
        for name in imported(path):
            owner, _, private = name.partition("._")
            if private and name.startswith("genspace.") and not f"{package}.".startswith(f"{owner}."):
                strangers.append(f"{path.relative_to(ROOM)} imports {name}")
    assert not strangers


@pytest.mark.parametrize("name", protocol_names())
def test_a_protocol_is_a_module_and_a_template(name: str) -> None:
    assert isinstance(protocol(name), Protocol)
    assert files("genspace.judges.prompts").joinpath(f"{name}.j2").is_file()


def test_an_unknown_protocol_is_named_with_the_closest_one() -> None:
    with pytest.raises(InputError, match=r"'protocol' = 'yesno': .*did you mean 'yes-no'"):
        parse_options(AskOptions, JudgeSpec(name="v", kind="vlm", options={"protocol": "yesno"}))
