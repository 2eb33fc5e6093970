"""`mnistnn compare`."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from mnistnn.cli.compare import _escaped


@pytest.fixture
def two(toy, start):
    """Two experiments of three runs each, with seeds 0 to 2."""
    for seed in range(3):
        start(toy, f"seed={seed}", path=f"runs/a-{seed}")
        start(toy, f"seed={seed}", "name=narrow", "model.layers.hidden.units=2", path=f"runs/b-{seed}")
    return "runs"


@pytest.fixture
def single(toy, start):
    """Two experiments of one run each."""
    start(toy, "name=wide", path="runs/a")
    start(toy, "name=narrow", "model.layers.hidden.units=2", path="runs/b")
    return "runs"


def test_what_differs_the_metrics_the_tests_and_the_choice_are_shown(two, command):
    done = command("compare", two)
    assert (done.code, done.err) == (0, "")
    differs, table, pair, choice = done.out.rstrip("\n").split("\n\n")
    assert [line.split() for line in differs.splitlines()] == [
        ["differs", "A", "B"],
        ["model.layers.hidden.units", "12", "2"],
    ]
    header, first, second = table.splitlines()
    assert re.split(r"  +", header.strip()) == [
        *("experiment", "runs", "valid.error, mean ± std", "95 % interval"),
        *("best epoch", "mean seconds", "parameters", "along epochs"),
    ]
    assert re.match(r"A  toy  +3  +\d+\.\d\d ± \d+\.\d\d %  +-?\d+\.\d\d to \d+\.\d\d %  +\d.* 832  [▁-█]{6}$", first)
    assert second.split()[:3] == ["B", "narrow", "3"]
    assert re.match(r"B against A: \+\d+\.\d\d percentage points of valid\.error \(95 % interval [+-]", pair)
    assert pair.splitlines()[0].endswith(", paired by seeds 0, 1, 2")
    assert pair.splitlines()[1:] == [
        "  sign-flip test: p = 0.25, the smallest that 3 seeds allow",
        "  the difference is not shown to be more than chance (p > 0.05); 6 seeds could show it",
    ]
    assert choice.splitlines() == [
        "validation chooses A, toy: the lowest mean valid.error",
        "its test error has not been read (mnistnn eval reads it)",
    ]


def test_metrics_are_those_of_the_runs(two, command):
    bests = []
    for seed in range(3):
        rows = [json.loads(line) for line in Path(f"runs/a-{seed}/metrics.jsonl").read_text().splitlines()]
        bests.append(min(row["valid.error"] for row in rows))
    mean = sum(bests) / 3
    std = (sum((each - mean) ** 2 for each in bests) / 2) ** 0.5
    assert f" {100 * mean:.2f} ± {100 * std:.2f} % " in command("compare", two).out


def test_test_error_is_shown_of_the_chosen_experiment_alone(two, command):
    for seed in range(3):
        command("eval", f"runs/b-{seed}")
    assert "its test error has not been read" in command("compare", two).out
    assert '"test": null' in command("compare", two, "--json").out
    error = json.loads(command("eval", "runs/a-1", "--json").out)["error"]
    last = command("compare", two).out.splitlines()[-1]
    assert last.startswith(f"its test error: {100 * error:.2f} % (95 % interval ")
    assert last.endswith(" %), as eval has read it for 1 of 3 runs")
    assert len(Path("runs/a-1/eval/test-readings.jsonl").read_text().splitlines()) == 1


def test_single_runs_are_tested_on_their_validation_examples(single, command):
    out = command("compare", single).out
    found = re.search(r"(\d+) are classified correctly by A alone, (\d+) by B alone; p = (\S+)", out)
    assert found
    assert "; this holds for these two models: other seeds may say otherwise" in out
    test = json.loads(command("compare", single, "--json").out)["pairs"][0]["test"]
    assert (test["type"], test["only_first"], test["only_second"]) == ("mcnemar", int(found[1]), int(found[2]))


def test_digits_that_are_missing_are_said_and_the_rest_is_shown(single, command, monkeypatch):
    whole = command("compare", single).out
    monkeypatch.setenv("MNISTNN_DATA", "empty")
    done = command("compare", single)
    assert done.code == 0
    assert "\n  no test: " in done.out
    assert "valid.error" in done.out
    assert "validation chooses" in whole
    assert "validation chooses" in done.out


def test_several_tests_are_adjusted(two, toy, start, command):
    for seed in (1, 2, 3):
        start(toy, f"seed={seed}", "name=slow", "optimizer.learning_rate=0.01", path=f"runs/c-{seed}")
    out = command("compare", two).out
    assert out.count("; adjusted for 2 tests (Holm), p = ") == 2
    assert "the difference is not shown to be more than chance (adjusted p > 0.05); 7 seeds could show it" in out
    assert "left out: seeds 0, 3, which only one of them has" in out
    assert "C against B" not in out
    assert "C against B" in command("compare", two, "--all-pairs").out


def test_seeds_that_are_not_shared_allow_no_test(toy, start, command):
    for seed in (0, 1):
        start(toy, f"seed={seed}", path=f"runs/a-{seed}")
        start(toy, f"seed={seed + 2}", "name=other", "batches.size=16", path=f"runs/b-{seed}")
    assert "B against A\n  no test: no seed in common\n" in command("compare", "runs").out


def test_one_experiment_alone_is_shown_without_tests(two, command):
    done = command("compare", "runs/a-0", "runs/a-1")
    assert done.code == 0
    assert done.out.startswith("one experiment, so there is nothing to compare it with\n\n")
    assert "test" not in done.out


def test_json_has_everything(two, command):
    found = json.loads(command("compare", two, "--json", "--metric", "valid.loss").out)
    assert (found["schema_version"], found["metric"], found["chosen"], found["test"]) == (1, "valid.loss", "A", None)
    assert found["differing"] == [{"key": "model.layers.hidden.units", "values": {"A": 12, "B": 2}}]
    assert [each["seeds"] for each in found["experiments"]] == [[0, 1, 2], [0, 1, 2]]
    (pair,) = found["pairs"]
    a, b = (each["values"] for each in found["experiments"])
    assert pair["differences"] == [y - x for x, y in zip(a, b, strict=True)]
    assert pair["test"] == {"type": "sign_flip", "p": 0.25, "smallest_p": 0.25, "patterns": 8, "is_exact": True}
    assert (found["notes"], found["unreadable"]) == ([], [])


def test_csv_has_the_metrics_as_they_are(two, command):
    found = json.loads(command("compare", two, "--json").out)["experiments"]
    rows = list(csv.DictReader(io.StringIO(command("compare", two, "--csv").out)))
    assert [row["experiment"] for row in rows] == ["toy", "narrow"]
    assert [float(row["mean"]) for row in rows] == [each["mean"] for each in found]
    assert [float(row["high_95"]) for row in rows] == [each["interval_95"][1] for each in found]
    assert [(row["metric"], row["runs"], row["seeds"], row["parameters"]) for row in rows] == [
        ("valid.error", "3", "0 1 2", "832"),
        ("valid.error", "3", "0 1 2", "142"),
    ]


def test_markdown_is_a_table(two, command):
    lines = command("compare", two, "--md").out.splitlines()
    assert lines[0].startswith("| experiment | runs | valid.error, mean ± std | 95 % interval | best epoch |")
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[2].startswith("| toy | 3 | ")
    assert {line.count("|") for line in lines} == {8}


def test_values_in_markdown_are_nothing_but_text():
    assert _escaped("a|b*c <i> [x] `y` \\") == r"a\|b\*c \<i> \[x] \`y\` \\"


def test_unreadable_runs_are_warned_of_and_the_others_compared(two, command):
    Path("runs/a-0/run.json").write_text("{")
    done = command("compare", two, "gone")
    assert done.code == 0
    assert "warning: not compared: runs/a-0/run.json: " in done.err
    assert "warning: not compared: no run named 'gone'" in done.err
    assert "paired by seeds 1, 2\n" in done.out
    assert [each["reference"] for each in json.loads(command("compare", two, "gone", "--json").out)["unreadable"]] == [
        "runs/a-0",
        "gone",
    ]


def test_long_values_are_cut_to_the_terminal(two, toy, start, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    start(toy, "penalties.l2=null", path="runs/c")
    lines = command("compare", two).out.split("\n\n")[0].splitlines()
    assert max(map(len, lines)) <= 80
    assert any("…" in line for line in lines)


def test_what_comes_from_outside_cannot_steer_the_terminal(two, command):
    assert "\x1b" not in command("compare", two, "gone\x1b[2J").err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["gone"], 4, "no run named 'gone'"),
        ([], 2, "missing argument 'RUN...'"),
        (["runs", "--csv", "--md"], 2, "--json, --csv, --md and --latex exclude each other"),
        (["runs", "--metric", "valid.eror"], 2, "no run has the metric 'valid.eror', did you mean 'valid.error'?"),
        (["runs", "--metric", "test.error"], 2, "no run has the metric 'test.error'"),
    ],
)
def test_what_cannot_be_compared_is_said(toy, start, command, arguments, code, message):
    start(toy, "stopping.max_epochs.epochs=1", path="runs/one")
    done = command("compare", *arguments)
    assert (done.code, message in done.err, done.out) == (code, True, "")


def test_parts_of_a_layer_that_one_experiment_lacks_are_compared(toy, command):
    overrides = {"a": [], "b": ["model.layers.hidden.units=5"], "c": ["model.layers.hidden=null"]}
    for name, given in overrides.items():
        assert command("train", toy, "--run-dir", f"runs/{name}", "--name", name, "--epochs", "1", *given).code == 0
    out = command("compare", "runs/a", "runs/b", "runs/c").out
    rows = {line.split()[0]: line.split()[1:] for line in out.split("\n\n")[0].splitlines()}
    assert rows["model.layers.hidden.units"] == ["12", "5", "–"]
    assert rows["model.layers.hidden"][-1] == "–"


def test_table_in_latex_has_no_character_that_latex_takes_for_more(toy, start, command):
    start(toy, "name=a_b", "stopping.max_epochs.epochs=1", path="runs/a")
    done = command("compare", "runs/a", "--latex")
    lines = done.out.splitlines()
    assert lines[:3] == [r"% \usepackage{booktabs}", r"\begin{tabular}{lrrrrrr}", r"\toprule"]
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    assert lines[5].startswith(r"a\_b & 1 & ")
    assert r" \% & " in lines[5]
    assert all(line.count("&") == 6 for line in (lines[3], lines[5]))


def test_unfinished_runs_of_a_folder_are_left_out_unless_asked_for(toy, start, command, stop_after):
    start(toy, path="runs/toy/done")
    stop_after(25)  # in the third epoch
    assert command("train", toy, "seed=1", "--run-dir", "runs/toy/cut", "-q").code in (75, 130, 143)
    done = command("compare", "runs/toy")
    assert done.code == 0
    assert "not compared: runs/toy/cut: is " in done.err
    assert "--unfinished takes it in" in done.err
    assert json.loads(command("compare", "runs/toy", "--json").out)["experiments"][0]["seeds"] == [0]
    for asked in (["runs/toy", "--unfinished"], ["runs/toy/done", "runs/toy/cut"]):
        found = json.loads(command("compare", *asked, "--json").out)["experiments"][0]
        assert sorted(found["seeds"]) == [0, 1]


def test_threads_and_device_make_no_other_experiment(toy, start, command):
    start(toy, "backend.threads=1", path="runs/a")
    start(toy, "backend.threads=2", "seed=1", path="runs/b")
    assert len(json.loads(command("compare", "runs", "--json").out)["experiments"]) == 1
