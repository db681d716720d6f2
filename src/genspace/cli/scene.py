"""`genspace scene`: judge and check scene files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, put, results, say
from genspace.cli._options import JsonFlag
from genspace.errors import InputError, Problem, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genspace.geometry.evaluate import Evaluation
    from genspace.geometry.predicates import Bound
    from genspace.geometry.profiles import Profile
    from genspace.geometry.scene import Pair, Scene
    from genspace.records import JsonValue

__all__ = ["check", "judge"]

scene_app = typer.Typer(help="Make, check and judge scene files (one image in 3D).", no_args_is_help=True)
app.add_typer(scene_app, name="scene")

SceneFiles = Annotated[
    list[Path], typer.Argument(help="Scene or pair files (JSON), or JSONL with one document a line.")
]
ProfileName = Annotated[
    str, typer.Option("--profile", help="corrected, reference, or a TOML file of tolerances and limits.")
]
Predicates = Annotated[
    list[str] | None,
    typer.Option("--predicate", help="A predicate to judge instead of the files' own; repeatable."),
]


@scene_app.command(
    epilog="Examples: genspace scene judge 0001.scene.json · "
    "genspace scene judge 0001.scene.json --predicate 'camera_pose(cow, view=front)' --profile reference --json"
)
def judge(
    files: SceneFiles,
    profile: ProfileName = "corrected",
    predicate: Predicates = None,
    as_json: JsonFlag = False,
) -> None:
    """Decide the predicates of scene files and print the measurements."""
    from genspace.geometry.evaluate import evaluate
    from genspace.geometry.profiles import load_profile

    rules = load_profile(profile)
    asked = list(_asked(files, predicate))
    answers = [(name, bound, evaluate(scene, bound, rules)) for name, scene, bound in asked]
    if as_json:
        print_json([_document(*answer, rules) for answer in answers])
        return
    for answer in answers:
        put("\n".join(_lines(*answer)))


def _asked(files: list[Path], predicates: list[str] | None) -> Iterator[tuple[str, Scene | Pair, Bound]]:
    from genspace.geometry.predicates import bind
    from genspace.geometry.scene_files import read_all

    for name, scene in read_all(files):
        calls = predicates or scene.predicates
        if not calls:
            raise InputError(
                f"{name}: holds no predicates; say which with --predicate 'camera_pose(ID, view=front)'"
            )
        for call in calls:
            try:
                yield name, scene, bind(call)
            except InputError as error:
                raise InputError(f"{name}: {error}") from None


def _lines(name: str, bound: Bound, answer: Evaluation) -> Iterator[str]:
    from genspace.geometry.evaluate import in_words

    if answer.score is None:
        yield f"{name}: {bound}: abstained: {answer.reason}"
    else:
        yield f"{name}: {bound}: {'passed' if answer.passed else 'not passed'}, score {answer.score:.3g}"
    for measurement in answer.measurements:
        yield f"    {in_words(measurement)}"


def _document(name: str, bound: Bound, answer: Evaluation, profile: Profile) -> dict[str, JsonValue]:
    from dataclasses import asdict

    return {
        "file": name,
        "predicate": bound.text,
        "says": str(bound),
        "profile": profile.name,
        "status": "abstained" if answer.score is None else "decided",
        "score": answer.score,
        "passed": answer.passed,
        "reason": answer.reason,
        "measurements": [asdict(m) for m in answer.measurements],
    }


@scene_app.command(
    epilog="Examples: genspace scene check *.scene.json · genspace scene check *.scene.json --strict"
)
def check(
    files: SceneFiles,
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat implausible values as problems, not warnings.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Validate scene files: every problem of every file, side files and predicates included.

    Warns of what a scene may say and hardly means: misspelt keys, other units or axes, boxes that show something else.
    """
    from genspace.geometry.scene_files import read_all

    documents = read_all(files)
    problems = [problem for name, scene in documents for problem in _problems(name, scene)]
    warnings = {name: list(_doubts(name, scene)) for name, scene in documents}
    if strict:
        problems += [doubt for of_file in warnings.values() for doubt in of_file]
    refuse(problems, shown=len(problems))
    count = sum(map(len, warnings.values()))
    for doubt in (doubt for of_file in warnings.values() for doubt in of_file):
        say(f"warning: {doubt}")
    if as_json:
        print_json(
            [
                {
                    "file": name,
                    "objects": len(_scenes(scene)[-1].objects),
                    "warnings": list(map(str, warnings[name])),
                }
                for name, scene in documents
            ]
        )
    else:
        said = f"{count} warning(s)" if count else "no warnings"
        results().print(f"{len(documents)} document(s), no problems, {said}")


def _scenes(document: Scene | Pair) -> tuple[Scene, ...]:
    from genspace.geometry.scene import Pair

    return (document.before, document.after) if isinstance(document, Pair) else (document,)


def _doubts(name: str, document: Scene | Pair) -> Iterator[Problem]:
    from genspace.geometry.sense import doubts

    for scene in _scenes(document):
        yield from (Problem(name, d.message, field=d.field, value=d.value) for d in doubts(scene))


def _problems(name: str, document: Scene | Pair) -> Iterator[Problem]:
    from genspace.geometry.predicates import bind

    scenes = _scenes(document)
    for scene in scenes:
        yield from _side_file_problems(name, scene)
    for call in document.predicates:
        try:
            ids = bind(call).ids
        except InputError as error:
            yield Problem(name, str(error), field="predicates")
            continue
        for missing in [one for one in ids if scenes[-1].object(one) is None]:
            yield Problem(name, f"no object has the id {missing!r}", field="predicates", value=call)


def _side_file_problems(name: str, scene: Scene) -> Iterator[Problem]:
    try:
        scene.read_depth()
    except InputError as error:
        yield Problem(name, str(error).removeprefix(f"{scene.source}: "))
    for item in scene.objects:
        try:
            scene.read_points(item)
        except InputError as error:
            yield Problem(name, str(error).removeprefix(f"{scene.source}: "))
