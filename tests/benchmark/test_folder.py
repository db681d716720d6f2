"""A benchmark's folder: its prompts, pictures under every kind of name, and what is said to be missing."""

from __future__ import annotations

import csv
import io
import json

import pytest
from PIL import Image

from genspace.benchmark import (
    Names,
    PromptList,
    TaskPrompt,
    create,
    open_benchmark,
    place,
    read_released,
    take,
)
from genspace.cli import invoke
from genspace.errors import InputError, InvalidFilesError
from genspace.geometry.benchmark import prompts

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def lists():
    return [PromptList.of(task, map(TaskPrompt.of, prompts(task, version=1))) for task in ("t2i", "edit")]


@pytest.fixture
def made(tmp_path, lists):
    few = [PromptList(x.task, x.asked[:60]) for x in lists]
    return create(tmp_path / "bench", few, ["mine"], prompts="version 1")


def read(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def put(folder, *names, text=None):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PNG)
        if text is not None:
            (folder / name).with_suffix(".txt").write_text(text, encoding="utf-8")


def test_prompts_are_written_in_four_forms_and_each_source_once(tmp_path, lists):
    folder = create(tmp_path / "bench", lists, ["mine"], prompts="version 1").root / "prompts"
    lines = (folder / "t2i.txt").read_text(encoding="utf-8").splitlines()
    rows = read(folder / "t2i.csv")
    objects = [json.loads(line) for line in (folder / "t2i.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 1800
    assert [row["prompt"] for row in rows] == [o["prompt"] for o in objects] == lines
    assert (folder / "t2i" / "1800.txt").read_text(encoding="utf-8") == lines[-1] + "\n"
    # 751 distinct source prompts, each once, and every edit names its own
    sources = read(folder / "edit-before.csv")
    text = {row["prompt_id"]: row["prompt"] for row in sources}
    assert len(text) == len(set(text.values())) == 751
    for prompt, row in zip(prompts("edit", version=1), read(folder / "edit.csv"), strict=True):
        assert text[row["source_id"]] == prompt.source_prompt
    assert {t: PromptList.read(folder, t) for t in ("t2i", "edit")} == {x.task: x for x in lists}


def test_edits_of_one_picture_share_its_file(made):
    rows = [row for row in read(made.root / "items.csv") if row["task"] == "edit"]
    assert len(rows) == 60
    assert (
        len({row["image_before"] for row in rows})
        == len({p.source_prompt for p in prompts("edit", version=1)[:60]})
        < 60
    )
    assert all(row["image_before"].startswith("before/") for row in rows)


THREE = Names(
    [
        ("a-cow", "A photo of a cow standing on an open savanna."),
        ("a-cat", "A photo of a cat."),
        ("a-0.5-x", "Two cats."),
    ],
    also={"a-cow-before": "a-cow"},
    prefix="sdxl-",
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a-cow.png", ("a-cow", "")), ("sdxl-a-cow.webp", ("a-cow", "")), ("deep/er/a-cow.jpg", ("a-cow", "")),
        ("a-cow-before.png", ("a-cow", "")), ("a-cow_3.png", ("a-cow", "3")), ("a-cow-s03.png", ("a-cow", "3")),
        ("a-0.5-x.png", ("a-0.5-x", "")), ("a-0.5-x-2.png", ("a-0.5-x", "2")),
        ("0001.png", ("a-cow", "")), ("2.jpeg", ("a-cat", "")), ("00003.png", ("a-0.5-x", "")),
        ("0002-1.png", ("a-cat", "1")), ("seed4/0002.png", ("a-cat", "4")), ("0002/7.png", ("a-cat", "7")),
        ("0002/samples/0000.png", ("a-cat", "0")), ("a-cow/1.png", ("a-cow", "1")),
        ("A_photo_of_a_cat..png", ("a-cat", "")), ("a photo of a cat-5.png", ("a-cat", "5")),
        ("A photo of a cow standing on.png", ("a-cow", "")),  # cut off
        ("A photo.png", None), ("0004.png", None), ("cow.png", None), ("a-dog.png", None),
    ],
)  # fmt: skip
def test_a_name_tells_its_prompt_and_seed(name, key):
    placed = place(THREE, [name])
    assert placed.pictures == ({key: name} if key else {})
    assert placed.strangers == (() if key else (name,))


def test_files_that_start_at_zero_are_counted_from_zero():
    placed = place(THREE, ["0000.png", "0001.png", "0002.png", "0003.png"])
    assert placed.first == 0
    assert placed.pictures == {
        ("a-cow", ""): "0000.png",
        ("a-cat", ""): "0001.png",
        ("a-0.5-x", ""): "0002.png",
    }
    assert placed.strangers == ("0003.png",)


def test_a_text_beside_counts_before_the_name_and_two_claims_are_told():
    told = {"0001.png": "a photo of a CAT", "0002.png": ""}
    placed = place(THREE, told, told)
    assert placed.pictures == {("a-cat", ""): "0001.png"}
    assert placed.twice == (("0001.png", "0002.png"),)


def test_where_texts_tell_the_prompt_numbers_in_names_are_no_seeds():
    told = {"img_0.png": "a photo of a cat", "img_14.png": "Two cats", "img_15.png": "a photo of a cat"}
    told |= {"seed3/img_1.png": "Two cats", "img_2.png": "a dog"}
    placed = place(THREE, told, told)
    assert placed.pictures == {
        ("a-cat", ""): "img_0.png",
        ("a-0.5-x", ""): "img_14.png",
        ("a-cat", "1"): "img_15.png",
        ("a-0.5-x", "3"): "seed3/img_1.png",
    }
    assert placed.strangers == ("img_2.png",)


def test_index_and_prompt_agree_over_the_whole_benchmark(lists):
    for asked in lists:
        names = Names.of(asked, "mine")
        ids = [a.prompt_id for a in asked.asked]
        by_index = place(names, [f"{n:04d}.png" for n in range(1, 1801)]).pictures
        assert [prompt_id for prompt_id, _ in by_index] == ids
        by_id = place(names, [f"{i}.png" for i in ids]).pictures
        assert {i: f"{i}.png" for i in ids} == {i: name for (i, _), name in by_id.items()}
        texts = {f"{n}.png": a.prompt for n, a in enumerate(asked.asked)}
        assert [
            i for i, _ in sorted(place(names, texts, texts).pictures, key=lambda k: ids.index(k[0]))
        ] == ids


def test_seeds_make_items_and_what_is_missing_keeps_its_place(made):
    put(made.images / "mine" / "t2i", "0001-0.png", "0001-1.png", "0002-0.png")
    found = open_benchmark(made.root)
    rows = [row for row in found.rows() if row["task"] == "t2i"]
    assert len(rows) == 120
    first = [(row["item_id"], row["image"]) for row in rows[:4]]
    assert first == [
        ("mine-t2i-camera_pose-front-horse-s0", "mine/t2i/0001-0.png"),
        ("mine-t2i-camera_pose-front-horse-s1", "mine/t2i/0001-1.png"),
        ("mine-t2i-camera_pose-front-donkey-s0", "mine/t2i/0002-0.png"),
        ("mine-t2i-camera_pose-front-donkey-s1", "mine/t2i/t2i-camera_pose-front-donkey-1.png"),
    ]
    gap = next(g for g in found.state.gaps if g.task == "t2i")
    assert (gap.there, gap.pictures, gap.seeds, gap.incomplete, len(gap.missing)) == (2, 3, 2, 1, 58)
    assert found.there() == {row["item_id"] for row in rows[:3]}
    assert len({row["prompt_id"] for row in rows}) == 60  # several images are seeds of one prompt


def test_pictures_that_are_empty_or_cut_off_are_told(made, capsys):
    folder = made.images / "mine" / "t2i"
    for number, kind in enumerate(("PNG", "JPEG", "WEBP")):
        buffer = io.BytesIO()
        Image.new("RGB", (40, 40), "teal").save(buffer, kind)
        whole = buffer.getvalue()
        (folder / f"{2 * number + 1:04d}.{kind.lower()}").write_bytes(whole)
        (folder / f"{2 * number + 2:04d}.{kind.lower()}").write_bytes(whole[:-20])
    (folder / "0007.png").touch()
    (folder / "0008.scene.json").write_text("{}")  # stands for a picture, which is not there
    (folder / "0009.png").symlink_to("nowhere")
    (folder / "0010.png").write_text("no picture")
    (folder / "0011.png").write_bytes(b"GIF89a")  # of another kind, which is opened all the same
    told = open_benchmark(made.root).state.broken
    names = ("0002.png", "0004.jpeg", "0006.webp", "0007.png", "0009.png", "0010.png")
    assert told == tuple(f"images/mine/t2i/{name}" for name in names)
    assert invoke(["benchmark", "status", str(made.root)]) == 1
    assert "6 pictures are empty, cut off or no picture: images/mine/t2i/0002.png" in capsys.readouterr().out


def test_pictures_before_come_with_the_others(made, tmp_path):
    put(tmp_path / "pictures", "edit/0001.png", "before/0001.png")
    assert take(made, str(tmp_path / "pictures"), generator="mine") == 2
    assert (made.images / "before" / "0001.png").is_file()
    assert len(open_benchmark(made.root).there()) == 1


def test_an_edit_needs_the_picture_before_or_a_pair_of_scenes(made):
    put(made.images / "mine" / "edit", "0001.png")
    (made.images / "mine" / "edit" / "0002.pair.json").write_text("{}")
    assert open_benchmark(made.root).there() == {"mine-edit-camera_pose-front-llama"}
    put(made.images / "before", "0001.png")
    assert len(open_benchmark(made.root).there()) == 2


def test_pictures_come_from_a_folder_and_from_a_data_set(made, tmp_path):
    put(tmp_path / "pictures" / "t2i", *[f"{n:04d}.png" for n in range(1, 11)])
    assert take(made, str(tmp_path / "pictures"), generator="mine") == 10
    assert take(made, str(tmp_path / "pictures"), generator="mine") == 0  # nothing new
    again = create(made.root, list(made.lists.values()), ["other"], prompts="version 1")
    assert again.generators == ("mine", "other")

    import pyarrow as pa
    import pyarrow.parquet as pq

    asked = made.lists["t2i"].asked
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [asked[4].prompt, asked[2].prompt, asked[4].prompt]
    pictures = pa.array([{"bytes": PNG + bytes([n]), "path": None} for n in range(3)], kind)
    pq.write_table(pa.table({"image": pictures, "prompt": rows}), tmp_path / "set.parquet")
    assert take(again, str(tmp_path / "set.parquet"), generator="other", task="t2i") == 3
    placed = open_benchmark(made.root).placed["other", "t2i"]
    contents = {key: (made.images / "other" / name).read_bytes()[-1] for key, name in placed.pictures.items()}
    assert contents == {
        (asked[4].prompt_id, ""): 0,
        (asked[2].prompt_id, ""): 1,
        (asked[4].prompt_id, "1"): 2,
    }


def test_the_released_layout_on_ones_own_prompts_and_on_the_benchmarks(made, tmp_path):
    data = tmp_path / "data"
    put(data / "t2i", "16/0.png", text="<man> <cat> ")
    put(data / "t2i", "29/3.png", text="<cow>")
    put(data / "imageedit", "12/0.png", text="<cow> <chair>")
    put(data / "imageedit_unedit", "12/0.png", text="<cow>")
    put(data / "imageedit_CR", "1/0.png", text="<cow> <chair> <dog>")
    own = create(tmp_path / "own", read_released(data), ["mine"], prompts="own")
    take(own, str(data), generator="mine", folders=["t2i", "imageedit", "imageedit_CR"])
    take(own, str(data), generator="before", folders=["imageedit_unedit"])
    found = {row["item_id"]: row for row in open_benchmark(own.root).rows()}
    assert {i: row["predicate"] for i, row in found.items()} == {
        "mine-t2i-16-0": "egocentric(man, cat, relation=closer)",
        "mine-t2i-29-3": "object_size(cow, cow_2, dimension=taller, value_m=0.2)",
        "mine-imageedit-12-0": "allocentric(cow, chair, relation=front, new=chair)",
        "mine-imageedit_CR-1-0": "keep_relation(cow, chair, dog, view=back)",
    }
    assert found["mine-imageedit-12-0"]["image_before"] == "before/imageedit_unedit/12/0.png"
    assert len(open_benchmark(own.root).there()) == 3  # the last has no picture before
    # the same layout on the benchmark's prompts: variant and classes tell which
    horse = made.lists["t2i"].asked[0]
    put(made.images / "mine" / "t2i", "0/17.png", text=f"<{horse.objects}>")
    assert open_benchmark(made.root).placed["mine", "t2i"].pictures == {(horse.prompt_id, ""): "t2i/0/17.png"}
    (data / "t2i" / "16" / "0.txt").write_text("a man and a cat")
    put(data / "t2i", "36/0.png", text="<cow>")
    with pytest.raises(InvalidFilesError) as error:
        read_released(data)
    assert "t2i/16/0.png: no text file beside it holds the classes" in str(error.value)
    assert "t2i/36/0.png: expected t2i/0 to t2i/35" in str(error.value)


def test_names_and_folders_that_cannot_be(made, tmp_path, lists):
    for name in ("../x", "", "before", ".hidden"):
        with pytest.raises(InputError, match="names a folder"):
            create(tmp_path / "other", lists, [name], prompts="version 1")
    with pytest.raises(InputError, match="holds other prompts"):
        create(made.root, lists[:1], ["mine"], prompts="version 1")
    with pytest.raises(InputError, match="is not a generator of"):
        take(made, "x", generator="yours")
    with pytest.raises(InputError, match=r"not a benchmark's folder"):
        open_benchmark(tmp_path)
    (made.root / "benchmark.toml").write_text('tasks = ["x"]')
    with pytest.raises(InvalidFilesError, match="tasks"):
        open_benchmark(made.root)


def test_the_commands(tmp_path, capsys):
    bench, pictures = tmp_path / "bench", tmp_path / "pictures"
    put(pictures, "0001.png", "nothing.png")
    assert invoke(["benchmark", "init", str(bench), "--task", "t2i", "--generator", "mine"]) == 0
    assert invoke(["benchmark", "add", str(bench), str(pictures)]) == 0
    assert invoke(["benchmark", "status", str(bench)]) == 1
    told = capsys.readouterr().out
    assert "mine, t2i: 1 of 1,800 prompts have a picture; 1,799 missing: images/mine/t2i/0002.png, " in told
    assert "1 files belong to no prompt: images/mine/nothing.png" in told
    assert invoke(["benchmark", "status", str(bench), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["gaps"][0]["there"] == 1
    assert invoke(["benchmark", "init", str(bench), "--generator", "mine"]) == 2
    put(pictures, "0001.jpg", "a-seed2.jpg")
    assert invoke(["benchmark", "add", str(bench), str(pictures)]) == 0
    assert "1 files do not count: 0001.png beside 0001.jpg of the same prompt" in capsys.readouterr().out


def test_a_folder_without_pictures_is_refused_and_nothing_is_no_table(made, tmp_path, capsys):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("hello")
    (tmp_path / "notes" / "weights.bin").write_bytes(b"x")
    assert invoke(["benchmark", "add", str(made.root), str(tmp_path / "notes")]) == 2
    assert "holds no picture, scene file or Parquet file" in capsys.readouterr().err
    put(tmp_path / "notes", "0001.png", ".trash/0002.png")
    assert take(made, str(tmp_path / "notes"), generator="mine", task="t2i") == 2
    assert {p.name for p in (made.images / "mine" / "t2i").iterdir()} == {"0001.png", "read.txt"}
    empty = create(tmp_path / "empty", list(made.lists.values()), ["mine"], prompts="version 1").root
    assert invoke(["benchmark", "run", str(empty), "--judge", "scene"]) == 2
    assert "no picture of a prompt has come yet" in capsys.readouterr().err


def test_tables_and_data_sets_that_cannot_be_read_are_named(made, monkeypatch):
    put(made.images / "mine" / "t2i", "x.png")
    table = made.images / "mine" / "t2i" / "metadata.jsonl"
    table.write_text('{"file_name": ')
    with pytest.raises(InvalidFilesError, match=r"mine/t2i/metadata\.jsonl"):
        open_benchmark(made.root).write_items()

    def unreachable(source):
        raise OSError("no network")

    monkeypatch.setattr("fsspec.core.url_to_fs", unreachable)
    with pytest.raises(InputError, match=r"hf://datasets/x/y: cannot be reached \(no network\)"):
        take(made, "hf://datasets/x/y", generator="mine", task="t2i")
