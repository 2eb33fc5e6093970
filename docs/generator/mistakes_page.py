"""The page of what the sources get wrong, and of what became of the programs they are about."""

from collections.abc import Iterator, Sequence

from generator.markdown import escaped, page, table
from generator.sources import SOURCES, Mistake, as_markdown, mistakes

from mnistnn.course.chapters import pages

_PROGRAMS = (
    ("`logistic_sgd.py`, `logistic_cg.py`", "`lisa/logistic_sgd`, `lisa/logistic_cg`"),
    ("`mlp.py`, `convolutional_mlp.py`", "`lisa/mlp`, `lisa/lenet`"),
    ("`rbm.py`, `DBN.py`", "`lisa/rbm`, `lisa/dbn`"),
    ("`dA.py`, `SdA.py`", "`lisa/da`, `lisa/da_30`, `lisa/sda`"),
    ("the slides' steps, one after the other", "the group `course`, and [its pages](../course/index.md)"),
    ('the slides\' "other alternatives"', "the group `alternatives`"),
    ("the slides' table of MNIST's history", "the group `history`: [nine systems](../guides/history.md)"),
)


def page_of_mistakes() -> str:
    """Return the page."""
    return page(
        "# What the sources get wrong, and what became of Theano's programs",
        "Made of `docs/course/mistakes.yaml` by `make docs`; not to be edited.",
        "The slides and LISA's tutorials are programs as well as texts. When their experiments are run to the last "
        "digit, some statements do not hold. Nobody should copy them, and nobody should wonder why a result differs; "
        "so here they are. *See* names what shows it: an experiment, a test, or a source. "
        "[The course](../course/index.md) says more of each on the page that is named.",
        *(part for source in SOURCES for part in _section(source)),
        "The experiments in `lisa/` do what the programs did, so that the published logs are repeated to the last "
        "digit: `lisa/logistic_sgd` to its end, `lisa/mlp` in its first epochs, `lisa/lenet` in its last figures.",
        "## What became of the programs",
        table(["program", "experiment"], _PROGRAMS),
        "Theano compiled an expression into a program that also had the gradient. Here both are written by hand, in "
        "`mnistnn/kernels/`, and tests hold each gradient to finite differences in double precision. `lstm.py` and "
        "`rnnslu.py` of LISA learned from texts, which mnistnn does not read; their layers are here, and [learn from "
        "rows of pixels and series](../guides/sequences.md).",
    )


def _section(source: str) -> Iterator[str]:
    rows = [each for each in mistakes() if each.source == source]
    yield f"## In {SOURCES[source]}" if source == "slides" else "## In LISA's tutorials"
    yield table(["where", "they say", "what is so", "see", "page"], map(_row, rows))


def _row(mistake: Mistake) -> Sequence[str]:
    title = next(each.title for each in pages() if each.name == mistake.page)
    see = ", ".join(map(as_markdown, mistake.see))
    link = f"[{escaped(title)}](../course/{mistake.page}.md)"
    return [escaped(mistake.place), mistake.says, mistake.fact, see, link]
