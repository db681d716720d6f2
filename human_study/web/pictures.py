"""Pictures as raters get them: the same pixels, without the metadata that may name a generator or a prompt."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

__all__ = ["for_browsers"]

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP sBIT pHYs".split())
"""Chunks that a picture is drawn from (W3C, PNG specification); everything else, such as text, is left out."""
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_WEBP_METADATA = 0x08 | 0x04
"""Bits of the VP8X chunk that announce EXIF and XMP (RFC 9649)."""
_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_ORIENTATION = 0x0112


def for_browsers(content: bytes) -> tuple[bytes, str]:
    """Return a picture without its metadata, and its media type.

    JPEG, PNG and WebP keep their compressed pixels as they are; a picture that its metadata turns, one of another
    format, and one whose structure is broken somewhere become PNG.

    Errors: `OSError` for what is not a picture.
    """
    if not _is_turned(content):
        try:
            if content.startswith(b"\xff\xd8\xff"):
                return b"".join(_jpeg(content)), "image/jpeg"
            if content.startswith(_PNG):
                return b"".join(_png(content)), "image/png"
            if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
                return _webp(content), "image/webp"
        except (IndexError, struct.error, ValueError):
            pass
    return _drawn_anew(content), "image/png"


def _is_turned(content: bytes) -> bool:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            return bool(picture.getexif().get(_ORIENTATION, 1) != 1)
    except (SyntaxError, ValueError, struct.error) as error:
        raise OSError(str(error)) from None


def _drawn_anew(content: bytes) -> bytes:
    from PIL import Image, ImageOps

    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as picture:
            upright = ImageOps.exif_transpose(picture)
            kept = upright if upright.mode in {"L", "RGB", "RGBA"} else upright.convert("RGB")
            clean = kept.copy()
            clean.info = {k: v for k, v in kept.info.items() if k == "icc_profile"}
            clean.save(buffer, "PNG")
    except (SyntaxError, ValueError, struct.error) as error:
        raise OSError(str(error)) from None
    return buffer.getvalue()


def _jpeg(content: bytes) -> Iterator[bytes]:
    """Yield the segments without comments and application data, but for colour: APP0 (JFIF), ICC, Adobe."""
    yield content[:2]
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker where one must stand")
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            yield content[at : at + 2]
            return
        if marker in _JPEG_STANDALONE:
            yield content[at : at + 2]
            at += 2
            continue
        (length,) = struct.unpack(">H", content[at + 2 : at + 4])
        segment = content[at : at + 2 + length]
        application = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not application or segment[4:9] in {b"JFIF\0", b"ICC_P", b"Adobe"}:
            yield segment
        at += 2 + length
        if marker == 0xDA:  # entropy-coded data up to the next marker that is not a restart
            end = at
            while not (
                content[end] == 0xFF and content[end + 1] != 0 and content[end + 1] not in _JPEG_STANDALONE
            ):
                end += 1
            yield content[at:end]
            at = end


def _png(content: bytes) -> Iterator[bytes]:
    yield _PNG
    at = len(_PNG)
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        if kind in _PNG_KEPT:
            yield content[at : at + 12 + length]
        at += 12 + length


def _webp(content: bytes) -> bytes:
    (size,) = struct.unpack("<I", content[4:8])
    chunks, at = [], 12
    while at < min(8 + size, len(content)):
        kind, length = struct.unpack("<4sI", content[at : at + 8])
        end = at + 8 + length + length % 2
        chunk = content[at:end]
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_METADATA]) + chunk[9:]
        if kind in _WEBP_KEPT:
            chunks.append(chunk)
        at = end
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body
