"""`genspace compare` on real studies, on planted judges, on undefined cases, and what it writes."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from rich.console import Console

from genspace import compare
from genspace.analysis._threads import side_by_side
from genspace.cli import invoke
from genspace.cli._progress import course
from genspace.gather import evidence_of
from genspace.study import open_study

SWIFT = {"draws": 0, "permutations": 0}


def published(data: Path, name: str, file: str) -> dict[str, dict[str, object]]:
    return json.loads((data / "human" / name / file).read_text())


def test_tifa160_reproduces_the_published_coefficients(data: Path) -> None:
    document = compare(data / "human/tifa160", **SWIFT).to_dict()
    for metric, printed in published(data, "tifa160", "published.json")["metrics"].items():
        item = document["judges"][metric]["item"]
        assert item["pearson"]["value"] == pytest.approx(printed["printed_as_spearman"], abs=1e-9)
        assert item["kendall_tau_b"]["value"] == pytest.approx(printed["kendall_tau_b"], abs=1e-9)
    computed = published(data, "tifa160", "computed.json")
    reliability = document["human"]["reliability"]
    for level, alpha in computed["krippendorff_alpha"].items():
        assert reliability[f"krippendorff_alpha_{level}"]["value"] == pytest.approx(alpha, abs=1e-9)
    assert reliability["fleiss_kappa"]["value"] == pytest.approx(computed["fleiss_kappa"], abs=1e-9)


def test_dsg_tifa160_reproduces_nine_of_twelve_published_settings(data: Path) -> None:
    document = compare(data / "human/dsg_tifa160", **SWIFT).to_dict()
    reproduced = 0
    for metric, printed in published(data, "dsg_tifa160", "published.json")["metrics"].items():
        if metric not in document["judges"]:
            assert metric.endswith("__tifa")  # its question file is absent from the released data
            continue
        judge = document["judges"][metric]
        assert round(judge["item"]["spearman"]["value"], 3) == printed["spearman"]
        assert round(judge["item"]["kendall_tau_b"]["value"], 3) == printed["kendall_tau_b"]
        assert judge["p_values"]["spearman"] == pytest.approx(printed["spearman_p"], rel=1e-6)
        assert judge["p_values"]["kendall_tau_b"] == pytest.approx(printed["kendall_p"], rel=1e-6)
        reproduced += 1
    assert reproduced == 9


def test_dsg1k_has_no_people_and_the_nine_published_means(data: Path) -> None:
    document = compare(data / "human/dsg1k", by=["category"], **SWIFT).to_dict()
    judge = document["judges"]["pali-17b__dsg"]
    assert judge["item"]["spearman"]["value"] is None
    assert judge["item"]["spearman"]["reason"]["code"] == "no_people"
    means = published(data, "dsg1k", "published.json")["mean_percent_by_category"]
    cells = document["breakdowns"]["category"]
    found = {"all": judge["mean_score"]["value"]} | {
        c: cell["mean_scores"]["pali-17b__dsg"]["value"] for c, cell in cells.items()
    }
    assert {c: round(100 * v, 1) for c, v in found.items()} == {c: m["percent"] for c, m in means.items()}
    assert len(means) == 9


def test_geneval_two_questions_and_metrics_that_are_never_ranked(data: Path) -> None:
    document = compare(data / "human/geneval", **SWIFT).to_dict()
    computed = published(data, "geneval", "computed.json")
    parts = {"caption_fit": document, "correct": document["questions"]["correct"]}
    for name, part in parts.items():
        reliability = part["human"]["reliability"]
        for level, alpha in computed[name]["krippendorff_alpha"].items():
            assert reliability[f"krippendorff_alpha_{level}"]["value"] == pytest.approx(alpha, abs=1e-9)
        assert reliability["fleiss_kappa"]["value"] == pytest.approx(computed[name]["fleiss_kappa"], abs=1e-9)
        assert reliability["raw_agreement"]["value"] == pytest.approx(
            computed[name]["percent_agreement_pairs"], abs=1e-9
        )
        real = [j for j in part["judges"].values() if j["kind"] != "baseline"]
        assert {(j["kind"], j["rank"]) for j in real} == {("derived", None)}


def test_spatialbench_uc_confusion_accuracy_and_coverage(data: Path) -> None:
    judge = compare(data / "human/spatialbench_uc", **SWIFT).to_dict()["judges"]["spatialbench_uc"]
    audit = published(data, "spatialbench_uc", "published.json")["confusion_matrix"]
    assert judge["item"]["accuracy"]["n"] == audit["decided_samples"] == 71
    assert judge["item"]["accuracy"]["value"] == pytest.approx(audit["accuracy"], abs=1e-12)
    assert judge["item"]["f1"]["value"] == pytest.approx(audit["f1"], abs=1e-12)
    assert judge["coverage"]["value"] == pytest.approx(0.455)


def test_metrics_that_restate_the_ratings_are_found(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id\n" + "".join(f"i{n}\n" for n in range(12)))
    ratings = [(f"i{n}", f"r{r}", (n * 7 + r * 3) % 5) for n in range(12) for r in range(3)]
    (tmp_path / "annotations.csv").write_text(
        "item_id,rater_id,value\n" + "".join("{},{},{}\n".format(*r) for r in ratings)
    )
    mean = {i: sum(v for j, _, v in ratings if j == i) / 3 for i, _, _ in ratings}
    lines = [f"{i},mean_rating,{m!r}\n{i},honest,{len(i) + m * 0.5}\n" for i, m in mean.items()]
    (tmp_path / "metric_scores.csv").write_text("item_id,metric,score\n" + "".join(lines))
    study = open_study(tmp_path)
    assert evidence_of(study).settings.derived == ("mean_rating",)
    judges = compare(study, **SWIFT).to_dict()["judges"]
    assert (judges["mean_rating"]["kind"], judges["mean_rating"]["rank"]) == ("derived", None)
    assert (judges["honest"]["kind"], judges["honest"]["rank"]) == ("metric", 1)


def binary_study(folder: Path, prompts: int = 60, generators: int = 4) -> Path:
    """Three people who agree on every item; half of the items hold."""
    ids = [f"p{p}-g{g}" for p in range(prompts) for g in range(generators)]
    rows = [f"p{p}-g{g},p{p},g{g}" for p in range(prompts) for g in range(generators)]
    (folder / "items.csv").write_text("item_id,prompt_id,generator\n" + "\n".join(rows) + "\n")
    truth = {i: (n * 2654435761 >> 7) & 1 for n, i in enumerate(ids)}
    answers = [f"{i},r{r},{t}" for i, t in truth.items() for r in range(3)]
    (folder / "annotations.csv").write_text("item_id,rater_id,value\n" + "\n".join(answers) + "\n")
    return folder


def test_planted_judges_get_the_figures_that_theory_says(tmp_path: Path, genspace) -> None:
    folder = binary_study(tmp_path)
    names = [f"planted:{n}" for n in ("majority", "inverted", "constant", "coin", "abstains")]
    assert genspace("judge", folder, *(x for n in names for x in ("--judge", n))).code == 0
    judges = json.loads(genspace("compare", folder, "--json", "--draws", "200").out)["judges"]
    figure = {n: judges[n]["item"] for n in names}
    assert figure["planted:majority"]["roc_auc"]["value"] == 1.0
    assert figure["planted:majority"]["cohen_kappa"]["value"] == 1.0
    assert figure["planted:inverted"]["roc_auc"]["value"] == 0.0
    assert figure["planted:inverted"]["accuracy"]["value"] == 0.0
    # A constant separates nothing: every pair is a tie, AUC counts ties half, correlations are undefined.
    assert figure["planted:constant"]["roc_auc"]["value"] == 0.5
    assert figure["planted:constant"]["spearman"]["value"] is None
    coin = figure["planted:coin"]["roc_auc"]
    assert coin["low"] <= 0.5 <= coin["high"]
    # A third of the items is abstained on; what is decided is right.
    assert judges["planted:abstains"]["coverage"]["value"] == pytest.approx(2 / 3, abs=0.1)
    assert figure["planted:abstains"]["accuracy"]["value"] == 1.0


UNDEFINED = {
    "empty study": {"items": "item_id\n"},
    "no people, no judges": {"items": "item_id\na\nb\n"},
    "one item": {"items": "item_id\na\n", "annotations": "a,r,1\n", "scores": "a,m,1\n"},
    "two items": {"items": "item_id\na\nb\n", "annotations": "a,r,1\nb,r,0\n", "scores": "a,m,1\nb,m,0\n"},
    "constant scores": {"items": "item_id\na\nb\nc\n", "annotations": "a,r,1\nb,r,0\nc,r,1\n", "scores": "a,m,1\nb,m,1\nc,m,1\n"},
    "constant ratings": {"items": "item_id\na\nb\nc\n", "annotations": "a,r,1\nb,r,1\nc,r,1\n", "scores": "a,m,1\nb,m,2\nc,m,3\n"},
    "all abstained": {"items": "item_id\na\nb\nc\n", "annotations": "a,r,1\nb,r,0\nc,r,1\n", "scores": "a,m,\nb,m,\nc,m,\n"},
    "nobody could tell": {"items": "item_id\na\nb\nc\n", "annotations": "a,r,\nb,r,\nc,r,\n", "scores": "a,m,1\nb,m,2\nc,m,3\n"},
    "no common items": {"items": "item_id\na\nb\nc\nd\n", "annotations": "a,r,1\nb,r,0\n", "scores": "c,m,1\nd,m,0\n"},
    "one rater, one generator": {
        "items": "item_id,generator,prompt_id\na,g,p\nb,g,q\nc,g,s\n",
        "annotations": "a,r,1\nb,r,2\nc,r,5\n", "scores": "a,m,1\nb,m,2\nc,m,9\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("case", UNDEFINED)
def test_undefined_cases_are_null_with_a_reason_in_every_output(case: str, tmp_path: Path, genspace) -> None:
    """No warning (they are errors here), no traceback, no NaN; every null estimate says why."""
    texts = UNDEFINED[case]
    heads = {"items": "", "annotations": "item_id,rater_id,value\n", "scores": "item_id,metric,score\n"}
    files = {"items": "items", "annotations": "annotations", "scores": "metric_scores"}
    for key, text in texts.items():
        (tmp_path / f"{files[key]}.csv").write_text(heads[key] + text)
    out = tmp_path / "out"
    plain = genspace("compare", tmp_path, "--draws", "50", "--out", out)
    assert plain.code == 0, plain.err
    document = json.loads(genspace("compare", tmp_path, "--draws", "50", "--json").out)

    def estimates(node: object, path: str = "") -> list[tuple[str, dict[str, object]]]:
        if isinstance(node, dict):
            if {"value", "low", "high", "reason"} <= set(node):
                return [(path, node)]
            return [x for k, v in node.items() for x in estimates(v, f"{path}/{k}")]
        return (
            [x for i, v in enumerate(node) for x in estimates(v, f"{path}/{i}")]
            if isinstance(node, list)
            else []
        )

    for path, estimate in estimates(document):
        assert estimate["value"] is not None or estimate["reason"], path
    html = (out / "report.html").read_text()
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL).lower().split()
    assert next(csv.reader(io.StringIO((out / "table.csv").read_text())))[0] == "name"


def test_the_printed_document_follows_the_published_schema(tmp_path: Path, genspace) -> None:
    import jsonschema

    schema = json.loads((files("genspace") / "schemas/comparison.schema.json").read_text(encoding="utf-8"))
    folder = binary_study(tmp_path, prompts=6)
    genspace("judge", folder, "--judge", "planted:coin", "--repeats", "2")
    genspace("judge", folder, "--judge", "planted:abstains")
    document = json.loads(genspace("compare", folder, "--json", "--draws", "50", "--by", "generator").out)
    jsonschema.validate(document, schema)
    assert document["repeats"]["planted:coin"]["repeats"] == 2


def test_the_report_shows_costs_corrected_generators_overlap_and_footing(tmp_path: Path, genspace) -> None:
    """A study with half of its items rated at random, three raters, and costs: every section has what it needs."""
    folder = binary_study(tmp_path)
    (folder / "study.toml").write_text('sampling = "random"\nraters = "person"\n')
    lines = (folder / "annotations.csv").read_text().splitlines()
    rated = [x for x in lines[1:] if int(x.split("-")[0][1:]) % 2]
    noisy = [x[:-1] + str(int(x[-1]) ^ (n % 7 == 0)) for n, x in enumerate(rated)]
    (folder / "annotations.csv").write_text("\n".join([lines[0], *noisy]) + "\n")
    ids = open_study(folder).items["item_id"]
    rows = "".join(f"{i},{m},{(n * (7 + k)) % 10 / 10},{k + 1},{0.01 * (k + 1)}\n"
                   for k, m in enumerate("ab") for n, i in enumerate(ids))  # fmt: skip
    (folder / "metric_scores.csv").write_text("item_id,metric,score,seconds,cost_usd\n" + rows)
    assert genspace("compare", folder, "--draws", "50", "--out", tmp_path / "out").code == 0
    html = (tmp_path / "out" / "report.html").read_text()
    for heading in ("A judge and one rater against the same others", "Do judges err on the same items?", "<h2>Cost</h2>",
                    "Generators, corrected by the rated sample", "Does the conclusion depend", "What a score is worth"):  # fmt: skip
        assert heading in html, heading


def test_a_judge_that_decides_little_is_not_called_best(tmp_path: Path, genspace) -> None:
    folder = binary_study(tmp_path)
    genspace("judge", folder, "--judge", "planted:coin")
    truth = evidence_of(open_study(folder)).answers.drop_duplicates("item_id").head(4)
    lines = "".join(f"{i},shy,{v}\n" for i, v in zip(truth["item_id"], truth["value"], strict=True))
    (folder / "metric_scores.csv").write_text("item_id,metric,score\n" + lines)
    text = genspace("compare", folder, "--draws", "100").out
    assert "more than chance (0.5): the highest is planted:coin" in text
    assert "cannot be called best: shy (4 items, coverage 2%" in text
    assert compare(folder, draws=100).ranking == ["planted:coin", "shy"]


def test_a_wide_table_is_a_study(tmp_path: Path, genspace) -> None:
    rows = [f"p{n // 2},g{n % 2},{n % 5},{n % 5 + n / 100},{-(n % 5)}" for n in range(40)]
    path = tmp_path / "results.csv"
    path.write_text("prompt,generator,human,clip,err\n" + "\n".join(rows) + "\n")
    result = genspace(
        "compare", path, "--human", "human", "--metrics", "clip,err", "--json", "--draws", "100"
    )
    judges = json.loads(result.out)["judges"]
    assert (judges["clip"]["rank"], judges["err"]["rank"]) == (1, 2)
    assert judges["err"]["item"]["spearman"]["value"] == pytest.approx(-1.0)
    wrong = genspace("compare", path, "--human", "humen")
    assert (wrong.code, "did you mean 'human'" in wrong.err) == (2, True)


def test_written_files_and_replay(tmp_path: Path, genspace) -> None:
    study = binary_study(tmp_path / "study") if (tmp_path / "study").mkdir() is None else None
    genspace("judge", study, "--judge", "planted:abstains", "--judge", "planted:coin")
    out, again = tmp_path / "out", tmp_path / "again"
    genspace("compare", study, "--by", "generator", "--seed", "5", "--draws", "100", "--out", out)
    names = {p.name for p in out.iterdir() if not p.name.startswith("figure-")}
    figures = {p.stem: {q.suffix for q in out.glob(f"{p.stem}.*")} for p in out.glob("figure-*")}
    assert set(figures) >= {"figure-agreement", "figure-by-generator", "figure-specification", "figure-risk"}
    assert all(kinds == {".svg", ".pdf"} for kinds in figures.values())
    assert (out / "figure-agreement.pdf").read_bytes().startswith(b"%PDF")
    written = {
        "report.html",
        "table.csv",
        "table.tex",
        "table.md",
        "items.csv",
        "comparison.json",
        "manifest.json",
    }
    assert names == written
    replayed = genspace("compare", "--from", out / "manifest.json", "--out", again)
    assert replayed.code == 0
    assert "since the manifest" not in replayed.err
    for name in sorted(names):
        assert (again / name).read_text() == (out / name).read_text(), name
    (study / "annotations.csv").write_text(
        (study / "annotations.csv").read_text().replace("p0-g0,r0,0", "p0-g0,r0,1")
    )
    assert "annotations.csv has changed since" in genspace("compare", "--from", out / "manifest.json").err


def test_the_report_is_one_file_that_needs_no_network(tmp_path: Path, genspace) -> None:
    study = binary_study(tmp_path)
    (study / "images").mkdir()
    from PIL import Image

    for name in ("p0-g0", "p1-g1"):
        Image.new("RGB", (640, 480), "teal").save(study / "images" / f"{name}.png")
    genspace("judge", study, "--judge", "planted:inverted")
    genspace("compare", study, "--out", tmp_path / "out", "--draws", "50")
    html = (tmp_path / "out" / "report.html").read_text()
    assert set(re.findall(r"""(?:src|href)=["']?(?!data:|#)([^"'> ]+)""", html)) == {
        "../images/p0-g0.png",
        "../images/p1-g1.png",
    }
    assert "@import" not in html
    assert html.index("even the highest, planted:inverted, lies below chance") < html.index(
        "<h2>"
    )  # the answer comes first


