"""What a database does when it is damaged, locked, full, gone or not to be written: one line, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from load import PostgresServer
from small_studies import Desk, open_desk, write_study
from visits import Visitor

from genspace.errors import InputError
from genspace.human_study import _engine
from genspace.human_study._answers_file import StorageError
from genspace.human_study.exchange.importing import import_answers
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.visit.assignment import Assignment
from genspace.human_study.web.app import open_site


@pytest.fixture(scope="module")
def answered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with one answer, to be copied."""
    root = tmp_path_factory.mktemp("answered") / "s"
    desk = open_desk(write_study(root, 3))
    rater = desk.join()
    desk.answer(rater, desk.take(rater), 1.0)
    desk.store.close()
    return root


@pytest.fixture
def worked(answered_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(answered_once, tmp_path / "s"))


def assert_one_line(told: Any, *words: str) -> None:
    assert told.code == 2, told
    assert told.err.count("\n") == 1, told.err
    assert "Traceback" not in told.err
    for word in words:
        assert word in told.err


COMMANDS = (("status",), ("export", "OUT/answers.csv"), ("describe",), ("pause",), ("purge",), ("reclaim",))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
@pytest.mark.parametrize("damage", ["text", "cut", "empty table"])
def test_a_damaged_file_is_one_line(
    tmp_path: Path, worked: Path, genspace: Callable[..., Any], command: tuple[str, ...], damage: str
) -> None:
    root = worked
    path = root / "answers.sqlite"
    if damage == "text":
        path.write_text("this is no database, and long enough to be looked at " * 20)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        connection.close()
    arguments = [str(tmp_path / "answers.csv") if "OUT" in part else part for part in command[1:]]
    told = genspace("annotate", command[0], root, *arguments)
    if damage == "empty table" and told.code == 0:
        return  # a table of that name alone: the study has no answers yet
    assert_one_line(told, "answers.sqlite")


def test_compare_says_it_in_one_line_too(worked: Path, genspace: Callable[..., Any]) -> None:
    root = worked
    (root / "answers.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    told = genspace("compare", root)
    assert told.code == 2
    assert "Traceback" not in told.err
    assert "damaged" in told.err


def test_a_locked_file_is_one_line_for_commands_and_a_wait_for_raters(
    worked: Path, genspace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genspace.human_study._engine._WAIT_SECONDS", 0.2)
    root = worked
    with open_site(root) as site:
        visitor = Visitor(site).come().agree()
        shown = visitor.look()
        holder = sqlite3.connect(root / "answers.sqlite", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        assert_one_line(genspace("annotate", "pause", root), "locked", "another program")
        visitor.answer(shown)
        assert visitor.last.status_code == 503
        assert visitor.last.json()["message"].startswith("The study cannot be reached just now")
        assert visitor.client.get("/work").status_code in {200, 503}
        holder.execute("ROLLBACK")
        holder.close()
        assert visitor.answer(shown)["stored"] is True, "the page's next try is stored"
    assert len(answers(root)) == 2


AS_SHIPPED = _engine._SYNCHRONOUS


def test_every_commit_is_synced_to_the_disk(worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was acknowledged survives a power cut: SQLite documents synchronous = 2 (FULL) for that, written ahead."""
    monkeypatch.setattr(_engine, "_SYNCHRONOUS", AS_SHIPPED)  # which the other tests do without
    desk = open_desk(worked)
    with desk.store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    desk.store.close()


STORED_WRONGLY = {
    "design": "UPDATE meta SET value = '{no json' WHERE key = 'registered_design'",
    "items": "UPDATE units SET item_ids = 'i' || unit_id",
    "known answer": "UPDATE answers SET known = 'ye', choice = 'x'",
}


@pytest.mark.parametrize("what", STORED_WRONGLY)
@pytest.mark.parametrize("command", ["annotate status", "annotate export", "compare"])
def test_what_is_stored_wrongly_is_one_line(
    worked: Path, tmp_path: Path, genspace: Callable[..., Any], what: str, command: str
) -> None:
    with sqlite3.connect(worked / "answers.sqlite") as connection:
        connection.execute(STORED_WRONGLY[what])
    connection.close()
    target = [tmp_path / "answers.csv"] if command.endswith("export") else []
    told = genspace(*command.split(), worked, *target)
    assert (told.code, "Traceback" in told.err, told.err.count("\n")) == (2, False, 1), told.err
    assert "last backup" in told.err


@pytest.mark.parametrize("command", ["annotate status", "annotate serve", "compare"])
def test_answers_of_a_later_version_are_left_to_it(
    worked: Path, genspace: Callable[..., Any], command: str
) -> None:
    with sqlite3.connect(worked / "answers.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '7' WHERE key = 'schema_version'")
    connection.close()
    told = genspace(*command.split(), worked)
    assert (told.code, told.err.count("\n")) == (2, 1), told.err
    assert f"{worked / 'answers.sqlite'}: the answers are stored in layout 7" in told.err


def test_a_folder_in_the_answers_place_is_one_line(worked: Path, genspace: Callable[..., Any]) -> None:
    (worked / "answers.sqlite").unlink()
    (worked / "answers.sqlite").mkdir()
    for command in (("annotate", "status"), ("compare",)):
        assert_one_line(genspace(*command, worked), "answers.sqlite")


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """SQLite's limit on pages stands for the disk: it refuses alike, and by the same words."""
    root = write_study(
        tmp_path / "s", 40, design="[repeats]\nevery = 0\n[limits]\nrequests_per_minute = 10000\n"
    )
    with open_site(root) as site:
        visitor = Visitor(site).come().agree()
        from sqlalchemy import event

        @event.listens_for(site.store.engine, "connect")
        def _small(connection: Any, _record: Any) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 2}").close()

        site.store.engine.dispose()
        stored = 0
        for _ in range(40):
            shown = visitor.look()
            if "id" not in shown:
                break
            visitor.answer(shown, comment="x" * 1500)
            if visitor.last.status_code == 503:
                break
            assert visitor.last.json()["stored"] is True
            stored += 1
        assert 0 < stored < 40
        assert len(answers(root)) == stored
    with open_site(root) as site:  # after room was made, the rater goes on
        again = Visitor(site)
        again.client.cookies = visitor.client.cookies
        assert again.answer(again.look())["stored"] is True
        assert len(answers(root)) == stored + 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become another user"
)
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 2)
    for parent in (root, *root.parents):
        if parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o555)
    os.seteuid(65534)
    try:
        told = genspace("annotate", "serve", root)
        assert genspace("annotate", "status", root).code == 0, "what only reads needs no permission to write"
    finally:
        os.seteuid(0)
    assert_one_line(told, "answers.sqlite", "Permission denied")


