"""Sixty scripted raters of known skill through the web: the rules exclude exactly those they should, before and after
every round trip, and the payment list is right to the person.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_studies import Clock, nothing_left_to_chance, write_study
from test_round_trip import FORMATS, assert_same_figures, empty_copy, export
from visits import Visitor, prolific

from genspace.human_study.exchange.exporting import export_text
from genspace.human_study.exchange.importing import import_answers
from genspace.human_study.exchange.reconcile import reconcile
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.store.housekeeping import reclaim
from genspace.human_study.watching.monitor import study_status
from genspace.human_study.web._site import Site
from genspace.human_study.web.app import open_site

ITEMS, GOLD, QUOTA, RATERS_PER_ITEM = 64, 12, 24, 30
pytestmark = pytest.mark.xdist_group("sixty raters")  # one worker plays them once

DESIGN = f"""\
protocol = "pairwise"
raters_per_item = {RATERS_PER_ITEM}
items_per_rater = {QUOTA}
[gold]
file = "gold.csv"
every = 4
[repeats]
every = 8
gap = 4
[training]
pass_mark = 0.7
attempts = 1
[checks]
stop_after = 8
[exclusion]
min_gold_accuracy = 0.6
min_gold = 4
max_fast_share = 0.2
max_identical_run = 12
[crowd]
platform = "prolific"
currency = "GBP"
[outcomes.complete]
code = "ALL-{{personal}}"
pay = 2.4
[outcomes.screened_out]
code = "OUT"
pay = 0.2
[outcomes.nothing_left]
code = "PART"
pay_per_picture = 0.1
[limits]
requests_per_minute = 100000
joins_per_minute = 100000
"""


@dataclass(frozen=True)
class Kind:
    """How a rater works."""

    number: int
    error: float = 0.05
    seconds: tuple[float, float] = (3.0, 7.0)
    always_left: bool = False
    corrects: float = 0.0
    stops_after: int | None = None
    refuses: bool = False
    fails_practice: bool = False
    outcome: str = "complete"
    excluded: str = ""
    """Beginning of the rule that is broken; "" for nobody to be left out."""


KINDS = {
    "careful": Kind(24),
    "corrects often": Kind(8, corrects=0.6),
    "slow": Kind(4, seconds=(9.0, 30.0)),
    "careless": Kind(6, error=0.97, outcome="complete", excluded="known answers"),
    "always left": Kind(5, always_left=True, excluded="same answer"),
    "hasty": Kind(4, seconds=(0.2, 0.7), excluded="answers under 1 s"),
    "hands back": Kind(3, stops_after=5, outcome="returned", excluded="handed the work back"),
    "stops half-way": Kind(2, stops_after=4, outcome=""),
    "fails practice": Kind(2, fails_practice=True, outcome="training_failed"),
    "declines": Kind(2, refuses=True, outcome="consent_refused"),
}  # fmt: skip
assert sum(k.number for k in KINDS.values()) == 60


@dataclass
class Person:
    """One of the sixty."""

    n: int
    name: str
    kind: Kind
    visitor: Visitor
    done: int = 0
    finished: bool = False
    shown: Any = None
    """The picture in hand, as the reply to the answer before brought it."""


def truth(item_id: str, item_id_b: str) -> str:
    """Of each pair the item of the generator with the higher number is the better one."""
    return "first" if item_id > item_id_b else "second"


def turn(person: Person, clock: Clock, chance: random.Random) -> None:
    """One picture: look, think, answer, perhaps correct it at once."""
    kind, visitor = person.kind, person.visitor
    shown = person.shown or visitor.look()
    if shown["status"] != "assignment" or person.done == kind.stops_after:
        if kind.outcome == "returned":
            visitor.post("/leave")
        visitor.last = visitor.client.get("/done")
        person.finished = True
        return
    with visitor.site.store.reading() as connection:
        query = "SELECT u.item_ids, a.flipped FROM assignments a JOIN units u ON u.unit_id = a.unit_id WHERE assignment_id = ?"
        items, flipped = connection.exec_driver_sql(query, (shown["id"],)).one()
    first, second = items.strip("[]").replace('"', "").split(", ")
    right = truth(first, second) == "second" if flipped else truth(first, second) == "first"
    wrong = kind.fails_practice if shown["practice"] else chance.random() < kind.error
    choice = "left" if right != wrong else "right"
    if kind.always_left and not shown["practice"]:
        choice = "left"
    took = chance.uniform(*kind.seconds)
    clock.now += took + 0.2
    person.shown = visitor.answer(shown, choice, seconds=took)["next"]
    if chance.random() < kind.corrects and not shown["practice"]:
        again = visitor.client.get(f"/api/assignments/{shown['id']}").json()
        clock.now += 0.5
        visitor.answer(again, choice, seconds=0.4)
    person.done += not shown["practice"]


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[Person]]]:
    root = write_study(tmp_path_factory.mktemp("sixty") / "s", ITEMS, generators=2, design=DESIGN)
    rows = [f"i{n}g0,i{n}g1,right,{'training' if n > GOLD - 3 else 'gold'}" for n in range(GOLD)]
    (root / "gold.csv").write_text("item_id,item_id_b,value,use\n" + "\n".join(rows) + "\n")
    chance, clock = random.Random(60), Clock()
    with nothing_left_to_chance(), open_site(root) as site:
        site.store.clock = clock
        people = []
        names = [name for name, kind in KINDS.items() for _ in range(kind.number)]
        chance.shuffle(names)
        for n, name in enumerate(names, start=1):
            visitor = Visitor(site).come(**prolific(n))
            (visitor.decline if KINDS[name].refuses else visitor.agree)()
            people.append(Person(n, name, KINDS[name], visitor, finished=KINDS[name].refuses))
        while any(not p.finished for p in people):
            for person in people:
                if not person.finished:
                    turn(person, clock, chance)
        yield site, people


def test_the_rules_exclude_exactly_those_they_should(studied: tuple[Site, list[Person]]) -> None:
    site, people = studied
    figures = {r.rater_id: r for r in read_recorded(site.material.root).raters()}
    for person in people:
        rater_id = site.store.session(person.visitor.client.cookies[site.cookie("rater")]).known
        excluded = figures[rater_id].excluded if rater_id in figures else ()
        if person.kind.excluded:
            assert excluded, (person.name, figures.get(rater_id))
            assert any(rule.startswith(person.kind.excluded) for rule in excluded), (person.name, excluded)
        else:
            assert excluded == (), (person.name, excluded)


def test_the_payment_list_is_right_to_the_person(studied: tuple[Site, list[Person]], tmp_path: Path) -> None:
    site, people = studied
    text = export_text(site.store, site.material, "payments.csv")
    paid = {row["external_id"]: row for row in csv.DictReader(io.StringIO(text))}
    assert len(paid) == 60
    codes = Counter(row["completion_code"] for row in paid.values())
    frame = answers(site.material.root).query("role in ('main', 'extra') and repeat == 0")
    given = frame.groupby("rater_id").size()
    for person in people:
        row = paid[prolific(person.n)["PROLIFIC_PID"]]
        where = (person.name, row)
        assert row["outcome"] == person.kind.outcome, where
        assert int(row["pictures"]) == given.get(row["rater_id"], 0), where
        assert row["sessions"] == prolific(person.n)["SESSION_ID"]
        if row["outcome"] == "complete":
            assert row["pay"] == "2.40", where
            assert codes[row["completion_code"]] == 1, "nobody else has this code"
            assert row["completion_code"] in person.visitor.text, "the page showed what the list says"
        elif row["outcome"] in {"consent_refused", "training_failed"}:
            assert (row["pay"], row["completion_code"]) == ("0.20", "OUT"), where
        else:
            assert (row["pay"], row["completion_code"]) == ("", ""), where
    status = study_status(site.store, site.material)
    completed = sum(p.kind.outcome == "complete" for p in people)
    assert (status.outcomes["complete"].raters, status.outcomes["complete"].owed) == (
        completed,
        round(2.4 * completed, 2),
    )
    # The platform's list, as it would come from what the pages told: nobody is missed and no code is wrong.
    lines = ["Submission id,Participant id,Status,Completion code"]
    for person in people:
        ids, row = prolific(person.n), paid[prolific(person.n)["PROLIFIC_PID"]]
        state = {"returned": "RETURNED", "": "TIMED-OUT"}.get(row["outcome"], "AWAITING REVIEW")
        lines.append(f"{ids['SESSION_ID']},{ids['PROLIFIC_PID']},{state},{row['completion_code']}")
        if person.n % 7 == 0:  # some had begun and returned an earlier session
            lines.append(f"{prolific(person.n, 3)['SESSION_ID']},{ids['PROLIFIC_PID']},RETURNED,")
    random.Random(1).shuffle(lines[1:])
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    found = reconcile(site.store, site.material, tmp_path / "list.csv", platform="prolific")
    assert len(found.matched) == 60
    assert (found.unknown_here, found.missing_there, found.wrong_code) == ((), (), ())
    # Three handed back after finished pictures: the platform pays nothing for what they did, and says so.
    handed_back = [prolific(p.n)["PROLIFIC_PID"] for p in people if p.kind.outcome == "returned"]
    stopped = [prolific(p.n)["PROLIFIC_PID"] for p in people if p.name == "stops half-way"]
    assert set(found.finished_here_not_there) == set(handed_back)
    again = csv.DictReader(io.StringIO(export_text(site.store, site.material, "payments.csv")))
    outcomes = {row["external_id"]: row["outcome"] for row in again}
    assert {outcomes[p] for p in stopped} == {"timed_out"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_round_trip_changes_nobodys_verdict(
    studied: tuple[Site, list[Person]], tmp_path: Path, name: str, genspace: Callable[..., Any]
) -> None:
    from small_studies import Desk

    site, _ = studied
    desk = Desk(site.store, site.material, Clock())
    other = empty_copy(desk, tmp_path / "copy")
    with closing(other.store):
        import_answers(other.store, other.material, export(desk, name, tmp_path / "out"))
        assert_same_figures(site.material.root, other.material.root)


def test_items_of_those_who_do_not_count_can_be_asked_again(studied: tuple[Site, list[Person]]) -> None:
    site, _ = studied
    out = {r.rater_id for r in read_recorded(site.material.root).raters() if r.excluded}
    frame = answers(site.material.root).query("role in ('main', 'extra') and repeat == 0")
    assert reclaim(site.store, dry_run=True).answers == int(frame["rater_id"].isin(out).sum())
