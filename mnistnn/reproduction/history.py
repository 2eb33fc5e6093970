"""The history of MNIST as a table: published systems, year by year, and what their reproductions here gave."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistnn.analysis.plots.history_figure import Place
from mnistnn.experiment.plan import Plan
from mnistnn.reproduction.member import Member
from mnistnn.reproduction.record import Record
from mnistnn.reproduction.systems import System
from mnistnn.storage.writing import write_atomically
from mnistnn.tasks.intervals import wilson_interval

_COLUMNS = ("year", "system", "published", "ours (95 % interval)", "seconds", "short form (95 % interval)", "seconds")
_NONE = "–"
_BEGIN, _END = "<!-- This table is written by mnistnn reproduce. -->\n", "<!-- End of the table. -->"


@dataclass(frozen=True)
class Reproduced:
    """The test error of a record, as a fraction, with Wilson's interval at 95 % for so many test examples; seconds of
    training.
    """

    error: float
    interval: tuple[float, float]
    seconds: float
    device: str | None
    is_cut_off: bool


def reproduced(member: Member, records: Mapping[str, Record]) -> Reproduced | None:
    """Return what the record of an experiment, found by its file, says of the test error; None without one."""
    record = records.get(member.file)
    error = None if record is None else next((each.mean for each in record.figures if each.split == "test"), None)
    if record is None or error is None:
        return None
    examples = Plan(member.load()).examples["test"]
    interval = wilson_interval(round(error * examples), examples)
    return Reproduced(error, interval, record.seconds, record.device, record.verdict == "cut off")


def places_of(systems: Sequence[System], records: Sequence[Record]) -> list[Place]:
    """Return the systems as a figure has them."""
    by_file = {record.file: record for record in records}
    places = []
    for each in systems:
        ours = reproduced(each.experiment, by_file)
        error, interval = (None, None) if ours is None else (ours.error, ours.interval)
        places.append(Place(each.year, each.name, each.published, error, interval))
    return places


def history_lines(systems: Sequence[System], records: Sequence[Record]) -> list[str]:
    """Return the table, in Markdown that can be read as it is."""
    by_file = {record.file: record for record in records}
    rows = [_COLUMNS]
    for each in systems:
        ours = reproduced(each.experiment, by_file)
        short = ours if each.short == each.experiment else reproduced(each.short, by_file)
        rows.append((str(each.year), each.name, f"{100 * each.published:.2f} %", *_cells(ours), *_cells(short)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:]]


def _cells(found: Reproduced | None) -> tuple[str, str]:
    if found is None:
        return _NONE, _NONE
    low, high = (100 * end for end in found.interval)
    note = ", cut off" if found.is_cut_off else ""
    seconds = f"{found.seconds:,.0f}"
    return (
        f"{100 * found.error:.2f} % ({low:.2f} to {high:.2f}{note})",
        seconds if found.device is None else f"{seconds} ({found.device})",
    )


def put_into(page: Path, lines: Sequence[str]) -> None:
    """Replace the table in a page that has a place for it; a page without one, or no page, stays as it is."""
    if not page.is_file():
        return
    before = page.read_text(encoding="utf-8")
    table = "\n".join([_BEGIN, *lines, "", _END])
    after = re.sub(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", lambda _: table, before, flags=re.DOTALL)
    if after != before:
        write_atomically(page, after.encode())
