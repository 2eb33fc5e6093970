"""The structure of a PNG file, without decoding it: a signature, then chunks, each with a checksum.

4 bytes length, 4 bytes type, the data, 4 bytes CRC-32 of type and data; the first is IHDR, the last IEND
"""

import struct
import zlib
from dataclasses import dataclass

from mnistnn.errors import DataError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGB and alpha"}


@dataclass(frozen=True)
class PngHead:
    """Size in pixels, bits per channel, and what the channels are."""

    height: int
    width: int
    bits: int
    colour: str


def check_png(content: bytes, place: str) -> PngHead:
    """Return what a PNG file is, once every checksum is right and nothing is missing. Raises DataError."""
    position, head = len(PNG_MAGIC), None
    if not content.startswith(PNG_MAGIC):
        raise DataError(f"{place}: not a PNG image")
    while True:
        if position + 12 > len(content):
            raise DataError(f"{place}: the PNG image ends too early")
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 12 + length
        if end > len(content):
            raise DataError(f"{place}: the PNG image ends too early")
        (crc,) = struct.unpack_from(">I", content, end - 4)
        if zlib.crc32(memoryview(content)[position + 4 : end - 4]) != crc:
            raise DataError(f"{place}: a part of the PNG image is damaged (its checksum does not match)")
        if head is None:
            head = _head(content[position + 8 : end - 4] if kind == b"IHDR" else b"", place)
        position = end
        if kind == b"IEND":
            break
    if position != len(content):
        raise DataError(f"{place}: {len(content) - position} bytes follow after the PNG image")
    return head


def _head(data: bytes, place: str) -> PngHead:
    if len(data) != 13:
        raise DataError(f"{place}: the PNG image has no proper head")
    width, height, bits, colour = struct.unpack_from(">IIBB", data)
    if not width or not height or colour not in _COLOURS:
        raise DataError(f"{place}: the PNG image has an impossible size or type")
    return PngHead(height, width, bits, _COLOURS[colour])