# PostgreSQL


@pytest.mark.needs_debian("postgresql")
def test_postgresql_that_is_down_or_restarts(
    tmp_path: Path, postgres: PostgresServer, genspace: Callable[..., Any]
) -> None:
    root = write_study(tmp_path / "s", 6, design=f'database = "{postgres.url}"\n[repeats]\nevery = 0\n')
    with open_site(root) as site:
        visitor = Visitor(site).come().agree()
        shown = visitor.look()
        postgres.stop()
        visitor.answer(shown)
        assert visitor.last.status_code == 503
        for command in ("status", "pause", "describe"):
            assert_one_line(genspace("annotate", command, root), "PostgreSQL")
        assert_one_line(genspace("annotate", "serve", root), "PostgreSQL")
        with pytest.raises(StorageError, match="PostgreSQL"):
            read_recorded(root)
        postgres.start()
        assert visitor.answer(shown)["stored"] is True
        for _ in range(2):
            shown = visitor.look()
            postgres.restart()
            assert visitor.answer(shown)["stored"] is True, (
                "a lost connection is noticed before a rater meets it"
            )
        assert visitor.client.get("/work").status_code == 200
    assert len(answers(root)) == 3


@pytest.mark.needs_debian("postgresql")
def test_postgresql_of_layout_1_is_brought_up_to_date(tmp_path: Path, postgres: PostgresServer) -> None:
    """The same answers as in SQLite: their tables are made as layout 1 had them, then opened."""
    import psycopg

    dump = (Path(__file__).parent / "data" / "layout_1.sql").read_text(encoding="utf-8")
    wanted = [
        s for s in dump.split(";\n") if s.lstrip().startswith(("CREATE TABLE", "INSERT", "CREATE INDEX"))
    ]
    wanted = [s for s in wanted if "sqlite_sequence" not in s]
    wanted.sort(key=lambda s: (not s.lstrip().startswith("CREATE TABLE"), "INDEX" in s))
    tables = ("meta", "events", "raters", "sessions", "units", "assignments", "submissions", "answers")
    created = {t: next(s for s in wanted if f"CREATE TABLE {t} " in s) for t in tables}
    booleans = {"units": (8,), "assignments": (5,)}
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        for table in tables:
            statement = (
                created[table].replace("FLOAT", "DOUBLE PRECISION").replace("DEFAULT '0'", "DEFAULT 0")
            )
            for key in ("unit_id", "assignment_id", "event_id"):
                statement = statement.replace(
                    f"\t{key} INTEGER NOT NULL, \n\t",
                    f"\t{key} SERIAL NOT NULL, \n\t",
                    table in {"units", "assignments", "events"},
                )
            connection.execute(statement)
        with sqlite3.connect(":memory:") as source:
            source.executescript(dump)
            for table in tables:
                rows = source.execute(f"SELECT * FROM {table}").fetchall()
                for row in rows:
                    cells = [bool(c) if n in booleans.get(table, ()) else c for n, c in enumerate(row)]
                    marks = ", ".join(["%s"] * len(cells))
                    connection.execute(f"INSERT INTO {table} VALUES ({marks})", cells)
        source.close()
        for table, key in (("units", "unit_id"), ("assignments", "assignment_id"), ("events", "event_id")):
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), (SELECT MAX({key}) FROM {table}))"
            )
    root = write_study(tmp_path / "s", 8)
    (root / "gold.csv").write_text(
        "item_id,value,use,explanation\ni0,yes,gold,\ni1,no,gold,\ni2,yes,training,Look\n"
    )
    (root / "annotate.toml").write_text(
        f'database = "{postgres.url}"\nraters_per_item = 2\n[gold]\nfile = "gold.csv"\nevery = 3\n[repeats]\nevery = 4\n'
        'gap = 2\n[exclusion]\nmin_gold = 2\n[crowd]\nparameter = "PROLIFIC_PID"\ncompletion_code = "GOOD"\n'
    )
    with pytest.raises(InputError, match="layout 1"):
        read_recorded(root)
    with open_site(root) as site:
        assert [a.after == "" for a in site.store.registrations()] == [True, False]
    import pandas as pd

    columns = ["item_id", "question", "rater_id", "repeat", "role", "value", "excluded"]
    before = pd.read_csv(
        Path(__file__).parent / "data" / "layout_1.csv", keep_default_na=False, na_values={"value": [""]}
    )
    pd.testing.assert_frame_equal(answers(root)[columns], before[columns], check_dtype=False)


