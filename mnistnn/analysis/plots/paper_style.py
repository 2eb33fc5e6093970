"""How figures look that go into a paper: fonts, sizes, colours, and files whose bytes depend on the figure alone.

Nothing comes from the user's matplotlibrc, and pyplot is not used: a figure is an object like any other. Only fonts
that matplotlib brings along are used, so a figure is the same on each machine. No text is read as mathematics, and
what comes from outside goes through `legible` first.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistnn.errors import UsageError, did_you_mean
from mnistnn.extras import missing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")
CM = 1 / 2.54
"""Inches in a centimetre."""

# Okabe & Ito (2008), told apart by people of every colour vision; without the yellow, which is too light for a line.
# In this order the first of them differ in lightness too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""One more way to tell lines apart. Their number has no divisor in common with that of the colours."""

_FONTS = ("DejaVu Sans", "STIXGeneral")
_DPI = 300
_STYLE: dict[Any, Any] = {
    "font.family": _FONTS,
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 9,
    "figure.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.8,
    "ytick.minor.size": 1.8,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.6,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.6,
    "legend.borderpad": 0.2,
    "figure.constrained_layout.w_pad": 0.06,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "pdf.fonttype": 42,  # TrueType, as journals ask for; the default, type 3, is refused by many
    "svg.fonttype": "path",  # who opens the file may not have the font
    "svg.hashsalt": "mnistnn",
}
# What would otherwise name the day and the version of matplotlib.
_METADATA: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def format_of(path: Path) -> str:
    """Return the format that a file's name asks for. Raises UsageError for one that is not there."""
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        hint = did_you_mean(suffix, FORMATS, before=", ", quoted="'.{}'".format)
        allowed = ", ".join(f".{each}" for each in FORMATS)
        raise UsageError(f"--out: the name of a figure ends in one of {allowed}, got '{path.name}'{hint}")
    return suffix


@contextmanager
def paper_style() -> Iterator[None]:
    """Let figures that are made and written inside have the style.

    Raises ResourceError, saying how to install it, if there is no matplotlib.
    """
    try:
        import matplotlib as mpl
        import matplotlib.figure
    except ImportError as error:
        raise missing("matplotlib", "drawing") from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def encode(figure: "Figure", file_format: str) -> bytes:
    """Return the file of a figure, the same bytes for the same figure. To be called inside `paper_style`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=file_format, dpi=_DPI, metadata=_METADATA[file_format])
    return buffer.getvalue()


def legible(text: str) -> str:
    r"""Return `text` with what is invisible, or in none of the fonts, written as an escape such as \u4e2d."""
    return "".join(c if c.isprintable() and _has_glyph(c) else c.encode("unicode_escape").decode() for c in text)


def _has_glyph(character: str) -> bool:
    from matplotlib import font_manager

    fonts = (font_manager.get_font(font_manager.findfont(name)) for name in _FONTS)
    return character.isascii() or any(font.get_char_index(ord(character)) for font in fonts)
