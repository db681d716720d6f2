"""Image files of every kind become upright RGB pixels, or one sentence that says why not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from genspace.errors import InputError
from genspace.geometry.perception import read_picture
from genspace.geometry.perception.images import MAX_SIDE


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def two_pixels(left: int, right: int, mode: str = "L") -> Image.Image:
    image = Image.new(mode, (2, 1))
    image.putpixel((0, 0), left)
    image.putpixel((1, 0), right)
    return image


def test_rgb_is_read_as_it_is() -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    got = read_picture(encoded(Image.fromarray(pixels)))
    assert (got.pixels == pixels).all()
    assert (got.width, got.height) == (7, 5)
    assert got.reduction == (1.0, 1.0)


def test_grey_becomes_three_equal_channels() -> None:
    assert read_picture(encoded(two_pixels(10, 200))).pixels.tolist() == [[[10] * 3, [200] * 3]]


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 32768, 65535]], dtype=np.uint16)
    # 32768 · 255 / 65535 = 127.5, rounded half up: 128
    assert read_picture(encoded(Image.fromarray(values))).pixels[..., 0].tolist() == [[0, 128, 255]]


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    image.putpixel((1, 0), (200, 0, 0, 0))
    assert read_picture(encoded(image)).pixels.tolist() == [[[200, 0, 0], [255, 255, 255]]]


def test_palette_with_a_transparent_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    assert read_picture(encoded(image, transparency=1)).pixels.tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(orientation: int) -> None:
    # the eight EXIF orientations as the flip or turn that undoes them (EXIF 2.32, tag 0x0112)
    undo = {2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
            7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: np.rot90}  # fmt: skip
    pixels = np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = read_picture(encoded(Image.fromarray(pixels), exif=exif))
    expected = undo.get(orientation, lambda a: a)(pixels)
    assert (got.pixels == expected).all()
    assert (got.height, got.width) == expected.shape[:2]


def test_focal_length_from_exif() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 28
    assert read_picture(encoded(Image.new("RGB", (4, 4)), "JPEG", exif=exif)).focal_35mm == 28.0
    assert read_picture(encoded(Image.new("RGB", (4, 4)), "JPEG")).focal_35mm is None


@pytest.mark.parametrize("value", [0, 65535])
def test_an_absurd_focal_length_is_none(value: int) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = value
    assert read_picture(encoded(Image.new("RGB", (4, 4)), "JPEG", exif=exif)).focal_35mm is None


def test_one_pixel() -> None:
    assert read_picture(encoded(Image.new("RGB", (1, 1), (1, 2, 3)))).pixels.tolist() == [[[1, 2, 3]]]


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (3, 3), c) for c in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_picture(data).pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_8k_is_reduced_and_its_size_kept(kind: str) -> None:
    image = Image.new("L", (8192, 8192), 100)
    got = read_picture(encoded(image, kind, **({"compress_level": 1} if kind == "PNG" else {})))
    assert got.pixels.shape == (MAX_SIDE, MAX_SIDE, 3)
    assert (got.width, got.height) == (8192, 8192)
    assert got.reduction == (4.0, 4.0)
    assert np.abs(got.pixels.astype(int) - 100).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_truncated(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(InputError, match=r"cat\.x: (the image is truncated|not an image)"):
        read_picture(data[: len(data) // 2], "cat.x")


@pytest.mark.parametrize("data", [b"", b"hello", b"<html></html>", b"\x89PNG\r\n\x1a\n"])
def test_not_an_image(data: bytes) -> None:
    with pytest.raises(InputError, match=r"page\.png: "):
        read_picture(data, "page.png")


def test_too_elongated_is_refused() -> None:
    with pytest.raises(InputError, match=r"660 × 20 pixels is too elongated"):
        read_picture(encoded(Image.new("L", (660, 20))))
    assert read_picture(encoded(Image.new("L", (640, 20)))).width == 640


def test_the_digest_is_of_the_file() -> None:
    a, b = (read_picture(encoded(Image.new("L", (2, 2), v))).digest for v in (1, 2))
    assert a != b
