"""`genspace verdicts` and `genspace export`: look after verdict files, and take data elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, put, results, say
from genspace.cli._options import JsonFlag
from genspace.errors import InputError, did_you_mean

__all__ = ["export", "verdicts"]

verdicts = typer.Typer(no_args_is_help=True, help="List, remove, rename, compact and merge verdict files.")
app.add_typer(verdicts, name="verdicts")

StudyFolder = Annotated[Path, typer.Argument(help="The study's folder.")]
JudgeName = Annotated[str, typer.Argument(help="The judge's name.")]
SHOWN_CONFLICTS = 10


@verdicts.command("list", epilog="Example: genspace verdicts list my-study")
def list_verdicts(study: StudyFolder, as_json: JsonFlag = False) -> None:
    """List judges with their fingerprints and numbers of verdicts."""
    from collections import Counter

    from genspace.readings import counted
    from genspace.records import Status
    from genspace.store import JudgeStore, judge_folders

    rows = []
    if not (study / "verdicts").is_dir():
        raise InputError(f"{study}: no folder of verdicts in it; genspace judge makes one")
    for judge, _ in judge_folders(study):
        store = JudgeStore(study, judge)
        every, files = store.every(), len(store.files())
        for mark, said in every.groupby("fingerprint", sort=False)["status"]:
            counts = Counter(said)
            rows.append(
                {
                    "judge": judge, "fingerprint": mark, "counts": mark == every["fingerprint"].iloc[-1],
                    "draft": store.draft, "files": files, **{s: counts[s] for s in get_args(Status)},
                }
            )  # fmt: skip
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = ("" if row["counts"] else "  (replaced by newer options)") + (
            "  (draft)" if row["draft"] else ""
        )
        put(
            f"{row['judge']}  {row['fingerprint']}  {row['decided']:,} decided, {row['abstained']:,} abstained, "
            f"{row['failed']:,} failed, {counted(row['files'], 'file')}{state}"
        )


@verdicts.command("compact", epilog="Example: genspace verdicts compact my-study")
def compact_verdicts(study: StudyFolder) -> None:
    """Merge each judge's finished files into one Parquet shard; files of a running run are not changed."""
    from genspace.store import JudgeStore, compact, judge_folders

    for judge, _ in judge_folders(study):
        files, kept = compact(JudgeStore(study, judge))
        done = f"{files} files folded into one, {kept:,} verdicts" if files else "nothing to fold"
        put(f"{judge}: {done}")


@verdicts.command(
    "remove",
    epilog="Examples: genspace verdicts remove my-study failed-attempt --yes · "
    "genspace verdicts remove my-study vlm --fingerprint 9f3a --yes",
)
def remove_verdicts(
    study: StudyFolder,
    judge: JudgeName,
    fingerprint: Annotated[
        str | None, typer.Option(help="Only those of this fingerprint; its first characters suffice.")
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Remove the verdicts; without this option, only show what would be removed."
        ),
    ] = False,
) -> None:
    """Remove a judge's verdicts permanently, such as those of a failed run."""
    from genspace.store import JudgeStore, remove

    store = JudgeStore(study, judge)
    if not yes:
        _known(study, judge)
        what = f"fingerprint {store.fingerprint(fingerprint)} of " if fingerprint is not None else ""
        put(f"{what}{store.folder} would be removed, and what its verdicts cost is lost: add --yes")
        return
    put(f"{judge}: {remove(store, fingerprint):,} verdicts removed")


@verdicts.command("rename", epilog="Example: genspace verdicts rename my-study vlm vlm-before-june")
def rename_verdicts(
    study: StudyFolder, judge: JudgeName, name: Annotated[str, typer.Argument(help="Its new name.")]
) -> None:
    """Rename a judge, for example to keep its verdicts beside those of a new run."""
    from genspace.store import JudgeStore, rename

    put(f"{judge} is now {name}: {rename(JudgeStore(study, judge), name).folder}")
    if (study / "study.toml").is_file() and judge in (study / "study.toml").read_text(encoding="utf-8"):
        say(f"study.toml names {judge}: its next run starts anew, unless you rename it there")


@verdicts.command(
    "draft",
    epilog="Examples: genspace verdicts draft my-study vlm · genspace verdicts draft my-study vlm --off",
)
def draft_verdicts(
    study: StudyFolder,
    judge: JudgeName,
    off: Annotated[bool, typer.Option("--off", help="Mark it as final again.")] = False,
) -> None:
    """Mark a judge as a draft: tables leave it out unless --drafts is given."""
    from genspace.store import JudgeStore

    _known(study, judge)
    JudgeStore(study, judge).describe(draft=not off)
    put(
        f"{judge} is {'no draft any more' if off else 'a draft: compare, rank and validate show it with --drafts'}"
    )


def _known(study: Path, judge: str) -> None:
    """Errors: `InputError` for a judge without verdicts."""
    from genspace.store import judge_folders

    known = [name for name, _ in judge_folders(study)]
    if judge not in known:
        raise InputError(f"{study}: no verdicts of a judge {judge!r}{did_you_mean(judge, known)}")


@verdicts.command("merge", epilog="Example: genspace verdicts merge my-study copy-from-gpu-1 copy-from-gpu-2")
def merge_verdicts(
    study: StudyFolder,
    others: Annotated[list[Path], typer.Argument(help="Copies of the study, judged elsewhere.")],
    prefer: Annotated[
        Literal["ours", "theirs"], typer.Option(help="Which verdict to keep in a conflict.")
    ] = "ours",
) -> None:
    """Merge verdicts of other copies into this study; report every conflict (exit code 1 if there are any)."""
    from genspace.store import merge

    for folder in (study, *others):
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder")
    added, conflicts = merge(study, others, prefer=prefer)
    for judge, number in sorted(added.items()):
        put(f"{judge}: {number:,} verdicts added")
    for conflict in conflicts[:SHOWN_CONFLICTS]:
        ours, theirs = conflict.ours.score, conflict.theirs.score
        say(f"conflict: {conflict.judge} {conflict.key[0]}: ours {ours}, theirs {theirs}")
    if conflicts:
        say(f"{len(conflicts):,} conflicts; {prefer} counts")
        raise typer.Exit(1)
    if not added:
        results().print("nothing new")


@app.command(
    epilog="Examples: genspace export my-study --to flat · genspace export my-study --format hf --to dataset"
)
def export(
    study: StudyFolder,
    to: Annotated[Path, typer.Option(help="Folder to write to; must be empty or not exist.")],
    form: Annotated[
        str, typer.Option("--format", help="csv, parquet, or hf (Hugging Face datasets).")
    ] = "csv",
) -> None:
    """Write items, people's answers and verdicts as flat tables for other tools."""
    from genspace.export import FORMATS, export_study
    from genspace.study import open_study

    if form not in FORMATS:
        raise InputError(f"--format {form}: unknown{did_you_mean(form, FORMATS)}")
    written = export_study(open_study(study, whole=True), to, form)
    put(f"{to}: {', '.join(p.name for p in written)}")
