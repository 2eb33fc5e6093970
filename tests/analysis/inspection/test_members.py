"""The members of a committee: every number counted again by loops in plain Python, from what runs say by themselves."""

import json
import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import Predictions, predictions_of
from mnistnn.analysis.inspection.member_differences import Differences
from mnistnn.analysis.inspection.members import (
    Member,
    Members,
    comparison_lines,
    disagreement_line,
    how_many,
    members_on,
    votes_text,
)
from mnistnn.analysis.statistics import mcnemar_test
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.members import member_run
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory

RUN = RunDirectory(Path("run"))
HEAD = "name: own\ndata: {dataset: toy, validation_examples: 60}\nmodel:\n  type: committee\n  members:\n"


@pytest.fixture
def own(committee, start):
    """Train a committee of these lines of members, in the folder `run`."""

    def train(*lines, tail="", more=()):
        Path("own.yaml").write_text(HEAD + "".join(f"    - {line}\n" for line in lines) + tail)
        return start(Path("own.yaml"), *more).run

    return train


def looked_at(split="valid", checkpoint="last"):
    return members_on(load_trained(RUN, checkpoint), RUN, split)


def asked(number, split):
    """Return the probabilities, or scores, that the run of a member gives by itself (n, 4), and the labels (n,)."""
    trained = load_trained(member_run(RUN, number))
    with trained.computing():
        found = [
            (trained.task.loss.probabilities(trained.task.scores(x)), labels) for x, labels in trained.batches(split)
        ]
    return np.concatenate([p for p, _ in found]).astype(float), np.concatenate([labels for _, labels in found])


def first_largest(values):
    return [*values].index(max(values))


def decided(ps, combine):
    """Return what a committee predicts for one example, of the probabilities of its members for each class."""
    k = len(ps[0])
    means = [sum(p[c] for p in ps) / len(ps) for c in range(k)]
    votes = [sum(first_largest(p) == c for p in ps) for c in range(k)]
    return first_largest(means if combine == "mean" else [*zip(votes, means, strict=True)])


def errors_of(predicted, labels):
    return sum(a != b for a, b in zip(predicted, labels, strict=True)) / len(labels)


def binomial_p(a, b):
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return min(1.0, 2 * tail / 2 ** (a + b))


@pytest.mark.parametrize("split", ["valid", "test", "train"])
@pytest.mark.parametrize(("name", "combine", "m"), [("committee", "mean", 2), ("voters", "vote", 3)])
def test_numbers_are_those_of_a_recount(fitted_run, name, combine, m, split):
    fitted_run(name)
    found = looked_at(split)
    ps, labels = [asked(number, split)[0] for number in range(m)], asked(0, split)[1]
    n = len(labels)
    alone = [[int(np.argmax(p[i])) for i in range(n)] for p in ps]
    together = [[decided([p[i] for p in ps[: k + 1]], combine) for i in range(n)] for k in range(m)]
    assert found.predicted.tolist() == alone
    assert found.committee.predicted.tolist() == together[-1]
    assert [each.error for each in found.members] == [errors_of(each, labels) for each in alone]
    assert [each.error_together for each in found.members] == [errors_of(each, labels) for each in together]
    assert found.errors == sum(a != b for a, b in zip(together[-1], labels, strict=True))
    for i in range(m):
        for j in range(m):
            assert found.disagreement[i, j] == errors_of(alone[i], alone[j])
    assert found.pairs.tolist() == [sum(a[i] != b[i] for a, b in combinations(alone, 2)) for i in range(n)]

    valid = asked(0, "valid")[1]
    on_valid = [errors_of(asked(number, "valid")[0].argmax(axis=1), valid) for number in range(m)]
    best = min(range(m), key=lambda at: on_valid[at])
    only_committee = sum(together[-1][i] == labels[i] != alone[best][i] for i in range(n))
    only_member = sum(alone[best][i] == labels[i] != together[-1][i] for i in range(n))
    assert found.best == best + 1
    assert found.test is not None
    assert (found.test.only_first, found.test.only_second) == (only_committee, only_member)
    assert found.test.p == pytest.approx(binomial_p(only_committee, only_member))


@pytest.mark.parametrize(("name", "m"), [("committee", 2), ("voters", 3)])
def test_examples_are_those_of_a_recount(fitted_run, name, m):
    fitted_run(name)
    found = looked_at("test")
    ps, labels = [asked(number, "test")[0] for number in range(m)], asked(0, "test")[1]
    alone = [p.argmax(axis=1) for p in ps]
    everywhere = {i for i in range(80) if all(each[i] != labels[i] for each in alone)}
    somewhere = [i for i in range(80) if len({int(each[i]) for each in alone}) > 1]
    assert everywhere
    assert somewhere
    assert {each.place for each in found.misclassified_by_all()} == everywhere
    assert {each.place for each in found.disputed()} == set(somewhere)
    for each in [*found.misclassified_by_all(), *found.disputed()]:
        assert each.true == labels[each.place]
        assert each.predicted == found.committee.predicted[each.place]
        assert dict(each.votes) == {
            label: sum(int(one[each.place]) == label for one in alone) for label, _ in each.votes
        }
        assert sum(count for _, count in each.votes) == m
        if name == "voters":
            assert each.probability is None
        else:
            mean = sum(p[each.place] for p in ps) / m
            assert each.probability == pytest.approx(mean[each.predicted], rel=1e-5)


