"""Show images: many in one PNG file, or a few as text in a terminal."""

import io

import numpy as np
from numpy.typing import NDArray

from mnistnn.extras import missing

_GAP_PX = 2
_GAP_VALUE = 64
_INK = 128  # a pixel of at least this value is drawn in the terminal

UNICODE_BLOCKS = " ▀▄█"
"""A character for two pixels, one above the other: none, the upper, the lower, both."""

ASCII_BLOCKS = " '.#"

UNICODE_SHADES = " ░▒▓█▀▄"
"""Two pixels, one above the other: five shades of their mean, then much more ink in the upper one, in the lower one."""

ASCII_SHADES = " :+*#'."

_FAR_APART = 128  # two pixels of which only one is drawn as ink


def contact_sheet(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Return images (n, h, w) as one image: row by row, `columns` in a row, with grey gaps around."""
    n, height, width = images.shape
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    step_y, step_x = height + _GAP_PX, width + _GAP_PX
    sheet = np.full((rows * step_y + _GAP_PX, columns * step_x + _GAP_PX), _GAP_VALUE, dtype=np.uint8)
    for index, image in enumerate(images):
        top = index // columns * step_y + _GAP_PX
        left = index % columns * step_x + _GAP_PX
        sheet[top : top + height, left : left + width] = image
    return sheet


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return a greyscale image (h, w) as PNG; ResourceError when Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError as error:
        raise missing("PIL", "writing PNG files") from error
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def draw_in_text(images: NDArray[np.uint8], blocks: str = UNICODE_BLOCKS) -> str:
    """Return images (n, h, w) side by side as lines of text, two rows of pixels in each line."""
    ink = images >= _INK
    if ink.shape[1] % 2:
        ink = np.concatenate([ink, np.zeros_like(ink[:, :1])], axis=1)
    codes = ink[:, 0::2] + 2 * ink[:, 1::2].astype(np.int64)  # (n, ceil(h/2), w) an index into blocks
    lines = (" ".join("".join(blocks[code] for code in row) for row in line) for line in codes.transpose(1, 0, 2))
    return "\n".join(line.rstrip() for line in lines)


def draw_shaded(image: NDArray[np.uint8], shades: str = UNICODE_SHADES) -> str:
    """Return one image (h, w) as lines of text in shades of grey, two rows of pixels in each line."""
    tall = image.astype(np.int64)
    if len(tall) % 2:
        tall = np.concatenate([tall, np.zeros_like(tall[:1])])
    upper, lower = tall[0::2], tall[1::2]
    levels = np.rint((upper + lower) / 2 * (4 / 255)).astype(int)
    levels[upper - lower >= _FAR_APART] = 5
    levels[lower - upper >= _FAR_APART] = 6
    return "\n".join("".join(shades[level] for level in row).rstrip() for row in levels)
