"""The exercise why-not-8-percent: one key of an experiment that had too few steps, and the reason."""

from collections.abc import Iterator
from pathlib import Path

from mnistnn.config.load import load_experiment
from mnistnn.course.answers import read_answers
from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.trials import as_given, changed_keys, percent, trial

NAME, FILE = "why-not-8-percent", "experiment.yaml"
MOST_ERROR, MOST_STEPS = 0.110, 400

_ALLOWED = ("stopping.epochs", "optimizer.learning_rate")
_WRONG_REASONS = {
    "local-optimum": "The loss of softmax regression is convex: it has no optimum but the lowest one.",
    "weak-model": "It is the same model that has a lower error once it is trained for longer.",
    "overfitting": "Then the error on training digits would be far below that on others, whose loss would rise.",
}
_OTHER_METHODS = {
    "batches": "It is not the same method any more: each step was on all digits.",
    "optimizer": "It is not the same method any more: only its rate may change.",
    "model": "It is another model: the question is about this one.",
    "loss": "It minimises something else: the question is about this loss.",
    "data": "It has other data: an error is comparable on the same digits only.",
    "preprocess": "It has other inputs: the question is about these.",
    "seed": "Nothing in this experiment is random but the choice of digits.",
}


def check(folder: Path) -> Iterator[Finding]:
    """Look at what was changed, train it, and compare the reason."""
    loaded = load_experiment(folder / FILE)
    key = _one_key(changed_keys(as_given(NAME, FILE), loaded))
    yield Finding(True, f"One key was changed: {key}.")
    if loaded.resolved["stopping"][0].get("epochs", 0) > MOST_STEPS:
        raise WrongAnswerError(f"More than {MOST_STEPS} steps: fewer are enough.")
    with trial(loaded) as outcome:
        assert outcome.last is not None
        assert outcome.best is not None
        error, best = outcome.last["valid.error"], outcome.best["valid.error"]
    yield judged(
        error <= MOST_ERROR,
        f"The validation error is {percent(error)} at the end: at most {percent(MOST_ERROR)}.",
        f"The validation error is {percent(error)} at the end, above {percent(MOST_ERROR)}. {_why(key, error, best)}",
    )
    reason = read_answers(folder, ("reason",)).choice("reason", ("too-few-steps", *_WRONG_REASONS))
    yield judged(reason not in _WRONG_REASONS, f"reason: {reason} is right.", f"reason: {_WRONG_REASONS.get(reason)}")


def _one_key(keys: list[str]) -> str:
    if not keys:
        raise WrongAnswerError(f"No key of {FILE} was changed.")
    if len(keys) > 1:
        raise WrongAnswerError(f"{len(keys)} keys were changed ({', '.join(keys)}): which of them is the reason?")
    if keys[0] not in _ALLOWED:
        said = _OTHER_METHODS.get(keys[0].partition(".")[0], "It does not change how far training gets.")
        raise WrongAnswerError(f"{keys[0]} was changed. {said}")
    return keys[0]


def _why(key: str, error: float, best: float) -> str:
    if error > 1.2 * best:
        return f"It was {percent(best)} before: the steps are too long, and the loss jumps."
    return "That is the right key, and it must grow." if key in _ALLOWED else ""
