"""Scene files from COCO annotations and from plain boxes.

Longer than 400 lines: it has cases by hand for each format.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from genspace.errors import InputError, InvalidFilesError
from genspace.geometry.boxes import Box
from genspace.geometry.camera import project
from genspace.geometry.convert import convert, scenes_from_coco
from genspace.geometry.evaluate import evaluate
from genspace.geometry.masks import encode_rle
from genspace.geometry.scene_files import read_scene


def coco(*annotations, images=({"id": 1, "file_name": "a/one.jpg", "width": 10, "height": 8},)):
    return {
        "info": {"year": 2026},
        "images": list(images),
        "categories": [{"id": 3, "name": "cow", "supercategory": "animal"}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 3, **a} for i, a in enumerate(annotations)],
    }


UNKEPT = "info, supercategory of the whole file were left out: each scene is of one image"


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

    def test_boxes_that_mostly_leave_their_pictures_are_written_another_way(self, tmp_path):
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
        (tmp_path / "coco.json").write_text(json.dumps(coco(*corners[:2])))
        done = convert(tmp_path / "coco.json", out=tmp_path)
        assert done.notes == (UNKEPT, "1 of 2 boxes reach beyond their pictures: cut off there")

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
        written = convert(table, tmp_path / "out").written
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


def edges(scene, item):
    """Left, top, right and bottom of an object's box in 3D, projected by the scene's camera."""
    corners = np.array(Box(item.centre, item.extent, item.rotation).corners())
    uv = project(corners, scene.camera.intrinsics)
    return np.concatenate([uv.min(axis=0), uv.max(axis=0)])


class TestCocoIn3D:
    """As Omni3D's annotations and Cube R-CNN's results have it."""

    K = ((500.0, 0.0, 320.0), (0.0, 500.0, 240.0), (0.0, 0.0, 1.0))

    def document(self, **changes):
        # 1.6 m wide, 1.5 m high, 4 m long, turned by 30° about y: x (length) points to (cos 30°, 0, −sin 30°)
        c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
        annotation = {
            "bbox2D_tight": [-1, -1, -1, -1], "bbox2D_trunc": [100, 120, 400, 330], "bbox2D_proj": [99, 118, 402, 331],
            "center_cam": [-0.5, 0.4, 9.0], "dimensions": [1.6, 1.5, 4.0], "R_cam": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "valid3D": True, "behind_camera": False, "truncation": 0.0, "visibility": 0.8, "depth_error": 0.02, **changes,
        }  # fmt: skip
        image = {"id": 1, "file_path": "kitti/one.png", "width": 640, "height": 480, "K": self.K}
        return coco(annotation, images=(image,))

    def corners(self, document):
        """The eight corners by Omni3D's own convention: half of length, height and width along R's columns."""
        a = document["annotations"][0]
        width, height, length = a["dimensions"]
        signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2
        return np.array(a["center_cam"]) + (signs * [length, height, width]) @ np.array(a["R_cam"]).T

    def test_boxes_keep_their_place_in_the_picture(self):
        document = self.document(truncation=0.3)
        document["images"][0]["dataset_id"] = 12
        ((name, scene),) = scenes_from_coco(document, fronts=True, level=True)
        (cow,) = scene.objects
        assert (name, scene.camera.fx, cow.box) == ("kitti/one.png", 500.0, (100, 120, 400, 330))
        assert (cow.visible_fraction, cow.truncated, cow.complete) == (0.8, True, True)
        uv = self.corners(document) @ np.array(self.K).T
        uv = uv[:, :2] / uv[:, 2:]
        np.testing.assert_allclose(edges(scene, cow), [*uv.min(axis=0), *uv.max(axis=0)], atol=1e-9)
        # length, height, width along front, up, right; the front points 30° from the camera's right towards it
        assert cow.extent == (4.0, 1.5, 1.6)
        np.testing.assert_allclose(np.array(cow.rotation)[:, 0], [np.cos(np.pi / 6), 0, -0.5], atol=1e-12)
        np.testing.assert_allclose(np.array(cow.rotation)[:, 1], [0, -1, 0], atol=1e-12)
        assert cow.model_extra["coco"] == {
            "id": 0, "depth_error": 0.02, "bbox2D_proj": (99, 118, 402, 331), "truncation": 0.3,
        }  # fmt: skip
        assert scene.model_extra["coco"] == {"dataset_id": 12}

    def test_the_first_axis_is_no_front_unless_it_is_said(self, tmp_path):
        source = tmp_path / "c.json"
        source.write_text(json.dumps(self.document()))
        done = convert(source, tmp_path / "out", level=True)
        assert done.notes == (
            UNKEPT,
            "1 object(s) have boxes in 3D whose first axis is not taken for the front: say `fronts` where it is",
        )
        scene = read_scene(done.written[0])
        assert "unsure (confidence 0.00" in evaluate(scene, "object_pose(cow, view=front)").reason
        assert evaluate(scene, "camera_distance(cow, value_m=9)").passed
        fronted = read_scene(convert(source, tmp_path / "out", level=True, fronts=True).written[0])
        assert evaluate(fronted, "object_pose(cow, view=front)").passed is False

    def test_without_gravity_it_is_said(self, tmp_path):
        source = tmp_path / "c.json"
        source.write_text(json.dumps(self.document()))
        done = convert(source, tmp_path / "out", fronts=True)
        assert done.notes == (
            UNKEPT,
            "which way is down is not known in 1 image(s): say `level` where the camera was level",
        )
        assert (
            "pitch and roll are unknown"
            in evaluate(read_scene(done.written[0]), "object_pose(cow, view=front)").reason
        )

    @pytest.mark.parametrize(
        "changes", [{"behind_camera": True}, {"valid3D": False}, {"center_cam": [0, 0, -1]}]
    )
    def test_boxes_behind_the_camera_are_left_out_and_said(self, tmp_path, changes):
        source = tmp_path / "c.json"
        source.write_text(json.dumps(self.document(**changes)))
        done = convert(source, tmp_path / "out", level=True)
        assert done.notes == (
            UNKEPT,
            "1 box(es) in 3D are not valid or behind the camera, and were left out",
        )
        (cow,) = read_scene(done.written[0]).objects
        assert (cow.centre, cow.box) == (None, (100, 120, 400, 330))

    def test_results_take_images_and_names_from_the_annotations(self, tmp_path):
        document = self.document()
        row = document["annotations"][0]
        results = [
            {"image_id": 1, "category_id": 3, "bbox": [100, 120, 300, 210], "score": score, "center_cam": [0, 0.4, z],
             "dimensions": row["dimensions"], "pose": row["R_cam"], "depth": z}
            for score, z in ((0.4, 12.0), (0.9, 9.0))
        ]  # fmt: skip
        (tmp_path / "results.json").write_text(json.dumps(results))
        (tmp_path / "gt.json").write_text(json.dumps(document))
        with pytest.raises(InputError, match=r"name the file with images and categories too: `annotations`"):
            convert(tmp_path / "results.json", tmp_path / "out")
        done = convert(
            tmp_path / "results.json", tmp_path / "out", annotations=tmp_path / "gt.json", fronts=True
        )
        first, second = read_scene(done.written[0]).objects
        # the better scored is the cow, wherever it stands
        assert [(o.id, o.centre[2]) for o in (first, second)] == [("cow_2", 12.0), ("cow", 9.0)]


def test_what_supervision_writes(genspace, tmp_path):
    """Its own names for the columns; sizes from the images; what it says besides is kept."""
    from PIL import Image

    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "images/a.png")
    (tmp_path / "d.csv").write_text(
        "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,image,class_name\n"
        "1.5,2.0,20.0,30.0,0,0.81,7,a.png,dog\n30,2,70,40,2,0.4,,a.png,bicycle\n"
    )
    ran = genspace("scene", "convert", tmp_path / "d.csv", "--out", tmp_path / "out")
    assert (ran.code, "column 'width' is missing" in ran.err) == (2, True)
    done = convert(tmp_path / "d.csv", tmp_path / "out", images=tmp_path / "images")
    dog, bicycle = read_scene(done.written[0]).objects
    assert (dog.id, dog.box, dog.detection_confidence) == ("dog", (1.5, 2.0, 20.0, 30.0), 0.81)
    assert bicycle.box == (30.0, 2.0, 64.0, 40.0)
    assert dog.model_extra["columns"] == {"class_id": "0", "tracker_id": "7"}
    (tmp_path / "d.csv").write_text(
        "x_min,y_min,x_max,y_max,class_id,confidence,image\n1,2,3,4,0,0.5,a.png\n"
    )
    with pytest.raises(InvalidFilesError, match="column 'label' is missing"):
        convert(tmp_path / "d.csv", tmp_path / "out", images=tmp_path / "images")


class TestKitti:
    ROW = "Car 0.00 1 2.04 334.85 178.94 624.50 372.04 1.57 1.50 3.68 -1.17 1.65 7.86 1.90"
    P2 = "P2: 721.5377 0.0 609.5593 44.85728 0.0 721.5377 172.854 0.2163791 0.0 0.0 1.0 0.002745884"

    @pytest.fixture
    def folder(self, tmp_path):
        from PIL import Image

        for name in ("label_2", "calib", "image_2"):
            (tmp_path / name).mkdir()
        Image.new("RGB", (1242, 375)).save(tmp_path / "image_2/000008.png")
        (tmp_path / "calib/000008.txt").write_text(f"P0: 1 2 3\n{self.P2}\nR0_rect: 1 0 0\n")
        return tmp_path

    def converted(self, folder, *rows, **options):
        (folder / "label_2/000008.txt").write_text("\n".join(rows) + "\n")
        done = convert(
            folder / "label_2", folder / "out", camera=folder / "calib", images=folder / "image_2", **options
        )
        return done, read_scene(done.written[0])

    def test_a_label_by_hand(self, folder):
        done, scene = self.converted(folder, self.ROW)
        assert done.written[0].name == "000008.scene.json"
        (car,) = scene.objects
        # the foot's middle plus K⁻¹ P2's last column: tx = (44.85728 − 609.5593 · 0.002745884) / 721.5377 = 0.0598,
        # ty = (0.2163791 − 172.854 · 0.002745884) / 721.5377 = −0.000358, tz = 0.002745884; half its height up
        np.testing.assert_allclose(
            car.centre, [-1.17 + 0.05985, 1.65 - 0.000358 - 0.785, 7.862746], atol=1e-5
        )
        assert car.extent == (3.68, 1.57, 1.50)
        assert (car.has_front, car.truncated, car.model_extra["kitti"]["occlusion"]) == (True, False, 1.0)
        assert scene.camera.gravity_source.startswith("guess: level camera")
        # rotation_y = 1.90: the front is (cos 1.9, 0, −sin 1.9) = (−0.323, 0, −0.946): towards the camera, to its left
        np.testing.assert_allclose(np.array(car.rotation)[:, 0], [np.cos(1.9), 0, -np.sin(1.9)], atol=1e-9)
        # distance √(1.110² + 0.865² + 7.863²) = 7.988 m; bearing of the camera in the car's frame by its heading
        heading = np.degrees(
            np.arctan2(np.cos(1.9), -np.sin(1.9))
        )  # −161.1°: away is 0, so nearly to the camera
        to_camera = np.degrees(np.arctan2(1.1102, -7.8627))
        answer = evaluate(scene, "camera_pose(car, view=front)")
        assert answer.measurements[0].value == pytest.approx(
            (to_camera - heading + 180) % 360 - 180, abs=0.01
        )
        distance = evaluate(scene, "camera_distance(car, value_m=8)").measurements[0].value
        assert distance == pytest.approx(7.988, abs=1e-3)

    def test_the_picture_is_the_labels_own(self, folder):
        """P2 times the corners in camera 0's frame, as KITTI's tools project them, against the scene's own camera."""
        _, scene = self.converted(folder, self.ROW)
        height, width, length, x, y, z, turn = (float(cell) for cell in self.ROW.split()[8:])
        c, s = np.cos(turn), np.sin(turn)
        along, down, across = np.meshgrid([-length / 2, length / 2], [-height, 0], [-width / 2, width / 2])
        corners = np.stack([along, down, across], axis=-1).reshape(-1, 3)
        corners = corners @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + [x, y, z]
        P = np.array([float(cell) for cell in self.P2.split()[1:]]).reshape(3, 4)
        uv = np.column_stack([corners, np.ones(8)]) @ P.T
        uv = uv[:, :2] / uv[:, 2:]
        got = edges(scene, scene.objects[0])
        np.testing.assert_allclose(got, [*uv.min(axis=0), *uv.max(axis=0)], atol=1e-6)

    def test_labels_of_a_photograph(self, data, tmp_path):
        photos = data / "photos"
        done = convert(
            photos / "kitti_000008.label.txt", tmp_path, images=photos / "kitti_000008.png",
            camera=photos / "kitti_000008.calib.txt",
        )  # fmt: skip
        scene = read_scene(done.written[0])
        assert [o.truncated for o in scene.objects] == [True, False, True, False, False, False]
        for car in scene.objects:
            if (
                not car.truncated
            ):  # the labels' own boxes, which were drawn by hand: all but the feet agree to a pixel
                np.testing.assert_allclose(edges(scene, car)[:3], car.box[:3], atol=1.0)

    def test_regions_and_scores_are_not_dropped_in_silence(self, folder):
        done, scene = self.converted(
            folder, "DontCare -1 -1 -10 5 5 20 20 -1 -1 -1 -1000 -1000 -1000 -10", f"{self.ROW} 0.7",
            f"Person_sitting {self.ROW.removeprefix('Car ')} 12.5", "Van -1 -1 -10 5 5 50 60 -1 -1 -1 -1000 -1000 -1000 -10 0.3",
        )  # fmt: skip
        assert [(o.id, o.detection_confidence) for o in scene.objects] == [
            ("car", 0.7), ("person sitting", None), ("van", 0.3),
        ]  # fmt: skip
        assert scene.objects[1].model_extra["kitti"]["score"] == 12.5
        assert scene.objects[2].centre is None
        assert done.notes == (
            "1 DontCare region(s) were left out: they name no thing",
            "1 score(s) outside 0 to 1 were kept as they are, and rank nothing",
            "1 object(s) have no box in 3D",
        )

    @pytest.mark.parametrize(
        ("rows", "options", "message"),
        [
            (["Car 1 2"], {}, "expected a type and 14 or 15 numbers"),
            (["Car " + "x " * 14], {}, "expected a type and"),
            ([ROW], {"camera": None}, "need their calibration: `camera`"),
            ([ROW], {"images": None}, "say where the images are, with `images`"),
        ],
    )
    def test_mistakes_are_named(self, folder, rows, options, message):
        (folder / "label_2/000008.txt").write_text("\n".join(rows) + "\n")
        given = {"camera": folder / "calib", "images": folder / "image_2"} | options
        with pytest.raises(InputError, match=message):
            convert(folder / "label_2", folder / "out", **given)
        assert not (folder / "out").exists()


