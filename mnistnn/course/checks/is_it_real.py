"""The exercise is-it-real: a difference of three seeds, judged by what `mnistnn compare` computes."""

from collections.abc import Iterator
from pathlib import Path

from mnistnn.analysis.comparison.compare import compare
from mnistnn.analysis.statistics import LEVEL, SignFlip, sign_flip_test
from mnistnn.course.answers import Answers, read_answers
from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.own_runs import runs_of
from mnistnn.run.view import RunView

NAME = "is-it-real"
SEEDS = (0, 1, 2)

_ROUNDING = 0.005


def check(folder: Path) -> Iterator[Finding]:
    """Compare the runs of both experiments, and the answers with what is found."""
    runs = [view for file in ("a.yaml", "b.yaml") for view in _of_seeds(file, folder)]
    yield Finding(True, "Both experiments are trained with three seeds.")
    answers = read_answers(folder, ("p", "real", "seeds"))
    test = compare(runs, "valid.error").pairs[0].test
    assert isinstance(test, SignFlip)
    yield _of_p(answers.number("p"), test)
    is_real = test.p <= LEVEL
    yield judged(
        (answers.choice("real", ("yes", "no")) == "yes") == is_real,
        f"real: p is {'at most' if is_real else 'above'} {LEVEL}.",
        f"real: compare p with {LEVEL}. Means that differ are no proof: other seeds give other means.",
    )
    yield _of_seeds_needed(answers)


def _of_seeds(file: str, folder: Path) -> list[RunView]:
    by_seed = {view.config["seed"]: view for view in runs_of(NAME, file, folder)}
    if missing := [seed for seed in SEEDS if seed not in by_seed]:
        raise WrongAnswerError(
            f"{file} was not trained with the seed {missing[0]}: `mnistnn train {file} --seeds 0..2`."
        )
    return [by_seed[seed] for seed in SEEDS]


def _of_p(p: float, test: SignFlip) -> Finding:
    if abs(p - test.p) <= _ROUNDING:
        return Finding(True, f"p: {p:g} is what the test gives.")
    if not 0 < p <= 1:
        return Finding(False, f"p: {p:g} is no probability above 0: write 0.25, not 25.")
    if p < test.smallest_p:
        return Finding(False, f"p: {p:g} is less than this test can give for three seeds.")
    return Finding(False, f"p: {p:g} is not what `mnistnn compare` gives for these runs.")


def _of_seeds_needed(answers: Answers) -> Finding:
    seeds = answers.count("seeds")
    if not 1 <= seeds <= 20:
        return Finding(False, f"seeds: {seeds} is not between 1 and 20.")
    least = sign_flip_test([1.0] * seeds).p
    if least > LEVEL:
        return Finding(False, f"seeds: with {seeds}, p is {least:.3g} at least, above {LEVEL}.")
    if sign_flip_test([1.0] * (seeds - 1)).p <= LEVEL:
        return Finding(False, f"seeds: fewer than {seeds} are enough.")
    return Finding(True, f"seeds: with {seeds}, p can be {least:.3g}; with one less it cannot be {LEVEL}.")
