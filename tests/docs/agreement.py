"""Whether what was printed is what a page says.

Blank lines count for nothing, and any run of spaces is one space. `…` alone on a line stands for any number of lines,
also none; inside of a line it stands for any text, also none. Of numbers hold, in this order:

- a number before a unit of time, of speed or of size on a disk (`12 s`, `903 examples/s`, `3.2 MB`) agrees with any;
- a number with a decimal point or an exponent, one before a percent sign, and one that is a part of others (`166 of
  10,000`) agree with what lies within 10 %, or within 2 of the last digit that is written;
- any other integer agrees with itself alone, with or without commas at the thousands.

The name of a run's directory (20261130-044824-f204), a day, a time of day, and the address of a Python object agree
with any of their form. Digits that are part of a word (`conv1`) or of a version (`3.11.7`) are text.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

ANYTHING = "…"

_UNITS = r"(?:(?:[kMG]i?)?B|bytes|[mµn]?s|seconds?|min|minutes?|hours?|h|days?|[a-z]+/s|[kMG]i?B/s|GFLOP/s)(?![\w/])"
_INTEGER = r"(?:(?<![^\s(\[=:])[-−+])?(?<![\w.])(?>\d+(?:,\d{3})*"  # with the parenthesis open
_NUMBER = rf"{_INTEGER}(?:\.\d+)?(?:[eE][-+]?\d+)?)"
_ANY_NUMBER = r"[-−+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
# What agrees with anything of its form.
_FORMS = {
    "run": r"\d{8}-\d{6}-[0-9a-f]{4}",
    "day": r"\d{4}-\d\d-\d\d",
    "time": r"\d?\d:\d\d(?::\d\d)?(?!\w)",
    "address": r"0x[0-9a-f]{6,}",
}
_TOKEN = re.compile(
    "|".join(
        [
            rf"(?P<gap>{ANYTHING})",
            *(rf"(?P<{name}>(?<![\w.:]){form})" for name, form in _FORMS.items()),
            rf"(?P<measured>{_NUMBER}(?=\s?{_UNITS}))",
            rf"(?P<near>{_NUMBER}(?=\s?%|\sof\s\d))",
            rf"(?P<exact>{_INTEGER})(?![.eE]?\w))",
            rf"(?P<decimal>{_NUMBER}(?!\.?\w))",
        ]
    )
)


def disagreement(expected: str, found: str) -> str | None:
    """Say in what `found` is not what `expected` says; None if it is."""
    asked, there = _lines(expected), _lines(found)
    blocks = _blocks(asked)
    position = 0
    for number, block in enumerate(blocks):
        is_first, is_last = number == 0, number == len(blocks) - 1
        latest = len(there) - len(block)
        starts = range(latest if is_last and not is_first else position, (position if is_first else latest) + 1)
        start = next((start for start in starts if start >= position and _agree(block, there[start:])), None)
        if start is None:
            return _words(block, there[position:] if is_first else None)
        position = start + len(block)
    if position < len(there):
        return f"said nothing of the line: {there[position]}"
    return None


def line_agrees(expected: str, found: str) -> bool:
    """Whether a line that was printed is the line that is written, numbers within their tolerances."""
    pattern, numbers = "", list[tuple[str, bool]]()
    end = 0
    for token in _TOKEN.finditer(expected):
        pattern += re.escape(expected[end : token.start()])
        end = token.end()
        if token["gap"]:
            pattern += ".*?"
        elif form := next((form for name, form in _FORMS.items() if token[name]), None):
            pattern += form
        elif token["measured"]:
            pattern += _ANY_NUMBER
        else:
            pattern += f"({_ANY_NUMBER})"
            numbers.append((token[0], token["exact"] is None))
    match = re.fullmatch(pattern + re.escape(expected[end:]), found)
    return match is not None and all(
        _close(written, number) if is_near else _integer(written) == _integer(number)
        for (written, is_near), number in zip(numbers, match.groups(), strict=True)
    )


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _blocks(lines: list[str]) -> list[list[str]]:
    """Return the lines between those that stand for anything; the first and the last block may be empty."""
    gaps = [-1, *(number for number, line in enumerate(lines) if line == ANYTHING), len(lines)]
    return [lines[above + 1 : below] for above, below in pairwise(gaps)]


def _agree(block: list[str], found: list[str]) -> bool:
    return len(block) <= len(found) and all(map(line_agrees, block, found))


def _words(block: list[str], found: list[str] | None) -> str:
    """Say which line is not there; `found` is where the block should have begun, None if that could be anywhere."""
    if found is None:
        return f"not there, or not at its place: {' / '.join(block)}"
    differing: Iterator[tuple[str, str]] = (
        (line, found[number] if number < len(found) else "nothing more")
        for number, line in enumerate(block)
        if number >= len(found) or not line_agrees(line, found[number])
    )
    return "expected: {}\nbut found: {}".format(*next(differing))


def _close(written: str, found: str) -> bool:
    """Whether a number lies within 10 %, or 2 of the last digit, of the one that is written."""
    mantissa, _, exponent = written.lower().partition("e")
    last_digit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    expected = _value(written)
    # The sum of rounding errors of decimals is not meant to decide.
    return abs(_value(found) - expected) <= max(0.1 * abs(expected), 2 * last_digit) * (1 + 1e-9)


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("−", "-"))


def _integer(number: str) -> str:
    return number.replace(",", "").replace("−", "-").lstrip("+")
