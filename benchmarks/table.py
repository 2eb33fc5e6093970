"""Rows as tables of text: what each section shows of a row, for a terminal and for a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.measure import Measured
from benchmarks.row import Row, misses_at_least, misses_at_most

Cell = Callable[[Row], str]
_NONE = "-"


@dataclass(frozen=True)
class Section:
    """A table: its title, what is said above it, its columns in order."""

    title: str
    text: str
    columns: dict[str, Cell]


def _figure(kind: str | None = None) -> Cell:
    """Show what a contender reached, with its spread; without a kind, the fastest peer and which one it is."""

    def cell(row: Row) -> str:
        found = row.peer if kind is None else row.of(kind)
        if found is None:
            return _NONE
        return with_spread(row, found) + ("" if kind else f" {found.kind}")

    return cell


def with_spread(row: Row, found: Measured) -> str:
    """Return the median and, in brackets, the lowest and the highest of the rounds."""
    values = [found.median, found.lowest, found.highest]
    if row.examples is not None:
        speeds = [f"{row.examples / value:,.0f}" for value in values]
        return f"{speeds[0]} images/s" + _brackets(speeds[2], speeds[1])
    factor, unit = _scale(row.unit, found.median)
    median, lowest, highest = (short(factor * value) for value in values)
    return f"{median} {unit}" + _brackets(lowest, highest)


def _brackets(low: str, high: str) -> str:
    return f" ({low} to {high})" if low != high else ""


def _scale(unit: str, value: float) -> tuple[float, str]:
    return (1e3, "ms") if unit == "s" and value < 1 else (1.0, unit)


def short(value: float) -> str:
    """Return three significant digits, or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def _against_peer(row: Row) -> str:
    missed = misses_at_least(row.against_peer, row.peer_goal)
    return _with_goal(row.against_peer, f"goal {row.peer_goal:g}" if missed else "")


def _against_limit(row: Row) -> str:
    missed = misses_at_most(row.against_limit, row.limit_goal)
    return _with_goal(row.against_limit, f"goal {row.limit_goal:g}" if missed else "")


def _with_goal(ratio: float | None, goal: str) -> str:
    return _NONE if ratio is None else f"{ratio:.2f}" + (f" ({goal})" if goal else "")


def _threads(row: Row) -> str:
    found = [row.ours, row.of(row.base), row.peer]
    return " / ".join(_NONE if one is None else str(one.threads) for one in found)


def _errors(row: Row) -> str:
    return ", ".join(f"{100 * error:.2f} % {kind}" for kind, error in row.errors.items()) or _NONE


def _ceiling(row: Row) -> str:
    if row.ceiling is None:
        return _NONE
    factor, unit = _scale(row.unit, row.ceiling)
    at_most = f"at most {factor * row.ceiling:g} {unit}"
    return at_most + (" (missed)" if misses_at_most(row.ours.median, row.ceiling) else "")


SECTIONS = {
    "steps": Section(
        "Training steps",
        "One step (forward, backward, update) on a batch in memory, in float32. *NumPy alone* is without Numba's "
        "loops; *limit* is the step's matrix products alone on the same BLAS, for LeNet their flops at the speed of "
        "square products.",
        {
            "step": lambda row: row.name,
            "ours": _figure("ours"),
            "NumPy alone": _figure("ours-numpy"),
            "limit": _figure("limit"),
            "fastest peer": _figure(),
            "peer ÷ ours": _against_peer,
            "ours ÷ limit": _against_limit,
            "threads: ours / limit / peer": _threads,
        },
    ),
    "chains": Section(
        "Machines that learn by sampling",
        "One update of a restricted Boltzmann machine on a batch in memory, in float32: chains of Gibbs sampling, the "
        "gradient, the step, and in ours what is watched. *Limit* is the update's matrix products and uniform "
        "numbers alone.",
        {
            "update": lambda row: row.name,
            "ours": _figure("ours"),
            "limit": _figure("limit"),
            "fastest peer": _figure(),
            "peer ÷ ours": _against_peer,
            "ours ÷ limit": _against_limit,
            "threads: ours / limit / peer": _threads,
        },
    ),
    "busy": Section(
        "On a machine that has other work",
        "The same steps beside processes that compute without end, as means of turns of a second. Ours as a run "
        "trains, with as many threads as pay at the moment (*auto*), with one, and with one on each core; PyTorch as "
        "it comes, and with one thread. *Auto ÷ best* is against the better one of the fixed numbers. The load of the "
        "last minute, before and after each row, is in the file.",
        {
            "step": lambda row: row.name,
            "auto": _figure("ours"),
            "one thread": _figure("ours-single"),
            "all threads": _figure("ours-all"),
            "auto ÷ best": _against_limit,
            "PyTorch": _figure("torch-default"),
            "PyTorch, one thread": _figure("torch-single"),
        },
    ),
    "processes": Section(
        "Whole processes",
        "`mnistnn train` and `mnistnn eval`, with everything that they keep, beside the script that a user of PyTorch "
        "would write (`benchmarks/user_script.py`): the same digits, epochs and evaluations, start-up included. The "
        "test errors say that both learned.",
        {
            "training": lambda row: row.name,
            "ours": _figure("ours"),
            "script": _figure("torch-script"),
            "script ÷ ours": _against_peer,
            "test error": _errors,
        },
    ),
    "elastic": Section(
        "Elastic distortion",
        "Images bent by one thread, beside SciPy image by image; and what training takes with distortions that a "
        "thread makes ahead, beside training without.",
        {
            "what": lambda row: row.name,
            "ours": _figure("ours"),
            "SciPy": _figure("scipy"),
            "ours ÷ SciPy, in speed": _against_peer,
            "without distortions": _figure("ours-plain"),
            "with ÷ without, in time": _against_limit,
        },
    ),
    "fitted": Section(
        "Fitted models",
        "All of a fit, or of a question, on real digits in memory, in float32; scikit-learn's `SVC` and "
        "`KNeighborsClassifier(algorithm='brute')` with the same kernel, the same cache, the same neighbours.",
        {
            "what": lambda row: row.name,
            "ours": _figure("ours"),
            "scikit-learn": _figure("sklearn"),
            "scikit-learn ÷ ours": _against_peer,
            "threads: ours / scikit-learn": lambda row: " / ".join(
                _NONE if one is None else str(one.threads) for one in (row.ours, row.peer)
            ),
        },
    ),
    "start-up": Section(
        "Start-up and memory",
        "From the start of the process, with warm caches; and the most memory that was resident.",
        {"what": lambda row: row.name, "reached": _figure("ours"), "goal": _ceiling},
    ),
}


def cells(section: Section, rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return the table, its heads first, without columns in which there is nothing."""
    lines = [tuple(section.columns), *(tuple(cell(row) for cell in section.columns.values()) for row in rows)]
    kept = [column for column in zip(*lines, strict=True) if set(column[1:]) != {_NONE}]
    return list(zip(*kept, strict=True))


def as_text(section: Section, rows: Sequence[Row]) -> list[str]:
    """Return the table for a terminal."""
    lines = cells(section, rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def as_markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown, its heads first."""
    heads, *rest = lines
    return "".join(f"| {' | '.join(line)} |\n" for line in (heads, ["---"] * len(heads), *rest))
