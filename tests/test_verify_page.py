"""docs/verified.md is renewed proof by proof: what is not run again stays, with the day on which it was made."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def runner():
    specification = importlib.util.spec_from_file_location("verify_run", ROOT / "tests" / "verify" / "run.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def proofs(tmp_path):
    """Two proofs that hold, the first with two headings, and the page that both wrote long ago."""
    (tmp_path / "verify_a.py").write_text(
        "def main():\n    return '## A\\n\\nnew\\n\\n## A, continued\\n\\nmore\\n'\n"
    )
    (tmp_path / "verify_b.py").write_text("def main():\n    return '## B\\n\\nnew\\n'\n")
    page = tmp_path / "verified.md"
    page.write_text(
        "# Old head\n\n## A\n\nRun on 2001-02-03, 4 s (somewhere): `tests/verify/verify_a.py`\n\nold a\n\n"
        "## B\n\nRun on 2001-02-04, 5 s (somewhere): `tests/verify/verify_b.py`\n\nold b\n"
    )
    return tmp_path, page


def test_one_proof_renews_its_section_only(runner, proofs):
    folder, page = proofs
    assert runner.main(["a"], folder=folder, target=page) == 0
    text = page.read_text()
    assert "old a" not in text
    assert re.search(
        r"## A\n\nRun on 2\d{3}-\d\d-\d\d, 0 s \(.*\): `tests/verify/verify_a.py`\n\nnew\n", text
    )
    assert "## B\n\nRun on 2001-02-04, 5 s (somewhere): `tests/verify/verify_b.py`\n\nold b\n" in text
    runner.main(["b"], folder=folder, target=page)
    text = page.read_text()
    assert "## A, continued\n\nmore\n" in text
    assert "old" not in text.lower()


def test_a_failed_proof_says_so_and_a_new_one_is_named_as_not_run(runner, proofs):
    folder, page = proofs
    (folder / "verify_a.py").write_text("def main():\n    assert 1 > 2, 'no'\n")
    (folder / "verify_c.py").write_text("def main():\n    return '## C'\n")
    assert runner.main(["a"], folder=folder, target=page) == 1
    text = page.read_text()
    assert "**FAILED**" in text
    assert "AssertionError: no" in text
    assert "Not run yet: c." in text
    assert list(runner.sections_of(text)) == ["a", "b"]


def test_the_page_of_this_repository_is_such_a_page(runner):
    page = (ROOT / "docs" / "verified.md").read_text()
    known = [p.stem.removeprefix("verify_") for p in sorted((ROOT / "tests" / "verify").glob("verify_*.py"))]
    assert runner.document_of(runner.sections_of(page), known) == page
    assert "**FAILED**" not in page
