"""Results of evaluations, as files under eval/ of a run: measured, kept, and read again.

What surrounds every measurement exists here once: the model, the reading of the test split that it counts, its header,
its file. What is measured is the task's business.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from mnistnn.analysis.evaluation.test_access_log import count_test_accesses, log_test_access
from mnistnn.errors import DivergedError, RunError, UsageError
from mnistnn.experiment.trained import Trained, load_trained
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView
from mnistnn.storage.reading import MAX_JSON_BYTES, read_own_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.writing import write_atomically
from mnistnn.tasks.classification import Evaluation, EvaluationElsewhere
from mnistnn.tasks.contract import Watch
from mnistnn.tasks.registry import RESULTS
from mnistnn.tasks.result import SCHEMA_VERSION, Result
from mnistnn.types import SplitName

Warn = Callable[[str], None]

_ADAPTERS: dict[type[Result], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (*RESULTS, EvaluationElsewhere)}


def load(run: RunDirectory, which: str, warn: Warn) -> Trained:
    """Return a run's model as `load_to_measure`, whatever it is to be measured on."""
    trained = load_trained(run, which)
    for problem in trained.passed_over:
        warn(f"warning: passed over {problem}")
    return trained


def load_to_measure(run: RunDirectory, split: SplitName, which: str, warn: Warn) -> Trained:
    """Return the model to measure, from the best or last parameters or a checkpoint file.

    `warn` is told of checkpoints that were passed over because they do not verify. Raises RunError for a run without
    one that does, UsageError for a split without examples.
    """
    trained = load(run, which, warn)
    if not trained.plan.examples[split]:
        raise UsageError(f"{run.path}: was trained without a {split} split, so there is nothing to measure on")
    return trained


def measure(
    run: RunDirectory,
    trained: Trained,
    split: SplitName,
    options: Mapping[str, Any] | None = None,
    watch: Watch = lambda *_: None,
) -> Any:
    """Measure a model on a split, keep the result under eval/, and note a reading of the test split.

    options  what `eval` was asked beyond that, by flag. Raises UsageError for those that are not for this kind of model
    """
    task, options = trained.task, options or {}
    task.refuse_options(options)
    elsewhere, folder = trained.elsewhere, run.evaluations
    if elsewhere is None:
        task.keep_partial_scores_in(folder)
    else:
        folder = run.make_evaluations_on(elsewhere)
    with trained.computing():
        found = task.measure(trained, split, options, watch)
    for name, value in found.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise DivergedError(f"{run.path}: the {name} on the {split} split is not a finite number")
    result = _kind(trained)(
        run=trained.record.id,
        split=split,
        checkpoint=trained.label,
        checkpoint_file=trained.file,
        epoch=trained.epoch,
        test_readings=(
            log_test_access(run, trained, elsewhere) if split == "test" else count_test_accesses(run, elsewhere)
        ),
        **found,
    )
    write_atomically(folder / file_name(result), seal_json(asdict(result)))
    task.forget_partial_scores(split)
    return result


def _kind(trained: Trained) -> Callable[..., Result]:
    """Return what the result is made by."""
    elsewhere, kind = trained.elsewhere, trained.task.result_elsewhere
    if elsewhere is None:
        return trained.task.result
    assert kind is not None, "refused when it was loaded"
    return partial(kind, dataset=elsewhere)


def evaluate(
    run: RunDirectory, split: SplitName, which: str, warn: Warn, options: Mapping[str, Any] | None = None
) -> Any:
    """Load a run's model and measure it on a split; see `load_to_measure` and `measure`."""
    return measure(run, load_to_measure(run, split, which, warn), split, options)


def file_name(result: Result) -> str:
    """Return the name of the file, under eval/, in which a result is kept."""
    which = "best" if result.checkpoint == "best" else result.checkpoint_file.removesuffix(".safetensors")
    return f"{result.prefix}{result.split}-{which}{result.file_suffix}.json"


def kind_of_file(name: str) -> type[Result]:
    """Return which results are kept in a file of this name."""
    return next(kind for kind in reversed(RESULTS) if name.startswith(kind.prefix))


def parse_result(kind: type[Result], text: bytes, place: str) -> Any:
    """Return the result in the text of its file. Raises RunError, naming `place`."""
    return parse_as(_ADAPTERS[kind], text, place, kind.what, SCHEMA_VERSION)


def read_result(path: Path) -> Any:
    """Read one result. Raises RunError: missing, torn, altered, of another format, or none."""
    return parse_result(kind_of_file(path.name), read_own_file(path, MAX_JSON_BYTES), str(path))


def read_result_elsewhere(path: Path) -> Any:
    """Read the result of an evaluation on another data set than the run's. Raises as `read_result`."""
    return parse_result(EvaluationElsewhere, read_own_file(path, MAX_JSON_BYTES), str(path))


def stored_results(run: RunDirectory) -> list[Any]:
    """Return the results kept in a run, by the names of their files; files that are none are left out."""
    found = []
    for path in sorted(run.evaluations.glob("*.json")):
        with suppress(RunError):
            found.append(read_result(path))
    return found


def stored_evaluations(run: RunDirectory) -> list[Evaluation]:
    """Return the results of classification that are kept in a run."""
    return [result for result in stored_results(run) if isinstance(result, Evaluation)]


def tested(view: RunView) -> Evaluation | None:
    """Return what was found on the test split for the epoch that is the best now, if it has been asked; a run that went
    on may have a better one since.
    """
    found = [each for each in stored_evaluations(view.run) if each.split == "test" and each.checkpoint == "best"]
    plain = [each for each in found if each.mc_samples is None]
    newest, best = next(iter(plain or found), None), view.best
    return newest if newest is not None and best is not None and newest.epoch == best["epoch"] else None
