"""What the experiments that come with mnistnn are: a line on each, its claim, and how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mnistnn.config.examples import example_names, example_path, examples_folder
from mnistnn.config.load import load_experiment
from mnistnn.reproduction.record import Record, read_records
from mnistnn.reproduction.table import shown, shown_band
from mnistnn.tasks.claims import CLAIMS, claims_of


@dataclass(frozen=True)
class Example:
    """An experiment that comes with mnistnn.

    line     the first sentence of its file
    claim    the bands that it claims its metrics to lie in
    found    what its record has; empty without one
    seconds  of training, as the record has them; None without one
    """

    name: str
    line: str
    claim: str
    found: str
    seconds: float | None

    @property
    def group(self) -> str:
        """The part of the name before the last slash; empty for those of no group."""
        return self.name.rpartition("/")[0]


def examples(word: str = "") -> list[Example]:
    """Return the experiments in whose name or first comment a word stands, whatever its case; without one, all."""
    records = records_by_name()
    comments = {name: _comment(_file(name)) for name in example_names()}
    return [
        _example(name, comment, records.get(name))
        for name, comment in comments.items()
        if word.lower() in f"{name} {comment}".lower()
    ]


def example(name: str, record: Record | None) -> Example:
    """Return the experiment of this name, as its file and its record, if there is one, have it."""
    return _example(name, _comment(_file(name)), record)


def _example(name: str, comment: str, record: Record | None) -> Example:
    line = _first_sentence(comment)
    if record is not None:
        return Example(name, line, *_of_record(record))
    expect = load_experiment(_file(name)).experiment.expect
    claim = ", ".join(CLAIMS[key].shown_band(band) for key, band in claims_of(expect).items())
    return Example(name, line, claim, "", None)


def records_by_name() -> dict[str, Record]:
    """Return the records of experiments that come with mnistnn, by the names of these."""
    return {record.file.removesuffix(".yaml"): record for record in read_records(examples_folder() / "results")}


def _file(name: str) -> Path:
    path = example_path(name)
    assert path is not None
    return path


@dataclass(frozen=True)
class Section:
    """Experiments under one heading: those of a chapter, or the others of a group.

    chapter  its title; None of a group
    """

    heading: str
    chapter: str | None
    members: list[Example]


def sections(found: Sequence[Example], chapters: Sequence[tuple[str, Sequence[str]]]) -> list[Section]:
    """Put experiments under headings: first chapter by chapter, in the order in which chapters name them; then the
    others, group by group.

    chapters  the title of each, and the names of its experiments; a name counts where it is first
    """
    by_name = {each.name: each for each in found}
    parts = []
    for number, (title, names) in enumerate(chapters, start=1):
        if members := [by_name.pop(name) for name in names if name in by_name]:
            parts.append(Section(f"{number}. {title}", title, members))
    for group, others in groupby(by_name.values(), key=lambda each: each.group):
        parts.append(Section(f"Others: {group}" if group else "Others", None, list(others)))
    return parts


def _of_record(record: Record) -> tuple[str, str, float]:
    return ", ".join(map(shown_band, record.figures)), ", ".join(map(shown, record.figures)), record.seconds


def _comment(path: Path) -> str:
    """Return the comment at the beginning of a file as one line."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def _first_sentence(comment: str) -> str:
    """Return the beginning of a comment up to a full stop that a capital letter or the end follows, or to a colon."""
    words = comment.split(" ")
    for number, word in enumerate(words):
        after = words[number + 1] if number + 1 < len(words) else ""
        if word.endswith((".", ":")) and (not after or after[:1].isupper()) and len(word) > 3 and "al." not in word:
            return " ".join(words[: number + 1]).rstrip(".:")
    return comment.rstrip(".:")
