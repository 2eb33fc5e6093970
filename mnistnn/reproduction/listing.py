"""What the experiments that come with mnistnn are: a line on each, its claim, and how long it takes."""

from dataclasses import dataclass

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
    records = {record.file: record for record in read_records(examples_folder() / "results")}
    found = []
    for name in example_names():
        path = example_path(name)
        assert path is not None
        comment = _comment(path.read_text(encoding="utf-8"))
        if word.lower() in f"{name} {comment}".lower():
            claim, ours, seconds = (
                _of_record(records[f"{name}.yaml"]) if f"{name}.yaml" in records else (None, "", None)
            )
            if claim is None:
                expect = load_experiment(path).experiment.expect
                claim = ", ".join(CLAIMS[key].shown_band(band) for key, band in claims_of(expect).items())
            found.append(Example(name, _first_sentence(comment), claim, ours, seconds))
    return found


def _of_record(record: Record) -> tuple[str, str, float]:
    return ", ".join(map(shown_band, record.figures)), ", ".join(map(shown, record.figures)), record.seconds


def _comment(text: str) -> str:
    """Return the comment at the beginning of a file as one line."""
    lines = []
    for line in text.splitlines():
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
