"""A history of published systems: its file, which experiments stand for it, the table and the figure made of it."""

from pathlib import Path

import pytest

from mnistnn.analysis.plots.history_figure import history_figure
from mnistnn.errors import UsageError
from mnistnn.reproduction.collection import select
from mnistnn.reproduction.history import history_lines, places_of, put_into
from mnistnn.reproduction.member import Member
from mnistnn.reproduction.record import Origin, SeedResult, make_record
from mnistnn.reproduction.systems import systems_of
from mnistnn.tasks.intervals import wilson_interval

FOLDER = Path("experiments")
PROJECT = Path(__file__).parents[2]
HEADER = "year,system,published,file,short\n"
TOY_TEST_EXAMPLES = 80


@pytest.fixture
def history(collection):
    """Let the group `one` be a history of two systems, of which one has a short form."""
    collection("one/short/b.yaml", "one-short-b")

    def write(text):
        (FOLDER / "one/systems.csv").write_text(text)

    write(HEADER + '1998,"a system, linear",7.6,a.yaml,a.yaml\n2012,committee,0.23,b.yaml,short/b.yaml\n')
    return write


def record_of(file, errors, **more):
    seeds = [SeedResult(seed, 1, 1234.4, {"test": error}) for seed, error in enumerate(errors)]
    return make_record(file, Member(FOLDER, file).load(), seeds, Origin("0123abc", False), **more)


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_history_stands_for_the_experiments_of_its_systems(history):
    assert [member.file for member in select(FOLDER, ["one"])] == ["one/a.yaml", "one/b.yaml"]


def test_quick_takes_the_short_forms(history):
    assert [member.file for member in select(FOLDER, ["one"], short=True)] == ["one/a.yaml", "one/short/b.yaml"]


def test_history_has_systems_too_that_say_why_they_were_not_run(history, collection):
    collection("one/b.yaml", "one-b", claim="expect: {test_error: [0, 1], not_run: It takes hours.}\n")
    assert [member.file for member in select(FOLDER, ["one"])] == ["one/a.yaml", "one/b.yaml"]


@pytest.mark.parametrize("names", [(), ("two",), ("one", "two"), ("experiments/own.yaml",)])
def test_quick_is_refused_where_there_are_no_short_forms(history, names):
    with pytest.raises(UsageError, match="--quick takes the short forms of a history's systems: one"):
        select(FOLDER, names, short=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"systems\.csv:1: expected the columns year,system,published,file,short, got "),
        ("year,name\n", r"systems\.csv:1: expected the columns .*, got year,name"),
        (HEADER + "1998,x,7.6,a.yaml\n", r"systems\.csv:2: not a system"),
        (HEADER + "1998,x,7.6,a.yaml,a.yaml\nlong ago,x,7.6,a.yaml,a.yaml\n", r"systems\.csv:3: not a system"),
        (HEADER + "1998,x,much,a.yaml,a.yaml\n", r"systems\.csv:2: not a system"),
        (HEADER + "1998,x,7.6,c.yaml,a.yaml\n", r"systems\.csv:2: there is no experiment one/c\.yaml"),
        (HEADER + '1998,"x,7.6\n', r"systems\.csv:2: not a system"),
    ],
)
def test_file_that_is_no_history_is_refused_at_its_line(history, text, message):
    history(text)
    with pytest.raises(UsageError, match=message):
        systems_of(FOLDER, "one")


def test_table_has_published_and_own_errors_with_intervals_and_seconds(history):
    records = [record_of("one/a.yaml", [0.25]), record_of("one/short/b.yaml", [0.1, 0.15])]
    lines = history_lines(systems_of(FOLDER, "one"), records)
    low, high = (f"{100 * end:.2f}" for end in wilson_interval(round(0.25 * TOY_TEST_EXAMPLES), TOY_TEST_EXAMPLES))
    same = [f"25.00 % ({low} to {high})", "1,234"]
    assert cells(lines[2]) == ["1998", "a system, linear", "7.60 %", *same, *same]
    low, high = (f"{100 * end:.2f}" for end in wilson_interval(10, TOY_TEST_EXAMPLES))
    assert cells(lines[3]) == ["2012", "committee", "0.23 %", "–", "–", f"12.50 % ({low} to {high})", "1,234"]
    assert len({len(line) for line in lines}) == 1


def test_table_says_what_was_cut_off_and_computed_elsewhere(history):
    records = [record_of("one/a.yaml", [0.25], cut_off="seed 0 after epoch 1"), record_of("one/b.yaml", [0.25])]
    (FOLDER / "one/a.yaml").write_text((FOLDER / "one/a.yaml").read_text().replace("[0, 1]", "[0, 0.1]"))
    records[0] = record_of("one/a.yaml", [0.25], cut_off="seed 0 after epoch 1")
    lines = history_lines(systems_of(FOLDER, "one"), records)
    assert ", cut off)" in lines[2]
    assert ", cut off)" not in lines[3]


def test_page_with_a_place_for_the_table_gets_it_and_keeps_the_rest(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Before\n\n<!-- This table is written by mnistnn reproduce. -->\nold\n<!-- End of the table. -->\nafter\n"
    )
    put_into(page, ["| \\1 |"])
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("\nafter\n")
    assert "\n| \\1 |\n" in text
    assert "old" not in text
    put_into(page, ["| \\1 |"])
    assert page.read_text() == text


@pytest.mark.parametrize("text", [None, "# No place\n"])
def test_page_without_a_place_stays_as_it_is(tmp_path, text):
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    put_into(page, ["| a |"])
    assert (page.read_text() if page.exists() else None) == text


@pytest.mark.parametrize(("name", "start"), [("f.svg", b"<?xml"), ("f.pdf", b"%PDF"), ("f.png", b"\x89PNG")])
def test_figure_is_drawn_with_and_without_records(history, name, start):
    pytest.importorskip("matplotlib")
    systems, records = systems_of(FOLDER, "one"), [record_of("one/a.yaml", [0.25])]
    found = [history_figure(places_of(systems, given), Path(name)) for given in (records, records, [])]
    assert all(content.startswith(start) for content in found)
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_project_has_the_nine_systems_of_the_slides():
    systems = systems_of(PROJECT / "experiments", "history")
    assert [(each.year, round(100 * each.published, 2)) for each in systems] == [
        (1998, 7.6),
        (1998, 3.3),
        (2002, 0.56),
        (2003, 1.6),
        (2003, 0.7),
        (2007, 0.52),
        (2009, 0.87),
        (2010, 0.35),
        (2012, 0.23),
    ]
