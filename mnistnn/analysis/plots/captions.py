"""Captions: contact sheets whose images have captions, or whose rows have names.

The words are drawn with the font that comes with Pillow, so that they look the same on every machine.
"""

import numpy as np
from numpy.typing import NDArray

from mnistnn.extras import missing

_TEXT_PX = 15  # height of the letters
_LINE_PX = 19
_GAP_PX = 6
_LEAST_SIDE_PX = 84  # of a picture with a caption: digits of 28×28 are enlarged three times
_PAPER, _FRAME = 255, 128


def captioned_sheet(images: NDArray[np.uint8], captions: list[list[str]], columns: int) -> NDArray[np.uint8]:
    """Return images (n, h, w), n at least 1, as one: row by row, `columns` in a row, each above its lines of caption.

    All captions have as many lines. Small images are enlarged. Raises ResourceError when Pillow is not installed.
    """
    n, h, w = images.shape
    factor = max(1, -(-_LEAST_SIDE_PX // max(h, w)))
    large = images.repeat(factor, axis=1).repeat(factor, axis=2)
    large = np.pad(large, ((0, 0), (1, 1), (1, 1)), constant_values=_FRAME)
    texts = [[text_image(line) for line in lines] for lines in captions]
    width = max(large.shape[2], *(text.shape[1] for lines in texts for text in lines))
    height = large.shape[1] + _LINE_PX * len(captions[0])
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    step_y, step_x = height + 2 * _GAP_PX, width + 2 * _GAP_PX
    sheet = np.full((rows * step_y + _GAP_PX, columns * step_x + _GAP_PX), _PAPER, np.uint8)
    for number, (image, lines) in enumerate(zip(large, texts, strict=True)):
        top = number // columns * step_y + _GAP_PX
        left = number % columns * step_x + _GAP_PX
        for part, y in [(image, top), *((text, top + len(image) + _LINE_PX * i) for i, text in enumerate(lines))]:
            x = left + (width - part.shape[1]) // 2
            sheet[y : y + part.shape[0], x : x + part.shape[1]] = part
    return sheet


def named_rows(sheet: NDArray[np.uint8], names: list[str]) -> NDArray[np.uint8]:
    """Return a sheet (h, w) of as many rows as there are names, all of one height, with the names to its left.

    Raises ResourceError when Pillow is not installed.
    """
    texts = [text_image(name) for name in names]
    row_px = len(sheet) / len(names)
    left = max(text.shape[1] for text in texts) + 2 * _GAP_PX
    tops = [max(0, round((number + 0.5) * row_px - _LINE_PX / 2)) for number in range(len(names))]
    result = np.full((max(len(sheet), tops[-1] + _LINE_PX), left + sheet.shape[1]), _PAPER, np.uint8)
    result[: len(sheet), left:] = sheet
    for top, text in zip(tops, texts, strict=True):
        result[top : top + len(text), _GAP_PX : _GAP_PX + text.shape[1]] = text
    return result


def text_image(text: str) -> NDArray[np.uint8]:
    """Return a line of text, black on white, as an image (_LINE_PX, w); ResourceError when Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise missing("PIL", "writing PNG files") from error
    font = ImageFont.load_default(_TEXT_PX)
    image = Image.new("L", (max(1, round(font.getlength(text)) + 1), _LINE_PX), _PAPER)
    ImageDraw.Draw(image).text((0, 1), text, fill=0, font=font)
    return np.asarray(image)
