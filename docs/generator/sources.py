"""What the slides and LISA teach, and what they get wrong: the rows of docs/course/techniques.yaml and mistakes.yaml.

Both files are lists of mappings. Their texts are Markdown: `code` and $formulas$ mean what they mean on a page.

techniques.yaml
    source      slides or lisa
    place       the heading of the slide, or the section of LISA's text
    what        the technique, formula or named alternative
    page        the page of the course that teaches it: a name of mnistnn/course/chapters.py
    experiment  the experiment that shows it: one that comes with mnistnn, or that chapters.py names
    reason      why there is no page, or no experiment. It is given exactly where one of the two is not

mistakes.yaml
    source, place, page  as above; all three are required
    says        what the source says
    is          what is so
    see         where that can be seen: a list of experiments, of files in tests/, and of anything else as text

Rows stand in the order of the sources: all of the slides, then all of LISA.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mnistnn.config.examples import example_names
from mnistnn.config.messages import Problem
from mnistnn.config.nodes import ListNode, MappingNode, Node, Scalar
from mnistnn.config.parse import parse
from mnistnn.config.source import Place, decode
from mnistnn.course.chapters import pages

ROOT = Path(__file__).parents[2]
TECHNIQUES = ROOT / "docs/course/techniques.yaml"
MISTAKES = ROOT / "docs/course/mistakes.yaml"
SOURCES = {"slides": "the slides", "lisa": "LISA"}
"""The sources by the word that stands for them, in their order."""

_EXPERIMENT = re.compile(r"[a-z0-9_]+(?:/[a-z0-9_]+)+")


class RowError(Exception):
    """Rows that cannot be used. The message has a line for each mistake, which begins with file and line."""


@dataclass(frozen=True)
class Technique:
    """Something that a source teaches.

    page        where the course teaches it; None where it has no page
    experiment  what shows it; None where there is none
    reason      why one of the two is None; otherwise empty
    """

    source: str
    place: str
    what: str
    page: str | None
    experiment: str | None
    reason: str


@dataclass(frozen=True)
class Mistake:
    """Something that a source gets wrong.

    fact  what is so: the key `is` of the file
    see   experiments, files of tests, and other texts
    """

    source: str
    place: str
    says: str
    fact: str
    page: str
    see: tuple[str, ...]


def techniques(path: Path = TECHNIQUES) -> list[Technique]:
    """Return the rows of techniques.yaml.

    Raises RowError, with the line of each mistake, for a file that is not as this module says.
    """
    rows = _Rows(path, required=("source", "place", "what"), optional=("page", "experiment", "reason"))
    found = [_technique(row) for row in rows.all]
    rows.refuse_what_is_wrong()
    return found


def mistakes(path: Path = MISTAKES) -> list[Mistake]:
    """Return the rows of mistakes.yaml.

    Raises RowError, with the line of each mistake, for a file that is not as this module says.
    """
    rows = _Rows(path, required=("source", "place", "says", "is", "page", "see"), optional=())
    found = [_mistake(row) for row in rows.all]
    rows.refuse_what_is_wrong()
    return found


@cache
def known_experiments() -> frozenset[str]:
    """Return the names of the experiments that come with mnistnn, and of those that a page of the course runs."""
    return frozenset((*example_names(), *(name for page in pages() for name in page.experiments)))


def as_markdown(seen: str) -> str:
    """Return an entry of `see` as Markdown: what is a name of an experiment or a path becomes code."""
    is_name = seen in known_experiments() or seen.startswith("tests/")
    return f"`{seen}`" if is_name else seen


def _technique(row: "_Row") -> Technique:
    page, experiment, reason = (row.text(key) for key in ("page", "experiment", "reason"))
    if page:
        row.check_page()
    if experiment:
        row.check_experiment("experiment", experiment)
    missing = " and no ".join(key for key in ("page", "experiment") if not row.text(key))
    if missing and not reason:
        row.wrong("", f"no {missing}, and no reason")
    if reason and not missing:
        row.wrong("reason", "a reason, and neither page nor experiment is missing")
    return Technique(row.source(), row.text("place"), row.text("what"), page or None, experiment or None, reason)


def _mistake(row: "_Row") -> Mistake:
    row.check_page()
    see = row.texts("see")
    for each in see:
        if each.startswith("tests/"):
            row.check_file("see", each)
        elif _EXPERIMENT.fullmatch(each):
            row.check_experiment("see", each)
    return Mistake(row.source(), row.text("place"), row.text("says"), row.text("is"), row.text("page"), see)


class _Rows:
    """The rows of a file, and what is wrong with it: collected, so that all of it is said at once.

    A row with a key that is not known, or without one that is required, is reported and left out of `all`.
    """

    def __init__(self, path: Path, required: Sequence[str], optional: Sequence[str]) -> None:
        problems: list[Problem] = []
        name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
        source = decode(path.read_bytes(), name, path)
        tree = parse(source, problems)
        self.messages = [f"{problem.place}: {problem.what}" for problem in problems]
        items = tree.items if isinstance(tree, ListNode) else ()
        if not items and not problems:
            self.add(tree.place if tree else Place(source, 1), "the file is no list of rows")
        rows = [_Row(item, self) for item in items]
        self.all = [row for row in rows if row.has_keys(required, optional)]
        sources = [row.source() for row in self.all]
        for row, before in zip(self.all[1:], sources, strict=False):
            if (before, row.source()) == ("lisa", "slides"):
                row.wrong("source", "a row of the slides stands behind those of LISA")

    def add(self, place: Place, what: str) -> None:
        self.messages.append(f"{place}: {what}")

    def refuse_what_is_wrong(self) -> None:
        if self.messages:
            raise RowError("\n".join(dict.fromkeys(self.messages)))


class _Row:
    """A row of a file. What is wrong with it is added to the messages of all."""

    def __init__(self, node: Node, rows: _Rows) -> None:
        self._node, self._rows = node, rows

    def has_keys(self, required: Sequence[str], optional: Sequence[str]) -> bool:
        if not isinstance(self._node, MappingNode):
            self.wrong("", "a row is a mapping")
            return False
        given = self._node.entries
        unknown, missing = [key for key in given if key not in (*required, *optional)], set(required) - given.keys()
        for key in unknown:
            self._rows.add(given[key].key_place, f"unknown key '{key}'")
        for key in sorted(missing):
            self.wrong("", f"a row needs '{key}'")
        return not unknown and not missing

    def text(self, key: str) -> str:
        """Return the text of a key; empty without the key."""
        node = self._value(key)
        if node is None:
            return ""
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.text.strip():
            self.wrong(key, f"'{key}' must be text; in quotes, if it looks like a number")
            return ""
        return " ".join(node.text.split())

    def texts(self, key: str) -> tuple[str, ...]:
        node = self._value(key)
        if not isinstance(node, ListNode) or not all(isinstance(each, Scalar) and each.text for each in node.items):
            self.wrong(key, f"'{key}' must be a list of texts")
            return ()
        return tuple(" ".join(each.text.split()) for each in node.items if isinstance(each, Scalar))

    def source(self) -> str:
        word = self.text("source")
        if word not in SOURCES:
            self.wrong("source", f"unknown source '{word}': one of {', '.join(SOURCES)}")
        return word

    def check_page(self) -> None:
        name = self.text("page")
        if name not in [page.name for page in pages()]:
            self.wrong("page", f"there is no page '{name}' in mnistnn/course/chapters.py")

    def check_experiment(self, key: str, name: str) -> None:
        if name not in known_experiments():
            self.wrong(key, f"there is no experiment '{name}'")

    def check_file(self, key: str, path: str) -> None:
        if not (ROOT / path).is_file():
            self.wrong(key, f"there is no file '{path}'")

    def wrong(self, key: str, what: str) -> None:
        """Add a message about the value of a key; about the row as a whole if the key is empty."""
        node = self._value(key)
        self._rows.add(node.place if node else self._node.place, what)

    def _value(self, key: str) -> Node | None:
        return self._node.value(key) if isinstance(self._node, MappingNode) else None
