"""Sweeps of the toy experiment."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnistnn.sweep.planning import describe, plan_search, plan_trials, points_of
from mnistnn.sweep.space import parse_space
from mnistnn.sweep.study import Study, create_study


@pytest.fixture
def prepared(toy) -> Callable[..., Study]:
    """Make the folder of a sweep, with no trial begun."""

    def make(*values: str, seeds=None, path="study", workers=1, prune=False) -> Study:
        space = parse_space(["stopping.max_epochs.epochs=2", *values])
        planned = plan_trials(toy, space, points_of(space, None, 0), seeds, workers)
        return create_study(Path(path), describe(planned, [str(toy), *values], "grid", prune), planned.experiments)

    return make


@pytest.fixture
def searched(toy) -> Callable[..., Study]:
    """Make the folder of a sweep whose points are asked for one after the other, with no point asked for."""

    def make(*values: str, points=14, seeds=None, path="study", workers=1, prune=False) -> Study:
        arguments = ["stopping.max_epochs.epochs=1", *values]
        planned, search, base = plan_search(toy, arguments, points, 0, seeds, workers)
        return create_study(Path(path), describe(planned, [str(toy), *values], "tpe", prune, search), [], base)

    return make


@pytest.fixture
def bits() -> Callable[[Study], dict[str, bytes]]:
    """Return the files of all trials that do not depend on the clock: metrics and checkpoints."""

    def look(study: Study) -> dict[str, bytes]:
        folder = study.path / "trials"
        names = ("metrics.jsonl", "*.safetensors", "config.yaml")
        return {str(p.relative_to(folder)): p.read_bytes() for name in names for p in sorted(folder.rglob(name))}

    return look
