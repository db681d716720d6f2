"""The tutorial, from `init` to the paragraph of a paper, played by ten scripted raters."""

from __future__ import annotations

import csv
import io
import random
import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path

import pytest
from small_studies import Clock, write_study
from visits import Visitor, prolific

from genspace.cli import invoke
from genspace.human_study.design import parse_design
from genspace.human_study.material.surveys import Survey
from genspace.human_study.reading import read_recorded
from genspace.human_study.web._site import Site
from genspace.human_study.web.app import open_site

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "human-study.md"
PROMPTS, GENERATORS, DAY = 10, 4, 1_790_000_000.0


def test_the_tutorial_leads_from_init_to_a_papers_paragraph(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_items(tmp_path / "my-study")
    with chdir(tmp_path):
        run("annotate init")
        for name, text in {
            "annotate.toml": block("toml", "# annotate.toml"),
            "after.toml": block("toml", "# after.toml"),
            "gold.csv": block("text", "item_id,"),
            "consent.md": block("markdown"),
        }.items():
            (root / name).write_text(text)
        chance = random.Random(10)
        with open_site(root) as site:
            site.store.clock = Clock(DAY)
            various_people(site, chance)
            careful_people(site, chance, range(5, 10))
        capsys.readouterr()
        run("annotate status")
        assert "alpha" in capsys.readouterr().out
        run("annotate reclaim")
        with open_site(root) as site:
            site.store.clock = Clock(DAY + 86_400)
            careful_people(site, chance, range(10, 13))
        participants = [prolific(n)["PROLIFIC_PID"] for n in range(1, 14)]
        statuses = ["RETURNED" if n == 3 else "AWAITING REVIEW" for n in range(1, 14)]
        (tmp_path / "prolific_export.csv").write_text(
            "Participant id,Status\n"
            + "".join(f"{p},{s}\n" for p, s in zip(participants, statuses, strict=True))
        )
        run("annotate import")
        assert participants[12] in capsys.readouterr().out, "on Prolific's list, but never here"
        run("annotate export")
        rows = list(csv.DictReader(io.StringIO((tmp_path / "payments.csv").read_text())))
        assert Counter(row["outcome"] for row in rows) == {
            "complete": 5, "nothing_left": 3, "consent_refused": 1, "training_failed": 1, "checks_failed": 1,
            "returned": 1,
        }  # fmt: skip
        assert {row["completion_code"] for row in rows if row["outcome"] == "checks_failed"} == {"CS4D5E"}
        run("annotate close")
        run("compare")
        assert (tmp_path / "report").exists()
        capsys.readouterr()
        run("annotate describe")
        described = capsys.readouterr().out
        assert shape(described) == shape(block("text", "**Participants.** 12")), described
        run("annotate purge")
    raters = read_recorded(root).raters()
    assert Counter(bool(r.excluded) for r in raters)[True] == 2, (
        "the careless one, and who handed the work back"
    )


def write_items(root: Path) -> Path:
    """Forty pictures of ten prompts, with a judge's scores, for `init` to work on."""
    write_study(root, PROMPTS, generators=GENERATORS)
    (root / "annotate.toml").unlink()
    source = io.StringIO((root / "items.csv").read_text())
    rows = [
        row | {"item_id": f"i{n:02}", "vqa": f"{n * 7 % 10 / 10}"}
        for n, row in enumerate(csv.DictReader(source))
    ]
    with (root / "items.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (root / "metric_scores.csv").write_text(
        "item_id,vqa\n" + "".join(f"{r['item_id']},{r['vqa']}\n" for r in rows)
    )
    return root


def various_people(site: Site, chance: random.Random) -> None:
    """One declines, one does not pass the practice, one hands the work back, one does not look."""
    Visitor(site).come(**prolific(1)).decline()
    work(agree(site, 2), chance, right=0.0)
    work(agree(site, 3), chance, right=0.95, most=6).post("/leave")
    careless = agree(site, 4)
    practise(careless)
    work(careless, chance, right=0.0)


def careful_people(site: Site, chance: random.Random, numbers: Iterable[int]) -> None:
    for n in numbers:
        visitor = agree(site, n)
        if visitor.at != "/instructions":  # others have the rest: told before consent and practice
            continue
        practise(visitor)
        if work(visitor, chance, right=0.95).at == "/after":
            visitor.post("/survey", moment="after", **{"q-screen": str(n % 3)})


def agree(site: Site, n: int) -> Visitor:
    visitor = Visitor(site).come(**prolific(n))
    return visitor.post("/welcome", agreed=["0", "1"]) if visitor.at == "/welcome" else visitor


def practise(visitor: Visitor) -> None:
    while (shown := visitor.look())["status"] == "assignment" and shown["practice"]:
        visitor.site.store.clock.now += 5
        visitor.answer(shown, answer_to(visitor.site, shown["id"]))


def work(visitor: Visitor, chance: random.Random, *, right: float, most: int | None = None) -> Visitor:
    """Answer like somebody who is right so often."""
    done = 0
    while done != most and (shown := visitor.look())["status"] == "assignment":
        took = chance.uniform(3, 9)
        visitor.site.store.clock.now += took + 0.5
        true = answer_to(visitor.site, shown["id"])
        false = "no" if true == "yes" else "yes"
        visitor.answer(shown, true if chance.random() < right else false, seconds=took)
        done += not shown["practice"]
    visitor.last = visitor.client.get("/done")
    return visitor


def answer_to(site: Site, assignment_id: int) -> str:
    """What is true: known of gold items and practice scenes; of the others every second shows what it should."""
    query = (
        "SELECT u.item_ids FROM assignments a JOIN units u ON u.unit_id = a.unit_id WHERE a.assignment_id = ?"
    )
    with site.store.reading() as connection:
        item = str(connection.exec_driver_sql(query, (assignment_id,)).scalar_one()).strip('[]"')
    known = site.material.known.get((item,))
    return "yes" if (known.values[""] if known else int(item[1:]) % 2 == 0) else "no"


def block(language: str, beginning: str = "") -> str:
    """The page's block in this language that begins so."""
    pattern = rf"^```{language}\n({re.escape(beginning)}.*?)^```$"
    found = re.findall(pattern, PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) == 1, (language, beginning, len(found))
    return str(found[0])


def run(beginning: str) -> None:
    """Run the page's command that begins so."""
    found = re.findall(rf"^\$ genspace ({beginning} .*)$", PAGE.read_text(), re.MULTILINE)
    assert len(found) == 1, (beginning, found)
    assert invoke(shlex.split(found[0])) == 0, found[0]


def shape(text: str) -> list[str]:
    """Its words, with every figure, and the registration's digest, as #."""
    return re.sub(r"\b[0-9a-f]{16}\b|\d+(?:[.,]\d+)*", "#", text).split()


@pytest.mark.parametrize("page", ["human-study", "crowd-platforms"])
def test_settings_shown_in_the_how_to_pages_are_valid(page: str) -> None:
    text = (PAGE.parents[1] / "how-to" / f"{page}.md").read_text()
    shown = re.findall(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert shown
    for source in shown:
        settings = tomllib.loads(source)
        if "questions" in settings:
            assert Survey.model_validate(settings).questions[0].kind == "choice"
        else:
            assert parse_design(settings, page).outcomes.complete is not None
