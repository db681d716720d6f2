"""Scene files from COCO annotations and from plain boxes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genspace.errors import InputError, InvalidFilesError
from genspace.geometry.convert import convert, scenes_from_coco
from genspace.geometry.masks import encode_rle
from genspace.geometry.scene_files import read_scene


def coco(*annotations, images=({"id": 1, "file_name": "a/one.jpg", "width": 10, "height": 8},)):
    return {
        "info": {"year": 2026},
        "images": list(images),
        "categories": [{"id": 3, "name": "cow", "supercategory": "animal"}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 3, **a} for i, a in enumerate(annotations)],
    }


def only(document):
    ((name, scene),) = scenes_from_coco(document)
    return name, scene


class TestCoco:
    def test_boxes_are_left_top_width_height(self):
        name, scene = only(coco({"bbox": [1, 2, 3, 4]}, {"bbox": [5, 0, 5, 8], "score": 0.5}))
        assert (name, scene.image, scene.width, scene.height) == ("a/one.jpg", "one.jpg", 10, 8)
        first, second = scene.objects
        assert (first.id, first.label, first.box) == ("cow", "cow", (1, 2, 4, 6))
        assert (second.id, second.label, second.detection_confidence) == ("cow_2", "cow", 0.5)

    def test_boxes_are_clipped_to_the_image(self):
        _, scene = only(coco({"bbox": [-4, 5, 30, 30]}))
        assert scene.objects[0].box == (0, 5, 10, 8)

    def test_boxes_that_mostly_leave_their_pictures_are_written_another_way(self, caplog):
        # Corners in a field for left, top, width, height: left + "width" is beyond the picture for the two on the right.
        corners = [
            {"bbox": [1, 1, 4, 5]},
            {"bbox": [6, 2, 9, 7]},
            {"bbox": [5, 4, 9, 8]},
            {"bbox": [4, 3, 8, 6]},
        ]
        with pytest.raises(
            InvalidFilesError,
            match="3 of 4 boxes reach beyond their pictures; boxes must be left, top, width",
        ):
            only(coco(*corners))
        with caplog.at_level("INFO"):
            only(coco(corners[0], {"bbox": [6, 2, 9, 7]}))
        assert "1 of 2 boxes reach beyond their pictures: cut off there" in caplog.text

    def test_polygons_and_both_run_length_forms_give_one_mask(self):
        # columns 2..4 (x from 2 to 5) and rows 1..6 (y from 1 to 7) of an image 10 wide and 8 high
        expected = np.zeros((8, 10), bool)
        expected[1:7, 2:5] = True
        # Column-major: two empty columns and one pixel, then 6 on and 2 off three times over, the rest
        runs = [17, 6, 2, 6, 2, 6, 41]
        for segmentation in (
            [[2, 1, 5, 1, 5, 7, 2, 7]],
            {"size": [8, 10], "counts": runs},
            {"size": [8, 10], "counts": encode_rle(expected)},
        ):
            _, scene = only(coco({"bbox": [2, 1, 3, 6], "segmentation": segmentation}))
            assert np.array_equal(scene.objects[0].mask.decode(), expected)

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            ([], "Input should be"),
            (coco({"bbox": [1, 2, 3]}), r"annotations\[0\].bbox"),
            (coco({"bbox": [1, 2, 3, 4], "image_id": 9}), "no image has this id"),
            (coco({"bbox": [1, 2, 3, 4], "category_id": 9}), "no category has this id"),
            (coco({"bbox": [1, 2, 0, 4]}), "left < right"),
            (coco({"bbox": [50, 2, 3, 4]}), "left < right"),
            (coco({"bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 3]]}), "at least three points"),
            (coco({"bbox": [1, 2, 3, 4], "segmentation": {"counts": [1, 2]}}), "add up"),
            (coco({"bbox": [1, 2, 3, 4], "segmentation": {"counts": "~~", "size": [8, 10]}}), "mask"),
            (coco(images=[{"id": 1, "file_name": "../x.png", "width": 9, "height": 9}]), "relative path"),
        ],
    )
    def test_mistakes_are_named(self, document, message):
        with pytest.raises(InvalidFilesError, match=message):
            scenes_from_coco(document, file="c.json")

    def test_every_mistake_is_told_at_once(self):
        with pytest.raises(InvalidFilesError) as error:
            scenes_from_coco(coco({"bbox": [1, 2, 0, 4]}, {"bbox": [1, 2, 3, 4], "image_id": 9}))
        assert len(error.value.problems) == 2


BOXES = "image,width,height,label,left,top,right,bottom,score\n"


class TestBoxes:
    def test_one_row_a_box(self, tmp_path):
        table = tmp_path / "boxes.csv"
        table.write_text(
            f"{BOXES}x/1.png,100,50,cow,1,2,30,40,0.9\nx/1.png,100,50,dog,50,2,80,40,\n2.png,9,9,cow,1,1,5,5,1\n"
        )
        written = convert(table, tmp_path / "out")
        assert [p.relative_to(tmp_path).as_posix() for p in written] == [
            "out/x/1.scene.json",
            "out/2.scene.json",
        ]
        scene = read_scene(written[0])
        assert [(o.id, o.box, o.detection_confidence) for o in scene.objects] == [
            ("cow", (1, 2, 30, 40), 0.9),
            ("dog", (50, 2, 80, 40), None),
        ]
        assert scene.image == "1.png"

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("1.png,100,50,cow,1,2,,40,1", "right.*a number is needed"),
            ("1.png,100,50,cow,1,2,x,40,1", "right"),
            ("1.png,100,50,cow,1,2,30,40,1\n1.png,90,50,cow,1,2,30,40,1", "100 × 50 before"),
            ("1.png,100,50,cow,1,2,30,40,7", "detection_confidence"),
            (
                "1.png,100,50,cow,50,20,30,40,1",
                r"line 2: \(50.0, 20.0, 30.0, 40.0\) must be left, top, right, bottom",
            ),
            ("1.png,100,50,cow,.1,.2,.3,.4,1", "objects: all boxes lie between 0 and 1"),
            ("/1.png,100,50,cow,1,2,30,40,1", "relative path"),
        ],
    )
    def test_mistakes_are_named_and_nothing_is_written(self, tmp_path, rows, message):
        table = tmp_path / "boxes.csv"
        table.write_text(f"{BOXES}{rows}\n")
        with pytest.raises(InvalidFilesError, match=message):
            convert(table, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_missing_columns_are_named(self, tmp_path):
        (tmp_path / "boxes.csv").write_text("image,label\n1.png,cow\n")
        with pytest.raises(InvalidFilesError, match="width"):
            convert(tmp_path / "boxes.csv", tmp_path / "out")


class TestCommand:
    def test_a_coco_file_becomes_scene_files_that_pass_the_check(self, genspace, tmp_path):
        source = tmp_path / "instances.json"
        source.write_text(json.dumps(coco({"bbox": [1, 2, 3, 4]})))
        result = genspace("scene", "convert", source, "--out", tmp_path / "images", "--json")
        (written,) = json.loads(result.out)
        assert genspace("scene", "check", written).code == 0

    def test_unreadable_files_exit_2(self, genspace, tmp_path):
        (tmp_path / "bad.json").write_text("{")
        for name in ("bad.json", "gone.json", "gone.csv"):
            result = genspace("scene", "convert", tmp_path / name, "--out", tmp_path)
            assert result.code == 2
            assert name in result.err
        with pytest.raises(InputError):
            convert(tmp_path / "bad.json", tmp_path)
