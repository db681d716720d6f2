"""`genspace annotate …` on the command line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_studies import open_desk, write_study

from genspace.human_study.design import Design, ExclusionTable, Outcomes, load_design
from genspace.human_study.material import load_material
from genspace.human_study.reading import answers
from genspace.human_study.visit.assignment import Assignment
from genspace.human_study.web.app import listen


@pytest.fixture
def study(tmp_path: Path) -> Path:
    root = write_study(tmp_path / "s", 4)
    (root / "annotate.toml").unlink()
    return root


def collect(root: Path, raters: int = 2) -> list[str]:
    desk = open_desk(root)
    names = []
    for n in range(raters):
        rater = desk.join(f"p{n}")
        names.append(rater)
        while isinstance(given := desk.claim(rater), Assignment):
            says_yes = given.unit[0] in {"i0", "i1"} or (n == 2 and given.unit[0] == "i2")
            desk.answer(rater, given, float(says_yes), comment="odd")
    desk.store.close()
    return names


def test_init_writes_a_design_whose_comments_are_its_defaults(
    study: Path, genspace: Callable[..., Any]
) -> None:
    assert genspace("annotate", "init", study, "--raters", 5, "--protocol", "likert").code == 0
    text = (study / "annotate.toml").read_text()
    assert (load_design(study).raters_per_item, load_design(study).protocol) == (5, "likert")
    # Every commented line is a valid line of the same file: uncomment those with a "=" and read it again.
    own = {
        "texts",
        "database",
        "question",
        "questions_file",
        "name",
        "text",
    }  # these name other files or clash
    lines = [
        line.removeprefix("# ")
        if line.startswith("# ") and " = " in line and line[2:].split(" = ")[0] not in own
        else line
        for line in text.splitlines()
    ]
    uncommented = "\n".join(lines)
    (study / "annotate.toml").write_text(uncommented)
    design = load_design(study)
    assert design.stop.max_raters_per_item == 10
    assert set(tomllib.loads(uncommented)) >= {"block", "lease_minutes", "languages", "retention_days"}
    again = genspace("annotate", "init", study)
    assert (again.code, "exists" in again.err) == (2, True)


def test_init_explains_every_key_once(study: Path, genspace: Callable[..., Any]) -> None:
    assert genspace("annotate", "init", study).code == 0
    text = (study / "annotate.toml").read_text()
    explained = re.findall(r"^(?:# )?(\w+) = .*? # (\w.*)", text, re.MULTILINE)
    assert len(explained) > 65
    assert ("lease_minutes", "A picture not answered for this long goes back into the pool.") in explained
    kept = {"min_gold": "4", "max_fast_share": "0.2", "requests_per_minute": "240", "every": "10"}
    for name, value in kept.items():
        assert re.search(rf"^# {name} = {value} ", text, re.MULTILINE), name
    left_out = {
        "questions",
        "parameter",
        "completion_code",
        "completion_url",
        "url",
    }  # each needs another key
    for table in (Design, ExclusionTable, Outcomes):
        for name in set(table.model_fields) - left_out:
            assert re.search(rf"\b{name}\b", text), name


@pytest.mark.parametrize(
    ("design", "told"),
    [
        ("[outcomes.complet]\n", "outcomes.complet: there is no such setting (did you mean 'complete'?)"),
        ("[gold]\nevry = 3\n", "gold.evry = 3: there is no such setting (did you mean 'every'?)"),
        ('[outcomes.complete]\nurl = "javascript:alert(1)"\n', "outcomes.complete.url"),
        ('[crowd]\ncompletion_url = "app.prolific.com/done"\n', "crowd.completion_url"),
        ('[outcomes.complete]\ncode = ""\n', "outcomes.complete.code"), ('title = ""\n', "title"),
    ],
)  # fmt: skip
def test_settings_that_would_fail_a_rater_are_refused(
    study: Path, genspace: Callable[..., Any], design: str, told: str
) -> None:
    (study / "annotate.toml").write_text(design)
    found = genspace("annotate", "status", study)
    assert (found.code, found.err.count("\n")) == (2, 1), found.err
    assert told in found.err


def test_a_study_on_a_platform_without_a_code_is_remarked_upon(
    study: Path, genspace: Callable[..., Any]
) -> None:
    for more, remarked in (("", True), ('[outcomes.complete]\ncode = "C1"\n', False)):
        (study / "annotate.toml").write_text(f'[crowd]\nplatform = "prolific"\n{more}')
        assert ("gets no code to be paid by" in genspace("annotate", "status", study).err) == remarked


def test_a_study_that_nobody_came_to_is_described_so(study: Path, genspace: Callable[..., Any]) -> None:
    (study / "annotate.toml").write_text("")
    assert "**Participants.** Nobody has come yet." in genspace("annotate", "describe", study).out


def test_where_nothing_can_listen_and_nothing_be_written_is_one_line(
    study: Path, genspace: Callable[..., Any], tmp_path: Path
) -> None:
    (study / "annotate.toml").write_text("")
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert port > 0
        told = genspace("annotate", "serve", study, "--port", port)
    assert (told.code, told.out) == (2, "")
    assert f"cannot listen on 127.0.0.1:{port}" in told.err
    for command in (("serve", study), ("links", study), ("invite", study, 1)):
        told = genspace("annotate", *command, "--public-url", "study.example.org")
        assert (told.code, "https://" in told.err) == (2, True)
    (tmp_path / "file").write_text("")
    for target in ("answers.csv", "hub"):
        told = genspace("annotate", "export", study, tmp_path / "file" / target)
        assert (told.code, "cannot be written" in told.err) == (2, True)


def test_init_writes_the_texts_of_a_new_language_to_be_translated(
    study: Path, genspace: Callable[..., Any]
) -> None:
    assert genspace("annotate", "init", study, "--languages", "fr,de").code == 0
    assert load_design(study).languages == ("fr", "de")
    path = study / "texts.fr.toml"
    path.write_text(path.read_text().replace('yes = "Yes"', 'yes = "Oui"'))
    assert load_material(study).texts["fr"]["answers.binary.yes"] == "Oui"
    (study / "annotate.toml").unlink()
    told = genspace("annotate", "init", study, "--languages", "Français")
    assert (told.code, "languages" in told.err) == (2, True)


def test_every_mistake_of_the_design_is_named(study: Path, genspace: Callable[..., Any]) -> None:
    (study / "annotate.toml").write_text('raters_per_itm = 3\nprotocol = "rating"\n[gold]\nevery = 0\n')
    told = genspace("annotate", "status", study)
    assert told.code == 2
    for word in ("raters_per_itm", "protocol", "rating", "gold.every"):
        assert word in told.err
    (study / "annotate.toml").unlink()
    assert "genspace annotate init" in genspace("annotate", "status", study).err


def test_status_export_states_and_deletion(study: Path, genspace: Callable[..., Any], tmp_path: Path) -> None:
    (study / "annotate.toml").write_text("raters_per_item = 3\n")
    first, second = collect(study)
    status = json.loads(genspace("annotate", "status", study, "--json").out)
    assert status["progress"]["answered"] == 8
    assert status["agreement"]["everybody"]["value"] == 1.0
    assert {r["rater_id"] for r in status["raters"]} == {first, second}
    told = genspace("annotate", "status", study)
    assert "8 of 12" in told.out
    assert first in told.out
    assert "retention_days = 365: 2 raters, 2 sessions, 8 comments" in told.err  # the answers are from 1970
    for name in ("answers.csv", "answers.jsonl", "label-studio.json", "raters.csv"):
        assert genspace("annotate", "export", study, tmp_path / "out" / name).code == 0
        assert (tmp_path / "out" / name).stat().st_size > 100
    assert genspace("annotate", "export", study, tmp_path / "hub").code == 0
    assert genspace("annotate", "export", study, tmp_path / "nonsense.csv").code == 2
    for command, state in (("pause", "paused"), ("resume", "open"), ("close", "closed")):
        assert genspace("annotate", command, study).code == 0
        assert json.loads(genspace("annotate", "status", study, "--json").out)["state"] == state
    assert "4 answered pictures" in genspace("annotate", "forget", study, "p0").err
    assert genspace("annotate", "forget", study, "p0").code == 2
    assert answers(study)["rater_id"].unique().tolist() == [second]
    counts = json.loads(genspace("annotate", "purge", study, "--days", 0, "--dry-run", "--json").out)
    assert counts == {"raters": 1, "sessions": 1, "comments": 4}
    invited = json.loads(genspace("annotate", "invite", study, 2, "--json").out)
    assert len({i["link"] for i in invited}) == 2


def test_import_reaches_compare(study: Path, genspace: Callable[..., Any], tmp_path: Path) -> None:
    (study / "annotate.toml").write_text("")
    rows = [f"i{i},{r},{i % 2}" for i in range(4) for r in ("ann", "bob")]
    (tmp_path / "in.csv").write_text("item_id,rater_id,value\n" + "\n".join(rows) + "\n")
    (study / "scores").mkdir()
    (study / "scores" / "m.csv").write_text("item_id,score\ni0,0.1\ni1,0.9\ni2,0.2\ni3,0.7\n")
    assert json.loads(genspace("annotate", "import", study, tmp_path / "in.csv", "--json").out) == {
        "answers": 8, "raters": 2,
    }  # fmt: skip
    compared = genspace("compare", study, "--json", "--draws", 50)
    assert compared.code == 0, compared.err
    document = json.loads(compared.out)
    text = json.dumps(document)
    assert '"n_raters": 2' in text
    assert genspace("annotate", "import", study, tmp_path / "nothing.csv").code == 2


def test_plan_says_size_and_cost(genspace: Callable[..., Any], tmp_path: Path) -> None:
    stated = ("--reliability", 0.5, "--agreement", 0.8, 0.5)
    sizes = ("--prompts", "20,60", "--raters", "1,3", "--simulations", 60)
    told = genspace(
        "annotate",
        "plan",
        *stated,
        *sizes,
        "--wage",
        12,
        "--seconds",
        9,
        "--plot",
        tmp_path / "p.svg",
        "--json",
    )
    document = json.loads(told.out)
    assert [(s["prompts"], s["raters"], s["ratings"]) for s in document["sizes"]] == [
        (20, 1, 20), (20, 3, 60), (60, 1, 60), (60, 3, 180),
    ]  # fmt: skip
    assert document["sizes"][3]["cost"] == pytest.approx(180 * 9 / 3600 * 12)  # 5.40
    power = [s["power"]["value"] for s in document["sizes"]]
    assert power[0] < power[3]
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")
    assert "the judges apart with a chance of 80%" in genspace("annotate", "plan", *stated, *sizes).out
    assert "--reliability" in genspace("annotate", "plan").err
    assert genspace("annotate", "plan", *stated, "--prompts", "a,b").code == 2
    assert genspace("annotate", "plan", *stated, *sizes, "--plot", tmp_path / "p.doc").code == 2


def test_plan_from_a_pilot(study: Path, genspace: Callable[..., Any]) -> None:
    (study / "annotate.toml").write_text("raters_per_item = 3\n")
    collect(study, raters=3)
    told = genspace(
        "annotate", "plan", "--study", study, "--agreement", 0.8, 0.5, "--prompts", "30", "--raters", "2",
        "--simulations", 20, "--json",
    )  # fmt: skip
    assert told.code == 0, told.err
    document = json.loads(told.out)
    # Ratings 111, 111, 001, 000: mean squares between 5/12 · 11/6 … by the one-way layout F = (MSB − MSW) / (MSB + 2 MSW)
    # with item means 1, 1, 1/3, 0: MSB = 3 · Σ(m − 7/12)² / 3 = 0.7500, MSW = (2/3) / 8 = 0.0833; 0.6667 / 0.9167 = 8/11.
    assert document["assumptions"]["reliability"] == pytest.approx(8 / 11)
    assert document["costs"]["seconds_per_answer"] == 4.0
    assert genspace("annotate", "plan", "--study", study, "--judges", "a,b").code == 2
