"""Sweeps of the toy experiment, a committee of three of it, and a cluster to do them on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnistnn.sweep.planning import describe, plan_search, plan_trials, points_of
from mnistnn.sweep.space import parse_space
from mnistnn.sweep.study import Study, create_study
from tests.sweep.clusters import Cluster

COMMITTEE = """\
name: three
data: {{dataset: toy, validation_examples: 60}}
model:
  type: committee
  members:
    - {{experiment: {file}}}
    - {{experiment: {file}, overrides: [optimizer.learning_rate=0.1]}}
    - {{experiment: {file}}}
"""


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


@pytest.fixture
def three(toy) -> Path:
    """The path of a committee of three toy experiments."""
    path: Path = toy.with_name("three.yaml")
    path.write_text(COMMITTEE.format(file=toy.name))
    return path


@pytest.fixture
def newest() -> Callable[[str], list[bytes]]:
    """Return the newest checkpoint of a committee and of each of its members."""

    def look(run: str) -> list[bytes]:
        folders = [Path(run), *sorted(Path(run, "members").iterdir())]
        return [max(folder.glob("checkpoints/*.safetensors")).read_bytes() for folder in folders]

    return look


@pytest.fixture
def cluster(toy, tmp_path_factory) -> Iterator[Cluster]:
    """A scheduler without workers. They inherit the toy cache by their environment."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield made
    finally:
        made.end()
