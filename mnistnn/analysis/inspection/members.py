"""The members of a committee on a split: how good each is alone and with those before it, on which examples they
disagree, and whether the committee is better than its best member.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.predictions import Predictions
from mnistnn.analysis.inspection.member_differences import Differences, differences_of
from mnistnn.analysis.statistics import McNemar, mcnemar_test, verdict
from mnistnn.backend.arrays import array_module, to_host
from mnistnn.errors import DivergedError
from mnistnn.experiment.trained import Trained
from mnistnn.models.fitted.committee import add_member
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView
from mnistnn.types import Array, SplitName

_BY = {"mean": "by the mean of their probabilities", "vote": "by vote"}


@dataclass(frozen=True)
class Member:
    """A member of a committee.

    number          counted from 1, in the order in which they joined
    name            of its experiment
    differences     what sets it apart from the others
    error           of it alone
    error_together  of the committee of it and those before it
    """

    number: int
    name: str
    differences: Differences
    error: float
    error_together: float


@dataclass(frozen=True)
class Pair:
    """Two members, by their numbers, and the share of examples for which they predict different classes."""

    first: int
    second: int
    disagreement: float


@dataclass(frozen=True)
class Example:
    """An example, and what was predicted for it.

    place        its number in the split, from 0
    true         its class
    predicted    the class that the committee predicts
    probability  of that class, as the committee has it; None if its scores are no probabilities
    votes        each class that members predict, and how many of them do, the most frequent first
    """

    place: int
    true: int
    predicted: int
    probability: float | None
    votes: list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Members:
    """Of m members that have joined and n examples, in their order.

    wanted        how many members the committee has once all have joined
    combine       how it decides: mean or vote
    committee     what it predicts
    predicted     (m, n) the class that each member predicts
    disagreement  (m, m) the share of examples for which two members predict different classes, float64
    best          the number of the member with the lowest validation error, the first of equal ones; None without a
                  validation split
    test          McNemar's test of the committee, the first, against that member; None without one, or if it is the
                  only one. Of the validation split it favours the member, which these examples have chosen
    """

    members: list[Member]
    wanted: int
    combine: str
    committee: Predictions
    predicted: NDArray[np.unsignedinteger[Any]]
    disagreement: NDArray[np.float64]
    best: int | None
    test: McNemar | None

    @property
    def errors(self) -> int:
        """How many examples the committee misclassifies."""
        return len(self.committee.misclassified)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """How many pairs of members predict different classes for each example (n,)."""
        m, n = self.predicted.shape
        alike = np.zeros(n, np.int64)
        for label in range(self.committee.classes):
            votes = np.count_nonzero(self.predicted == label, axis=0)
            alike += votes * (votes - 1) // 2
        result: NDArray[np.int64] = m * (m - 1) // 2 - alike
        return result

    def closest_and_farthest(self) -> tuple[Pair, Pair] | None:
        """Return the pairs of members that disagree least and most, the first of equal ones; None of one member."""
        i, j = np.triu_indices(len(self.members), 1)
        if not len(i):
            return None
        found = self.disagreement[i, j]
        least, most = (
            Pair(int(i[at]) + 1, int(j[at]) + 1, float(found[at])) for at in (found.argmin(), found.argmax())
        )
        return least, most

    def mean_disagreement(self) -> float:
        """Return the mean disagreement of all pairs of members, of which there are two at least."""
        m = len(self.members)
        return float(self.disagreement.sum() / (m * (m - 1)))

    def misclassified_by_all(self) -> list[Example]:
        """Return the examples that no member classifies correctly: the most confident predictions of the committee
        first, or as they come in the split where there are no probabilities.
        """
        (places,) = np.nonzero((self.predicted != self.committee.labels).all(axis=0))
        if self.committee.probabilities is not None:
            surely = self.committee.probabilities[places, self.committee.predicted[places]]
            places = places[np.argsort(-surely, kind="stable")]
        return self._at(places)

    def disputed(self, most: int | None = None) -> list[Example]:
        """Return the examples for which members predict different classes, or the first `most`: those for which most
        pairs do come first, and equal ones as in the split.
        """
        pairs = self.pairs
        places = np.argsort(-pairs, kind="stable")
        return self._at(places[: np.count_nonzero(pairs)][:most])

    def _at(self, places: NDArray[np.int64]) -> list[Example]:
        committee, found = self.committee, []
        for place in places.tolist():
            predicted = int(committee.predicted[place])
            p = None if committee.probabilities is None else float(committee.probabilities[place, predicted])
            counts = np.bincount(self.predicted[:, place], minlength=committee.classes).tolist()
            votes = sorted(((label, count) for label, count in enumerate(counts) if count), key=lambda vote: -vote[1])
            found.append(Example(place, int(committee.labels[place]), predicted, p, votes))
        return found


def members_on(trained: Trained, run: RunDirectory, split: SplitName) -> Members:
    """Ask the members of a committee, the model of a run, about the examples of a split, each once.

    Which member is the best is chosen by validation, so that looking at the test split chooses nothing. Raises
    UsageError for another model or a split without examples, DivergedError if a member's outputs are not finite,
    DataError if the digits are not there.
    """
    committee = trained.task.committee
    asked = _ask(trained, split)
    m, n = asked.predicted.shape
    wrong = asked.predicted != asked.committee.labels
    errors = np.count_nonzero(wrong, axis=1) / n
    validation = errors if split == "valid" else _validation_errors(trained, run, m)
    best = None if validation is None else int(np.argmin(validation))
    configs = [plan.loaded.resolved for plan in trained.plan.members]
    differences = differences_of(configs)
    members = [
        Member(at + 1, configs[at]["name"], differences[at], float(errors[at]), int(asked.errors_together[at]) / n)
        for at in range(m)
    ]
    return Members(
        members=members,
        wanted=committee.rounds,
        combine=committee.combine,
        committee=asked.committee,
        predicted=asked.predicted,
        disagreement=_disagreement(asked.predicted),
        best=None if best is None else best + 1,
        test=None if best is None or m == 1 else _test(asked.committee, wrong[best]),
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """What m members, and the committees of the first, the first two, …, predicted for n examples.

    predicted        (m, n), of the smallest type that holds a class
    errors_together  (m,) how many examples the committee of the first members misclassifies
    committee        what the committee of all predicts
    """

    predicted: NDArray[np.unsignedinteger[Any]]
    errors_together: NDArray[np.int64]
    committee: Predictions


def _ask(trained: Trained, split: SplitName) -> _Asked:
    """Ask batch by batch; of what members say only the predicted classes are kept."""
    loss, labels, predicted, together, probabilities = trained.task.loss, [], [], [], []
    errors = np.zeros(len(trained.task.committee.joined), np.int64)
    kept = np.min_scalar_type(trained.plan.classes - 1)
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        for x, of_batch in trained.batches(split):
            alone, decided, z = _ask_about(trained, x)
            labels.append(to_host(of_batch).astype(np.int64))
            predicted.append(np.stack(alone).astype(kept))
            together.append(decided[-1].astype(np.int64))
            errors += [np.count_nonzero(each != labels[-1]) for each in decided]
            if loss.has_probabilities:
                probabilities.append(to_host(loss.probabilities(z)).astype(np.float64))
    committee = Predictions(
        np.concatenate(labels),
        np.concatenate(together),
        np.concatenate(probabilities) if loss.has_probabilities else None,
        trained.plan.classes,
        trained.plan.class_names,
    )
    return _Asked(np.concatenate(predicted, axis=1), errors, committee)


def _ask_about(trained: Trained, x: Array) -> tuple[list[NDArray[Any]], list[NDArray[Any]], Array]:
    """Ask each member once about images x (b, h, w).

    Returns, of every member, the class that it predicts (b,), and the one that the committee of it and those before it
    predicts, both on the host; and the scores of the committee of all (b, k).
    """
    xp, committee = array_module(x), trained.task.committee
    total, votes = (xp.zeros((len(x), committee.classes)) for _ in range(2))
    alone, together = [], []
    for number, member in enumerate(committee.joined, start=1):
        p = member.probabilities(x)
        if not bool(xp.isfinite(p).all()):
            raise DivergedError(f"{trained.file}: the outputs of member {number} are not finite numbers")
        add_member(total, votes, p)
        z = committee.combined(total, votes, number).astype(x.dtype)
        alone.append(to_host(p.argmax(axis=1)))
        together.append(to_host(committee.criterion.predict(z)))
    return alone, together, z


def _validation_errors(trained: Trained, run: RunDirectory, members: int) -> Sequence[float] | None:
    """Return the validation error of each member, as it was measured when it joined, or else is now; None without a
    validation split.
    """
    measured = {row["updates"]: row["member.error"] for row in RunView(run).rows if "member.error" in row}
    if all(number in measured for number in range(1, members + 1)):
        return [measured[number] for number in range(1, members + 1)]
    if not trained.plan.examples["valid"]:
        return None
    asked = _ask(trained, "valid")
    errors: list[float] = (asked.predicted != asked.committee.labels).mean(axis=1).tolist()
    return errors


def _disagreement(predicted: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.float64]:
    """Return the share of n examples for which two of m members predict different classes (m, m), of predictions
    (m, n).
    """
    m, n = predicted.shape
    counts = np.zeros((m, m), np.int64)
    for at in range(m):  # all pairs at once would take m times the memory
        counts[at, at + 1 :] = np.count_nonzero(predicted[at + 1 :] != predicted[at], axis=1)
    result: NDArray[np.float64] = (counts + counts.T) / n
    return result


def _test(committee: Predictions, wrong: NDArray[np.bool_]) -> McNemar:
    """Test the committee against a member that has misclassified some examples (n,)."""
    wrong_together = committee.predicted != committee.labels
    return mcnemar_test(int(np.count_nonzero(wrong & ~wrong_together)), int(np.count_nonzero(wrong_together & ~wrong)))


# In words.


def how_many(found: Members) -> str:
    """Say how many members there are, and how they decide."""
    m = len(found.members)
    which = f"the first {m} of {found.wanted} members" if m < found.wanted else f"{m} member{'s' if m > 1 else ''}"
    return f"{which}, {_BY[found.combine]}"


def member_cells(member: Member) -> tuple[str, str, str, str, str]:
    """Return a member as cells of a table: number, name, what sets it apart, its error, that of it and those before."""
    alone, together = (f"{100 * error:.2f} %" for error in (member.error, member.error_together))
    return str(member.number), member.name, member.differences.said, alone, together


def comparison_lines(found: Members) -> list[str]:
    """Say what McNemar's test finds; nothing if there was none."""
    if found.test is None:
        return []
    alone, member_alone, p = found.test.only_first, found.test.only_second, found.test.p
    if alone == member_alone:
        which = "both misclassify equally many"
    else:
        which = f"the committee is {'better' if alone > member_alone else 'worse'}"
    return [
        f"committee against member {found.best}, the best on validation: it alone is right on {alone:,} "
        f"digit{'' if alone == 1 else 's'}, the member alone on {member_alone:,}; McNemar's exact p = {p:.3g}",
        f"{which}; {verdict(p)}",
    ]


def disagreement_line(found: Members) -> str:
    """Say on how many examples members disagree; nothing of one member."""
    extremes = found.closest_and_farthest()
    if extremes is None:
        return ""
    least, most = (f"{100 * each.disagreement:.2f} % (members {each.first} and {each.second})" for each in extremes)
    if len(found.members) == 2:
        return f"disagreement: {least}"
    return f"disagreement of two members: lowest {least}, mean {100 * found.mean_disagreement():.2f} %, highest {most}"


def votes_text(example: Example, names: Sequence[str]) -> str:
    """Say how many members predict which class: `3 for 9, 2 for 7`."""
    return ", ".join(f"{members:,} for {names[label]}" for label, members in example.votes)
