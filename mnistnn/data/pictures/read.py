"""Reading a picture that somebody made: a PNG, JPEG, PGM or .npy file, from any camera, scanner or program.

Files are not trusted: only regular files of a stated size are read, the size in pixels is looked at before anything is
decoded, and nothing is ever unpickled.
"""

import io
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import DataError
from mnistnn.extras import missing
from mnistnn.storage.reading import data_error, read_file

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FILE_BYTES = 100_000_000
MAX_PIXELS = 64_000_000

_KEPT_SIDE_PX = 2048  # larger pictures are reduced as they are read: a digit has far fewer
_COLOURS_SIDE_PX = 512
_LEAST_CONTRAST, _LEAST_PART = 0.25, 0.3  # of colours, of 1 at most; and the part of it that brightness has
_MAX_NPY_HEADER_BYTES = 4096
_FORMATS = {"PNG": rb"\x89PNG\r\n\x1a\n", "JPEG": rb"\xff\xd8\xff", "PPM": rb"P[1-6]\s"}  # Pillow's names
_NPY_MAGIC = b"\x93NUMPY"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as in JPEG


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in grey.

    grey     (h, w), float64, 0 is black and 1 white
    size_px  height and width as in the file; those of `grey` are smaller if the picture is large
    is_colour_only  whether its parts differ in colour, and hardly in brightness, which is all that a model sees
    """

    grey: NDArray[np.float64]
    size_px: tuple[int, int]
    is_colour_only: bool = False


def read_picture(path: Path) -> Picture:
    """Return the picture in a file, upright; colours become luminance, transparent pixels paper.

    Raises DataError, naming the file: none of the formats, damaged, cut short, or too large; and ResourceError.
    """
    return decode_picture(read_file(path, MAX_FILE_BYTES, data_error), path)


def decode_picture(content: bytes, path: Path | str) -> Picture:
    """Return the picture in the content of a file, as `read_picture`; `path` is what messages call it."""
    if not content:
        raise DataError(f"{path}: the file is empty")
    if content.startswith(_NPY_MAGIC):
        samples = _read_npy(content, path)
        size_px = samples.shape[:2]
        colours = samples[:, :, :3] if samples.shape[2:] in ((3,), (4,)) else None
    else:
        found = [name for name, start in _FORMATS.items() if re.match(start, content)]
        if not found:
            raise DataError(f"{path}: is none of the pictures that are read: PNG, JPEG, PGM (PBM, PPM), .npy")
        samples, size_px, colours = _decoded(content, found[0], path)
    is_colour_only = colours is not None and _differ_in_colour_only(colours)
    return Picture(_reduced(_grey(samples)), (size_px[0], size_px[1]), is_colour_only)


def _decoded(
    content: bytes, kind: str, path: Path | str
) -> tuple[NDArray[np.floating], tuple[int, int], NDArray[np.floating] | None]:
    """Return the samples of an image file, see `_samples`, its height and width in pixels, and its colours (h, w, 3),
    reduced, if it has any.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise missing("PIL", "reading pictures") from error
    if kind == "PNG" and _PNG_END not in content:  # Pillow forgives a missing end
        raise DataError(f"{path}: the PNG picture ends too early")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here, and about odd notes of cameras
            with Image.open(io.BytesIO(content), formats=[kind]) as image:
                _refuse_too_large(image.height, image.width, path)
                upright = ImageOps.exif_transpose(image)
                return _samples(upright, path), (upright.height, upright.width), _colours(upright)
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: has more than the {MAX_PIXELS:,} pixels that are allowed") from error
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes Pillow raise any of a dozen types, SyntaxError among them
        name = "PGM, PBM or PPM" if kind == "PPM" else kind
        raise DataError(f"{path}: is not a readable {name} picture ({error})") from error