# Malformed imports

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.sampled_from(
        ["i0", "yes", "answer", "", "nan", "genspace", "✓"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "annotations", "result", "value", "choices", "item_id", "from_name", "meta", "genspace",
                         "completed_by", "lead_time", "rater_id", "position", "known", "items", "shown", "received_at"]),
        inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(write_study(tmp_path / "s", 2))
    yield desk
    desk.store.close()


@settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(document=JSON, as_lines=st.booleans())
def test_malformed_imports_are_refused_or_add_nothing(small: Desk, document: Any, as_lines: bool) -> None:
    path = small.material.root / ("in.jsonl" if as_lines else "in.json")
    path.write_text(json.dumps(document), encoding="utf-8")
    with suppress(InputError):  # any other error fails the test
        import_answers(small.store, small.material, path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.json", b"\xff\xfe"), ("in.json", b"[" * 100_000), ("in.json", b"{}"), ("in.csv", b"\xff\xfe\x00"),
        ("in.csv", b""), ("in.csv", b'item_id,rater_id,value\n"i0,ann,yes\n'), ("in.parquet", b"PAR1"),
        ("in.jsonl", b"[1]\n"), ("in.jsonl", b"{\n"),
    ],
)  # fmt: skip
def test_files_that_are_something_else_are_refused(
    tmp_path: Path, genspace: Callable[..., Any], name: str, content: bytes
) -> None:
    root = write_study(tmp_path / "s", 2)
    (tmp_path / name).write_bytes(content)
    told = genspace("annotate", "import", root, tmp_path / name)
    assert told.code == 2
    assert name in told.err
    assert "Traceback" not in told.err


def test_two_servers_of_one_study_lose_and_double_nothing(tmp_path: Path) -> None:
    """Two processes' worth of stores on one file: two sites whose raters take turns."""
    root = write_study(tmp_path / "s", 10, design="raters_per_item = 2\n[repeats]\nevery = 0\n")
    with open_site(root) as first, open_site(root) as second:
        visitors = [Visitor(site).come().agree() for site in (first, second, first, second)]
        acknowledged = 0
        while any(
            (shown := v.look())["status"] == "assignment" and v.answer(shown)["stored"] for v in visitors
        ):
            acknowledged += 1
        for v in visitors:
            acknowledged += v.work()
    frame = answers(root)
    assert len(frame) == 20
    assert frame.groupby("item_id").size().eq(2).all()
    assert not frame.duplicated(["item_id", "rater_id"]).any()


def test_a_failing_command_has_no_traceback_in_a_process_of_its_own(worked: Path) -> None:
    root = worked
    (root / "answers.sqlite").write_text("nothing of the kind" * 300)
    command = [sys.executable, "-m", "genspace", "annotate", "serve", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_desk_goes_on_after_a_storage_error(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 2))
    rater = desk.join()
    with pytest.raises(StorageError), desk.store.writing() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
    assert isinstance(desk.claim(rater), Assignment)
    desk.store.close()
