"""The pages of the course: what is made of records and commands stands in blocks of them, and in pictures beside them.

A block is what lies between the lines `<!-- made: KIND ARGUMENTS -->` and `<!-- made: end -->`. The kinds:

records NAME…              a table of experiments: what each gave, its claim, and how long it took
curves METRICS NAME… WORDS a picture of one or more metrics, with commas between, as their records have them; the words
                           are `log`, for a logarithmic axis, and `passes`, to draw along passes over the data
surface ARGUMENTS          a picture that `mnistnn plot --surface ARGUMENTS` draws, below the command
mistakes                   the entries of docs/course/mistakes.yaml whose page is this one
history                    the table of `mnistnn reproduce history`
contents                   the chapters of the course with their pages
week NUMBER                the pages of a week of the teacher's plan, with the minutes of their experiments

A page's pictures are docs/pictures/course/PAGE.svg, PAGE-2.svg and so on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator import mistakes, picture, surface
from generator.blocks import Block, BlockError, filled, known
from generator.contents import contents, week
from generator.known import Known, reason_not_run
from generator.markdown import escaped, table

from mnistnn.config.examples import examples_folder
from mnistnn.reproduction.history import history_lines
from mnistnn.reproduction.listing import Example
from mnistnn.reproduction.systems import systems_of

PAGES, PICTURES = "course", "pictures/course"
_HISTORY = "history"
_WORDS = ("log", "passes")


@dataclass(frozen=True)
class Made:
    """What the generator makes of a folder of documentation: files with their content, and what is wrong with blocks.

    left_over  pictures that no page has any more
    """

    files: dict[Path, str]
    mistakes: list[str]
    left_over: list[Path]


def made(docs: Path, experiments: Known | None = None) -> Made:
    """Return the pages of docs/course as they should be, and their pictures; nothing is written.

    experiments  which there are, with their records; by default those of the project
    """
    experiments = Known.of_project() if experiments is None else experiments
    files: dict[Path, str] = {}
    wrong: list[str] = []
    for path in sorted((docs / PAGES).glob("*.md")):
        page = _Page(docs, path.stem, experiments)
        text, found = filled(path.read_text(encoding="utf-8"), f"{docs.name}/{PAGES}/{path.name}", page.fill)
        files |= {path: text, **page.pictures}
        wrong += found
    there = set((docs / PICTURES).glob("*.svg"))
    return Made(files, wrong, [] if wrong else sorted(there - set(files)))


@dataclass
class _Page:
    """A page whose blocks are filled one after the other; `pictures` are those that it has so far."""

    docs: Path
    name: str
    experiments: Known
    pictures: dict[Path, str] = field(default_factory=dict)

    def fill(self, block: Block) -> str:
        kinds: dict[str, Callable[[tuple[str, ...]], str]] = {
            "records": self._records,
            "curves": self._curves,
            "surface": self._surface,
            "mistakes": self._mistakes,
            "history": self._history,
            "contents": self._contents,
            "week": self._week,
        }
        known(block.kind, list(kinds), "kind of block")
        return kinds[block.kind](block.arguments)

    def _records(self, names: Sequence[str]) -> str:
        if not names:
            raise BlockError("records needs names of experiments")
        rows = [self._row(self.experiments.example(name)) for name in names]
        return table(["experiment", "what it shows", "found (seeds)", "claim", "seconds"], rows)

    def _row(self, example: Example) -> Sequence[str]:
        start = [f"`{example.name}`", escaped(example.line)]
        if example.name not in self.experiments.records and reason_not_run(example.name):
            return [*start, "not run", escaped(example.claim), "–"]
        record = self.experiments.record(example.name)
        seconds = f"{record.seconds:,.0f}" + (f" ({record.device})" if record.device else "")
        return [*start, escaped(example.found), escaped(example.claim), seconds]

    def _curves(self, arguments: Sequence[str]) -> str:
        names = [word for word in arguments[1:] if word not in _WORDS]
        if not names:
            raise BlockError("curves needs a metric and names of experiments")
        metrics = arguments[0].split(",")
        along = "passes" if "passes" in arguments else "epoch"
        drawn = picture.curves(self.experiments, metrics, names, "log" in arguments, along)
        return f"![{drawn.alternative}]({self._kept(drawn.svg)})\n\n*{drawn.caption}*"

    def _surface(self, arguments: Sequence[str]) -> str:
        drawn = surface.drawn(arguments)
        return f"{drawn.fence}\n\n![{drawn.alternative}]({self._kept(drawn.svg)})"

    def _kept(self, svg: str) -> str:
        """Keep a picture of the page, and return its path from there."""
        number = len(self.pictures) + 1
        file = f"{self.name}.svg" if number == 1 else f"{self.name}-{number}.svg"
        self.pictures[self.docs / PICTURES / file] = svg
        return f"../{PICTURES}/{file}"

    def _mistakes(self, arguments: Sequence[str]) -> str:
        if arguments:
            raise BlockError("mistakes takes no arguments: it is about its own page")
        return mistakes.of_page(self.docs / PAGES / "mistakes.yaml", self.name)

    def _history(self, arguments: Sequence[str]) -> str:
        if arguments:
            raise BlockError("history takes no arguments")
        systems = systems_of(examples_folder(), _HISTORY)
        return "\n".join(history_lines(systems, list(self.experiments.records.values())))

    def _contents(self, arguments: Sequence[str]) -> str:
        if arguments:
            raise BlockError("contents takes no arguments")
        return contents()

    def _week(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise BlockError("week takes a number")
        return week(arguments[0], {name: record.seconds for name, record in self.experiments.records.items()})
