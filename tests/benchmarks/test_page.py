"""What is kept and shown of results: files by device, the page, the plot."""

import pytest

from benchmarks import results
from benchmarks.measure import Measured
from benchmarks.page import page
from benchmarks.publish import publish
from benchmarks.results import Results
from benchmarks.row import Row, as_data, from_data
from benchmarks.table import short


def _environment(device):
    return {
        "device": device,
        "device_name": "a gpu" if device == "cuda" else None,
        "cpu": "a cpu",
        "threads": 2,
        "pinned_cores": [0, 3],
        "python": "3.11",
        "git": {"commit": "0123456789abcdef", "dirty": False},
    }


def _measured(kind, median, spread=0.0):
    return Measured(kind, f"{kind} 1.0", 2, median, median - spread, median + spread)


def _row(**options):
    measured = [_measured("ours", 0.012, 0.001), _measured("limit", 0.010), _measured("torch-eager", 0.018)]
    parts = {
        "ours": {"hidden1 forward": 0.006, "loss": 0.0058, "update": 0.0001, "other": 0.0001},
        "limit": {"hidden1 forward": 0.004},
    }
    return Row("steps", "a net", measured, **{"peer_goal": 1.4, "limit_goal": 1.1, "parts": parts, **options})


def _results(device="cpu", *rows):
    return Results(_environment(device), rows or [_row()])


def test_page_shows_metrics_spread_and_missed_goals():
    text = page([_results()], {"cpu": "steps.svg"})
    assert "a cpu; at most 2 threads, on cores 0, 3; Python 3.11, limit 1.0, ours 1.0, torch-eager 1.0" in text
    assert "commit 0123456789." in text
    assert (
        "| a net | 12.0 ms (11.0 to 13.0) | 10.0 ms | 18.0 ms torch-eager | 1.50 | 1.20 (goal 1.1) | 2 / 2 / 2 |"
        in text
    )
    assert "](steps.svg)" in text


def test_page_says_where_the_time_of_missed_steps_goes():
    text = page([_results()], {})
    assert "| a net | hidden1 forward | 6.00 | 50 % | 4.00 |" in text
    assert "| a net | all others | 0.200 | 2 % |  |" in text
    assert "Where the time goes" not in page([_results("cpu", _row(limit_goal=1.3))], {})


def test_publishing_one_device_keeps_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.publish.draw", lambda rows, path: None)  # takes a second
    publish(_results("cpu"), tmp_path)
    publish(_results("cuda"), tmp_path)
    text = (tmp_path / "BENCHMARKS.md").read_text()
    assert text.index("## On a processor") < text.index("## On a GPU") < text.index("a gpu, a cpu")
    for device in ("cpu", "cuda"):
        assert f"](benchmarks/steps-{device}.svg)" in text


def test_equal_results_give_an_equal_plot(tmp_path):
    publish(_results(), tmp_path)
    before = (tmp_path / "benchmarks/steps-cpu.svg").read_bytes()
    publish(_results(), tmp_path)
    assert (tmp_path / "benchmarks/steps-cpu.svg").read_bytes() == before


def test_row_comes_back_from_its_data():
    assert from_data(as_data(_row(errors={"ours": 0.02}))) == _row(errors={"ours": 0.02})


def test_results_come_back_from_their_file(tmp_path):
    results.write(_results("cuda"), tmp_path / "cuda.json")
    assert results.read_all(tmp_path) == [_results("cuda")]


@pytest.mark.parametrize(
    ("change", "is_missed"),
    [
        ({"limit_goal": 1.2}, False),  # reached exactly
        ({"limit_goal": 1.19}, True),
        ({"limit_goal": None, "peer_goal": 1.6}, True),
        ({"limit_goal": None, "ceiling": 0.011}, True),
        ({"limit_goal": None, "ceiling": 0.012}, False),
    ],
)
def test_goal_is_missed_when_it_is_not_reached(change, is_missed):
    assert _row(**change).is_missed == is_missed


def test_base_of_a_row_is_no_peer():
    row = Row("elastic", "bent", [_measured("ours", 2.0), _measured("ours-plain", 1.0)], base="ours-plain")
    assert (row.peer, row.against_limit) == (None, 2.0)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.01234, "0.0123"), (1.0, "1.00"), (12.34, "12.3"), (99.96, "100"), (123456.7, "123457")]
)
def test_three_digits_are_shown(value, shown):
    assert short(value) == shown


def test_section_that_is_measured_later_says_by_which_commit_and_leaves_the_others(tmp_path):
    publish(
        _results("cpu", _row(), Row("fitted", "old", [_measured("ours", 1.0), _measured("sklearn", 2.0)])), tmp_path
    )
    new = [Row("fitted", "new", [_measured("ours", 1.0), _measured("sklearn", 3.0)], peer_goal=1.0)]
    later = Results(_environment("cpu") | {"git": {"commit": "fedcba98765432", "dirty": False}}, new)
    publish(later, tmp_path, ["fitted"])
    text = (tmp_path / "BENCHMARKS.md").read_text()
    assert "| new | 1.00 s | 3.00 s | 3.00 | 2 / 2 |" in text
    assert "| old |" not in text
    assert "| a net |" in text
    assert text.count("Measured later, by commit fedcba9876.") == 1
    assert "commit 0123456789." in text
    kept = results.read(tmp_path / "benchmarks" / "results" / "cpu.json")
    assert [(row.section, row.commit) for row in kept.rows] == [("steps", ""), ("fitted", "fedcba9876")]