class TestDepth:
    """A floor 1.5 m below a level camera, with another tool's intrinsics."""

    K = np.array([[80.0, 0, 32], [0, 80, 24], [0, 0, 1]])

    def floor(self):
        v = np.arange(48) + 0.5
        with np.errstate(divide="ignore"):
            z = 1.5 * 80 / (v - 24)
        return np.where(z > 0, z, np.inf)[:, None].repeat(64, axis=1)

    def check(self, done):
        scene = read_scene(done.written[0])
        assert scene.depth_source
        depth = scene.read_depth()
        expected = np.where(np.isfinite(self.floor()), self.floor(), 0)
        np.testing.assert_allclose(depth, expected, atol=scene.depth_scale)
        from genspace.geometry.lift import lift

        points = lift(depth, scene.depth_intrinsics(depth))
        assert np.abs(points[:, 1] - 1.5).max() < 0.04  # within a step of the depth image at its far end
        # every point is seen where its pixel is
        rows, columns = np.nonzero(depth)
        uv = project(points, scene.depth_intrinsics(depth))
        np.testing.assert_allclose(uv, np.column_stack([columns, rows]) + 0.5, atol=1e-6)
        return scene

    def test_an_npz_that_holds_both(self, tmp_path):
        np.savez(
            tmp_path / "a.npz", depth=self.floor().astype(np.float32)[None, None], intrinsics=self.K[None]
        )
        scene = self.check(convert(tmp_path / "a.npz", tmp_path / "out", level=True))
        assert (scene.image, scene.camera.fx, scene.camera.gravity_source[:5]) == ("a.png", 80.0, "guess")

    def test_fractions_of_the_sides_and_an_image_of_another_size(self, tmp_path):
        from PIL import Image

        (tmp_path / "images").mkdir()
        Image.new("RGB", (128, 96)).save(tmp_path / "images/a.jpg")
        shares = np.diag([1 / 64, 1 / 48, 1]) @ self.K  # MoGe's
        np.savez(tmp_path / "a.npz", depth=self.floor(), intrinsics=shares, normal=self.floor())
        done = convert(tmp_path / "a.npz", tmp_path / "out", images=tmp_path / "images", level=True)
        assert done.notes == (
            "the intrinsics of 1 image(s) are fractions of its sides",
            "normal of 1 map(s) were left out: scenes have no place for them",
        )
        scene = self.check(done)
        assert (scene.image, scene.width, scene.camera.fx, scene.camera.cy) == ("a.jpg", 128, 160.0, 48.0)

    def test_a_focal_length_alone_and_a_scale(self, tmp_path):
        np.savez(tmp_path / "a.npz", depth=self.floor() / 2, focallength_px=np.array(80.0))
        done = convert(tmp_path / "a.npz", tmp_path / "out", level=True, scale=2.0)
        assert done.notes == ("the principal point of 1 image(s) is taken to be the middle",)
        self.check(done)

    def test_lengths_of_rays_become_z(self, tmp_path):
        v, u = np.mgrid[:48, :64] + 0.5
        rays = self.floor() * np.sqrt(1 + ((u - 32) / 80) ** 2 + ((v - 24) / 80) ** 2)
        np.save(tmp_path / "a.npy", rays)
        np.savetxt(tmp_path / "K.txt", self.K)
        self.check(
            convert(tmp_path / "a.npy", tmp_path / "out", camera=tmp_path / "K.txt", level=True, rays=True)
        )

    def test_a_folder_of_pngs_in_millimetres_with_a_matrix_each(self, tmp_path):
        from PIL import Image

        (tmp_path / "depths").mkdir()
        (tmp_path / "K").mkdir()
        steps = np.where(np.isfinite(self.floor()), np.rint(1000 * self.floor()), 0)
        steps = np.where(steps < 65536, steps, 0).astype(np.uint16)
        for name in "ab":
            Image.fromarray(steps).save(tmp_path / f"depths/{name}.depth.png")
            (tmp_path / f"K/{name}.json").write_text(json.dumps(self.K.tolist()))
        done = convert(tmp_path / "depths", tmp_path / "out", camera=tmp_path / "K", scale=0.001)
        assert [p.name for p in done.written] == ["a.scene.json", "b.scene.json"]
        assert done.notes == (
            "which way is down is not known in 2 image(s): say `level` where the camera was level",
        )
        depth = read_scene(done.written[1]).read_depth()
        np.testing.assert_allclose(depth, steps / 1000, atol=5e-4)

    def test_depth_of_others_serves_as_a_part(self, tmp_path):
        """`geometry[depth=scene,intrinsics=scene]` then sees with it."""
        from PIL import Image

        from genspace.geometry.perception import Perception, Subject, make_part, parse_objects, read_picture
        from genspace.geometry.perception.truth import KnownScene

        np.savez(tmp_path / "a.npz", depth=self.floor(), K=self.K)
        Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
        done = convert(tmp_path / "a.npz", tmp_path, images=tmp_path / "a.png")
        parts = {stage: make_part(stage, "scene") for stage in ("depth", "intrinsics")}
        picture = read_picture((tmp_path / "a.png").read_bytes())
        [seen] = Perception(parts).run(
            [Subject(picture, parse_objects("cow"), KnownScene(read_scene(done.written[0])))]
        )
        assert seen.known["K"][0, 0] == 80.0
        assert seen.known["depth"][47, 0] == pytest.approx(1.5 * 80 / 23.5, abs=0.02)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"x": np.ones((4, 4))}, "holds x, and none of depth"),
            ({"depth": np.ones((2, 4, 4)), "K": K}, r"shape \(2, 4, 4\), expected one map"),
            ({"depth": np.ones((4, 4))}, "holds no intrinsics; name a file that does, with `camera`"),
            ({"depth": np.ones((4, 4)), "K": -K}, "expected one 3 × 3 matrix"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path, content, message):
        np.savez(tmp_path / "a.npz", **content)
        with pytest.raises(InvalidFilesError, match=message):
            convert(tmp_path / "a.npz", tmp_path / "out")