def _samples(image: "Image", path: Path | str) -> NDArray[np.floating]:
    """Return what a decoded image has: (h, w), 0..1, or (h, w, 4) with colours and alpha; reduced if large."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow has in modes of several names
        image, full = image.convert("I"), 65535
    elif image.mode == "F":
        raise DataError(f"{path}: floats (PFM) are not read; 8 or 16 bits are")
    else:
        image, full = image.convert("RGBA" if image.has_transparency_data else "L"), 255
    return np.asarray(image.reduce(_factor(image.height, image.width)), dtype=np.float32) / full


def _colours(image: "Image") -> NDArray[np.floating] | None:
    """Return red, green and blue of a decoded image (h, w, 3), 0..1, in few pixels; None if it has no colours."""
    if image.mode.startswith(("I", "F", "L", "1")):
        return None
    small = image.convert("RGB").reduce(-(-max(image.height, image.width) // _COLOURS_SIDE_PX))
    return np.asarray(small, dtype=np.float32) / 255


def _differ_in_colour_only(colours: NDArray[np.floating]) -> bool:
    """Tell whether colours (h, w, 3) have a contrast of which their brightness has but a small part."""
    strongest = max(_contrast(colours[:, :, channel]) for channel in range(3))
    of_grey = _contrast(colours @ np.array(_LUMINANCE, dtype=np.float32))
    return strongest >= _LEAST_CONTRAST and of_grey < _LEAST_PART * strongest


def _contrast(a: NDArray[np.floating]) -> float:
    """Return the range of values, but for one in a thousand at each end."""
    low, high = np.quantile(a, (0.001, 0.999))
    return float(high - low)


def _read_npy(content: bytes, path: Path | str) -> NDArray[np.floating]:
    """Return the samples of a .npy file: bool, uint8 or floats; (h, w), or (h, w, 2 to 4 channels)."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version[0]}.{version[1]}")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file, max_header_size=_MAX_NPY_HEADER_BYTES)
    except Exception as error:  # NumPy evaluates the header as Python literals, which fails in many ways
        raise DataError(f"{path}: is not a NumPy array that can be read ({error})") from error
    if dtype.kind not in "buf" or (dtype.kind == "u" and dtype.itemsize > 2):
        raise DataError(f"{path}: has the type {dtype}; expected bool, uint8, uint16 or a float type")
    if not (len(shape) == 2 or (len(shape) == 3 and 1 <= shape[2] <= 4)):
        raise DataError(f"{path}: has the shape {shape}; expected (height, width) or (height, width, 1 to 4 channels)")
    _refuse_too_large(shape[0], shape[1], path)
    size, values = math.prod(shape), content[file.tell() :]
    if len(values) != size * dtype.itemsize:
        raise DataError(f"{path}: {size} values of {dtype} need {size * dtype.itemsize} bytes, found {len(values)}")
    array = np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "f":
        samples = _brightness(array, path)
    else:
        samples = array.astype(np.float32) / (1 if dtype.kind == "b" else np.iinfo(dtype).max)
    return samples[:, :, 0] if samples.shape[2:] == (1,) else samples


def _brightness(values: NDArray[Any], path: Path | str) -> NDArray[np.floating]:
    """Return floats as 0..1: those that are, as they are, and those up to 255 divided by that."""
    low, high = float(values.min()), float(values.max())  # NaN stays NaN
    if not (low >= 0 and high <= 255):
        raise DataError(f"{path}: its values are {low:g} to {high:g}; expected 0 to 1, or 0 to 255")
    return values.astype(np.float32) / (255 if high > 1 else 1)


def _refuse_too_large(height: int, width: int, path: Path | str) -> None:
    if height < 1 or width < 1:
        raise DataError(f"{path}: is {height}×{width} pixels")
    if height * width > MAX_PIXELS:
        raise DataError(f"{path}: is {height}×{width} pixels, more than the {MAX_PIXELS:,} that are allowed")


def _grey(samples: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return samples (h, w) or (h, w, channels), 0..1, in grey.

    What is transparent becomes paper: white, or black where most of what can be seen is bright.
    """
    if samples.ndim == 2:
        return samples
    channels = samples.shape[2]
    weights = np.array((1,) if channels == 2 else _LUMINANCE, dtype=np.float32)
    grey: NDArray[np.floating] = samples[:, :, : len(weights)] @ weights
    if channels == 3:
        return grey
    alpha = samples[:, :, -1]
    if alpha.min() == 1:
        return grey
    opaque = float(alpha.sum())
    paper = 0.0 if opaque and float((grey * alpha).sum()) > 0.5 * opaque else 1.0
    composited: NDArray[np.floating] = grey * alpha + paper * (1 - alpha)
    return composited


def _factor(height: int, width: int) -> int:
    """Return by which whole number a picture is reduced, so that it has at most _KEPT_SIDE_PX a side."""
    return -(-max(height, width) // _KEPT_SIDE_PX)


def _reduced(grey: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a picture with at most _KEPT_SIDE_PX a side: the means over blocks of pixels, smaller ones at the end."""
    factor = _factor(*grey.shape)
    reduced = grey.astype(np.float64)
    if factor == 1:
        return reduced
    for axis, side in enumerate(grey.shape):
        starts = np.arange(0, side, factor)
        counts = np.diff(starts, append=side)
        reduced = np.add.reduceat(reduced, starts, axis=axis) / np.expand_dims(counts, 1 - axis)
    return reduced
