"""`mnistnn eval` of classes: the balanced error, figures of each class, the K best scores, and claims of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.tasks.by_class import balanced_error, figures_of, is_unbalanced, macro_average
from mnistnn.tasks.classification import ranks

CONFUSION = np.array([[8, 2, 0], [1, 4, 0], [5, 0, 0]])  # nothing is predicted to be of class 2


@pytest.fixture
def run(toy, start):
    return start(toy).run


@pytest.fixture
def rare(toy, start):
    """A run that tells one of four classes from the rest: 1 in 4 is of class 1."""
    text = toy.read_text().replace("dataset: toy", "dataset: toy, labels: {positive: [2]}")
    text = text.replace("units: 4", "units: 2")
    toy.write_text(text)
    return start(toy).run


def evaluated(command, *arguments):
    done = command("eval", "run", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


# Figures, by hand.


def test_balanced_error_is_one_minus_the_mean_recall():
    assert balanced_error(np.array([8, 4, 0]), np.array([10, 5, 5])) == pytest.approx(1 - (0.8 + 0.8 + 0) / 3)


def test_class_without_examples_is_left_out_of_the_balanced_error():
    assert balanced_error(np.array([8, 4, 0]), np.array([10, 5, 0])) == pytest.approx(0.2)


def test_figures_of_each_class_equal_the_definitions():
    first, second, third = figures_of(CONFUSION)
    assert first == {"precision": 8 / 14, "recall": 0.8, "f1": pytest.approx(2 * 8 / 24), "support": 10}
    assert second == {"precision": 4 / 6, "recall": 0.8, "f1": pytest.approx(8 / 11), "support": 5}
    assert third == {"precision": None, "recall": 0.0, "f1": 0.0, "support": 5}


def test_macro_average_leaves_out_what_is_undefined():
    found = macro_average(figures_of(CONFUSION))
    assert found["precision"] == pytest.approx((8 / 14 + 4 / 6) / 2)
    assert found["recall"] == pytest.approx(1.6 / 3)


def test_class_that_neither_occurs_nor_is_predicted_has_no_figures():
    nothing = figures_of(np.array([[3, 0], [0, 0]]))[1]
    assert nothing == {"precision": None, "recall": None, "f1": None, "support": 0}


@pytest.mark.parametrize(("counts", "expected"), [((10, 15), False), ((10, 16), True), ((10, 10, 0), False)])
def test_split_is_unbalanced_from_one_and_a_half_times_on(counts, expected):
    assert is_unbalanced(np.diag(counts).tolist()) == expected


def test_rank_counts_the_classes_that_are_ahead_and_ties_go_to_the_lower_class():
    scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.1, 0.2, 0.3]])
    assert ranks(scores, np.array([2, 0, 1, -1])).tolist() == [1, 0, 1]


# What the command says.


def test_json_always_has_the_figures_of_the_classes(run, command):
    found = evaluated(command)
    confusion = np.array(found["confusion"])
    recall = np.diag(confusion) / confusion.sum(axis=1)
    assert found["balanced_error"] == pytest.approx(1 - recall.mean())
    assert [each["recall"] for each in found["per_class"]] == pytest.approx(recall)
    assert [each["support"] for each in found["per_class"]] == confusion.sum(axis=1).tolist()
    assert set(found["macro"]) == {"precision", "recall", "f1"}
    assert found["top_k"] is found["top_k_error"] is None


def test_balanced_error_is_printed_where_classes_are_unbalanced(rare, command):
    expected = 100 * evaluated(command, "--split", "valid")["balanced_error"]
    assert f"balanced error {expected:.2f} %" in command("eval", "run", "--split", "valid").out


def test_balanced_error_is_not_printed_where_classes_are_balanced(run, command):
    assert not is_unbalanced(evaluated(command, "--split", "train")["confusion"])
    assert "balanced" not in command("eval", "run", "--split", "train").out


def test_balanced_error_is_printed_where_something_is_decided_by_it(toy, start, command):
    start(toy, "checkpoint.monitor=valid.balanced_error")
    assert "balanced error" in command("eval", "run", "--split", "train").out


def test_table_of_classes_has_a_line_for_each_and_the_means(run, command):
    found = evaluated(command)
    lines = command("eval", "run", "--per-class").out.splitlines()
    start = next(i for i, line in enumerate(lines) if "precision" in line)
    assert lines[start].split() == ["class", "precision", "recall", "F1", "support"]
    first, macro = found["per_class"][0], found["macro"]
    cells = [f"{100 * first[name]:.2f}" for name in ("precision", "recall", "f1")]
    assert lines[start + 1].replace("%", "").split() == ["0", *cells, str(first["support"])]
    means = [f"{100 * macro[name]:.2f}" for name in ("precision", "recall", "f1")]
    assert lines[start + 5].replace("%", "").split() == ["macro", "mean", *means]


def test_undefined_precision_is_a_dash(toy, start, command):
    start(toy, "optimizer.learning_rate=1e-9", "model.layers.output.init={type: zeros}")
    found = evaluated(command)
    assert [each["precision"] is None for each in found["per_class"]].count(True) > 0
    assert "–" in command("eval", "run", "--per-class").out


def test_top_1_error_is_the_error_and_top_3_is_lower(run, command):
    found = [evaluated(command, "--top-k", str(k)) for k in (1, 2, 3)]
    assert found[0]["top_k_error"] == found[0]["error"]
    assert found[0]["top_k_error"] >= found[1]["top_k_error"] >= found[2]["top_k_error"]
    assert found[2]["top_k"] == 3
    said = command("eval", "run", "--top-k", "2").out
    assert f"top-2 error {100 * found[1]['top_k_error']:.2f} %" in said


def test_as_many_best_scores_as_classes_are_refused(run, command):
    done = command("eval", "run", "--top-k", "4")
    assert done.code == 2
    assert "--top-k: of 4 classes, 1 to 3 can be the best; got 4" in done.err


def test_result_of_an_earlier_version_without_figures_is_read(run, command):
    from mnistnn.analysis.evaluation.results import parse_result
    from mnistnn.storage.sealed_json import seal_json
    from mnistnn.tasks.classification import Evaluation

    found = evaluated(command)
    added = ("balanced_error", "per_class", "macro", "top_k", "top_k_error", "class_names")
    earlier = {name: value for name, value in found.items() if name not in added}
    parsed = parse_result(Evaluation, seal_json(earlier), "here")
    assert parsed.balanced_error is None
    assert parsed.problems() == []


@pytest.mark.parametrize("name", ["balanced_error", "per_class", "macro"])
def test_figure_that_does_not_follow_from_the_confusion_matrix_is_a_problem(run, command, name):
    from dataclasses import replace

    from mnistnn.analysis.evaluation.results import read_result

    evaluated(command)
    found = read_result(Path("run/eval/test-best.json"))
    other = {"balanced_error": 0.987, "per_class": found.per_class[::-1], "macro": dict.fromkeys(found.macro, 0.5)}
    assert found.problems() == []
    assert replace(found, **{name: other[name]}).problems() == [f"its {name} does not follow from its confusion matrix"]


# Claims.


def test_claim_of_the_balanced_error_is_held(toy, start, command):
    toy.write_text(toy.read_text() + "expect: {test_balanced_error: [0.0, 1.0], source: a guess}\n")
    start(toy)
    assert "claim balanced error 0.00 to 100.00 % (a guess): within" in command("eval", "run", "--expect").out


def test_both_claims_of_the_test_split_are_said_and_held(toy, start, command):
    claims = "expect: {test_error: [0.0, 1.0], test_balanced_error: [0.99, 1.0], source: a guess}\n"
    toy.write_text(toy.read_text() + claims)
    start(toy)
    done = command("eval", "run", "--expect")
    assert done.code == 9
    assert "error 0.00 to 100.00 % (a guess): within; balanced error 99.00 to 100.00 % (a guess): OUTSIDE" in done.out
    assert "test balanced error" in done.err