def test_text_from_tables_is_escaped(tmp_path: Path, genspace) -> None:
    (tmp_path / "items.csv").write_text(
        "item_id,prompt\n" + "".join(f"<b>{n}</b>,<script>alert({n})</script>\n" for n in range(6))
    )
    (tmp_path / "annotations.csv").write_text(
        "item_id,rater_id,value\n" + "".join(f"<b>{n}</b>,r,{n % 4}\n" for n in range(6))
    )
    (tmp_path / "metric_scores.csv").write_text(
        "item_id,metric,score\n" + "".join(f"<b>{n}</b>,=cmd(),{n}\n" for n in range(6))
    )
    assert genspace("compare", tmp_path, "--out", tmp_path / "out", "--draws", "20").code == 0
    assert "<script>alert" not in (tmp_path / "out" / "report.html").read_text()
    assert "'=cmd()" in (tmp_path / "out" / "table.csv").read_text()


def test_several_studies(tmp_path: Path, genspace) -> None:
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(binary_study(tmp_path / name, prompts=5))
    document = json.loads(genspace("compare", *paths, "--json", "--draws", "0").out)
    assert sorted(document["studies"]) == ["one", "two"]


def test_two_studies_of_one_name_are_told_apart(tmp_path: Path, genspace) -> None:
    paths = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        paths.append(binary_study(tmp_path / name, prompts=5))
        title = "mine" if name == "three" else "pairs"
        (Path(paths[-1]) / "study.toml").write_text(f'name = "{title}"\n')
    document = json.loads(genspace("compare", *paths, "--json", "--draws", "0").out)
    names = [study["study"]["name"] for study in document["studies"].values()]
    assert names == ["pairs (one)", "pairs (two)", "mine"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "compare what?"),
        (["absent"], "no such folder or table"),
        (["STUDY", "--level", "galaxy"], "galaxy"),
        (["STUDY", "--primary", "spaerman"], "spearman"),
        (["STUDY", "--by", "generatr"], "generator"),
        (["STUDY", "--seed", "-1"], "greater than or equal to 0"),
        (["STUDY", "--draws", "-1"], "cannot be negative"),
        (["STUDY", "--draws", "1"], "draws = 1: an interval needs at least 2"),
        (["TABLE", "--human", "human,human"], "--human names 'human' twice"),
        (["TABLE", "--human", "human", "--metrics", "human"], "named by both --human and --metrics"),
        (["--from", "absent.json"], "cannot be read as a manifest"),
    ],
)
def test_wrong_input_is_one_message_and_exit_code_2(
    arguments: list[str], part: str, tmp_path: Path, genspace
) -> None:
    study = str(binary_study(tmp_path, prompts=3))
    table = tmp_path / "wide.csv"
    table.write_text("item_id,human,clip\na,1,0.5\n")
    places = {"STUDY": study, "TABLE": table}
    result = genspace("compare", *[places.get(a, a) for a in arguments])
    assert result.code == 2
    assert part in result.err
    assert "Traceback" not in result.err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from genspace.cli import invoke; invoke(['--help']);"
        "print([m for m in ('pandas', 'numpy', 'scipy', 'sklearn', 'torch', 'openai', 'matplotlib', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_too_little_memory_is_told_before_anything_is_computed(data: Path, capsys) -> None:
    assert invoke(["compare", str(data / "human/tifa160"), "--memory", "100MB"]) == 2
    assert "comparing 800 items × 10 needs about" in capsys.readouterr().err
    assert invoke(["compare", str(data / "human/tifa160"), "--memory", "plenty"]) == 2
    assert "give an amount, such as 800MB or 2GB" in capsys.readouterr().err


def test_a_long_computation_shows_its_course_where_somebody_looks(monkeypatch) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr("genspace.cli._progress.messages", lambda: console)
    for seconds, silent in ((9.0, False), (80.0, True)):
        with course("comparing", seconds, 2, silent=silent):
            side_by_side(abs, [-1, 2])
    assert not shown.getvalue()
    with course("comparing", 80.0, 2):
        side_by_side(abs, [-1, 2])
    assert "0:01:20" in shown.getvalue()
    assert "2/2" in shown.getvalue()
