"""The course's pages and pictures: what is made of records is what the records say now, and mistakes have a place."""

import importlib
import sys
from dataclasses import replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pictures are drawn by a template")
pytest.importorskip("matplotlib", reason="surfaces are drawn by it")

from docs.generator.sources import mistakes
from mnistnn.course.chapters import CHAPTERS, pages
from mnistnn.reproduction.listing import records_by_name
from mnistnn.reproduction.record import SeedResult

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def generator():
    """Return what is in docs/generator by name."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        yield lambda name: importlib.import_module(f"generator.{name}")
    finally:
        sys.path.remove(str(ROOT / "docs"))


def curves(points=20, seed=0, **metrics):
    """Return curves that fall, with some noise."""
    random = np.random.default_rng(seed)
    return {
        "epoch": [*range(1, points + 1)],
        **{
            name.replace("_", "."): [
                round(start / epoch**0.5 + 0.01 * random.random(), 4) for epoch in range(1, points + 1)
            ]
            for name, start in (metrics or {"valid_error": 0.2, "valid_loss": 0.9, "train_loss": 1.1}).items()
        },
    }


def recorded(name, *of_seeds):
    seeds = [SeedResult(seed, 3, 2.0, {"test": 0.1}, each) for seed, each in enumerate(of_seeds)]
    return replace(records_by_name()["softmax"], file=f"{name}.yaml", seeds=seeds)


@pytest.fixture(scope="module")
def known(generator):
    """Return some experiments of mnistnn with records that were made up; mlp has one without curves, cnn has none."""
    names = ["softmax", "mlp", "cnn", "course/momentum", "course/nesterov"]
    with_curves = {name: recorded(name, curves(seed=1), curves(seed=2)) for name in ("softmax", *names[3:])}
    return generator("known").Known(names, {**with_curves, "mlp": recorded("mlp", None)})


@pytest.fixture
def made(generator, known, tmp_path):
    """Return a function that makes the one page of a folder of documentation, whose blocks are given."""

    def make(*blocks, known=known) -> Any:
        page = tmp_path / "docs" / "course" / "momentum.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(
            "# A page\n\n" + "\n\nWords.\n\n".join(f"<!-- made: {each} -->\n<!-- made: end -->" for each in blocks)
        )
        return generator("course").made(tmp_path / "docs", known)

    return make


def text_of(made) -> str:
    text: str = next(text for path, text in made.files.items() if path.suffix == ".md")
    return text


def pictures_of(made) -> dict[str, str]:
    return {path.name: text for path, text in made.files.items() if path.suffix == ".svg"}


def test_pages_and_pictures_are_those_that_the_records_make(generator):
    now = generator("course").made(ROOT / "docs")
    assert now.mistakes == []
    compared = {
        path: text
        for path, text in now.files.items()
        if not text.startswith("<?xml") or _is_that_of_the_constraints("matplotlib")
    }
    stale = [str(path) for path, text in compared.items() if not path.exists() or path.read_text("utf-8") != text]
    assert stale + now.left_over == [], "renew them: .venv/bin/python docs/generate.py"


def _is_that_of_the_constraints(package: str) -> bool:
    """Tell whether a package has the version with which pictures are made."""
    return f"{package}=={version(package)}" in (ROOT / "constraints.txt").read_text().split()


def test_table_has_what_each_record_has(made):
    text = text_of(made("records softmax"))
    assert "| experiment | what it shows | found (seeds) | claim | seconds |" in text
    record = records_by_name()["softmax"]
    (row,) = [line for line in text.splitlines() if line.startswith("| `softmax`")]
    assert "Multiclass logistic regression" in row
    assert f"{100 * record.figures[0].mean:.2f}" in row
    assert "7.30 to 8.20 %" in row


def test_experiment_that_nobody_runs_is_in_the_table_without_a_result(made, generator, monkeypatch):
    monkeypatch.setattr(generator("course"), "reason_not_run", lambda name: "It takes weeks.")
    assert "| not run | " in text_of(made("records cnn"))


def test_what_is_outside_of_blocks_stays_and_a_second_time_changes_nothing(made, generator, known, tmp_path):
    first = made("records softmax", "curves valid.error softmax", "curves valid.loss,train.loss softmax log")
    assert "\n\nWords.\n\n" in text_of(first)
    (tmp_path / "docs/course/momentum.md").write_text(text_of(first))
    assert generator("course").made(tmp_path / "docs", known).files == first.files


def test_pictures_are_numbered_and_linked_from_the_page(made, tmp_path):
    found = made("curves valid.error softmax", "curves valid.loss softmax")
    assert sorted(pictures_of(found)) == ["momentum-2.svg", "momentum.svg"]
    text = text_of(found)
    assert "![validation error of softmax along epochs](../pictures/course/momentum.svg)" in text
    assert "(../pictures/course/momentum-2.svg)" in text
    assert "*Validation error along epochs: the mean over 2 seeds, with a band of ± one standard deviation.*" in text


def test_picture_that_no_page_has_is_left_over(made, tmp_path):
    folder = tmp_path / "docs/pictures/course"
    folder.mkdir(parents=True)
    for name in ("momentum.svg", "gone.svg"):
        (folder / name).write_text("")
    assert made("curves valid.error softmax").left_over == [folder / "gone.svg"]
    assert made("curves valid.error cnn").left_over == []


def test_picture_depends_on_the_curves_alone(made, generator, known):
    block = "curves valid.error softmax"
    first, again = (pictures_of(made(block)) for _ in range(2))
    other = generator("known").Known(known.names, {**known.records, "softmax": recorded("softmax", curves(seed=3))})
    assert first == again
    assert pictures_of(made(block, known=other)) != first


def test_picture_is_small_and_says_what_it_shows_as_text(made, generator, known):
    names = ("course/momentum", "course/nesterov")
    long = {name: recorded(name, *(curves(60, seed) for seed in range(3))) for name in names}
    found = made(f"curves valid.error {' '.join(names)}", known=generator("known").Known(names, long))
    svg = pictures_of(found)["momentum.svg"]
    assert len(svg.encode()) < 15_000
    root = ElementTree.fromstring(svg)
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == "validation error of momentum and nesterov along epochs"
    said = [each.text for each in root.iter(f"{SVG}text")]
    assert {"momentum", "nesterov", "epoch", "validation error (%)"} <= set(said)
    assert "prefers-color-scheme: dark" in svg
    assert len([each for each in root.iter(f"{SVG}path") if "area" in each.get("class", "")]) == 2


def test_metrics_of_a_kind_share_axes_and_others_have_their_own(made):
    svg = pictures_of(made("curves train.loss,valid.error,valid.loss softmax"))["momentum.svg"]
    root = ElementTree.fromstring(svg)
    said = [each.text for each in root.iter(f"{SVG}text")]
    assert [each for each in said if each in ("loss (nats)", "validation error (%)")] == [
        "loss (nats)",
        "validation error (%)",
    ]
    assert {"training", "validation"} <= set(said)
    lines = [each.get("class") for each in root.iter(f"{SVG}path") if "line" in each.get("class", "").split()]
    assert lines.count("line dashed c1") == 2  # the legend's and the curve's
    assert lines.count("line solid c0") == 3


def test_splits_are_told_apart_only_where_they_share_axes(made):
    root = ElementTree.fromstring(pictures_of(made("curves train.loss,valid.error softmax"))["momentum.svg"])
    lines = [each.get("class") for each in root.iter(f"{SVG}path") if "line" in each.get("class", "").split()]
    assert lines == ["line solid c0"] * 2
    assert [each.text for each in root.iter(f"{SVG}text") if each.get("class") == "key"] == []


def test_legend_stays_inside_and_its_entries_apart(made, generator):
    names = [f"group/a_rather_long_name_{number}" for number in range(5)]
    known = generator("known").Known(names, {name: recorded(name, curves(valid_error=0.2)) for name in names})
    root = ElementTree.fromstring(
        pictures_of(made(f"curves valid.error {' '.join(names)}", known=known))["momentum.svg"]
    )
    keys = [each for each in root.iter(f"{SVG}text") if each.get("class") == "key"]
    boxes = [
        (float(each.get("y", 0)), float(each.get("x", 0)), float(each.get("x", 0)) + 7 * len(each.text or ""))
        for each in keys
    ]
    assert len({y for y, _, _ in boxes}) > 1
    assert max(end for _, _, end in boxes) <= float(root.get("viewBox", "").split()[2])
    assert all(after[0] > before[0] or after[1] > before[2] for before, after in pairwise(boxes))


def test_curves_are_drawn_along_passes_where_a_method_counts_them(made, generator):
    counted = {**curves(3, valid_error=0.2), "passes": [4, 8, 12]}
    records = {"softmax": recorded("softmax", curves(3, valid_error=0.2)), "mlp": recorded("mlp", counted)}
    found = made("curves valid.error softmax mlp passes", known=generator("known").Known([*records], records))
    assert "along passes over the data" in text_of(found)
    ticks = [each.text for each in ElementTree.fromstring(pictures_of(found)["momentum.svg"]).iter(f"{SVG}text")]
    assert "12" in ticks


def test_surface_is_drawn_below_its_command(made):
    rules = "--rule 'sgd learning_rate=0.1' --rule 'momentum learning_rate=0.02'"
    found = made(f"surface bowl {rules} --steps 3", f"surface one-dimension {rules} --steps 30 --start -2 --noise 0.5")
    assert found.mistakes == []
    assert [text.startswith("<?xml") for text in pictures_of(found).values()] == [True, True]
    text = text_of(found)
    assert f"$ mnistnn plot --surface bowl {rules} --steps 3 \\\n    --out bowl.svg\nwrote bowl.svg\nsgd, learn" in text
    assert "momentum, learning_rate 0.02: after 30 steps at (-" in text
    assert (
        "![the paths of sgd, learning_rate 0.1; momentum, learning_rate 0.02 on the surface bowl]"
        "(../pictures/course/momentum.svg)"
    ) in text


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("surface boll", "surface: there is no surface 'boll'; did you mean 'bowl'?"),
        ("surface bowl --log", "--log is of curves of runs"),
        ("surface", "surface needs the arguments of mnistnn plot --surface"),
        ("records softmx", "there is no experiment 'softmx'; did you mean 'softmax'?"),
        ("records cnn", "cnn has no record; mnistnn reproduce experiments/cnn.yaml makes one"),
        (
            "curves valid.error mlp",
            "the record of mlp has no curves; mnistnn reproduce experiments/mlp.yaml keeps them",
        ),
        ("curves valid.eror softmax", "of softmax have no metric 'valid.eror', did you mean 'valid.error'?; there are"),
        ("curves valid.error", "curves needs a metric and names of experiments"),
        ("record softmax", "there is no kind of block 'record'; did you mean 'records'?"),
        ("records 'softmax", "not a block: records 'softmax"),
        ("mistakes", "mistakes.yaml: not readable as a list of mistakes"),
        ("history softmax", "history takes no arguments"),
        ("contents softmax", "contents takes no arguments"),
        ("week", "week takes a number"),
        ("week 7", "there is no week '7'"),
    ],
)
def test_block_that_cannot_be_filled_is_a_mistake_at_its_line(made, block, message):
    found = made("records softmax", block)
    (mistake,) = found.mistakes
    assert mistake.startswith("docs/course/momentum.md:8: ")
    assert message in mistake
    assert text_of(found).endswith(f"<!-- made: {block} -->\n<!-- made: end -->")
    assert "| `softmax` |" in text_of(found)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("<!-- made: history -->\n", ": its last block does not end"),
        ("<!-- made: end -->\n", ":1: no block is open here"),
        ("<!-- made: history -->\n<!-- made: history -->\n<!-- made: end -->\n", ":2: a block is open here"),
        ("<!--made: history -->\n<!-- made: end -->\n", ":1: a line of a block is written <!-- made: history -->"),
        ("<!-- made history -->\n<!-- made: end -->\n", ":1: a line of a block is written <!-- made: history -->"),
        ("<!-- made: -->\n<!-- made: end -->\n", ":1: a block that says nothing"),
    ],
)
def test_block_that_is_not_written_as_one_is_a_mistake(generator, text, mistake):
    same, mistakes = generator("blocks").filled(text, "page.md", pytest.fail)
    assert same == text
    assert mistakes[0].startswith(f"page.md{mistake}")


def test_mistakes_of_a_page_are_listed(made, tmp_path):
    made("mistakes")
    (tmp_path / "docs/course/mistakes.yaml").write_text(
        "- {source: slides, place: Performance, says: It is 8 %., is: it is 9 %, page: momentum, see: [softmax]}\n"
        "- {source: lisa, place: Elsewhere, says: a, is: b, page: signs, see: [softmax]}\n"
    )
    text = text_of(made("mistakes"))
    assert "\n- The slides, *Performance*: It is 8 %. Correct: it is 9 %. See `softmax`.\n" in text
    assert "LISA" not in text


def test_page_without_a_mistake_says_so(made, tmp_path):
    made("mistakes")
    (tmp_path / "docs/course/mistakes.yaml").write_text(
        "- {source: lisa, place: x, says: a, is: b, page: signs, see: [softmax]}\n"
    )
    assert "has no entry whose page is 'momentum'" in made("mistakes").mistakes[0]


def test_history_is_the_table_of_its_page(made, generator):
    found = made("history", known=generator("known").Known.of_project())
    rows = [line for line in text_of(found).splitlines() if line.startswith("| ")]
    assert len(rows) == 11
    assert set(rows) <= set((ROOT / "docs/guides/history.md").read_text().splitlines())


def test_contents_have_every_page_of_every_chapter_to_be_read_and_for_sphinx(made):
    text = text_of(made("contents"))
    tree = text.partition("```{toctree}\n")[2].partition("```")[0].split()
    names = [page.name for page in pages()]
    assert [name for name in tree if name in names] == names
    assert [line for line in text.splitlines() if line.startswith("1. ")] == [
        "1. **Derivatives and parameters** [What a derivative is](derivatives.md) · "
        "[Values, updates and givens](parameters.md)"
    ]
    assert all(f"]({name}.md)" in text for name in names)


def test_weeks_have_every_chapter_once_and_are_all_on_the_page_for_teachers(generator):
    contents = generator("contents")
    weeks = range(1, len(contents.WEEKS) + 1)
    assert [chapter for week in weeks for chapter in contents.chapters_of(week)] == list(CHAPTERS)
    page = (ROOT / "docs/course/teacher.md").read_text(encoding="utf-8")
    assert [f"<!-- made: week {week} -->" in page for week in weeks] == [True] * len(weeks)


def test_week_has_the_minutes_of_experiments_that_have_a_record(generator):
    text = generator("contents").week("2", {"mlp": 87.0, "softmax": 2.0, "lisa/mlp": 3600.0})
    assert "| [Backpropagation](backpropagation.md) | `mlp` 1.4, `lisa/mlp` 60 |  |" in text
    assert "`course/softmax_full_batch` –, `course/softmax_1000_steps` –, `softmax` 0.1" in text
    assert text.splitlines()[-1].startswith("All experiments of the week together: 61 minutes, without ")
    assert generator("contents").week("2", {}).endswith("No experiment of the week has a record.")


def test_pages_that_have_mistakes_show_them():
    marked = {
        path.stem
        for path in (ROOT / "docs/course").glob("*.md")
        if "<!-- made: mistakes -->" in path.read_text("utf-8")
    }
    assert {mistake.page for mistake in mistakes()} - marked == set()
