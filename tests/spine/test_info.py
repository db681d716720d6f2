"""`genspace ls` and `genspace doctor`."""

from __future__ import annotations

import json

import pytest

from genspace.judges.asking import AIDS


def test_lists(genspace) -> None:
    listed = json.loads(genspace("ls", "--json").out)
    assert {"planted", "table"} <= {row["name"] for row in listed["judges"]}
    assert "tifa160" in genspace("ls", "datasets").out
    aids = json.loads(genspace("ls", "aids", "--json").out)
    assert [row["name"] for row in aids] == list(AIDS)
    stacks = genspace("ls", "stacks").out
    assert "default" in stacks
    assert not {"False", "True", "None"} & set(stacks.split())
    wrong = genspace("ls", "judge")
    assert (wrong.code, "did you mean 'judges'" in wrong.err) == (2, True)


def test_doctor_says_what_is_missing_and_how_to_get_it(genspace, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "ray" else real(name, *a)
    )
    assert json.loads(genspace("doctor", "--json").out)["extras"]["ray"]["missing"] == ["ray"]
    assert "missing ray: pip install 'genspace[ray]'" in genspace("doctor").out