def test_committee_predicts_what_its_own_evaluation_finds(fitted_run):
    fitted_run("voters")
    expected, found = predictions_of(load_trained(RUN, "last"), "test"), looked_at("test")
    np.testing.assert_array_equal(found.committee.predicted, expected.predicted)
    np.testing.assert_array_equal(found.committee.labels, expected.labels)


def test_rows_of_the_run_say_the_same_of_validation(fitted_run):
    fitted_run("committee")
    rows = [json.loads(line) for line in RUN.metrics.read_text().splitlines()]
    found = looked_at().members
    assert [each.error for each in found] == [row["member.error"] for row in rows]
    assert [each.error_together for each in found] == [row["valid.error"] for row in rows]


def test_each_member_is_asked_once_about_each_batch(fitted_run, monkeypatch):
    fitted_run("voters")
    trained = load_trained(RUN, "last", ["evaluation.batch_size=25"])
    asked_about: list[tuple[int, int]] = []
    joined = trained.task.committee.joined

    def watched(number, member):
        def probabilities(x):
            asked_about.append((number, len(x)))
            return member.probabilities(x)

        return SimpleNamespace(probabilities=probabilities)

    monkeypatch.setattr(trained.task.committee, "joined", [watched(*each) for each in enumerate(joined)])
    found = members_on(trained, RUN, "test")
    assert asked_about == [(number, size) for size in (25, 25, 25, 5) for number in range(3)]
    assert found.predicted.tolist() == looked_at("test").predicted.tolist()


# The best member.


def with_member_errors(run, errors):
    """Let the rows of a run have these errors of members; none for None."""
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    for row, error in zip(rows, errors, strict=True):
        del row["member.error"]
        row |= {} if error is None else {"member.error": error}
    run.metrics.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.mark.parametrize(("errors", "best"), [([0.2, 0.1], 2), ([0.1, 0.2], 1), ([0.1, 0.1], 1)])
def test_best_member_of_the_test_split_is_chosen_by_validation(fitted_run, errors, best):
    with_member_errors(fitted_run("committee"), errors)
    found = looked_at("test")
    assert found.best == best
    wrong, wrong_together = (
        found.predicted != found.committee.labels,
        found.committee.predicted != found.committee.labels,
    )
    assert found.test == mcnemar_test(
        int((wrong[best - 1] & ~wrong_together).sum()), int((wrong_together & ~wrong[best - 1]).sum())
    )


def test_best_member_is_found_again_where_rows_do_not_say_it(fitted_run):
    run = fitted_run("voters")
    valid = looked_at("valid")
    with_member_errors(run, [0.0, None, 0.9])
    assert looked_at("test").best == valid.best == 1 + int(np.argmin([each.error for each in valid.members]))
    assert valid.best != 1


def test_equal_members_disagree_nowhere_and_the_first_is_the_best(own):
    own(*["{experiment: toy.yaml, overrides: [seed=5, stopping.max_epochs.epochs=1]}"] * 2)
    found = looked_at()
    assert found.disagreement.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert (found.best, found.disputed()) == (1, [])
    assert found.test == mcnemar_test(0, 0)
    assert comparison_lines(found)[1] == (
        "both misclassify equally many; the difference is not shown to be more than chance (p > 0.05)"
    )


def test_without_a_validation_split_there_is_no_best_member(own):
    member = "{experiment: toy.yaml, overrides: [data.validation_examples=0, checkpoint.monitor=last]}"
    own(member, member, more=["data.validation_examples=0", "checkpoint.monitor=last"])
    found = looked_at("test")
    assert (found.best, found.test, comparison_lines(found)) == (None, None, [])
    assert len(found.members) == 2
    with pytest.raises(UsageError, match="there are no valid examples"):
        looked_at("valid")


def test_single_member_is_compared_with_nobody(own):
    own("{experiment: toy.yaml}")
    found = looked_at()
    assert (found.test, found.closest_and_farthest(), disagreement_line(found)) == (None, None, "")
    assert (found.members[0].error, found.disputed()) == (found.members[0].error_together, [])


# Other members, and fewer.


def test_members_of_other_kinds_are_asked(own):
    own("experiment: neighbours.yaml", "experiment: machines.yaml", "experiment: toy.yaml", tail="  combine: vote\n")
    found = looked_at("test")
    for number, row in enumerate(found.predicted):
        expected = predictions_of(load_trained(member_run(RUN, number)), "test").predicted
        np.testing.assert_array_equal(row, expected)
    assert [each.name for each in found.members] == ["neighbours", "machines", "toy"]


def test_committee_that_is_not_complete_is_looked_at(own):
    broken = "{experiment: toy.yaml, overrides: [optimizer.learning_rate=1e30]}"
    with pytest.raises(DivergedError, match="member 3"):
        own("experiment: toy.yaml", "experiment: pairs.yaml", broken, tail="  combine: vote\n")
    found = looked_at()
    assert [(each.number, each.name) for each in found.members] == [(1, "toy"), (2, "pairs")]
    assert how_many(found) == "the first 2 of 3 members, by vote"
    assert found.disagreement.shape == (2, 2)
    assert found.best in (1, 2)


def test_member_whose_outputs_are_not_finite_is_named(fitted_run, monkeypatch):
    fitted_run("committee")
    trained = load_trained(RUN, "last")
    first, second = trained.task.committee.joined
    broken = SimpleNamespace(probabilities=lambda x: second.probabilities(x) * np.nan)
    monkeypatch.setattr(trained.task.committee, "joined", [first, broken])
    with pytest.raises(DivergedError, match="the outputs of member 2 are not finite numbers"):
        members_on(trained, RUN, "valid")


def test_another_model_has_no_members(fitted_run):
    fitted_run("pairs")
    with pytest.raises(UsageError, match="pairs: its model, of type least_squares, has no members"):
        looked_at()


# What follows from predictions.

LABELS = np.array([0, 1, 2, 2, 0])
PREDICTED = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 0, 1], [2, 1, 0, 1, 1], [1, 1, 1, 1, 2]], np.uint8)
P = np.array([[0.1, 0.8, 0.1], [0, 1, 0], [0.45, 0.05, 0.5], [0.9, 0.1, 0], [0.2, 0.6, 0.2]])


def made_up(predicted=PREDICTED, p=P):
    """Four members on five examples of three classes; they alone misclassify the third."""
    members = [Member(number, "net", Differences({}, ""), 0.1, 0.1) for number in range(1, len(predicted) + 1)]
    shares = (predicted[:, None] != predicted[None]).mean(axis=2)
    committee = Predictions(LABELS, P.argmax(axis=1), p, 3)
    return Members(members, len(members), "mean", committee, predicted, shares, 1, mcnemar_test(0, 3))


def test_misclassified_by_all_come_with_the_most_confident_prediction_first():
    found = made_up().misclassified_by_all()
    assert [each.place for each in found] == [3, 0, 2]
    assert [(each.true, each.predicted, each.probability) for each in found] == [(2, 0, 0.9), (0, 1, 0.8), (2, 2, 0.5)]
    assert [each.votes for each in found] == [[(0, 2), (1, 2)], [(1, 3), (2, 1)], [(0, 2), (1, 2)]]


def test_misclassified_by_all_come_in_order_without_probabilities():
    found = made_up(p=None).misclassified_by_all()
    assert [(each.place, each.probability) for each in found] == [(0, None), (2, None), (3, None)]


def test_most_disputed_come_first_and_equal_ones_in_order():
    found = made_up()
    assert found.pairs.tolist() == [3, 0, 4, 4, 5]
    assert [each.place for each in found.disputed()] == [4, 2, 3, 0]
    assert [each.place for each in found.disputed(2)] == [4, 2]


def test_classes_are_said_by_their_names():
    assert votes_text(made_up().disputed(1)[0], ["a", "b", "c"]) == "2 for b, 1 for a, 1 for c"


def test_pairs_that_disagree_least_and_most_are_named():
    found = made_up()
    shares = {(a + 1, b + 1): found.disagreement[a, b] for a, b in combinations(range(4), 2)}
    extremes = found.closest_and_farthest()
    assert extremes is not None
    least, most = extremes
    assert (least.first, least.second) == min(shares, key=lambda pair: shares[pair])
    assert (most.first, most.second) == max(shares, key=lambda pair: shares[pair])
    assert found.mean_disagreement() == pytest.approx(sum(shares.values()) / 6)
    assert disagreement_line(found) == (
        "disagreement of two members: lowest 40.00 % (members 1 and 2), mean 53.33 %, highest 60.00 % (members 1 and 3)"
    )
    assert disagreement_line(made_up(PREDICTED[:2])) == "disagreement: 40.00 % (members 1 and 2)"


@pytest.mark.parametrize(
    ("counts", "said", "verdict"),
    [
        ((24, 9), "it alone is right on 24 digits, the member alone on 9; McNemar's exact p = 0.0135", "better"),
        ((1, 5), "it alone is right on 1 digit, the member alone on 5; McNemar's exact p = 0.219", "worse"),
    ],
)
def test_comparison_is_said(counts, said, verdict):
    line, which = comparison_lines(replace(made_up(), best=3, test=mcnemar_test(*counts)))
    assert line == f"committee against member 3, the best on validation: {said}"
    is_shown = "more than chance (p ≤ 0.05)" if verdict == "better" else "not shown to be more than chance (p > 0.05)"
    assert which == (f"the committee is {verdict}; the difference is {is_shown}")
